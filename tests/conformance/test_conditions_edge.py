"""`conditions_edge.json`: conditions of every kind on 50 crafted events."""

import json
from typing import Any

import pytest

from rules.interpreter import evaluate
from tests.conformance.deviations import EQUAL_MEMBERS, idle, meant, rows
from tests.conformance.judged import checked, lines_of, true_on
from tests.conformance.reference import as_event, events, lines, read_json, tell
from tests.conformance.there import There, with_first_members

_DATA = "conditions_edge.json"
_CASES = read_json(_DATA)["cases"]


_IN_MASTERS = next(
    set(case["true_on"]) for case in _CASES if case["filter"] == "ka.user.groups intersects (system:masters)"
)
"""Where the groups hold one that a transformer leaves, or makes, as it is compared with."""

INSTEAD = {
    "ka.uri.param[command] exists": {17, 18, 19, 20, 21, 22, 26, 28, 29},
    "ka.req.pod.containers.add_capabilities intersects (NET_ADMIN)": {0},
    """ka.req.pod.containers.add_capabilities intersects ('["NET_ADMIN","SYS_TIME"]')""": set(),
    "ka.sourceips intersects (10.0.0.1)": set(range(50)) - {7, 9},
    "ka.sourceips exists": set(range(50)) - {7, 9},
    "evt.num = 1": set(),
    "tolower(ka.user.groups) intersects (system:masters)": _IN_MASTERS,
    "tolower(ka.user.groups) in (system:masters, system:authenticated)": _IN_MASTERS,
    'toupper(ka.user.groups) intersects ("SYSTEM:MASTERS")': _IN_MASTERS,
    "ka.verb in tolower(ka.verb)": set(range(50)) - {9},
}
"""Where conditions on fields that mean something else here hold: line 7 has no source addresses, line 9 no auditID."""


def _different(case: Any) -> set[int]:
    """Return the lines of events on which a condition holds here or there only."""
    found = true_on(case["filter"], "edge_events.jsonl")
    if isinstance(found, str):
        return set()
    return set(found ^ set(case["true_on"]))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in _CASES])
def test_a_condition_holds_where_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    found = true_on(case["filter"], "edge_events.jsonl")
    assert isinstance(found, frozenset) is case["ok"], found
    different = _different(case)
    assert {number for number in different if meant(_DATA, case["filter"], number) is None} == set()
    if different - {EQUAL_MEMBERS}:
        assert isinstance(found, frozenset)
        assert set(found) == INSTEAD[case["filter"]]
    if case["ok"]:
        assert checked(case["filter"])[1] == case["warnings"]
    tell(request, _DATA, 1, bool(different))


def test_read_as_there_every_condition_holds_where_the_reference_says() -> None:
    judged = list(events("edge_events.jsonl"))
    judged[EQUAL_MEMBERS] = with_first_members(lines("edge_events.jsonl")[EQUAL_MEMBERS])
    there = There(judged, rows(_DATA))
    for case in _CASES:
        condition, _ = checked(case["filter"])
        if not isinstance(condition, str):
            assert lines_of(there.condition(condition), judged) == set(case["true_on"]), case["filter"]


def test_conditions_see_the_last_of_equal_members() -> None:
    """The event with equal members is judged as the one that has the last of them alone."""
    line = lines("edge_events.jsonl")[EQUAL_MEMBERS]
    once = json.dumps(json.loads(line), separators=(",", ":"))
    assert line != once
    for case in _CASES:
        condition, _ = checked(case["filter"])
        if not isinstance(condition, str):
            assert evaluate(condition, as_event(line)) == evaluate(condition, as_event(once)), case["filter"]


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(case["filter"], number) for case in _CASES for number in _different(case)]) == []
