"""Rules compiled: what is left out, what is refused, and that each file must be right with those before it."""

import inspect
import sys
from collections.abc import Callable, Iterator

import pytest

from rules.errors import LoadResult
from rules.ruleset import Ruleset
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]
MakeRuleset = Callable[..., Ruleset]

_MEND = "a later file cannot mend it: every file must be right with those before it"
_THERE = "every file must be complete with those before it: define the macro there"


def _codes(result: LoadResult) -> list[str]:
    return [problem.code.value for problem in result.problems]


_SKIP = "  skip-if-unknown-filter: true\n"


def test_a_rule_may_ask_to_be_left_out_where_a_field_is_not_there(load_text: LoadText) -> None:
    result = load_text(_rule("ka.verb = get and ka.usr.name = x", extra=_SKIP) + _rule(name="s"))
    assert result.to_text() == (
        "warning: there is no field 'ka.usr.name': this rule is left out [LOAD_UNKNOWN_FILTER]\n"
        "  --> 0.yaml:3:32, in rule r\n"
        "    3 |   condition: ka.verb = get and ka.usr.name = x\n"
        "      |                                ^\n"
        "  hint: did you mean 'ka.user.name'?"
    )
    assert result.ruleset is not None
    assert [rule.name for rule in result.ruleset.rules] == ["s"]


@pytest.mark.parametrize(
    ("rule", "codes"),
    [
        (_rule(output="%nosuch.f", extra=_SKIP), ["LOAD_UNKNOWN_FILTER"]),
        (_rule("nosuch.f = 1 and ka.user.groups = x", extra=_SKIP), ["LOAD_UNKNOWN_FILTER"]),
        (_rule("nosuch.f = 1", "%nosuch.f", extra=_SKIP), ["LOAD_UNKNOWN_FILTER"]),
        (_rule("evt.num[1] = 1", extra=_SKIP), ["LOAD_UNKNOWN_FILTER"]),
        (_rule("ka.verb[1] = 1", extra=_SKIP), ["LOAD_ERR_COMPILE_CONDITION"]),
        (_rule("ka.user.groups = x", extra=_SKIP), ["LOAD_ERR_COMPILE_CONDITION"]),
        (_rule("ka.uri.param exists", extra=_SKIP), ["LOAD_ERR_COMPILE_CONDITION"]),
        (_rule("nosuch.f =", extra=_SKIP), ["LOAD_ERR_COMPILE_CONDITION"]),
        (_rule("nosuch", extra=_SKIP), ["LOAD_ERR_VALIDATE"]),
        (_rule(output="%(x)", extra=_SKIP), ["LOAD_ERR_COMPILE_OUTPUT"]),
        (_rule("nosuch.f = 1", "100%", extra=_SKIP), ["LOAD_ERR_COMPILE_OUTPUT", "LOAD_ERR_COMPILE_CONDITION"]),
        (_rule("nosuch.f = 1", extra=_SKIP.replace("true", "false")), ["LOAD_ERR_COMPILE_CONDITION"]),
        (_rule(extra=f"{_SKIP}  exceptions: [{{name: e, fields: no.such}}]\n"), ["LOAD_ERR_VALIDATE"]),
    ],
)
def test_nothing_else_is_forgiven(load_text: LoadText, rule: str, codes: list[str]) -> None:
    assert _codes(load_text(rule)) == codes


def test_it_can_be_asked_for_by_an_override(load_text: LoadText) -> None:
    change = f"- rule: r\n{_SKIP}  override: {{skip-if-unknown-filter: replace}}\n"
    assert _codes(load_text(_rule("nosuch.f = 1") + change)) == ["LOAD_UNKNOWN_FILTER"]


@pytest.mark.parametrize(
    ("field", "message", "column"),
    [
        ("ka.usr.name", "there is no field 'ka.usr.name'", 15),
        ("ka.uri.param", "ka.uri.param needs an argument: ka.uri.param[...]", 15),
        ("ka.verb = a or ka.uri", "'ka.verb = a or ka.uri' is no field", 15),
        ("(ka.verb", "'(ka.verb' is no field", 15),
        ("username", "'username' is no field", 15),
    ],
)
def test_the_fields_of_exceptions_are_held_against_those_there_are(
    load_text: LoadText, field: str, message: str, column: int
) -> None:
    result = load_text(_rule(extra=f"  exceptions:\n    - name: e\n      fields: {field}\n      values: [a, (]\n"))
    (problem,) = result.errors
    assert (problem.code.value, problem.message, problem.item, problem.part) == (
        "LOAD_ERR_VALIDATE",
        message,
        "rule r",
        "exception e",
    )
    assert problem.position is not None
    assert (problem.position.line, problem.position.column) == (9, column)


