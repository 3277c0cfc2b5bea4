"""`random/conditions.json`: 3,000 generated conditions on 1,500 generated events."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.conformance.deviations import idle, meant
from tests.conformance.judged import true_on
from tests.conformance.reference import read_json, tell

_DATA = "random/conditions.json"
_CHUNK = 100


@cache
def _differences(start: int) -> tuple[tuple[str, int | None], ...]:
    """Return the differences of some conditions: a condition, and the line of an event or none if it is refused."""
    return tuple(difference for case in _cases(start) for difference in _different(case))


def _cases(start: int) -> list[Any]:
    return list(read_json(_DATA)[start : start + _CHUNK])


def _different(case: Any) -> Iterator[tuple[str, int | None]]:
    found = true_on(case["condition"], "random/events.jsonl")
    if isinstance(found, str) or case.get("error"):
        if not (isinstance(found, str) and case.get("error")):
            yield case["condition"], None
        return
    for number in sorted(found ^ set(case["true_on"])):
        yield case["condition"], number


_STARTS = range(0, len(read_json(_DATA)), _CHUNK)


@pytest.mark.parametrize("start", _STARTS)
def test_conditions_hold_where_the_reference_says(start: int, request: pytest.FixtureRequest) -> None:
    differences = _differences(start)
    assert [one for one in differences if one[1] is None or meant(_DATA, *one) is None] == []
    tell(request, _DATA, len(_cases(start)), len({condition for condition, _ in differences}))


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [one for start in _STARTS for one in _differences(start)]) == []
