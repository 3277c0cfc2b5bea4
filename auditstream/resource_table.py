"""Resources as a table for people: rows of text, which `auditstream.terminal` aligns and escapes.

Called by `auditstream.resources_command`.
"""

from collections.abc import Iterable
from typing import Final

from processor.listing import Resource

_SECONDS: Final = len("2026-11-23T20:34:01")
_UNKNOWN: Final = "-"
_HEADING: Final = ("CLUSTER", "NAMESPACE", "KIND", "NAME", "CREATED", "BY", "ROOT")
_HEADING_OF_GONE: Final = ("STATE", "DELETED", "BY", "LIVED")


def rows(resources: Iterable[Resource], *, with_gone: bool) -> list[tuple[str, ...]]:
    """Return the rows of a table, its heading first; what is not known is a dash."""
    heading = (*_HEADING, *_HEADING_OF_GONE) if with_gone else _HEADING
    return [heading, *(_row(each) + (_end(each) if with_gone else ()) for each in resources)]


def _row(resource: Resource) -> tuple[str, ...]:
    created = resource.created
    return (
        resource.cluster,
        resource.namespace or _UNKNOWN,
        resource.kind,
        resource.name,
        _time(None if created is None else created.time),
        (created and created.user) or _UNKNOWN,
        _root(resource),
    )


def _root(resource: Resource) -> str:
    top = resource.root or resource.owner
    user = None if resource.root is None else resource.root.user
    is_own = top is not None and (top.kind, top.name) == (resource.kind, resource.name)
    if top is None or (is_own and user == (resource.created and resource.created.user)):
        return _UNKNOWN  # nobody else is behind it
    return f"{top.kind}/{top.name}" + (f" of {user}" if user else "")


def _end(resource: Resource) -> tuple[str, ...]:
    deleted, lived = resource.deleted, resource.lifetime_seconds
    state = "gone" if not resource.exists else "there" if deleted is None else "deleting"
    return (
        state,
        _time(None if deleted is None else deleted.time),
        (deleted and deleted.user) or _UNKNOWN,
        _UNKNOWN if lived is None else f"{lived} s",
    )


def _time(time: str | None) -> str:
    return _UNKNOWN if time is None else time[:_SECONDS] + "Z"
