"""What is told of comparisons that are right and hardly meant."""

from collections.abc import Callable

import pytest

from rules.checker import CHECKER, Report
from rules.errors import LoadResult
from rules.parser import parse
from tests.evaluators import as_text

LoadText = Callable[..., LoadResult]


def _told(condition: str) -> list[tuple[str, str]]:
    report = Report()
    CHECKER.check(parse(as_text(condition)), report)
    assert report.errors == []
    return [(advice.code.value, advice.message) for advice in report.advice]


def _plain(pattern: str) -> tuple[str, str]:
    return (
        "LOAD_COMPILE_CONDITION",
        f"the regular expression '{pattern}' says no more than a simpler operator could",
    )


@pytest.mark.parametrize("pattern", ["create", "^create$", ".*create.+", "c.*", "^.?a.*$", "", "^", "$", ".*"])
def test_a_regular_expression_that_needs_none_is_told(pattern: str) -> None:
    assert _told(f"ka.verb regex '{pattern}'") == [_plain(pattern)]


@pytest.mark.parametrize("pattern", ["a|b", "a.b", "[ab]", "a*", "a+?", "(a)", "^a^", r"a\\.b", "..", "a{2}"])
def test_one_that_is_needed_is_not(pattern: str) -> None:
    assert _told(f"ka.verb regex '{pattern}'") == []


def test_each_constant_of_a_list_is_looked_at() -> None:
    assert _told("ka.verb regex anyof ('a', 'a|b', 'b')") == [_plain("a"), _plain("b")]


@pytest.mark.parametrize("text", ["ka.verb", "evt.source", "ka.uri.param[a]", "' ka.verb '", "jevt.value[/a]"])
def test_a_field_compared_as_text_is_told(text: str) -> None:
    name = text.strip("' ")
    assert _told(f"ka.user.name = {text}") == [
        ("LOAD_COMPILE_CONDITION", f"'{name}' is compared as text, not as the field of that name")
    ]


@pytest.mark.parametrize(
    "text", ["ka.verbs", "ka.verb[0]", "ka.uri.param", "ka.uri.param[", "a.b", "create", "ka.verb:"]
)
def test_other_text_is_not(text: str) -> None:
    assert _told(f"ka.user.name in ({text})") == []


@pytest.mark.parametrize("text", ["tolower(ka.verb)", "len( x )", "val(ka.verb)"])
def test_a_transformer_compared_as_text_is_told(text: str) -> None:
    assert _told(f"ka.verb = '{text}'") == [
        ("LOAD_COMPILE_CONDITION", f"'{text}' is compared as text, not as the transformer of that name")
    ]
    assert _told(f"ka.verb = 'x{text}'") == []


def test_how_it_is_told(load_text: LoadText) -> None:
    text = "- rule: r\n  desc: d\n  condition: ka.verb = ka.uri\n  output: o\n  priority: debug\n  source: k8s_audit\n"
    assert load_text(text).to_text() == (
        "warning: 'ka.uri' is compared as text, not as the field of that name [LOAD_COMPILE_CONDITION]\n"
        "  --> 0.yaml:3:24, in rule r, condition\n"
        "    3 |   condition: ka.verb = ka.uri\n"
        "      |                        ^\n"
        "  hint: write val(ka.uri) for the field's value"
    )


@pytest.mark.parametrize(
    "comparison", ["= <NA>", "== <NA>", "!= <NA>", "in (a, <NA>)", "intersects (<NA>)", "pmatch (<NA>)"]
)
def test_an_absent_value_is_equal_to_nothing(comparison: str) -> None:
    assert [code for code, _ in _told(f"ka.verb {comparison}")] == ["LOAD_UNSAFE_NA_CHECK"]


@pytest.mark.parametrize("comparison", ["= anyof (<NA>)", "contains <NA>", "= '<NA> '"])
def test_where_falco_does_not_tell_it_it_is_not_told(comparison: str) -> None:
    assert _told(f"ka.verb {comparison}") == []
