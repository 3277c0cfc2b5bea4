"""What is known of the cluster's resources: remembers what an event did, and tells what is known of its target. PURE.

Called by the engine, with each event of some records. State is looked up and changed under the event's own affinity key
alone, so that events under different keys never see each other's, in any mode. Values are assigned whole, never changed
in place.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from processor import bulk, memory
from processor.clock import Clocks
from processor.facts import Scene, TargetFacts, bulk_facts
from processor.history import NOTHING, History, cut, decode, merge
from processor.lives import Life
from processor.memory import KEPT_SECONDS, Known, known_of, name_at, settled, state_key, sweeps_in
from processor.request import ObjectName, mark_of
from processor.sighting import Sighting, sightings, target_of, uid_of
from processor.state import State, parent_of
from rules.event import NO_FACTS, Event, FactValue
from rules.times import NANOSECONDS
from wire.record import Record
from wire.tracked import TRACKED

MAX_KEY_BYTES: Final = 8 * 1024
"""Of an object's name with its affinity key: nothing is remembered of what has a longer one, or one with a NUL byte.
No API server has, but whoever may post events can make them up, and a changelog that cannot hold one would stop
everything behind it. What is remembered of a name is bounded by itself (`processor.history`), so that no order of
events decides what is refused."""

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
        now_s = now_ns // NANOSECONDS
        own: Sighting | None = None
        known = Known(NOTHING, ())
        history = NOTHING
        for sighting in () if is_late else sightings(event, mark):
            before, after = self._remember(record.key, sighting, now_s)
            if sighting.target == target:
                own, known, history = sighting, before, after
        if target is None:
            return self._told_of_many(event)
        key = record.key
        if own is None:
            known = self._look_up(key, target, now_s)
            history = known.history
        return TargetFacts(
            Scene(
                target,
                mark,
                uid_of(event) if own is None or not own.history.incarnations else own.history.incarnations[0].uid,
                is_left=own is not None and own.was_there and not own.is_end,
                version=_version_shown(own),
                known=known.history,
                history=history,
                sweeps=known.sweeps,
                find=lambda name: self._find(key, name, now_s),
            )
        )

    def close(self) -> None:
        """Keep the clocks, and forget what has ended long ago."""
        for cluster, now_ns in self._clocks.keep().items():
            now_s = now_ns // NANOSECONDS
            due = self._state.expired(cluster.encode(), now_s, MAX_FORGOTTEN)
            sweeps = [place for place in due if place.endswith(b"\0")]
            for place in set(due).difference(sweeps):
                self._forget(place)
            if sweeps:
                self._settle(sweeps, now_s)

    def _settle(self, places: list[bytes], now_s: int) -> None:
        """Forget deletions of everything, and what they ended; of more than MAX_FORGOTTEN names the rest next time."""
        sweeps = {place: sweeps_in(self._state.get(place)) for place in places}
        settled_names = 0
        for place in self._state.below(places):
            target, value = name_at(place), self._state.get(place)
            if target is None or value is None:
                continue
            history = decode(value)
            left = settled(target, history, sweeps[parent_of(place)], now_s)
            if left is history:
                continue
            if settled_names == MAX_FORGOTTEN:
                return
            settled_names += 1
            if left is NOTHING:
                self._forget(place)
            else:
                self._state[place] = memory.stored(target, left)
        for place, endings in sweeps.items():
            kept = memory.unsettled(endings, now_s)
            if kept:
                self._state[place] = memory.stored_sweeps(kept)
            else:
                del self._state[place]

    def _forget(self, place: bytes) -> None:
        del self._state[place]
        self.counts.forgotten += 1

    def _remember(self, key: bytes, sighting: Sighting, now_s: int) -> tuple[Known, History]:
        """Take in what was seen, and return what was known before and what is known now."""
        place, seen = state_key(key, sighting.target), sighting.history
        # What holds a NUL byte could be taken for another's name; it is none that an API server allows.
        if len(place) > MAX_KEY_BYTES or place.count(b"\0") != len(sighting.target):
            self.counts.refused += 1
            return Known(NOTHING, ()), NOTHING
        value = self._state.get(place)
        if sighting.target.name:
            known = known_of(sighting.target, value, self._state.get(parent_of(place)), now_s)
            merged = seen if known.history is NOTHING else merge(known.history, seen)
            grown = memory.stored(sighting.target, merged)
        else:
            known = Known(History(endings=sweeps_in(value)), ())
            merged = merge(known.history, seen)
            grown = memory.stored_sweeps(merged.endings)
        self.counts.cut += 0 if known.history is NOTHING else cut(known.history, seen, merged)
        self.counts.unforeseen += _is_unforeseen(known.history, seen)
        if grown != value:
            self._state[place] = grown
        return known, merged

    def _look_up(self, key: bytes, target: ObjectName, now_s: int) -> Known:
        place = state_key(key, target)
        return known_of(target, self._state.get(place), self._state.get(parent_of(place)), now_s)

    def _find(self, key: bytes, name: ObjectName, now_s: int) -> list[Life]:
        try:
            return self._look_up(key, name, now_s).lives(name)
        except Exception as error:
            self.trouble = error
            raise

    def _told_of_many(self, event: Event) -> Mapping[str, FactValue]:
        tracked = TRACKED.get(event.target[:2])
        if tracked is None or event.string("verb") != "deletecollection":
            return NO_FACTS
        told = bulk.deleted(event, tracked)
        return NO_FACTS if told is None else bulk_facts(*told)


def _version_shown(own: Sighting | None) -> int:
    shown: Iterable[int] = (
        () if own is None else (seen.spec.version for seen in own.history.incarnations if seen.spec is not None)
    )
    return max(shown, default=0)


def _is_unforeseen(known: History, seen: History) -> bool:
    """Tell whether an object's creation comes after something else of it."""
    created = {one.uid for one in seen.incarnations if one.created is not None}
    return any(one.uid in created and one.created is None for one in known.incarnations)
