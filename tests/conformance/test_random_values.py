"""`random/values.jsonl`: 223 field expressions on 1,500 generated events, as JSON."""

import json
from functools import cache
from typing import Any

import pytest

from tests.conformance.claims import claim
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import events, lines, read_json, tell
from tests.conformance.shown import field

_DATA = "random/values.jsonl"
_FIELDS = read_json("random/fields.json")


@cache
def _expected() -> list[Any]:
    return [json.loads(line) for line in lines(_DATA)]


@cache
def _differences(name: str) -> dict[int, tuple[object, object]]:
    """Return what a field shows here and there, by line of the event, where that is not the same."""
    different = {}
    for number, (event, expected) in enumerate(zip(events("random/events.jsonl"), _expected(), strict=True)):
        here = field(name, event)[1]
        there = expected.get(name)
        if here != there:
            different[number] = here, there
    return different


@pytest.mark.parametrize("name", _FIELDS)
def test_a_field_has_the_value_that_the_reference_gives_it(name: str, request: pytest.FixtureRequest) -> None:
    different = _differences(name)
    assert {number: both for number, both in different.items() if meant(_DATA, name, number) is None} == {}
    tell(request, _DATA, len(_expected()), len(different))


@pytest.mark.parametrize("name", [name for name in _FIELDS if meant(_DATA, name) is not None])
def test_a_field_that_differs_has_what_is_claimed_on_every_event(name: str) -> None:
    for event, line in zip(events("random/events.jsonl"), lines("random/events.jsonl"), strict=True):
        assert field(name, event)[1] == claim(name, json.loads(line)), line


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(name, number) for name in _FIELDS for number in _differences(name)]) == []
