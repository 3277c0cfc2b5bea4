"""The inventory as a list: what stands in a state, name by name, as `auditstream resources` tells it. PURE.

Takes the pairs of a state, from wherever they were read, and gives one `Resource` for each name. It looks no further
than the state: what is to be shown of it is the command's matter.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from processor.history import History, Mark, decode
from processor.lives import facts
from processor.sighting import ObjectName
from rules.event import FactValue
from rules.times import NANOSECONDS, iso_time
from wire.tracked import TRACKED

_KEY_PARTS: Final = 5
"""An affinity key, and an object's name: see `processor.inventory.state_key`."""

_AHEAD_NS: Final = 3600 * NANOSECONDS
"""So far the clocks of API servers may be ahead of the one that `now_ns` was read from."""


class Created(msgspec.Struct, frozen=True):
    """Who created it, and when."""

    user: str | None
    source_ip: str | None
    time: str | None
    """RFC 3339, UTC, as all times here."""


class Deleted(msgspec.Struct, frozen=True):
    """Who first asked for its deletion, and when. What waits for finalizers exists all the same."""

    user: str | None
    time: str | None


class Owner(msgspec.Struct, frozen=True):
    """What it belongs to."""

    kind: str
    name: str


class Root(msgspec.Struct, frozen=True):
    """The top of its owners, and the person behind that."""

    kind: str
    name: str
    user: str | None


class Resource(msgspec.Struct, frozen=True):
    """What is known of one name: of the newest object that had it. A line of `auditstream resources --json`."""

    cluster: str
    api_group: str
    """Empty for the core group."""
    resource: str
    kind: str
    namespace: str
    """Empty for what is cluster-scoped."""
    name: str
    uid: str | None
    exists: bool
    created: Created | None
    deleted: Deleted | None
    lifetime_seconds: int | None
    """None while it exists, and where its creation is not known."""
    owner: Owner | None
    root: Root | None


def resources(pairs: Iterable[tuple[bytes, bytes]], now_ns: int) -> Iterator[Resource]:
    """Yield what a state holds, in its order, as of a time in nanoseconds since the epoch.

    `pairs` are keys and values of a state; what is no history of an object is passed over. Raises UnknownSchemaError
    for what a newer version wrote, and msgspec.DecodeError for what none did.
    """
    moment = Mark(now_ns + _AHEAD_NS, 0, b"", "", None, "")
    for key, value in pairs:
        parts = key.split(b"\0", _KEY_PARTS - 1)
        if len(parts) == _KEY_PARTS and parts[0]:
            affinity, *name = (part.decode(errors="replace") for part in parts)
            yield _resource(affinity.partition("/")[0], ObjectName(*name), decode(value), moment)


def _resource(cluster: str, target: ObjectName, history: History, moment: Mark) -> Resource:
    known = facts(history, moment, "", is_left=False)
    tracked = TRACKED.get(target[:2])
    lifetime = known.get("resource.lifetime_seconds")
    return Resource(
        cluster=cluster,
        api_group=target.api_group,
        resource=target.resource,
        # What only another version tracks is called as its events call it.
        kind=target.resource if tracked is None else tracked.kind,
        namespace=target.namespace,
        name=target.name,
        uid=history.incarnations[-1].uid if history.incarnations else None,
        exists=known.get("resource.exists") == "true",
        created=_created(known),
        deleted=_deleted(history, known),
        lifetime_seconds=lifetime if isinstance(lifetime, int) else None,
        owner=None,
        root=None,
    )


def _created(known: Mapping[str, FactValue]) -> Created | None:
    user, source_ip, time = (_text(known, f"resource.created.{name}") for name in ("user", "source_ip", "time"))
    return None if user is source_ip is time is None else Created(user, source_ip, time)


def _deleted(history: History, known: Mapping[str, FactValue]) -> Deleted | None:
    user = _text(known, "resource.deleted.user")
    if user is None:
        return None
    shown = (one.asked for one in history.incarnations if one.asked is not None)
    marks = (*shown, *(one.mark for one in history.endings if one.is_asked))
    time_ns = max((mark.time_ns for mark in marks if mark.user == user), default=None)
    return Deleted(user, None if time_ns is None else iso_time(time_ns, "Z"))


def _text(known: Mapping[str, FactValue], name: str) -> str | None:
    value = known.get(name)
    return value if isinstance(value, str) else None
