"""`string_ops.json`: what operators mean, on 34 events that differ in their verb."""

from typing import Any

import pytest

from tests.conformance.deviations import idle, meant, rows
from tests.conformance.judged import checked, lines_of, true_on
from tests.conformance.reference import events, read_json, tell
from tests.conformance.there import There

_DATA = "string_ops.json"
_CASES = read_json(_DATA)["cases"]

INSTEAD = {"ka.verb in tolower(ka.verb)": set(range(34)) - {9, 11, 17}}
"""Where conditions that mean something else here hold: but for `A`, `ÉCOLE` and `ABC`."""


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in _CASES])
def test_an_operator_means_what_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    found = true_on(case["filter"], "string_events.jsonl")
    assert isinstance(found, frozenset) is case["ok"], found
    deviates = False
    if isinstance(found, frozenset):
        deviates = found != set(case["true_on"])
        if deviates:
            assert meant(_DATA, case["filter"])
            assert set(found) == INSTEAD[case["filter"]]
        assert checked(case["filter"])[1] == case["warnings"]
    tell(request, _DATA, 1, deviates)


def test_read_as_there_every_condition_holds_where_the_reference_says() -> None:
    judged = events("string_events.jsonl")
    there = There(judged, rows(_DATA))
    for case in _CASES:
        condition, _ = checked(case["filter"])
        if not isinstance(condition, str):
            assert lines_of(there.condition(condition), judged) == set(case["true_on"]), case["filter"]


def test_every_deviation_is_needed() -> None:
    differences = [
        (case["filter"], None)
        for case in _CASES
        if case["ok"] and true_on(case["filter"], "string_events.jsonl") != frozenset(case["true_on"])
    ]
    assert idle(_DATA, differences) == []
