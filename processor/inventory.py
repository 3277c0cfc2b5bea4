"""What is known of the cluster's resources: remembers what an event did, and tells what is known of its target. PURE.

Called by the engine for each event that has an affinity key. State is a mapping of bytes that the mode gives: a dict,
a table, a database. It is looked up and changed under the event's own affinity key alone, so that events under
different keys never see each other's, in any mode. Values are assigned whole, never changed in place.
"""

from collections.abc import Mapping, MutableMapping
from typing import Final

from processor.history import NOTHING, decode, encode, merge
from processor.lives import facts
from processor.sighting import ObjectName, mark_of, sightings, target_of, uid_of
from rules.event import NO_FACTS, Event, FactValue

MAX_REMEMBERED_BYTES: Final = 512 * 1024
"""Of an object and its name together. No API server has names or uids so long, but whoever may post events can make
them up, and a changelog that cannot hold one would stop everything behind it."""

State = MutableMapping[bytes, bytes]
"""What is remembered, by affinity key and name of the object."""


def observe(event: Event, identity: str, key: bytes, state: State) -> Mapping[str, FactValue]:
    """Remember what an event did and return the `resource.*` facts of its target: as of the event, and before it.

    `identity` is the event's (hex digits), `key` its record's affinity key. Repeating a call changes nothing more, and
    what is remembered in the end does not depend on the order of calls. A repeat gets the same facts, unless what they
    were told from has been cut since (`processor.history`).
    """
    mark = mark_of(event, identity)
    target = target_of(event)
    is_left = False
    for sighting in sightings(event, mark):
        is_left = sighting.target == target and not sighting.is_end
        place = state_key(key, sighting.target)
        known = state.get(place)
        grown = encode(sighting.history if known is None else merge(decode(known), sighting.history))
        if grown != known and len(place) + len(grown) <= MAX_REMEMBERED_BYTES:
            state[place] = grown
    if target is None:
        return NO_FACTS
    known = state.get(state_key(key, target))
    return facts(NOTHING if known is None else decode(known), mark, uid_of(event), is_left=is_left)


def state_key(key: bytes, target: ObjectName) -> bytes:
    """Return where a name's history stands: below its affinity key."""
    return b"\0".join((key, *(part.encode() for part in target)))
