"""What is remembered of one object's name: a value that grows by union, so that no order and no repeat matters.

An event becomes a history of its own (`processor.sighting`), and a history is remembered by `merge`ing it into what was
there. Nothing is concluded here: who created what, and whether it lives, is derived by `processor.lives` when it is
asked for. Every element that a merge may drop is ranked by something that never changes, so that what is left does not
depend on when it was dropped either.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

from processor.spec import SpecFacts, is_dangerous
from processor.state import HEAD_BYTES, NEVER, stored

MAX_INCARNATIONS: Final = 4
"""So many objects of one name are told apart by uid: the newest."""

MAX_CREATES: Final = 8
"""So many creations by events that show no uid: the newest."""

MAX_ENDINGS: Final = 8
"""So many deletions by events that do not show the object: the newest."""

MAX_GENERATIONS: Final = 4
"""So many changes of one object's spec: the newest."""

MAX_REQUESTS: Final = 3
"""So many requests whose answers do not show the spec that they ask for: the newest that ask for a whole one, the
newest patches that ask for something dangerous, and the newest other patches. None pushes one of another sort out."""

MAX_CHANGERS: Final = 2
"""So many users whose last change did not show the object: enough to tell whether it was one alone."""

MAX_ENTRIES: Final = 4
"""So many ways into a pod: the newest, and as many of the oldest, since it is the first that counts."""

SCHEMA: Final = 2
"""Version of a stored history; its first byte."""


