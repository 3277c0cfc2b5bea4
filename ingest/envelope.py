"""The head of an audit event: the few members that redaction and the affinity key turn on.

`split` reads it once an event, from the decoded JSON, and hands it to `redact` and `affinity_key`. Reading is lenient:
a member of a wrong type is as good as absent, and nothing raises; whether the event is a sound one is judged later.
"""

from collections.abc import Mapping
from typing import Final

import msgspec


class Head(msgspec.Struct, frozen=True):
    """Stage, verb, target and bodies of one event; None or empty where it does not say."""

    stage: str | None = None
    verb: str | None = None
    resource: str | None = None
    api_group: str | None = None
    """The empty string for the core group, which `objectRef` leaves out."""
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None
    request: object = None
    """`requestObject`, decoded."""
    response: object = None
    """`responseObject`, decoded."""


_NOTHING: Final[Mapping[str, object]] = {}


def read_head(event: Mapping[str, object]) -> Head:
    """Return the head of a decoded audit event."""
    target = members(event.get("objectRef"))
    return Head(
        stage=text(event.get("stage")),
        verb=text(event.get("verb")),
        resource=text(target.get("resource")),
        api_group=text(target.get("apiGroup", "")),
        subresource=text(target.get("subresource", "")),
        namespace=text(target.get("namespace")),
        name=text(target.get("name")),
        request=event.get("requestObject"),
        response=event.get("responseObject"),
    )


def members(value: object) -> Mapping[str, object]:
    """Return the members of a decoded JSON object, none of anything else."""
    return value if isinstance(value, dict) else _NOTHING


def elements(value: object) -> list[object]:
    """Return the elements of a decoded JSON array, none of anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Return a decoded JSON string, None of anything else."""
    return value if isinstance(value, str) else None
