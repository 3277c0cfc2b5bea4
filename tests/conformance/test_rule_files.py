"""`rule_files.json`: what becomes of rule files, up to the condition and the output that are made of each rule."""

import re
from functools import cache

import pytest

from rules.checker import CHECKER, Report
from rules.conditions import FieldOperand
from rules.errors import LoadResult, Problem
from rules.loader import load
from rules.output import Format, Placeholder, compile_format
from rules.parser import parse
from rules.reader import RuleFile
from rules.selection import Choice, Selection
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import read_json, tell
from tests.evaluators import as_text

_DATA = "rule_files.json"
_CASES = read_json(_DATA)

INSTEAD: dict[str, dict[str, object]] = {
    "list nested 2 levels in order": {"condition of r": "ka.verb in (z)"},
    "list nested mixed": {"condition of r": "ka.verb in (z)", "warnings": set()},
    "list loop": {"condition of r": "ka.verb in (a)"},
    "list name inside quoted string with spaces": {"warnings": {("LOAD_LIST_NAME_AS_TEXT", "rule:r")}},
    "list name equals field": {"warnings": {("LOAD_LIST_NAME_AS_TEXT", "rule:r")}},
}
"""What comes of rule files here in place of what comes of them there, part by part; all other parts are the same."""

Parts = dict[str, object]
"""What comes of rule files: of a load that fails its first error; else how many of what, and each rule's parts."""


@cache
def _loaded(number: int, *, is_selected: bool = True) -> LoadResult:
    """Load the files of a case, with its choice of rules or without."""
    case = _CASES[number]
    files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(case["files"])]
    choices = (
        Choice(entry["op"] == "enable", pattern=entry.get("rule"), tag=entry.get("tag"))
        for entry in case["options"].get("select", [])
        if is_selected
    )
    return load(files, Selection(tuple(choices)))


def _fails(number: int) -> list[str]:
    """Return the codes of the errors there."""
    expected = _CASES[number]["result"]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        return ["LOAD_ERR_VALIDATE"]
    return [code for one in expected["loads"] for code in one["errors"]]


def _there(number: int) -> Parts:
    expected, errors = _CASES[number]["result"], _fails(number)
    warned = {(warning["code"], warning["item"]) for one in expected["loads"] for warning in one["warnings"]}
    if errors:
        return {"error": errors[:1], "warnings": warned}
    parts: Parts = {
        "error": [],
        "warnings": warned,
        "enabled": expected["enabled"],
        "macros": len(expected["macros"]),
        "lists": len(expected["lists"]),
        "rules": set(expected["rules"]),
    }
    for name, rule in expected["rules"].items():
        info = rule["info"]
        parts |= {f"{part} of {name}": info[part] for part in ("description", "priority", "source", "tags", "enabled")}
        parts[f"output of {name}"] = _without_places(compile_format(as_text(rule["output_compiled"])))
        parts[f"fields of {name}"] = rule["output_fields"]
        parts[f"condition of {name}"] = rule["condition_compiled"]
    return parts


def _compiled(parts: Parts) -> Parts:
    """Return the same with conditions as this project reads them."""
    return {
        part: _without_places(CHECKER.check(parse(as_text(str(said))), Report()))
        if part.startswith("condition of ")
        else said
        for part, said in parts.items()
    }


def _here(number: int) -> Parts:
    result = _loaded(number)
    warns = {_told(problem) for problem in result.warnings}
    if _fails(number) or result.ruleset is None:
        # What the reference warned of before it stopped is warned of here too; it may be more here.
        warned = _there(number)["warnings"]
        assert isinstance(warned, set)
        return {"error": [problem.code.value for problem in result.errors][:1], "warnings": warns & warned}
    rules = result.ruleset.by_name
    parts: Parts = {
        "error": [],
        "warnings": warns,
        "enabled": sum(rule.is_enabled for rule in rules.values()),
        "macros": result.macros,
        "lists": result.lists,
        "rules": set(rules),
    }
    unselected = _loaded(number, is_selected=False).ruleset
    assert unselected is not None
    for name, rule in rules.items():
        parts |= {
            f"description of {name}": rule.description,
            f"priority of {name}": str(rule.priority),
            f"source of {name}": rule.source,
            f"tags of {name}": list(rule.tags),
            # The reference tells what the files say, without the choice of rules.
            f"enabled of {name}": unselected.by_name[name].is_enabled,
            f"output of {name}": _without_places(rule.output),
            f"fields of {name}": _fields(rule.output),
            f"condition of {name}": _without_places(rule.condition),
        }
    return parts


def _fields(output: Format) -> list[str]:
    """Return what a format shows as the reference counts it: of a transformer's call the fields in it, then itself."""
    fields = []
    for piece in output:
        if isinstance(piece, Placeholder):
            inner = [] if isinstance(piece.operand, FieldOperand) else [one.field.name for one in piece.fields]
            fields += [*inner, piece.name]
    return fields


def _told(problem: Problem) -> tuple[str, str]:
    """Return a warning as the data names it: `rule r` is `rule:r`."""
    return problem.code.value, problem.item.replace(" ", ":", 1)


def _without_places(made: object) -> str:
    return re.sub(r", at=\d+| at 0x[0-9a-f]+", "", repr(made))


@cache
def _different(number: int) -> list[str]:
    """Return the parts that differ."""
    here, there = _here(number), _compiled(_there(number))
    return [part for part in {**here, **there} if here.get(part) != there.get(part)]


@pytest.mark.parametrize("number", [pytest.param(number, id=case["name"]) for number, case in enumerate(_CASES)])
def test_rule_files_load_as_in_the_reference(number: int, request: pytest.FixtureRequest) -> None:
    name = _CASES[number]["name"]
    assert [part for part in _different(number) if meant(_DATA, f"{name}: {part}") is None] == []
    assert _here(number) == _compiled({**_there(number), **INSTEAD.get(name, {})}), _loaded(number).to_text()
    tell(request, _DATA, 1, bool(_different(number)))


def test_every_deviation_is_needed() -> None:
    different = [(f"{case['name']}: {part}", None) for number, case in enumerate(_CASES) for part in _different(number)]
    assert idle(_DATA, different) == []
