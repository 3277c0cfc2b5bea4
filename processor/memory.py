"""What a state holds of a name, and how long it is kept. PURE.

Read and written by `processor.inventory`, read by `processor.listing`. A name's history stands under its own key; that
of a deletion of everything that shows no list under no name, and is consulted with each name that it may have ended.
After KEPT_SECONDS such a deletion is settled with these names, and forgotten: what it ended is over, and what lives on
remembers it by itself. Whoever reads sees a name as though that had been done at that very second: it ends nothing that
was first seen after it, and so nothing that became known once it was settled.
"""

from typing import Final, NamedTuple

from processor.history import NOTHING, Ending, History, decode, encode, merge
from processor.lives import Life, lives_of
from processor.request import ObjectName
from processor.state import NEVER, has_expired
from rules.times import NANOSECONDS

KEPT_SECONDS: Final = 86_400
"""So long an object is remembered after its end, by the cluster's clock; what is told later than that is too late."""

ROUND_SECONDS: Final = 600
"""Deletions of everything are settled in rounds, so many seconds apart: each looks at all names that are remembered."""

_SEPARATOR: Final = b"\0"
_KEY_PARTS: Final = 1 + len(ObjectName._fields)


class Known(NamedTuple):
    """What is known of a name."""

    history: History
    sweeps: tuple[Ending, ...]
    """Deletions of all that there was of the resource in the namespace, which are not settled with it yet."""

    def lives(self, target: ObjectName) -> list[Life]:
        """Return the lives of the name."""
        return lives_of(self.history, target.kind, self.sweeps)


def state_key(affinity: bytes, target: ObjectName) -> bytes:
    """Return where a name's history stands: below its affinity key."""
    return _SEPARATOR.join((affinity, *(part.encode() for part in target)))


def name_at(place: bytes) -> ObjectName | None:
    """Return the name whose history stands at a place; None where no name's does."""
    affinity, *parts = place.split(_SEPARATOR, _KEY_PARTS - 1)
    if len(parts) < _KEY_PARTS - 1 or not affinity or not parts[-1]:
        return None
    return ObjectName(*(part.decode(errors="replace") for part in parts))


def stored(target: ObjectName, history: History) -> bytes:
    """Return a name's history as it is stored."""
    return encode(history, expiry(target, history))


def stored_sweeps(sweeps: tuple[Ending, ...]) -> bytes:
    """Return deletions of everything as they are stored: the first of them is to be settled when that expires."""
    return encode(History(endings=sweeps), min(map(_settled_from, sweeps)))


def known_of(target: ObjectName, value: bytes | None, sweeps: bytes | None, now_s: int) -> Known:
    """Return what is known of a name by a second of its cluster's clock, given what stands at both of its places.

    What may have been forgotten is not known: whether it was yet makes no difference. Raises UnknownSchemaError.
    """
    history = NOTHING if value is None or has_expired(value, now_s) else decode(value)
    endings = sweeps_in(sweeps)
    left = unsettled(endings, now_s)
    return Known(history if len(left) == len(endings) else settled(target, history, endings, now_s), left)


def sweeps_in(value: bytes | None) -> tuple[Ending, ...]:
    """Return stored deletions of everything, with those whose time has come."""
    return () if value is None else decode(value).endings


def unsettled(sweeps: tuple[Ending, ...], now_s: int) -> tuple[Ending, ...]:
    """Return the deletions of everything that are consulted still."""
    return tuple(sweep for sweep in sweeps if _settled_from(sweep) > now_s)


def settled(target: ObjectName, history: History, sweeps: tuple[Ending, ...], now_s: int) -> History:
    """Return what is left of a name when those of some deletions of everything are forgotten whose time has come.

    It is the history itself where nothing of it changes.
    """
    due = {sweep.mark for sweep in sweeps if _settled_from(sweep) <= now_s}
    own = [
        Ending(mark, life.uid, is_asked=True, is_gone=mark == life.gone)
        for life in Known(history, sweeps).lives(target)
        for mark in due.intersection((life.asked, life.gone))
    ]
    left = merge(history, History(endings=tuple(own))) if own else history
    if NEVER < expiry(target, left) <= now_s:
        return NOTHING
    return history if left == history else left


def expiry(target: ObjectName, history: History) -> int:
    """Return the second from which on a name may be forgotten: a while after the end of the last of its objects.

    What had the name before that is gone, whether or not its end was seen.
    """
    newest = history.incarnations[-1] if history.incarnations else None
    if newest is not None and newest.asked is newest.gone is None and not history.endings:
        return NEVER  # as nearly always: it lives
    lives = lives_of(history, target.kind)
    last = max(lives, key=lambda life: life.start_ns, default=None)
    if last is not None and last.gone is None:
        return NEVER
    ends = [life.gone for life in lives] or [history.missed]
    told = [end.time_ns for end in ends if end is not None]
    return max(map(_kept_until, told)) if told else NEVER


def _kept_until(time_ns: int) -> int:
    return time_ns // NANOSECONDS + KEPT_SECONDS + 1


def _settled_from(sweep: Ending) -> int:
    # Rounded up: all names are looked at for those of a round at once.
    return -(-_kept_until(sweep.mark.time_ns) // ROUND_SECONDS) * ROUND_SECONDS
