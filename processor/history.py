"""What is remembered of one object's name: a value that grows by union, so that no order and no repeat matters.

An event becomes a history of its own (`processor.sighting`), and a history is remembered by `merge`ing it into what was
there. Nothing is concluded here: who created what, and whether it lives, is derived by `processor.lives` when it is
asked for. Every element that a merge may drop is ranked by something that never changes, so that what is left does not
depend on when it was dropped either.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

MAX_INCARNATIONS: Final = 4
"""So many objects of one name are told apart by uid: the newest."""

MAX_CREATES: Final = 8
"""So many creations by events that show no uid: the newest."""

MAX_ENDINGS: Final = 8
"""So many deletions by events that do not show the object: the newest."""

SCHEMA: Final = 1
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


class Incarnation(msgspec.Struct, frozen=True, array_like=True):
    """One object of the name, from events that show it: creation and uid are the API server's own, and never change."""

    born_s: int
    """`creationTimestamp`, seconds since the epoch."""
    uid: str
    first_ns: int
    """When it was first seen."""
    created: Mark | None = None
    asked: Mark | None = None
    """The first request to delete it."""
    gone: Mark | None = None
    """What ended it: the deletion, or the removal of its last finalizer."""
    changed: Mark | None = None
    """The last change of it."""


class Ending(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A deletion by an event that does not show the object."""

    mark: Mark
    uid: str
    """Empty where the event does not say it."""
    is_asked: bool
    is_gone: bool


class History(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is remembered of one name."""

    incarnations: tuple[Incarnation, ...] = ()
    """Ordered by birth and uid."""
    creates: tuple[Mark, ...] = ()
    """Creations by events that do not show what was created. In order."""
    endings: tuple[Ending, ...] = ()
    """In order."""
    first_ns: int | None = None
    """When an event that does not show the object first spoke of it."""
    changed: Mark | None = None
    """The last change by such an event."""


NOTHING: Final = History()


class UnknownSchemaError(Exception):
    """A stored history was written by a newer version: stop, and run that version or a newer one."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(History).decode


def encode(history: History) -> bytes:
    """Return a history as it is stored."""
    return bytes((SCHEMA,)) + _encode(history)


def decode(stored: bytes) -> History:
    """Return a stored history. Raises UnknownSchemaError for one of another version."""
    check_schema(stored)
    return _decode(memoryview(stored)[1:])


def check_schema(stored: bytes) -> None:
    """Raise UnknownSchemaError if a stored history is of another version. Empty is none at all, and passes."""
    if stored and stored[0] != SCHEMA:
        raise UnknownSchemaError(
            f"the state holds version {stored[0]}, this auditstream knows {SCHEMA}: run the version that wrote it"
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
        changed=_either(max, one.changed, other.changed),
    )


_Item = TypeVar("_Item", bound=Mark | Ending | int)


def _newest(items: Iterable[_Item], limit: int) -> tuple[_Item, ...]:
    return tuple(sorted(set(items))[-limit:])


def _either(choose: Callable[[_Item, _Item], _Item], one: _Item | None, other: _Item | None) -> _Item | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _merge_incarnations(incarnations: Iterable[Incarnation]) -> tuple[Incarnation, ...]:
    merged: dict[tuple[int, str], Incarnation] = {}
    for incarnation in incarnations:
        rank = (incarnation.born_s, incarnation.uid)
        merged[rank] = _merge_incarnation(merged[rank], incarnation) if rank in merged else incarnation
    return tuple(merged[rank] for rank in sorted(merged)[-MAX_INCARNATIONS:])


def _merge_incarnation(one: Incarnation, other: Incarnation) -> Incarnation:
    return Incarnation(
        one.born_s,
        one.uid,
        first_ns=min(one.first_ns, other.first_ns),
        created=_either(min, one.created, other.created),
        asked=_either(min, one.asked, other.asked),
        gone=_either(min, one.gone, other.gone),
        changed=_either(max, one.changed, other.changed),
    )
