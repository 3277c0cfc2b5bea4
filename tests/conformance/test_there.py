"""The reference's readings, put back into conditions, are those that were recorded."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from rules.conditions import Condition, FieldOperand, Present
from tests.conformance.judged import checked, lines_of
from tests.conformance.reference import as_event, events, lines, read_json
from tests.conformance.there import There

_ALL_ROWS = {6, 22, 23, 24, 30, 33}

_EDGE = read_json("field_values_edge.json")
_RANDOM = [json.loads(line) for line in lines("random/values.jsonl")]


def _condition(text: str) -> Condition:
    found, _ = checked(text)
    assert not isinstance(found, str), found
    return found


def _read_otherwise(names: Sequence[str], there: There) -> list[tuple[str, FieldOperand]]:
    """Return the expressions that have a reading of their own there, with it."""
    conditions = ((name, _condition(f"{name} exists")) for name in names)
    return [
        (name, new.operand)
        for name, old in conditions
        if (new := there.condition(old)) != old and isinstance(new, Present) and isinstance(new.operand, FieldOperand)
    ]


def _recorded(value: Any) -> object:
    return tuple(value) if isinstance(value, list) else value


def test_readings_on_generated_events_are_the_recorded_ones() -> None:
    judged = events("random/events.jsonl")
    operands = _read_otherwise(read_json("random/fields.json"), There(judged, _ALL_ROWS))
    assert len(operands) == 32
    for name, operand in operands:
        read = [operand.read(event) for event in judged]
        assert read == [_recorded(values.get(name)) for values in _RANDOM], name


def test_readings_on_crafted_events_are_the_recorded_ones() -> None:
    judged = [as_event(case["event_line"]) for case in _EDGE["cases"]]
    operands = _read_otherwise(_EDGE["fields"], There(judged, _ALL_ROWS))
    assert len(operands) == 44
    for name, operand in operands:
        read = [operand.read(event) for event in judged]
        assert read == [_recorded((case["values"].get(name) or {"json": None})["json"]) for case in _EDGE["cases"]]


@pytest.mark.parametrize("text", ["tolower(ka.user.groups) in (dev)", "ka.verb in tolower(ka.verb)"])
def test_what_a_transformer_makes_is_in_nothing(text: str) -> None:
    there = There([], {6})
    assert lines_of(there.condition(_condition(text)), events("edge_events.jsonl")) == frozenset()
    assert There([], {33}).condition(_condition(text)) == _condition(text)


@pytest.mark.parametrize(
    "text", ["tolower(ka.verb) in (get)", "len(ka.verb) in (3)", "tolower(ka.verb) = val(ka.verb)", "not ka.verb = get"]
)
def test_what_is_read_alike_stays_the_same(text: str) -> None:
    assert There([], _ALL_ROWS).condition(_condition(text)) == _condition(text)


def test_readings_go_into_every_part_of_a_condition() -> None:
    text = 'not (join(",", (evt.num, evt.source)) = "1,k8s_audit" or evt.num > 2) and evt.num = val(evt.num)'
    judged = events("edge_events.jsonl")
    assert lines_of(There(judged, {33}).condition(_condition(text)), judged) == {1}
