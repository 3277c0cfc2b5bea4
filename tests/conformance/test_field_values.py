"""`field_values_edge.json`: 302 field expressions on 50 crafted events, as text and as JSON."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.conformance.claims import claim
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import as_event, read_json, tell
from tests.conformance.shown import field

_DATA = "field_values_edge.json"

_Shown = tuple[str, object]
"""A value as text and as JSON."""


@cache
def _differences(number: int) -> dict[str, tuple[_Shown, _Shown]]:
    """Return what fields show here and there, by expression, where that is not the same."""
    case = read_json(_DATA)["cases"][number]
    event = as_event(case["event_line"])
    different: dict[str, tuple[_Shown, _Shown]] = {}
    for name in read_json(_DATA)["fields"]:
        here = field(name, event)
        expected = case["values"].get(name) or {"text": "<NA>", "json": None}
        there = expected["text"], expected["json"]
        if here != there:
            different[name] = here, there
    return different


def _cases() -> Iterator[Any]:
    for number, case in enumerate(read_json(_DATA)["cases"]):
        yield pytest.param(number, id=f"{number} {case['note']}"[:60])


@pytest.mark.parametrize("number", list(_cases()))
def test_a_field_has_the_value_that_the_reference_gives_it(number: int, request: pytest.FixtureRequest) -> None:
    different = _differences(number)
    unmeant = {name: both for name, both in different.items() if meant(_DATA, name, number) is None}
    assert unmeant == {}
    tell(request, _DATA, len(read_json(_DATA)["fields"]), len(different))


@pytest.mark.parametrize("number", list(_cases()))
def test_where_a_field_differs_it_has_what_is_claimed(number: int) -> None:
    line = read_json(_DATA)["cases"][number]["event_line"]
    once = json.loads(line)  # of equal members the last
    for name, (here, there) in _differences(number).items():
        deviation = meant(_DATA, name, number)
        assert deviation is not None
        if deviation.row is None:
            assert json.loads(here[0]) == json.loads(there[0])
        elif deviation.row == 31:
            assert field(name, as_event(line)) == field(name, as_event(json.dumps(once, separators=(",", ":"))))
        else:
            assert field(name, as_event(line))[1] == claim(name, once)


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(name, number) for number in range(50) for name in _differences(number)]) == []
