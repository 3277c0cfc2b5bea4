"""What the reference engine did, case by case: data in `data/`, described in `README.md` beside this file.

A case that this version cannot do yet is listed with the words that it must be refused with; a case on which this
project differs on purpose is named below with its paragraph of the spec. Field values and rule files are held to be
exact there: a listed case that would pass fails. Conditions and formats leave the listed events out.
"""

import gzip
import json
import re
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from processor.decode import parse_timestamp
from rules.catalogue import FIELDS
from rules.checker import Report, check
from rules.document import Value
from rules.errors import Problem
from rules.event import Event
from rules.interpreter import evaluate
from rules.loader import load
from rules.output import compile_format, render, values
from rules.parser import parse
from rules.reader import RuleFile
from rules.ruleset import Rule
from rules.selection import Choice, Selection
from rules.text import Text
from rules.tokenizer import ConditionError

_DATA = Path(__file__).parent / "data"

# What the spec's section 8 has this project do otherwise, by the event (line of edge_events.jsonl) or field concerned.
DUPLICATE_MEMBERS = 40  # row 31: of equal members the last counts
URI_PARAMETERS = {19, 20, 25}  # row 30: what can be read of a query is read
DEVIATING_FIELDS = re.compile(r"ka\.sourceips|eff_run_as_(user|group)|add_capabilities")  # rows 22, 23, 24
REQUOTED = 34  # the reference re-quotes strings that an earlier extraction decoded; the raw spelling is kept

# Refused by these words until the whole language is there.
NOT_YET = re.compile(r"(is|are) not supported yet|there is no field 'evt\.")


@cache
def _read(name: str) -> str:
    return gzip.decompress((_DATA / f"{name}.gz").read_bytes()).decode()


def _events(name: str) -> list[Event]:
    return [_event(line) for line in _read(name).splitlines()]


def _event(line: str) -> Event:
    document = Value(line.encode())
    stamp = document.member("stageTimestamp")
    time_ns = parse_timestamp(stamp.string) if stamp is not None and stamp.string is not None else None
    return Event(document, time_ns or 0)


def _text(text: str) -> Text:
    return Text(text, array("I", range(len(text) + 1)))


def _field_cases() -> Iterator[Any]:
    data = json.loads(_read("field_values_edge.json"))
    for number, case in enumerate(data["cases"]):
        yield pytest.param(number, case, data["fields"], id=f"{number} {case['note']}"[:60])


@pytest.mark.parametrize(("number", "case", "fields"), list(_field_cases()))
def test_a_field_has_the_value_that_the_reference_gives_it(number: int, case: Any, fields: list[str]) -> None:
    event = _event(case["event_line"])
    different = {}
    for name in fields:
        match = re.fullmatch(r"([^\[]+)(?:\[(.*)\])?", name)
        assert match is not None
        field = FIELDS.get(match[1])
        if field is None:
            assert name.startswith("evt."), f"{name} is no field"
            continue
        if DEVIATING_FIELDS.search(name):
            continue
        value = field.read(event, match[2])
        expected = case["values"].get(name)
        expected = None if expected is None else expected["json"]
        if isinstance(value, tuple):
            assert field.is_list
            value = list(value)  # type: ignore[assignment]
        if name.startswith("evt.time"):
            value = event.time_ns  # among output fields times are numbers
        if value != expected:
            different[name] = (value, expected)
    assert set(different) == _deviating(number), different


def _deviating(number: int) -> set[str]:
    if number == DUPLICATE_MEMBERS:
        return {"ka.verb", "ka.req.service.type", "jevt.value[/verb]", "jevt.value[/requestObject/kind]"}
    if number in URI_PARAMETERS:
        return {"ka.uri.param[command]"}
    return {"jevt.value[/requestObject]"} if number == REQUOTED else set()


def _condition_cases() -> Iterator[Any]:
    for name, events in (("conditions_edge.json", "edge_events.jsonl"), ("string_ops.json", "string_events.jsonl")):
        for case in json.loads(_read(name))["cases"]:
            yield pytest.param(case, events, id=case["filter"][:60])


@pytest.mark.parametrize(("case", "events"), list(_condition_cases()))
def test_a_condition_holds_where_the_reference_says(case: Any, events: str) -> None:
    report = Report()
    condition = None
    try:
        condition = check(parse(_text(case["filter"])), report)
    except ConditionError as error:
        report.errors.append(error)
    if report.errors:
        assert not case["ok"] or NOT_YET.search(report.errors[0].message), report.errors[0].message
        return
    assert case["ok"], "the reference refuses it"
    assert condition is not None
    held = {number for number, event in enumerate(_events(events)) if evaluate(condition, event)}
    different = held ^ set(case["true_on"])
    if events == "edge_events.jsonl":
        different -= {DUPLICATE_MEMBERS}
        if "ka.uri.param" in case["filter"]:
            different -= URI_PARAMETERS
        if DEVIATING_FIELDS.search(case["filter"]):
            return
    assert different == set()


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["filter"][:60]) for c in json.loads(_read("condition_syntax.json"))]
)
def test_a_condition_parses_where_the_reference_says(case: Any) -> None:
    try:
        parse(_text(case["filter"]))
    except ConditionError as error:
        assert not case["accept"] or NOT_YET.search(error.message), error.message
        return
    assert case["accept"], "the reference refuses it"


