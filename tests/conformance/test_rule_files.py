"""`rule_files.json`: what becomes of rule files: lists, macros and rules, as written and as compiled."""

import re
from functools import cache

import pytest

from rules.checker import CHECKER, Report
from rules.collector import Definitions, collect
from rules.conditions import FieldOperand
from rules.errors import LoadResult, Problem
from rules.loader import load
from rules.nodes import Check
from rules.output import Format, Placeholder, compile_format
from rules.parser import parse
from rules.reader import RuleFile, read
from rules.resolver import Resolver
from rules.selection import Choice, Selection
from rules.text import Sources
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import read_json, tell
from tests.evaluators import as_text

_DATA = "rule_files.json"
_CASES = read_json(_DATA)

INSTEAD: dict[str, dict[str, object]] = {
    "list nested 2 levels in order": {"items of list a": ["z"], "compiled condition of r": "ka.verb in (z)"},
    "list nested reverse order": {"items of list a": ["z"], "items of list b": ["z"]},
    "list nested mixed": {
        "items of list a": ["z"],
        "items of list b": ["z"],
        "use of list c": True,
        "warnings": set(),
        "compiled condition of r": "ka.verb in (z)",
    },
    "list loop": {"items of list a": ["a"], "compiled condition of r": "ka.verb in (a)"},
    "list name inside quoted string with spaces": {"warnings": {("LOAD_LIST_NAME_AS_TEXT", "rule:r")}},
    "list name equals field": {"warnings": {("LOAD_LIST_NAME_AS_TEXT", "rule:r")}},
}
"""What comes of rule files here in place of what comes of them there, part by part; all other parts are the same."""

Parts = dict[str, object]
"""What comes of rule files: of a load that fails its first error; else each list's, macro's and rule's parts."""


def _files(number: int) -> list[RuleFile]:
    return [RuleFile(f"f{index}.yaml", text.encode()) for index, text in enumerate(_CASES[number]["files"])]


@cache
def _loaded(number: int, *, is_selected: bool = True) -> LoadResult:
    """Load the files of a case, with its choice of rules or without."""
    choices = (
        Choice(entry["op"] == "enable", pattern=entry.get("rule"), tag=entry.get("tag"))
        for entry in _CASES[number]["options"].get("select", [])
        if is_selected
    )
    return load(_files(number), Selection(tuple(choices)))


def _definitions(number: int) -> Definitions:
    """Return what the files of a case define, by the phases that a load begins with."""
    sources = Sources()
    problems: list[Problem] = []
    return collect([read(file, sources, problems) for file in _files(number)], sources, problems).definitions


def _fails(number: int) -> list[str]:
    """Return the codes of the errors there."""
    expected = _CASES[number]["result"]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        return ["LOAD_ERR_VALIDATE"]
    return [code for one in expected["loads"] for code in one["errors"]]


def _there(number: int) -> Parts:
    expected, errors = _CASES[number]["result"], _fails(number)
    warned = {(warning["code"], warning["item"]) for one in expected["loads"] for warning in one["warnings"]}
    assert (expected["rc"] == 0) is all(one["successful"] for one in expected["loads"])
    if errors:
        return {"is loaded": False, "error": errors[:1], "warnings": warned}
    parts: Parts = {
        "is loaded": expected["rc"] == 0,
        "error": [],
        "warnings": warned,
        "files": [one["name"] for one in expected["loads"]],
        "enabled": expected["enabled"],
        "macros": set(expected["macros"]),
        "lists": set(expected["lists"]),
        "rules": set(expected["rules"]),
    }
    for name, one in expected["lists"].items():
        parts |= {f"items of list {name}": one["items_compiled"], f"use of list {name}": one["used"]}
    for name, macro in expected["macros"].items():
        parts |= {f"tree of macro {name}": macro["condition_compiled"], f"use of macro {name}": macro["used"]}
    for name, rule in expected["rules"].items():
        info = rule["info"]
        parts |= {f"{part} of {name}": info[part] for part in _INFO}
        parts[f"exception fields of {name}"] = rule["exception_fields"]
        parts[f"compiled output of {name}"] = _without_places(compile_format(as_text(rule["output_compiled"])))
        parts[f"fields of {name}"] = rule["output_fields"]
        parts[f"compiled condition of {name}"] = rule["condition_compiled"]
    return parts


