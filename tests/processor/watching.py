"""What the inventory tells of events, one after another."""

from collections.abc import Sequence

from processor.decode import decode
from processor.inventory import Counts, Inventory
from processor.state import MemoryState, State
from rules.event import Event, FactValue
from wire.record import Record

Facts = dict[str, FactValue]


VIEWS = (
    ("RequestResponse", "whole"),
    ("RequestResponse", "PartialObjectMetadata"),
    ("RequestResponse", "Table"),
    ("RequestResponse", "empty Table"),
    ("Request", "whole"),
    ("Metadata", "whole"),
)
"""Levels of audit policies, and forms in which clients ask for answers: how much an event shows of an object."""


def told(records: Sequence[Record], state: State) -> list[Facts]:
    """Return the facts that each event of some records sees, of those that have a key."""
    seen = []
    inventory = Inventory(state)
    for record in records:
        event = decode(record)
        assert isinstance(event, Event)
        facts = inventory.observe(event, record)
        if record.key is not None:
            seen.append(dict(facts))
    inventory.close()
    return seen


def last(records: Sequence[Record], state: State | None = None) -> Facts:
    """Return the facts that the last event sees after all others, without `resource.`."""
    facts = told(records, MemoryState() if state is None else state)[-1]
    return {name.removeprefix("resource."): value for name, value in facts.items()}


def counted(records: Sequence[Record], state: State) -> Counts:
    """Return what the inventory could not take in of some records, or let go."""
    inventory = Inventory(state)
    for record in records:
        event = decode(record)
        assert isinstance(event, Event)
        inventory.observe(event, record)
    inventory.close()
    return inventory.counts


def names(state: State) -> set[tuple[str, str]]:
    """Return of what there is something in a state: resource and name."""
    parts = (key.decode().split("\0") for key in state if not key.startswith(b"\0"))
    return {(resource, name) for _, _, resource, _, name in parts}


def state_of(records: Sequence[Record]) -> MemoryState:
    """Return what is remembered of objects after some records."""
    state = MemoryState()
    told(records, state)
    for clock in [key for key in state if key.startswith(b"\0")]:
        del state[clock]
    return state