def test_a_problem_of_an_exception_is_pointed_at_in_its_own_line(load_text: LoadText) -> None:
    lists = "- list: odd\n  items: ['x=y']\n"
    exceptions = "  exceptions:\n    - name: e\n      fields: ka.verb\n      values:\n        - a\n        - odd\n"
    more = "    - name: f\n      fields: [ka.user.groups]\n      values:\n        - [b]\n        - [<NA>]\n"
    assert load_text(lists + _rule("ka.user.name = <NA>", extra=exceptions + more)).to_text() == (
        "error: expected ',' or ')' in the list, found '=' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:2:13, in list odd, used by rule r, exception e\n"
        "    2 |   items: ['x=y']\n"
        "      |             ^\n"
        '  hint: values with blanks go between double quotes: "a b"\n\n'
        "error: ka.user.groups is a list and cannot be compared by '=' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:16:16, in rule r, exception f\n"
        "   16 |       fields: [ka.user.groups]\n"
        "      |                ^\n"
        "  hint: write ka.user.groups intersects (...) for any of it, or in (...) for all of it\n\n"
        "warning: an absent value never equals '<NA>', which is only how it is shown [LOAD_UNSAFE_NA_CHECK]\n"
        "  --> 0.yaml:5:29, in rule r, condition\n"
        "    5 |   condition: ka.user.name = <NA>\n"
        "      |                             ^\n"
        "  hint: write 'not FIELD exists'"
    )


def test_an_exception_cannot_close_what_the_condition_opened(load_text: LoadText) -> None:
    result = load_text(_rule("(ka.verb = get", extra="  exceptions: [{name: e, fields: ka.verb, values: [a]}]\n"))
    assert [problem.message for problem in result.errors] == [
        "expected 'and', 'or' or ')', found the end of the condition"
    ]


_MACRO = "- macro: m\n  condition: ka.verb = get\n"


def test_a_rule_may_use_a_macro_that_its_own_file_defines_later(load_text: LoadText) -> None:
    assert _codes(load_text(_rule("m") + _MACRO)) == []


def test_a_rule_may_use_no_macro_that_only_a_later_file_defines(load_text: LoadText) -> None:
    assert load_text(_rule("m"), _MACRO).to_text() == (
        "error: the macro 'm' is defined in a later file only [LOAD_ERR_VALIDATE]\n"
        "  --> 0.yaml:3:14, in rule r, condition\n"
        "    3 |   condition: m\n"
        "      |              ^\n"
        "  hint: every file must be complete with those before it: define the macro there"
    )


_BROKEN = _rule("nosuch.f = 1")
_REDEFINED = _rule()
_GOOD_LIST = "- list: l\n  items: [x]\n"
_CHANGED = "- rule: r\n  condition: ka.verb = a\n  override: {condition: replace}\n"