_INFO = ("name", "description", "condition", "output", "priority", "source", "tags", "enabled")
"""What the reference tells of a rule as it is written, but for captures."""


def _compiled(parts: Parts) -> Parts:
    """Return the same with conditions as this project reads them."""
    return {part: _read(part, said) for part, said in parts.items()}


def _read(part: str, said: object) -> object:
    if part.startswith("compiled condition of "):
        return _without_places(CHECKER.check(parse(as_text(str(said))), Report()))
    return _without_places(parse(as_text(str(said)))) if part.startswith("tree of macro ") else said


def _here(number: int) -> Parts:
    result = _loaded(number)
    warns = {_told(problem) for problem in result.warnings}
    if _fails(number) or result.ruleset is None:
        # What the reference warned of before it stopped is warned of here too; it may be more here.
        warned = _there(number)["warnings"]
        assert isinstance(warned, set)
        first = [problem.code.value for problem in result.errors][:1]
        return {"is loaded": result.ruleset is not None, "error": first, "warnings": warns & warned}
    rules = result.ruleset.by_name
    definitions = _definitions(number)
    parts: Parts = {
        "is loaded": True,
        "error": [],
        "warnings": warns,
        "files": list(result.files),
        "enabled": sum(rule.is_enabled for rule in rules.values()),
        "macros": set(definitions.macros),
        "lists": set(definitions.lists),
        "rules": set(rules),
    }
    assert (result.macros, result.lists) == (len(definitions.macros), len(definitions.lists))
    parts |= _resolved(definitions, warns)
    unselected = _loaded(number, is_selected=False).ruleset
    assert unselected is not None
    for name, rule in rules.items():
        item = definitions.rules[name].item
        excepting = [exception for exception in item.exceptions if exception.values]
        fields = {field.value for exception in excepting for field in exception.fields}
        parts |= {
            f"name of {name}": rule.name,
            f"description of {name}": rule.description,
            f"condition of {name}": item.condition.value,
            f"output of {name}": item.output.value,
            f"priority of {name}": str(rule.priority),
            f"source of {name}": rule.source,
            f"tags of {name}": list(rule.tags),
            # The reference tells what the files say, without the choice of rules.
            f"enabled of {name}": unselected.by_name[name].is_enabled,
            f"exception fields of {name}": sorted(fields),
            f"compiled output of {name}": _without_places(rule.output),
            f"fields of {name}": _fields(rule.output),
            f"compiled condition of {name}": _without_places(rule.condition),
        }
    return parts


def _resolved(definitions: Definitions, warns: set[tuple[str, str]]) -> Parts:
    """Return what lists and macros stand for, and whether anything uses them."""
    resolver = Resolver(definitions)
    parts: Parts = {}
    for name in definitions.lists:
        check = resolver.resolve(as_text(f"a.b in ({name})")).node
        assert isinstance(check, Check)
        assert isinstance(check.right, tuple)
        parts[f"items of list {name}"] = [literal.value for literal in check.right]
        parts[f"use of list {name}"] = ("LOAD_UNUSED_LIST", f"list:{name}") not in warns
    for name, macro in definitions.macros.items():
        parts[f"tree of macro {name}"] = _without_places(resolver.resolve(macro.item.condition).node)
        parts[f"use of macro {name}"] = ("LOAD_UNUSED_MACRO", f"macro:{name}") not in warns
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


def test_all_that_is_told_of_rule_files_is_compared() -> None:
    """But for captures, which no case has."""
    results = [case["result"] for case in _CASES]
    rules = [rule for result in results for rule in result.get("rules", {}).values()]
    info = [rule["info"] for rule in rules]
    assert frozenset().union(*results) == {
        *("rc", "loads", "plugin_requirements", "enabled", "lists", "macros", "rules"),
    }
    assert frozenset().union(*rules) == {
        *("info", "condition_compiled", "exception_fields", "output_compiled", "output_fields"),
    }
    assert frozenset().union(*info) == {*_INFO, "capture", "capture_duration"}
    assert {(one["capture"], one["capture_duration"]) for one in info} == {(False, 0)}


def test_every_deviation_is_needed() -> None:
    different = [(f"{case['name']}: {part}", None) for number, case in enumerate(_CASES) for part in _different(number)]
    assert idle(_DATA, different) == []
