"""`condition_syntax.json`: which conditions parse."""

from typing import Any

import pytest

from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.judged import NOT_YET
from tests.conformance.reference import as_text, read_json, tell

_DATA = "condition_syntax.json"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in read_json(_DATA)])
def test_a_condition_parses_where_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    try:
        parse(as_text(case["filter"]))
    except ConditionError as error:
        if case["accept"]:
            assert NOT_YET.search(error.message), error.message
            return
        tell(request, _DATA, 1, 0)
        return
    assert case["accept"], "the reference refuses it"
    tell(request, _DATA, 1, 0)
