"""`random/conditions.json`: 3,000 generated conditions on 1,500 generated events.

No difference is excused: read as the reference reads it, a condition holds exactly where the reference says; and one
that both read alike holds there as it is.
"""

from functools import cache
from typing import Any

import pytest

from rules.conditions import Condition
from tests.conformance.deviations import rows
from tests.conformance.judged import checked, lines_of
from tests.conformance.reference import events, read_json, tell
from tests.conformance.there import There

_DATA = "random/conditions.json"
_CHUNK = 100
_EVENTS = events("random/events.jsonl")
_THERE = There(_EVENTS, rows(_DATA))


@cache
def _judged(start: int) -> tuple[list[str], list[Condition]]:
    """Judge some conditions; return those that hold elsewhere if read as there, and those that do so here."""
    failing, deviating = [], []
    for case in _cases(start):
        condition, _ = checked(case["condition"])
        if isinstance(condition, str) or case.get("error"):
            if not (isinstance(condition, str) and case.get("error")):
                failing.append(case["condition"])
            continue
        here = there = lines_of(condition, _EVENTS)
        read_as_there = _THERE.condition(condition)
        if read_as_there != condition:
            there = lines_of(read_as_there, _EVENTS)
        if there != set(case["true_on"]):
            failing.append(case["condition"])
        if here != there:
            deviating.append(condition)
    return failing, deviating


def _cases(start: int) -> list[Any]:
    return list(read_json(_DATA)[start : start + _CHUNK])


_STARTS = range(0, len(read_json(_DATA)), _CHUNK)


@pytest.mark.parametrize("start", _STARTS)
def test_conditions_hold_where_the_reference_says(start: int, request: pytest.FixtureRequest) -> None:
    failing, deviating = _judged(start)
    assert failing == []
    tell(request, _DATA, len(_cases(start)), len(deviating))


def test_every_deviation_is_needed() -> None:
    """Some condition holds elsewhere as soon as one row alone is read as there, and so for each row of the list."""
    deviating = [condition for start in _STARTS for condition in _judged(start)[1]]
    assert len(deviating) == 101
    needed = set()
    for row in rows(_DATA):
        there = There(_EVENTS, {row})
        changed = ((condition, there.condition(condition)) for condition in deviating)
        if any(new != old and lines_of(new, _EVENTS) != lines_of(old, _EVENTS) for old, new in changed):
            needed.add(row)
    assert needed == rows(_DATA)
