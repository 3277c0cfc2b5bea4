"""The inventory as a list: what stands in a state, name by name, as `auditstream resources` tells it. PURE.

Takes the pairs of a state, from wherever they were read, and gives one `Resource` for each name. It looks no further
than the state: what is to be shown of it is the command's matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import msgspec

from processor.facts import Told
from processor.history import Mark
from processor.lives import Life
from processor.memory import known_of, name_at, state_key
from processor.request import ObjectName
from processor.state import cluster_of, parent_of
from rules.event import FactValue
from rules.times import NANOSECONDS

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
    now_s = now_ns // NANOSECONDS
    for place, value in pairs:
        target = name_at(place)
        if target is None:
            continue
        lives = known_of(target, value, get(parent_of(place)), now_s).lives(target)
        newest = max(lives, key=lambda life: life.start_ns, default=None)
        if newest is not None:
            find = partial(_lives, place.partition(b"\0")[0], get, now_s)
            told = Told(target, newest, find, now_ns, lambda mark: _has_happened(mark, now_ns))
            yield _resource(cluster_of(place).decode(), target, told.facts())


def _lives(affinity: bytes, get: Get, now_s: int, target: ObjectName) -> list[Life]:
    place = state_key(affinity, target)
    return known_of(target, get(place), get(parent_of(place)), now_s).lives(target)


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
        kind=target.kind,
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