@pytest.mark.parametrize(
    ("files", "message", "file"),
    [
        ((_BROKEN, _REDEFINED), "there is no field 'nosuch.f'", "0.yaml"),
        ((_BROKEN, _CHANGED), "there is no field 'nosuch.f'", "0.yaml"),
        ((_BROKEN, f"- rule: r\n{_SKIP}  override: {{skip-if-unknown-filter: replace}}\n"),
         "there is no field 'nosuch.f'", "0.yaml"),
        ((_rule(), _BROKEN, _REDEFINED), "there is no field 'nosuch.f'", "1.yaml"),
        (("- macro: m\n  condition: ka.verb =\n", _MACRO + _rule("m")),
         "expected a value after '=', found the end of the condition", "0.yaml"),
        (("- macro: m\n  condition: n\n", _MACRO + _rule("m")), "there is no macro 'n'", "0.yaml"),
        ((_rule(extra="  exceptions: [{name: e, fields: [ka.verb], values: [a]}]\n"),
          "- rule: r\n  exceptions: []\n  override: {exceptions: replace}\n"),
         "expected a list of 1 value, one for each field", "0.yaml"),
        (("- list: l\n  items: ['x=y']\n" + _rule("ka.verb in (l)"), _GOOD_LIST),
         "expected ',' or ')' in the list, found '='", "0.yaml"),
        (("- list: l\n  items: ['x=y']\n- list: k\n  items: [l]\n", _rule("ka.verb in (k)"), _GOOD_LIST),
         "expected ',' or ')' in the list, found '='", "0.yaml"),
        (("- list: l\n  items: ['x=y']\n- macro: m\n  condition: ka.verb in (l)\n" + _rule("m"), _GOOD_LIST),
         "expected ',' or ')' in the list, found '='", "0.yaml"),
        (("- list: l\n  items: ['x=y']\n"
          + _rule(extra="  exceptions: [{name: e, fields: [ka.verb], comps: [in], values: [[[l]]]}]\n"), _GOOD_LIST),
         "expected ',' or ')' in the list, found '='", "0.yaml"),
        ((_rule("ka.verb in (b c)"), "- list: b c\n  items: [x]\n"),
         "expected ',' or ')' in the list, found 'c'", "0.yaml"),
        (("- list: b c\n  items: [x]\n" + _rule("ka.verb in (b c)") + _rule("ka.uri in (d e)", name="s"),
          "- list: d e\n  items: [y]\n"), "expected ',' or ')' in the list, found 'e'", "0.yaml"),
        (("- macro: m\n  condition: nosuch.f = 1\n" + _rule("m"), _MACRO), "there is no field 'nosuch.f'", "0.yaml"),
        (("- macro: m\n  condition: nosuch.f = 1\n- macro: n\n  condition: not m\n", _rule("n"), _MACRO),
         "there is no field 'nosuch.f'", "0.yaml"),
        ((f"- list: l\n  items: [{', '.join('x' * 1001)}]\n",
          f"- list: k\n  items: [{', '.join('l' * 1000)}]\n", _GOOD_LIST),
         "the list 'l' grows beyond 1,000,000 items with its lists put in", "0.yaml"),
    ],
)  # fmt: skip
def test_what_a_file_leaves_wrong_no_later_one_can_mend(
    load_text: LoadText, files: tuple[str, ...], message: str, file: str
) -> None:
    result = load_text(*files)
    (problem,) = result.errors
    assert problem.message == message
    assert problem.hint.endswith(_MEND)
    assert problem.position is not None
    assert problem.position.file == file


def test_what_to_do_about_a_mistake_is_told_also_where_a_later_file_seems_to_mend_it(load_text: LoadText) -> None:
    errors = load_text(_rule("ka.vreb = a"), _rule("ka.usr.name = a"), _REDEFINED).errors
    assert sorted(problem.hint for problem in errors) == [
        f"did you mean 'ka.user.name'?; {_MEND}",
        f"did you mean 'ka.verb'?; {_MEND}",
    ]


@pytest.mark.parametrize(
    ("files", "macro"),
    [
        ((_rule("m"), _MACRO + _CHANGED), "m"),
        (("- macro: m\n  condition: n\n", f"- macro: n\n  condition: ka.verb exists\n{_MACRO}{_rule('m and n')}"), "n"),
        ((_rule("m"), "- list: l\n  items: [a]\n", _MACRO), "m"),
        (("- list: l\n  items: [m]\n" + _rule("l"), _MACRO), "m"),
    ],
)  # fmt: skip
def test_a_macro_that_an_earlier_file_lacks_is_told_so(load_text: LoadText, files: tuple[str, ...], macro: str) -> None:
    assert [(problem.message, problem.hint) for problem in load_text(*files).errors] == [
        (f"the macro '{macro}' is defined in a later file only", _THERE)
    ]


def test_what_is_wrong_in_the_end_too_is_told_once(load_text: LoadText) -> None:
    result = load_text("- macro: m\n  condition: n\n", "- macro: n\n  condition: ka.verb exists\n" + _rule("m and n"))
    assert [problem.message for problem in result.errors] == [
        "the macro 'n' is defined later than the one that uses it"
    ]


