"""What is known of the cluster's resources: remembers what an event did, and tells what is known of its target. PURE.

Called by the engine, with each event of some records. State is looked up and changed under the event's own affinity key
alone, so that events under different keys never see each other's, in any mode. Values are assigned whole, never changed
in place.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from processor import bulk
from processor.clock import Clocks
from processor.facts import Scene, TargetFacts, bulk_facts
from processor.history import NOTHING, History, cut, decode, encode, merge
from processor.lives import Life, lives_of
from processor.owners import known_lives
from processor.request import ObjectName, mark_of
from processor.sighting import Sighting, sightings, target_of, uid_of
from processor.state import NEVER, State, has_expired
from rules.event import NO_FACTS, Event, FactValue
from rules.times import NANOSECONDS
from wire.record import Record
from wire.tracked import TRACKED

MAX_KEY_BYTES: Final = 8 * 1024
"""Of an object's name with its affinity key: nothing is remembered of what has a longer one, or one with a NUL byte.
No API server has, but whoever may post events can make them up, and a changelog that cannot hold one would stop
everything behind it. What is remembered of a name is bounded by itself (`processor.history`), so that no order of
events decides what is refused."""

KEPT_SECONDS: Final = 86_400
"""So long an object is remembered after its end, by the cluster's clock; what is told later than that is too late."""

MAX_FORGOTTEN: Final = 1_000
"""So many names are forgotten at a time, so that no batch of records takes long."""


class Counts(msgspec.Struct):
    """What the inventory could not take in, or had to let go: by how many."""

    late: int = 0
    """Events of more than KEPT_SECONDS ago, which changed nothing."""
    cut: int = 0
    """Older objects, creations, deletions and sessions of one name, beyond what is remembered of it."""
    unforeseen: int = 0
    """Creations that came after events of their objects: these were judged without them."""
    refused: int = 0
    """Events of objects whose names no API server allows: MAX_KEY_BYTES."""
    forgotten: int = 0
    """Names whose objects had ended KEPT_SECONDS before."""


class Inventory:
    """The inventory in a state, while some records are judged; `close` it when they are."""

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._clocks: Final = Clocks(state)
        self.counts: Final = Counts()
        self.trouble: Exception | None = None
        """Why the state could not be read while facts were worked out: within a rule, which must not swallow it."""

    def observe(self, event: Event, record: Record) -> Mapping[str, FactValue]:
        """Remember what an event did and return the `resource.*` facts of its target: as of the event, and before it.

        Repeating a call changes nothing more, and what is remembered in the end does not depend on the order of calls
        (`processor.history`).
        """
        now_ns = self._clocks.advance(record.cluster, event.time_ns, record.received_ms)
        if record.key is None:
            return NO_FACTS
        mark = mark_of(event, event.identity)
        target = target_of(event)
        is_late = event.time_ns < now_ns - KEPT_SECONDS * NANOSECONDS
        self.counts.late += is_late
        own: Sighting | None = None
        known = history = NOTHING
        for sighting in () if is_late else sightings(event, mark):
            before, after = self._remember(record.key, sighting, now_ns)
            if sighting.target == target:
                own, known, history = sighting, before, after
        if target is None:
            return self._told_of_many(event)
        key = record.key
        if own is None:
            known = history = self._look_up(key, target, now_ns)
        return TargetFacts(
            Scene(
                target,
                mark,
                uid_of(event) if own is None or not own.history.incarnations else own.history.incarnations[0].uid,
                is_left=own is not None and own.was_there and not own.is_end,
                version=_version_shown(own),
                known=known,
                history=history,
                sweeps=self._look_up(key, target._replace(name=""), now_ns).endings,
                find=lambda name: self._find(key, name, now_ns),
            )
        )

    def close(self) -> None:
        """Keep the clocks, and forget what has ended long ago."""
        for cluster, now_ns in self._clocks.keep().items():
            for key in self._state.expired(cluster.encode(), now_ns // NANOSECONDS, MAX_FORGOTTEN):
                del self._state[key]
                self.counts.forgotten += 1

    def _remember(self, key: bytes, sighting: Sighting, now_ns: int) -> tuple[History, History]:
        """Take in what was seen, and return what was known before and what is known now."""
        place = state_key(key, sighting.target)
        # What holds a NUL byte could be taken for another's name; it is none that an API server allows.
        if len(place) > MAX_KEY_BYTES or place.count(b"\0") != len(sighting.target):
            self.counts.refused += 1
            return NOTHING, NOTHING
        stored = self._state.get(place)
        known = self._unless_over(stored, now_ns)
        merged = sighting.history if known is NOTHING else merge(known, sighting.history)
        self.counts.cut += 0 if known is NOTHING else cut(known, sighting.history, merged)
        self.counts.unforeseen += _is_unforeseen(known, sighting.history)
        grown = encode(merged, _expiry(sighting.target, merged))
        if grown != stored:
            self._state[place] = grown
        return known, merged

    def _look_up(self, key: bytes, target: ObjectName, now_ns: int) -> History:
        return self._unless_over(self._state.get(state_key(key, target)), now_ns)

    def _unless_over(self, stored: bytes | None, now_ns: int) -> History:
        """Return a stored history, unless it may have been forgotten: whether it was yet makes no difference."""
        if stored is None or has_expired(stored, now_ns // NANOSECONDS):
            return NOTHING
        return decode(stored)

    def _find(self, key: bytes, name: ObjectName, now_ns: int) -> list[Life]:
        try:
            return known_lives(lambda one: self._look_up(key, one, now_ns), name)
        except Exception as error:
            self.trouble = error
            raise

    def _told_of_many(self, event: Event) -> Mapping[str, FactValue]:
        tracked = TRACKED.get(event.target[:2])
        if tracked is None or event.string("verb") != "deletecollection":
            return NO_FACTS
        told = bulk.deleted(event, tracked)
        return NO_FACTS if told is None else bulk_facts(*told)


def state_key(key: bytes, target: ObjectName) -> bytes:
    """Return where a name's history stands: below its affinity key."""
    return b"\0".join((key, *(part.encode() for part in target)))


def _version_shown(own: Sighting | None) -> int:
    shown: Iterable[int] = (
        () if own is None else (seen.spec.version for seen in own.history.incarnations if seen.spec is not None)
    )
    return max(shown, default=0)


def _is_unforeseen(known: History, seen: History) -> bool:
    """Tell whether an object's creation comes after something else of it."""
    created = {one.uid for one in seen.incarnations if one.created is not None}
    return any(one.uid in created and one.created is None for one in known.incarnations)


def _expiry(target: ObjectName, history: History) -> int:
    """Return the second from which on a name may be forgotten: a while after the end of the last of its objects.

    What had the name before that is gone, whether or not its end was seen.
    Deletions of all that there was are kept: without them what they ended would be told to exist again.
    """
    if not target.name:
        return NEVER
    newest = history.incarnations[-1] if history.incarnations else None
    if newest is not None and newest.asked is newest.gone is None and not history.endings:
        return NEVER  # as nearly always: it lives
    lives = lives_of(history, TRACKED[target[:2]].kind)
    last = max(lives, key=lambda life: life.start_ns, default=None)
    if last is not None and last.gone is None:
        return NEVER
    ends = [life.gone for life in lives] or [history.missed]
    told = [end.time_ns for end in ends if end is not None]
    return max(told) // NANOSECONDS + KEPT_SECONDS + 1 if told else NEVER
