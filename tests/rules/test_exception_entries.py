"""Exceptions as a file has them: each wrong key and shape, in whole messages."""

from collections.abc import Callable

import pytest

from rules.errors import LoadResult
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]

_RULE = _rule()


@pytest.mark.parametrize(
    ("exceptions", "told"),
    [
        ("a", "'exceptions' must be a sequence of mappings"),
        ("[a]", "'exceptions' must hold mappings"),
        ("[{fields: ka.verb}]", "'name' is missing"),
        ("[{name: }]", "'name' is empty"),
        ("[{name: e, fields: {a: b}}]", "'fields' must be text"),
        ("[{name: e, fields: [[[[a]]]]}]", "'fields' holds something that is not text"),
        ("[{name: e, fields: ka.verb, values: a}]", "'values' must be a sequence"),
        ("[{name: e, fields: ka.verb, values: [a, ~]}]", "'values' holds something that is not text"),
        ("[{name: e, fields: ka.verb, values: [{a: b}]}]", "'values' holds something that is not text"),
    ],
)
def test_a_wrong_shape_is_told(load_text: LoadText, exceptions: str, told: str) -> None:
    result = load_text(f"{_RULE}  exceptions: {exceptions}\n")
    assert [(problem.code.value, problem.message) for problem in result.errors] == [("LOAD_ERR_YAML_VALIDATE", told)]


def test_a_key_that_no_exception_has_is_told(load_text: LoadText) -> None:
    result = load_text(f"{_RULE}  exceptions:\n    - name: e\n      fields: ka.verb\n      value: [a]\n")
    assert result.to_text() == (
        "warning: the key 'value' is unknown here and ignored [LOAD_UNKNOWN_KEY]\n"
        "  --> 0.yaml:10:7, in rule r, exception e\n"
        "   10 |       value: [a]\n"
        "      |       ^"
    )


def test_two_exceptions_of_one_name_are_told_and_both_kept(load_text: LoadText) -> None:
    exceptions = "[{name: e, fields: ka.verb, values: [a]}, {name: e, fields: ka.verb, values: [b]}]"
    result = load_text(f"{_RULE}  exceptions: {exceptions}\n")
    assert result.to_text() == (
        "warning: there are two exceptions 'e', both are kept [LOAD_EXCEPTION_NAME_NOT_UNIQUE]\n"
        "  --> 0.yaml:7:64, in rule r, exception e\n"
        f"    7 |   exceptions: {exceptions}\n"
        "      |                                                                ^\n"
        "  hint: name each differently; values that are appended go to the first of them"
    )
    assert result.ruleset is not None
    shown = repr(result.ruleset.rules[0].condition)
    assert "'a'" in shown
    assert "'b'" in shown


def test_an_append_without_values_is_told(load_text: LoadText) -> None:
    first = f"{_RULE}  exceptions: [{{name: e, fields: ka.verb}}]\n"
    change = "- rule: r\n  exceptions: [{name: e}]\n  override: {exceptions: append}\n"
    assert load_text(first + change).to_text() == (
        "warning: there are no values to append [LOAD_APPEND_NO_VALUES]\n"
        "  --> 0.yaml:9:16, in rule r, exception e\n"
        "    9 |   exceptions: [{name: e}]\n"
        "      |                ^\n"
        "  hint: add values: [...]"
    )


@pytest.mark.parametrize("nothing", ["", " ~", " []"])
def test_no_exceptions_are_fine(load_text: LoadText, nothing: str) -> None:
    assert list(load_text(f"{_RULE}  exceptions:{nothing}\n").problems) == []
