"""`rule_files.json`: which rule files load, with which errors and warnings, and what becomes of their rules."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from rules.checker import Report, check
from rules.errors import LoadResult, Problem
from rules.loader import load
from rules.output import compile_format
from rules.parser import parse
from rules.reader import RuleFile
from rules.ruleset import Rule
from rules.selection import Choice, Selection
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import as_text, read_json, tell

_DATA = "rule_files.json"


@cache
def _loaded(number: int) -> LoadResult:
    case = read_json(_DATA)[number]
    entries = case["options"].get("select", [])
    choices = [Choice(one["op"] == "enable", pattern=one.get("rule"), tag=one.get("tag")) for one in entries]
    files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(case["files"])]
    return load(files, Selection(tuple(choices)))


@cache
def _both(number: int) -> tuple[object, object]:
    """Return what comes of rule files here and there: the first error, else everything; and the warnings."""
    expected, result = read_json(_DATA)[number]["result"], _loaded(number)
    warnings = {(warning["code"], warning["item"]) for one in expected["loads"] for warning in one["warnings"]}
    told = {_as_told_there(problem) for problem in result.warnings}
    errors = [code for one in expected["loads"] for code in one["errors"]]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        errors = ["LOAD_ERR_VALIDATE"]
    if errors or result.ruleset is None:
        # The reference stops at its first error, so that ours may be followed by more, and come with more warnings.
        return ([one.code.value for one in result.errors][:1], warnings - told), (errors[:1], set())
    rules = result.ruleset.by_name
    here = {
        "warnings": told,
        "enabled": sum(rule.is_enabled for rule in rules.values()),
        "macros": result.macros,
        "lists": result.lists,
        "rules": {name: _compiled_here(rule) for name, rule in rules.items()},
    }
    there = {
        "warnings": warnings,
        "enabled": expected["enabled"],
        "macros": len(expected["macros"]),
        "lists": len(expected["lists"]),
        "rules": {name: _compiled_there(rule) for name, rule in expected["rules"].items()},
    }
    return here, there


def _as_told_there(problem: Problem) -> tuple[str, str]:
    """Return a warning's code and item as the data names it: `rule r` is `rule:r`."""
    return problem.code.value, problem.item.replace(" ", ":", 1)


def _compiled_here(rule: Rule) -> object:
    return (
        (rule.description, str(rule.priority), rule.source, list(rule.tags)),
        _without_places(rule.condition),
        _without_places(rule.output),
    )


def _compiled_there(rule: Any) -> object:
    """Return the same of what the reference says that it made of a rule, read again."""
    info = rule["info"]
    return (
        (info["description"], info["priority"], info["source"], info["tags"]),
        _without_places(check(parse(as_text(rule["condition_compiled"])), Report())),
        _without_places(compile_format(as_text(rule["output_compiled"]))),
    )


def _without_places(compiled: object) -> str:
    return re.sub(r", at=\d+| at 0x[0-9a-f]+", "", repr(compiled))


NOT_YET = {"output transformers": "outputs show no transformers yet"}


def _cases() -> Iterator[Any]:
    for number, case in enumerate(read_json(_DATA)):
        late = NOT_YET.get(case["name"])
        marks = [] if late is None else [pytest.mark.xfail(reason=late, strict=True)]
        yield pytest.param(number, id=case["name"], marks=marks)


@pytest.mark.parametrize("number", list(_cases()))
def test_rule_files_load_as_in_the_reference(number: int, request: pytest.FixtureRequest) -> None:
    here, there = _both(number)
    if meant(_DATA, read_json(_DATA)[number]["name"]) is None:
        assert here == there, _loaded(number).to_text()
    tell(request, _DATA, 1, here != there)


@pytest.mark.parametrize(
    ("name", "values", "codes"),
    [
        ("list nested 2 levels in order", ("z",), []),
        ("list nested mixed", ("z",), []),
        ("list loop", ("a",), []),
        ("list name inside quoted string with spaces", ("foo x baz",), ["LOAD_LIST_NAME_AS_TEXT"]),
        ("list name equals field", ("get",), ["LOAD_LIST_NAME_AS_TEXT"]),
    ],
)
def test_where_it_is_done_otherwise_it_is_done_as_said(name: str, values: tuple[str, ...], codes: list[str]) -> None:
    (number,) = [number for number, case in enumerate(read_json(_DATA)) if case["name"] == name]
    result = _loaded(number)
    assert result.ruleset is not None
    assert result.ruleset.rules[0].condition.constants == values  # type: ignore[union-attr]
    assert [problem.code.value for problem in result.problems] == codes


def test_every_deviation_is_needed() -> None:
    different = [
        (case["name"], None) for number, case in enumerate(read_json(_DATA)) if _both(number)[0] != _both(number)[1]
    ]
    assert idle(_DATA, different) == []
