"""`string_ops.json`: what operators mean, on 34 events that differ in their verb."""

from typing import Any

import pytest

from tests.conformance.judged import NOT_YET, true_on
from tests.conformance.reference import read_json, tell

_DATA = "string_ops.json"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in read_json(_DATA)["cases"]])
def test_an_operator_means_what_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    found = true_on(case["filter"], "string_events.jsonl")
    if isinstance(found, str):
        if case["ok"]:
            assert NOT_YET.search(found), found
        else:
            tell(request, _DATA, 1, 0)
        return
    assert case["ok"], "the reference refuses it"
    assert found == set(case["true_on"])
    tell(request, _DATA, 1, 0)
