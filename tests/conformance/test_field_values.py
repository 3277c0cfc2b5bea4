"""`field_values_edge.json`: 302 field expressions on 50 crafted events, as text and as JSON."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.conformance.claims import claim
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import as_event, read_json, tell
from tests.conformance.shown import Shown, field, same

_DATA = "field_values_edge.json"


def _shown(number: int) -> Iterator[tuple[str, Shown, Shown]]:
    """Yield the fields of an event, and what each shows here and there."""
    case = read_json(_DATA)["cases"][number]
    event = as_event(case["event_line"])
    for name in read_json(_DATA)["fields"]:
        expected = case["values"].get(name) or {"text": "<NA>", "json": None}
        yield name, field(name, event), (expected["text"], expected["json"])


@cache
def _differences(number: int) -> dict[str, tuple[Shown, Shown]]:
    """Return what fields show here and there, by expression, where that is not the same."""
    line = read_json(_DATA)["cases"][number]["event_line"]
    return {name: (here, there) for name, here, there in _shown(number) if not same(here, there, line)}


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
    for name in _differences(number):
        deviation = meant(_DATA, name, number)
        assert deviation is not None
        if deviation.row == 31:
            assert field(name, as_event(line)) == field(name, as_event(json.dumps(once, separators=(",", ":"))))
        else:
            assert field(name, as_event(line))[1] == claim(name, once)


def test_one_value_alone_is_spelt_otherwise() -> None:
    spelt = {(number, name) for number in range(50) for name, here, there in _shown(number) if here != there}
    assert spelt - {(number, name) for number in range(50) for name in _differences(number)} == {
        (34, "jevt.value[/requestObject]")
    }


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(name, number) for number in range(50) for name in _differences(number)]) == []
