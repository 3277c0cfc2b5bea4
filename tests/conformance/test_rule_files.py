"""`rule_files.json`: what becomes of rule files, up to the condition and the output that are made of each rule."""

import re
from functools import cache
from typing import Any

import pytest

from rules.checker import Report, check
from rules.conditions import Comparison
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
_CASES = read_json(_DATA)

INSTEAD = {
    "list nested mixed": [],
    "list name inside quoted string with spaces": ["LOAD_LIST_NAME_AS_TEXT"],
    "list name equals field": ["LOAD_LIST_NAME_AS_TEXT"],
}
"""The warnings of rule files that draw others here."""


@cache
def _loaded(number: int) -> LoadResult:
    case = _CASES[number]
    files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(case["files"])]
    choices = (
        Choice(entry["op"] == "enable", pattern=entry.get("rule"), tag=entry.get("tag"))
        for entry in case["options"].get("select", [])
    )
    return load(files, Selection(tuple(choices)))


def _told(problem: Problem) -> tuple[str, str]:
    """Return a warning as the data names it: `rule r` is `rule:r`."""
    return problem.code.value, problem.item.replace(" ", ":", 1)


@cache
def _both(number: int) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """Return what comes of rule files here and there: the first error; or the warnings, how many of what, and rules."""
    expected, result = _CASES[number]["result"], _loaded(number)
    errors = [code for one in expected["loads"] for code in one["errors"]]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        errors = ["LOAD_ERR_VALIDATE"]
    warned = {(warning["code"], warning["item"]) for one in expected["loads"] for warning in one["warnings"]}
    warns = {_told(problem) for problem in result.warnings}
    if errors or result.ruleset is None:
        # What the reference warned of before it stopped is warned of here too; it may be more here.
        return ([problem.code.value for problem in result.errors][:1], warns & warned), (errors[:1], warned)
    rules = result.ruleset.by_name
    enabled = sum(rule.is_enabled for rule in rules.values())
    here = {name: _compiled(rule) for name, rule in rules.items()}
    there = {name: _described(rule) for name, rule in expected["rules"].items()}
    return (
        (warns, enabled, result.macros, result.lists, here),
        (warned, expected["enabled"], len(expected["macros"]), len(expected["lists"]), there),
    )


def _compiled(rule: Rule) -> tuple[object, ...]:
    said = (rule.description, str(rule.priority), rule.source, list(rule.tags))
    return (*said, _without_places(rule.output), _without_places(rule.condition))


def _described(expected: Any) -> tuple[object, ...]:
    """Return what the reference says that it made of a rule; its text is read again by this project."""
    info = expected["info"]
    said = (info["description"], info["priority"], info["source"], info["tags"])
    output = compile_format(as_text(expected["output_compiled"]))
    condition = check(parse(as_text(expected["condition_compiled"])), Report())
    return (*said, _without_places(output), _without_places(condition))


def _without_places(made: object) -> str:
    return re.sub(r", at=\d+| at 0x[0-9a-f]+", "", repr(made))


@pytest.mark.parametrize("number", [pytest.param(number, id=case["name"]) for number, case in enumerate(_CASES)])
def test_rule_files_load_as_in_the_reference(number: int, request: pytest.FixtureRequest) -> None:
    here, there = _both(number)
    name = _CASES[number]["name"]
    if meant(_DATA, name) is None:
        assert here == there, _loaded(number).to_text()
    elif name in INSTEAD:
        assert [problem.code.value for problem in _loaded(number).warnings] == INSTEAD[name]
    tell(request, _DATA, 1, here != there)


@pytest.mark.parametrize(
    ("case", "constants"),
    [("list nested 2 levels in order", ("z",)), ("list nested mixed", ("z",)), ("list loop", ("a",))],
)
def test_lists_in_lists_come_to_these_constants(case: str, constants: tuple[str, ...]) -> None:
    (number,) = [number for number, one in enumerate(_CASES) if one["name"] == case]
    ruleset = _loaded(number).ruleset
    assert ruleset is not None
    (condition,) = [rule.condition for rule in ruleset.rules]
    assert isinstance(condition, Comparison)
    assert condition.constants == constants


def test_every_deviation_is_needed() -> None:
    different = [(case["name"], None) for number, case in enumerate(_CASES) if _both(number)[0] != _both(number)[1]]
    assert idle(_DATA, different) == []
