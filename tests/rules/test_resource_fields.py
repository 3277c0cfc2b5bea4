"""The `resource.*` fields show the facts that come with an event."""

from collections.abc import Callable

import pytest

from rules.event import Event
from rules.resource_fields import RESOURCE_FIELDS

MakeEvent = Callable[..., Event]
Holds = Callable[[str, Event], bool]


def test_a_field_shows_its_fact_and_nothing_where_there_is_none(make_event: MakeEvent) -> None:
    facts = {field.name: number for number, field in enumerate(RESOURCE_FIELDS)}
    event = make_event()
    assert [field.read(event.with_facts(facts), None) for field in RESOURCE_FIELDS] == list(facts.values())
    assert [field.read(event, None) for field in RESOURCE_FIELDS] == [None] * len(facts)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("resource.exists = false", True),
        ("resource.lifetime_seconds = 0", True),
        ("resource.lifetime_seconds exists", True),
        ("resource.lifetime_seconds in (0, 1)", True),
        ("resource.created.user exists", False),
        ("resource.created.user != alice", False),
        ("not resource.before.exists = false", True),
    ],
)
def test_facts_compare_as_other_values_do_and_absent_ones_never(
    make_event: MakeEvent, holds: Holds, condition: str, *, expected: bool
) -> None:
    event = make_event().with_facts({"resource.exists": "false", "resource.lifetime_seconds": 0})
    assert holds(condition, event) is expected