@pytest.mark.parametrize(
    "case", [pytest.param(f, id=f["format"][:60] or "empty") for f in json.loads(_read("format_edge.json"))["formats"]]
)
def test_a_format_renders_as_the_reference_does(case: Any) -> None:
    try:
        pieces = compile_format(_text(case["format"]))
    except ConditionError as error:
        assert case.get("error") or NOT_YET.search(error.message), error.message
        return
    assert not case.get("error"), "the reference refuses it"
    for number, (event, expected) in enumerate(zip(_events("edge_events.jsonl"), case["events"], strict=True)):
        if not expected["ok"] or number == DUPLICATE_MEMBERS:
            continue  # not ok: the reference's raw formatter stops at an absent value, which its engine never asks for
        if number in URI_PARAMETERS and "ka.uri.param" in case["format"]:
            continue
        shown = values(pieces, event)
        fields = {key: event.time_ns if key.startswith("evt.time") else value for key, value in shown.items()}
        assert render(pieces, shown) == expected["text"]
        assert json.loads(json.dumps(fields)) == (json.loads(expected["json"] or "null") or {})


# Rule files that need what is not there yet, by what they need.
RULE_FILES_NOT_YET = {
    "transformers": re.compile(r"^output transformers$"),
}

# Rule files on which this project differs, by name: warnings besides the reference's or in their place, and why.
RULE_FILES_DEVIATING = {
    "list nested mixed": ([], "9: lists in lists are resolved at any depth, so that none of them is unused"),
    "list name inside quoted string with spaces": (["LOAD_LIST_NAME_AS_TEXT"], "8: such a hit is warned of"),
    "list name equals field": (["LOAD_LIST_NAME_AS_TEXT"], "8: such a hit is warned of"),
}

# In these the reference gets other values, or what it prints cannot be read again: a printed value may lack its quotes.
COMPILED_OTHERWISE = {
    "list nested 2 levels in order": "9: lists in lists are resolved at any depth",
    "list nested mixed": "9: lists in lists are resolved at any depth",
    "list loop": "9: a list that holds itself stays a word where it is met again, whichever comes first",
}


def _rule_file_cases() -> Iterator[Any]:
    for case in json.loads(_read("rule_files.json")):
        late = [what for what, names in RULE_FILES_NOT_YET.items() if names.search(case["name"])]
        reason = f"not there yet: {late[0]}" if late else ""
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if late else []
        yield pytest.param(case, id=case["name"], marks=marks)


def _selection(case: Any) -> Selection:
    entries = case["options"].get("select", [])
    return Selection(
        tuple(Choice(entry["op"] == "enable", pattern=entry.get("rule"), tag=entry.get("tag")) for entry in entries)
    )


def _told(problem: Problem) -> tuple[str, str]:
    """Return a warning as the data names it: `rule r` is `rule:r`."""
    return problem.code.value, problem.item.replace(" ", ":", 1)


def _without_places(text: object) -> str:
    return re.sub(r", at=\d+| at 0x[0-9a-f]+", "", repr(text))


@pytest.mark.parametrize("case", list(_rule_file_cases()))
def test_rule_files_load_as_in_the_reference(case: Any) -> None:
    files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(case["files"])]
    result = load(files, _selection(case))
    expected = case["result"]
    errors = [code for one in expected["loads"] for code in one["errors"]]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        errors = ["LOAD_ERR_VALIDATE"]
    assert [problem.code.value for problem in result.errors][:1] == errors[:1], result.to_text()
    warnings = {(warning["code"], warning["item"]) for one in expected["loads"] for warning in one["warnings"]}
    if errors:
        assert warnings <= {_told(problem) for problem in result.warnings}
        return
    if case["name"] in RULE_FILES_DEVIATING:
        codes, _ = RULE_FILES_DEVIATING[case["name"]]
        assert [problem.code.value for problem in result.warnings] == codes
    else:
        assert {_told(problem) for problem in result.warnings} == warnings, result.to_text()
    assert result.ruleset is not None
    assert sum(rule.is_enabled for rule in result.ruleset.rules) == expected["enabled"]
    assert (result.macros, result.lists) == (len(expected["macros"]), len(expected["lists"]))
    assert set(result.ruleset.by_name) == set(expected["rules"])
    for name, rule in result.ruleset.by_name.items():
        _assert_compiled_so(rule, expected["rules"][name], case["name"])


def _assert_compiled_so(rule: Rule, expected: Any, case: str) -> None:
    """Hold a rule against what the reference says that it made of it."""
    info = expected["info"]
    assert (rule.description, str(rule.priority), rule.source) == (
        info["description"],
        info["priority"],
        info["source"],
    )
    assert list(rule.tags) == info["tags"]
    assert _without_places(rule.output) == _without_places(compile_format(_text(expected["output_compiled"])))
    compiled = check(parse(_text(expected["condition_compiled"])), Report())
    is_same = _without_places(rule.condition) == _without_places(compiled)
    assert is_same == (case not in COMPILED_OTHERWISE), f"{rule.condition}\n{compiled}"
