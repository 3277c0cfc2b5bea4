"""`format_edge.json`: 55 output formats on 50 crafted events."""

import json
from functools import cache
from typing import Any

import pytest

from rules.output import compile_format, render, values
from rules.tokenizer import ConditionError
from tests.conformance.deviations import idle, meant
from tests.conformance.judged import NOT_YET
from tests.conformance.reference import as_text, events, read_json, tell

_DATA = "format_edge.json"
_FORMATS = read_json(_DATA)["formats"]


@cache
def _different(number: int) -> dict[int, tuple[object, object]]:
    """Return what a format gives and what it gives there, by the lines of the events on which that is not the same."""
    case = _FORMATS[number]
    pieces = compile_format(as_text(case["format"]))
    different: dict[int, tuple[object, object]] = {}
    for line, (event, expected) in enumerate(zip(events("edge_events.jsonl"), case["events"], strict=True)):
        if not expected["ok"]:
            continue  # the reference's raw formatter stops at an absent value, which its engine never asks for
        shown = values(pieces, event)
        fields = {key: event.time_ns if key.startswith("evt.time") else value for key, value in shown.items()}
        here = render(pieces, shown), json.loads(json.dumps(fields))
        there = expected["text"], json.loads(expected["json"] or "null") or {}
        if here != there:
            different[line] = here, there
    return different


def _refusal(case: Any) -> str | None:
    try:
        compile_format(as_text(case["format"]))
    except ConditionError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    "number", [pytest.param(number, id=case["format"][:60] or "empty") for number, case in enumerate(_FORMATS)]
)
def test_a_format_renders_as_the_reference_does(number: int, request: pytest.FixtureRequest) -> None:
    case = _FORMATS[number]
    refusal = _refusal(case)
    if refusal is not None:
        if "error" in case:
            tell(request, _DATA, 1, 0)
        else:
            assert NOT_YET.search(refusal), refusal
        return
    assert "error" not in case, "the reference refuses it"
    different = _different(number)
    assert {line: both for line, both in different.items() if meant(_DATA, case["format"], line) is None} == {}
    tell(request, _DATA, len(case["events"]), len(different))


def test_every_deviation_is_needed() -> None:
    differences = [
        (case["format"], line)
        for number, case in enumerate(_FORMATS)
        if _refusal(case) is None
        for line in _different(number)
    ]
    assert idle(_DATA, differences) == []