@pytest.mark.parametrize(
    "files",
    [
        (_BROKEN + _REDEFINED,),
        ("- macro: m\n  condition: ka.verb =\n" + _MACRO + _rule("m"),),
        (_MACRO + _rule("m"), "- macro: m\n  condition: or ka.verb = a\n  override: {condition: append}\n"),
        (_rule(), "- rule: r\n  enabled: false\n  override: {enabled: replace}\n"),
        (_rule(extra="  exceptions: [{name: e, fields: ka.verb}]\n"),
         "- rule: r\n  exceptions: [{name: e, values: [a]}]\n  override: {exceptions: append}\n"),
        ("- rule: r\n  desc: d\n  condition: proc.name = a\n  output: o\n  priority: debug\n",
         "- rule: r\n  condition: proc.name = b\n  override: {condition: replace}\n" + _rule(name="s")),
    ],
)  # fmt: skip
def test_what_is_right_at_the_end_of_each_file_is_right(load_text: LoadText, files: tuple[str, ...]) -> None:
    assert load_text(*files).errors == []


def test_what_is_warned_of_an_earlier_file_no_longer_counts_once_a_later_one_mends_it(load_text: LoadText) -> None:
    assert _codes(load_text(_rule("ka.verb = <NA>"))) == ["LOAD_UNSAFE_NA_CHECK"]
    assert _codes(load_text(_rule("ka.verb = <NA>"), _CHANGED)) == []
    assert _codes(load_text("- list: l\n  items: [<NA>]\n" + _rule("ka.verb in (l)"), _GOOD_LIST)) == []


def test_what_a_broken_macro_spoils_is_told_once(load_text: LoadText) -> None:
    broken = "- macro: m\n  condition: ka.verb =\n- macro: n\n  condition: m\n"
    result = load_text(broken + _rule("n"), _rule("ka.verb exists") + "- macro: n\n  condition: ka.verb exists\n")
    assert [problem.item for problem in result.errors] == ["macro m"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_rule().replace("debug", "WARN") + "- rule: r\n  output: o\n  override: {output: append}\n",
         "'WARN' is no priority"),
        ("- macro: m\n  condition:\n- macro: n\n  condition: m\n" + _rule("m and n"), "'condition' is empty"),
        ("- list: l\n  items: [~]\n- list: l\n  items: [b]\n  override: {items: append}\n",
         "'items' holds something that is not text"),
        (_GOOD_LIST + _MACRO + _rule("m and ka.verb in (l)").replace("debug", "WARN"), "'WARN' is no priority"),
    ],
)  # fmt: skip
def test_what_needs_an_item_that_cannot_be_read_is_not_told_to_lack_it(
    load_text: LoadText, text: str, message: str
) -> None:
    assert [problem.message for problem in load_text(text).problems] == [message]


def test_all_that_is_wrong_with_an_output_is_told_at_once(load_text: LoadText) -> None:
    result = load_text(_rule(output="100% of %proc.name by %ka.verb %toupper(evt.num)"))
    assert [(problem.code.value, problem.message) for problem in result.problems] == [
        ("LOAD_ERR_COMPILE_OUTPUT", "no field follows this '%'"),
        ("LOAD_ERR_COMPILE_OUTPUT", "there is no field 'proc.name'"),
        ("LOAD_ERR_COMPILE_OUTPUT", "toupper takes a text or a list of texts, not a number"),
    ]


_DEEP = "(ka.verb = a and (" * 40 + "ka.verb = b" + "))" * 40
_TOO_DEEP = "the condition nests too deeply with its macros put in"


@pytest.fixture
def shallow_stack() -> Iterator[None]:
    """Leave so little of Python's stack that what is nested deeply does not fit, and what is not does."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 160)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize(
    "files",
    [
        (_rule(_DEEP),),
        (f"- macro: m\n  condition: {_DEEP}\n" + _rule("m"),),
        (f"- macro: m\n  condition: {_DEEP}\n", "- macro: m\n  condition: ka.verb exists\n" + _rule("m")),
    ],
    ids=["rule", "macro", "macro of an earlier file"],
)
def test_what_does_not_fit_on_the_stack_is_told(load_text: LoadText, files: tuple[str, ...]) -> None:
    assert [problem.message for problem in load_text(*files).errors] == [_TOO_DEEP]
