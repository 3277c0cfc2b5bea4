"""`field_values_edge.json`: 302 field expressions on 50 crafted events."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from rules.catalogue import FIELDS
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import as_event, read_json, tell

_DATA = "field_values_edge.json"

REQUOTED = {(34, "jevt.value[/requestObject]")}
"""Here the reference's text depends on what it read before: it puts quotes anew around strings that it once decoded.
The data's own description says so; the same JSON is compared, not its spelling."""


@cache
def _differences(number: int) -> dict[str, tuple[object, object]]:
    case = read_json(_DATA)["cases"][number]
    event = as_event(case["event_line"])
    different = {}
    for name in read_json(_DATA)["fields"]:
        match = re.fullmatch(r"([^\[]+)(?:\[(.*)\])?", name)
        assert match is not None
        field = FIELDS.get(match[1])
        if field is None:
            assert name.startswith("evt."), f"{name} is no field"
            continue
        value: object = field.read(event, match[2])
        expected = case["values"].get(name)
        expected = None if expected is None else expected["json"]
        if isinstance(value, tuple):
            assert field.is_list
            value = list(value)
        if name.startswith("evt.time"):
            value = event.time_ns  # among output fields times are numbers
        if value != expected and (number, name) not in REQUOTED:
            different[name] = (value, expected)
    return different


def _cases() -> Iterator[Any]:
    for number, case in enumerate(read_json(_DATA)["cases"]):
        yield pytest.param(number, id=f"{number} {case['note']}"[:60])


@pytest.mark.parametrize("number", list(_cases()))
def test_a_field_has_the_value_that_the_reference_gives_it(number: int, request: pytest.FixtureRequest) -> None:
    different = _differences(number)
    assert {name: both for name, both in different.items() if meant(_DATA, name, number) is None} == {}
    tell(request, _DATA, len(read_json(_DATA)["fields"]), len(different))


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(name, number) for number in range(50) for name in _differences(number)]) == []
