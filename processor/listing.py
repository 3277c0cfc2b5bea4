"""The inventory as a list: what stands in a state, name by name, as `auditstream resources` tells it. PURE.

Takes the pairs of a state, from wherever they were read, and gives one `Resource` for each name. It looks no further
than the state: what is to be shown of it is the command's matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Final

import msgspec

from processor.facts import Told
from processor.history import NOTHING, History, Mark, decode
from processor.inventory import state_key
from processor.lives import Life
from processor.owners import LookUp, kind_of, known_lives
from processor.request import ObjectName
from processor.state import has_expired
from rules.event import FactValue
from rules.times import NANOSECONDS

_KEY_PARTS: Final = 5
"""An affinity key, and an object's name: see `processor.inventory.state_key`."""

Get = Callable[[bytes], bytes | None]
"""Returns what the state holds under a key."""


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


def resources(pairs: Iterable[tuple[bytes, bytes]], get: Get, now_ns: int) -> Iterator[Resource]:
    """Yield what a state holds, in its order, as of a time in nanoseconds since the epoch.

    `pairs` are keys and values of a state; what is no history of an object is passed over. Raises UnknownSchemaError
    for what another version wrote, and msgspec.DecodeError for what none did.
    """
    for key, value in pairs:
        parts = key.split(b"\0", _KEY_PARTS - 1)
        if len(parts) < _KEY_PARTS or not parts[0] or has_expired(value, now_ns // NANOSECONDS):
            continue
        affinity, *name = (part.decode(errors="replace") for part in parts)
        target = ObjectName(*name)
        newest = _newest(target, decode(value), _look_up(parts[0], get)) if target.name else None
        if newest is not None:
            find = partial(known_lives, _look_up(parts[0], get))
            told = Told(target, newest, find, now_ns, lambda mark: _has_happened(mark, now_ns))
            yield _resource(affinity.partition("/")[0], target, told.facts())


def _newest(target: ObjectName, own: History, look_up: LookUp) -> Life | None:
    """Return the newest object of a name, given what is remembered of it: that has been read already."""
    lives = known_lives(lambda one: own if one == target else look_up(one), target)
    return max(lives, key=lambda life: life.start_ns, default=None)


def _look_up(affinity: bytes, get: Get) -> LookUp:
    def look_up(target: ObjectName) -> History:
        value = get(state_key(affinity, target))
        return NOTHING if value is None else decode(value)

    return look_up


def _has_happened(mark: Mark, now_ns: int) -> bool:
    """Tell whether something was seen to happen, by whatever clock, or follows from what was by now."""
    return bool(mark.digest) or mark.time_ns <= now_ns


def _resource(cluster: str, target: ObjectName, known: Mapping[str, FactValue | None]) -> Resource:
    lifetime = known.get("lifetime_seconds")
    owner, root = _text(known, "owner.kind"), _text(known, "root.kind")
    return Resource(
        cluster=cluster,
        api_group=target.api_group,
        resource=target.resource,
        kind=kind_of(target),
        namespace=target.namespace,
        name=target.name,
        uid=_text(known, "uid"),
        exists=known["exists"] == "true",
        created=_created(known),
        deleted=_deleted(known),
        lifetime_seconds=lifetime if isinstance(lifetime, int) else None,
        owner=None if owner is None else Owner(owner, _text(known, "owner.name") or ""),
        root=None if root is None else Root(root, _text(known, "root.name") or "", _text(known, "root.user")),
    )


def _created(known: Mapping[str, FactValue | None]) -> Created | None:
    user, source_ip, time = (_text(known, f"created.{name}") for name in ("user", "source_ip", "time"))
    return None if user is source_ip is time is None else Created(user, source_ip, time)


def _deleted(known: Mapping[str, FactValue | None]) -> Deleted | None:
    time = _text(known, "deleted.time")
    return None if time is None else Deleted(_text(known, "deleted.user"), time)


def _text(known: Mapping[str, FactValue | None], name: str) -> str | None:
    value = known.get(name)
    return value if isinstance(value, str) else None
