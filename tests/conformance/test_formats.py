"""`format_edge.json`: 55 output formats on 50 crafted events.

Where a case is not `ok`, the reference's raw formatter stopped at an absent value: it does so unless a format begins
with `*`, which its engine sees to. Such a case is compared up to where it stops.
"""

import json
from functools import cache
from typing import Any

import pytest

from rules.output import compile_format
from rules.tokenizer import ConditionError
from tests.conformance.claims import claim, since_request
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import as_event, events, lines, read_json, tell
from tests.conformance.shown import rendered
from tests.evaluators import as_text

_DATA = "format_edge.json"
_FORMATS = read_json(_DATA)["formats"]


_ABSENT = "<NA>"


@cache
def _different(number: int) -> dict[int, tuple[object, object]]:
    """Return what a format gives and what it gives there, by the lines of the events on which that is not the same."""
    case = _FORMATS[number]
    different: dict[int, tuple[object, object]] = {}
    for line, (event, expected) in enumerate(zip(events("edge_events.jsonl"), case["events"], strict=True)):
        here: object
        there: object
        text, fields = rendered(case["format"], event)
        if expected["ok"]:
            here, there = (text, fields), (expected["text"], json.loads(expected["json"]) or {})
        else:
            stop = expected["text"] + _ABSENT
            here, there = text[: len(stop)], stop
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
        assert "error" in case, refusal
        tell(request, _DATA, 1, 0)
        return
    assert "error" not in case, "the reference refuses it"
    different = _different(number)
    assert {line: both for line, both in different.items() if meant(_DATA, case["format"], line) is None} == {}
    tell(request, _DATA, len(case["events"]), len(different))


def _claimed(text: str, event: Any) -> tuple[str, dict[str, object]]:
    """Return what a format has to give where fields in it mean something else here."""
    if "evt.reltime" in text:
        since = since_request(event)
        return f"{since:09}", {"evt.reltime": since}
    value = claim("ka.uri.param[command]", event)
    shown = "<NA>" if value is None else str(value)
    return shown + ")" * text.endswith(")"), {"ka.uri.param[command]": value}


@pytest.mark.parametrize("number", [number for number, case in enumerate(_FORMATS) if "error" not in case])
def test_where_a_format_differs_it_gives_what_is_claimed(number: int) -> None:
    text = _FORMATS[number]["format"]
    for line in _different(number):
        deviation = meant(_DATA, text, line)
        assert deviation is not None
        once = json.loads(lines("edge_events.jsonl")[line])
        here = rendered(text, events("edge_events.jsonl")[line])
        if deviation.row == 31:
            assert here == rendered(text, as_event(json.dumps(once, separators=(",", ":"))))
        elif "evt.num" not in text:
            assert here == _claimed(text, once)


_STOPPING = [
    number for number, case in enumerate(_FORMATS) if not all(expected["ok"] for expected in case.get("events", []))
]


@pytest.mark.parametrize("number", _STOPPING)
def test_a_format_that_stops_there_goes_on_here_as_with_a_star(number: int) -> None:
    """What the reference gives as JSON where it stops are the fields of the last event on which it did not."""
    case = _FORMATS[number]
    assert not case["format"].startswith("*")
    left = "null"
    for event, expected in zip(events("edge_events.jsonl"), case["events"], strict=True):
        text, fields = rendered(case["format"], event)
        if expected["ok"]:
            left = expected["json"]
            continue
        assert (expected["json_ok"], expected["json"]) == (False, left)
        assert (text, fields) == rendered(f"*{case['format']}", event)
        assert set(fields.values()) == {None}


def test_the_formats_that_stop_are_four() -> None:
    assert [_FORMATS[number]["format"] for number in _STOPPING] == [
        "x %ka.verb y",
        "%ka.verb",
        "%ka.target.subresource",
        "a %ka.target.subresource b",
    ]


def test_an_events_number_is_its_own() -> None:
    """Among events that differ no two have one number; that of a repeat is the same."""
    seen = [rendered("%evt.num", as_event(line)) for line in set(lines("edge_events.jsonl"))]
    assert len({text for text, _ in seen}) == len(seen) > 40
    assert all(fields == {"evt.num": int(text)} for text, fields in seen)


def test_every_deviation_is_needed() -> None:
    differences = [
        (case["format"], line)
        for number, case in enumerate(_FORMATS)
        if _refusal(case) is None
        for line in _different(number)
    ]
    assert idle(_DATA, differences) == []