class Mark(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Who did something and when. Marks are ordered by time; the digest decides between equal times."""

    time_ns: int
    """`stageTimestamp` in nanoseconds since the epoch."""
    received_ns: int
    """`requestReceivedTimestamp`, 0 where the event has none."""
    digest: bytes
    """The event's identity."""
    user: str
    source_ip: str | None
    """The last of the source addresses: the one that the API server saw itself."""
    audit_id: str


class Owner(msgspec.Struct, frozen=True, order=True, array_like=True):
    """The controller that an object says is its owner."""

    api_group: str
    kind: str
    name: str
    uid: str


class Metadata(msgspec.Struct, frozen=True, array_like=True):
    """What an object's metadata said at a version."""

    version: int
    """`resourceVersion`."""
    is_whole: bool
    """Whether the object was shown with them, which says more than metadata alone."""
    digest: bytes
    """Of the event; it decides between what is otherwise equal."""
    is_deleting: bool
    has_finalizers: bool
    grace_seconds: int | None
    owner: Owner | None


class Spec(msgspec.Struct, frozen=True, array_like=True):
    """What a whole object said of itself at a version."""

    version: int
    digest: bytes
    time_ns: int
    """When it was shown: what a later request asks for, whose answer hides it, comes on top."""
    facts: SpecFacts


class Generation(msgspec.Struct, frozen=True, array_like=True):
    """The first that was seen of a generation of a spec: who made it, unless an earlier sight of it was missed."""

    number: int
    """`generation`: it grows with each change of the spec."""
    version: int
    mark: Mark | None
    """None where an answer showed it that changed nothing."""
    template: bytes
    """A digest of what the spec asks for but numbers of replicas; empty where it was not shown."""


class Incarnation(msgspec.Struct, frozen=True, array_like=True):
    """One object of the name, from events that show it: creation and uid are the API server's own, and never change."""

    born_s: int
    """`creationTimestamp`, seconds since the epoch."""
    uid: str
    version: int
    """The lowest `resourceVersion` that was seen: those of two objects of one name never overlap."""
    first_ns: int
    """When it was first seen."""
    created: Mark | None = None
    maker: Owner | None = None
    """The owner that its creation gave it: later ones may be anybody's word."""
    asked: Mark | None = None
    """The first request to delete it."""
    gone: Mark | None = None
    """What ended it: the deletion, or the removal of its last finalizer."""
    changed: Mark | None = None
    """The last change of it."""
    alive_ns: int = 0
    """When it was last shown by a write, not being deleted."""
    metadata: Metadata | None = None
    spec: Spec | None = None
    generations: tuple[Generation, ...] = ()
    """In order."""


class Ending(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A deletion by an event that does not show the object."""

    mark: Mark
    uid: str
    """Empty where the event does not say it."""
    is_asked: bool
    is_gone: bool


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a request asked for, where no answer shows what became of it."""

    time_ns: int
    digest: bytes
    uid: str
    """Empty where the event does not say it."""
    is_whole: bool
    """False of a patch: what it does not say stays as it was."""
    facts: SpecFacts


class History(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is remembered of one name."""

    incarnations: tuple[Incarnation, ...] = ()
    """Ordered by version, birth and uid."""
    creates: tuple[Mark, ...] = ()
    """Creations by events that do not show what was created. In order."""
    endings: tuple[Ending, ...] = ()
    """In order."""
    first_ns: int | None = None
    """When an event that does not show the object first spoke of it."""
    changed: tuple[Mark, ...] = ()
    """The last changes of the spec by such events, one of a user. In order."""
    unread_ns: int = 0
    """When it was last changed by a request that does not say all of what it changed."""
    requests: tuple[Request, ...] = ()
    """In order."""
    entries: tuple[Mark, ...] = ()
    """Ways into a pod, in order."""
    missed: Mark | None = None
    """The last deletion that found nothing to delete."""


NOTHING: Final = History()


class UnknownSchemaError(Exception):
    """A stored value was written by another version: stop, and run that version. The text says so."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(History).decode


def encode(history: History, expires_s: int = NEVER) -> bytes:
    """Return a history as it is stored, with the second from which on it may be forgotten."""
    return stored(SCHEMA, expires_s, _encode(history))


def decode(value: bytes) -> History:
    """Return a stored history. Raises UnknownSchemaError for one of another version."""
    check_schema(value)
    return _decode(memoryview(value)[HEAD_BYTES:])


def check_schema(value: bytes) -> None:
    """Raise UnknownSchemaError if a stored value is of another version. Empty is none at all, and passes."""
    if value and value[0] != SCHEMA:
        raise UnknownSchemaError(
            f"the state holds version {value[0]}, this auditstream knows {SCHEMA}: run the version that wrote it"
        )


def merge(one: History, other: History) -> History:
    """Return what two histories know together, cut to the newest.

    Commutative, associative and idempotent.
    """
    return History(
        incarnations=_merge_incarnations((*one.incarnations, *other.incarnations)),
        creates=_newest((*one.creates, *other.creates), MAX_CREATES),
        endings=_newest((*one.endings, *other.endings), MAX_ENDINGS),
        first_ns=_either(min, one.first_ns, other.first_ns),
        changed=_last_changes((*one.changed, *other.changed)),
        unread_ns=max(one.unread_ns, other.unread_ns),
        requests=_merge_requests((*one.requests, *other.requests)),
        entries=_outermost((*one.entries, *other.entries)),
        missed=_either(max, one.missed, other.missed),
    )


def cut(one: History, other: History, merged: History) -> int:
    """Return how much of two histories is not in what they were merged to."""
    objects = {(seen.uid, seen.born_s) for history in (one, other) for seen in history.incarnations}
    return (
        (len(objects) - len(merged.incarnations))
        + (len({*one.creates, *other.creates}) - len(merged.creates))
        + (len({*one.endings, *other.endings}) - len(merged.endings))
        + (len({*one.entries, *other.entries}) - len(merged.entries))
    )


_Item = TypeVar("_Item", bound=Mark | Ending | Owner | int)


def _newest(items: Iterable[_Item], limit: int) -> tuple[_Item, ...]:
    return tuple(sorted(set(items))[-limit:])


def _outermost(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    ordered = sorted(set(marks))
    if len(ordered) <= 2 * MAX_ENTRIES:
        return tuple(ordered)
    return (*ordered[:MAX_ENTRIES], *ordered[-MAX_ENTRIES:])


def _either(choose: Callable[[_Item, _Item], _Item], one: _Item | None, other: _Item | None) -> _Item | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _last_changes(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    last = {mark.user: mark for mark in sorted(marks)}
    return tuple(sorted(last.values())[-MAX_CHANGERS:])


def _merge_requests(requests: Iterable[Request]) -> tuple[Request, ...]:
    merged = {(request.time_ns, request.digest): request for request in requests}
    if len(merged) <= MAX_REQUESTS:
        return tuple(merged[rank] for rank in sorted(merged))
    left: dict[tuple[bool, bool], int] = {}
    kept = []
    for rank in sorted(merged, reverse=True):
        sort = sort_of(merged[rank])
        left[sort] = left.get(sort, MAX_REQUESTS) - 1
        if left[sort] >= 0:
            kept.append(merged[rank])
    return tuple(reversed(kept))


def sort_of(request: Request) -> tuple[bool, bool]:
    """Return among which requests one is cut: it never changes."""
    return request.is_whole, not request.is_whole and is_dangerous(request.facts)


def _merge_incarnations(incarnations: Iterable[Incarnation]) -> tuple[Incarnation, ...]:
    merged: dict[tuple[str, int], Incarnation] = {}
    for incarnation in incarnations:
        place = (incarnation.uid, incarnation.born_s)
        merged[place] = _merge_incarnation(merged[place], incarnation) if place in merged else incarnation
    return tuple(sorted(merged.values(), key=_rank)[-MAX_INCARNATIONS:])


def _rank(incarnation: Incarnation) -> tuple[int, int, str]:
    return incarnation.version, incarnation.born_s, incarnation.uid


def _merge_incarnation(one: Incarnation, other: Incarnation) -> Incarnation:
    return Incarnation(
        one.born_s,
        one.uid,
        version=min(one.version, other.version),
        first_ns=min(one.first_ns, other.first_ns),
        created=_either(min, one.created, other.created),
        maker=_either(max, one.maker, other.maker),
        asked=_either(min, one.asked, other.asked),
        gone=_either(min, one.gone, other.gone),
        changed=_either(max, one.changed, other.changed),
        alive_ns=max(one.alive_ns, other.alive_ns),
        metadata=_newer_metadata(one.metadata, other.metadata),
        spec=_newer_spec(one.spec, other.spec),
        generations=_merge_generations((*one.generations, *other.generations)),
    )


def _newer_metadata(one: Metadata | None, other: Metadata | None) -> Metadata | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda told: (told.version, told.is_whole, told.digest))


def _newer_spec(one: Spec | None, other: Spec | None) -> Spec | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=lambda told: (told.version, told.time_ns, told.digest))


def _merge_generations(generations: Iterable[Generation]) -> tuple[Generation, ...]:
    merged: dict[int, Generation] = {}
    for generation in generations:
        known = merged.get(generation.number)
        merged[generation.number] = generation if known is None else _first_seen(known, generation)
    return tuple(merged[number] for number in sorted(merged)[-MAX_GENERATIONS:])


def _first_seen(one: Generation, other: Generation) -> Generation:
    """Return the earlier sight of a generation; what was changed by a request comes before what only showed it."""
    first = min(one, other, key=lambda seen: (seen.version, seen.mark is None, seen.mark or _NO_MARK))
    return Generation(first.number, first.version, first.mark, max(one.template, other.template))


_NO_MARK: Final = Mark(0, 0, b"", "", None, "")
