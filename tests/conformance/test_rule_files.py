"""`rule_files.json`: which rule files load, with which errors and warnings."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from rules.errors import LoadResult
from rules.loader import load
from rules.reader import RuleFile
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import read_json, tell

_DATA = "rule_files.json"

# Rule files that need what is not there yet, by what they need.
NOT_YET = {
    "exceptions": re.compile(r"^exc(?! null$)|^two exceptions$"),
    "skip-if-unknown-filter": re.compile(r"^unknown field skip$"),
    "container.info": re.compile(r"^deprecated output$"),
    "duplicate alternatives": re.compile(r"^plugin dup alt$"),
    "names that no condition can hold": re.compile(r"^(macro|list) name invalid$"),
    "selection by pattern": re.compile(r"^select (?!wildcard suffix|trailing)"),
}


def _cases() -> Iterator[Any]:
    for number, case in enumerate(read_json(_DATA)):
        late = _what_is_late(case)
        marks = [pytest.mark.xfail(reason=f"not there yet: {late[0]}", strict=True)] if late else []
        yield pytest.param(number, id=case["name"], marks=marks)


def _what_is_late(case: Any) -> list[str]:
    return [what for what, names in NOT_YET.items() if names.search(case["name"])]


@cache
def _loaded(number: int) -> LoadResult:
    texts = read_json(_DATA)[number]["files"]
    return load([RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(texts)])


@cache
def _both(number: int) -> tuple[object, object]:
    """Return what comes of rule files here and there: the first error, else the warnings and what is enabled."""
    expected, result = read_json(_DATA)[number]["result"], _loaded(number)
    errors = [code for one in expected["loads"] for code in one["errors"]]
    if not expected.get("plugin_requirements", {"ok": True})["ok"]:
        errors = ["LOAD_ERR_VALIDATE"]
    warnings = {warning["code"] for one in expected["loads"] for warning in one["warnings"]}
    there = errors[0] if errors else (warnings, expected["enabled"])
    if result.ruleset is None:
        return result.errors[0].code.value, there
    enabled = sum(rule.is_enabled for rule in result.ruleset.rules)
    return ({problem.code.value for problem in result.warnings}, enabled), there


@pytest.mark.parametrize("number", list(_cases()))
def test_rule_files_load_as_in_the_reference(number: int, request: pytest.FixtureRequest) -> None:
    here, there = _both(number)
    if meant(_DATA, read_json(_DATA)[number]["name"]) is None:
        assert here == there, _loaded(number).to_text()
    tell(request, _DATA, 1, here != there)


def test_of_lists_nested_three_deep_none_is_unused() -> None:
    (number,) = [number for number, case in enumerate(read_json(_DATA)) if case["name"] == "list nested mixed"]
    assert _loaded(number).problems == ()


def test_every_deviation_is_needed() -> None:
    different = [
        (case["name"], None)
        for number, case in enumerate(read_json(_DATA))
        if not _what_is_late(case) and _both(number)[0] != _both(number)[1]
    ]
    assert idle(_DATA, different) == []
