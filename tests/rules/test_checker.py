"""Fields, operators and constants held against each other."""

from collections.abc import Callable

import pytest

from rules.conditions import Comparison
from rules.errors import LoadResult
from tests.evaluators import condition_of
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]


_FIT_TEXTS = (
    "it can by =, ==, !=, <, <=, >, >=, contains, icontains, startswith, endswith, glob, iglob, regex, in, intersects, "
    "pmatch, exists"
)


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("ka.usr.name = a", "there is no field 'ka.usr.name'", "did you mean 'ka.user.name'?"),
        ("proc.name = a", "there is no field 'proc.name'", "`auditstream rules fields` lists all fields"),
        ("ka.verb[0] = a", "ka.verb takes no argument", "The verb: create, get, patch, deletecollection, ..."),
        ("ka.uri.param = a", "ka.uri.param needs an argument: ka.uri.param[...]",
         "A parameter of the URI's query: the first of that name, decoded."),
        ("ka.uri.param['a]b'] = a", "the argument of ka.uri.param cannot hold ']'",
         "A parameter of the URI's query: the first of that name, decoded."),
        ("ka.user.groups = a", "ka.user.groups is a list and cannot be compared by '='",
         "write ka.user.groups intersects (...) for any of it, or in (...) for all of it"),
        ("ka.req.pod.containers.image[0] startswith a",
         "ka.req.pod.containers.image[0] is a list and cannot be compared by 'startswith'",
         "write ka.req.pod.containers.image[0] intersects (...) for any of it, or in (...) for all of it"),
        (f"ka.verb = {'é' * 128}", "a value has 256 bytes, more than the 255 that a value may have",
         "compare with a part of it by 'startswith' or 'contains'"),
        ("ka.verb bcontains 6372", "ka.verb is a string and cannot be compared by 'bcontains'", _FIT_TEXTS),
        ("evt.num contains 5", "evt.num is a number and cannot be compared by 'contains'",
         "it can by =, ==, !=, <, <=, >, >=, in, intersects, exists"),
        ("evt.is_async > 5", "evt.is_async is a boolean and cannot be compared by '>'",
         "it can by =, ==, !=, in, intersects, exists"),
        ("ka.user.groups == anyof (a)", "ka.user.groups is a list and cannot be compared by '=='",
         "write ka.user.groups intersects (...) for any of it, or in (...) for all of it"),
        ("tolower(ka.user.groups) = a", "tolower(...) is a list and cannot be compared by '='",
         "write tolower(...) intersects (...) for any of it, or in (...) for all of it"),
        ("evt.num > 1.5", "'1.5' is no whole number", "write decimal digits only"),
        ("evt.num = 0x1", "'0x1' is no whole number", "write decimal digits only"),
        ("evt.is_async = 0", "'0' is neither true nor false", "write true or false"),
        ("ka.verb regex '('", "the regex pattern cannot be used: missing ): (",
         "patterns are RE2's, in its POSIX syntax"),
        ("ka.verb regex anyof ('a', '[')", "the regex pattern cannot be used: missing ]: [",
         "patterns are RE2's, in its POSIX syntax"),
        ("ka.verb regex val(ka.uri)", "'regex' compares with constants only, not with ka.uri",
         "write the value itself"),
        ("ka.verb pmatch tolower(ka.uri)", "'pmatch' compares with constants only, not with tolower(...)",
         "write the value itself"),
        ("evt.num = val(evt.rawtime)", "evt.num is a number and evt.rawtime is an absolute time",
         "both sides have to be of one kind"),
        ("ka.verb in val(ka.user.groups)", "ka.verb is a string and ka.user.groups is a list of strings",
         "both sides have to be of one kind"),
        ("concat(ka.verb, 'a\\x00') = a", "a value holds a NUL character, which no field can", "leave it out"),
        (r"ka.verb = 'a\x00b'", "a value holds a NUL character, which no field can", "leave it out"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(load_text: LoadText, condition: str, message: str, hint: str) -> None:
    result = load_text(_rule(condition))
    assert [(problem.code.value, problem.message, problem.hint) for problem in result.errors] == [
        ("LOAD_ERR_COMPILE_CONDITION", message, hint)
    ]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("' 5'", 5),
        ("-1", 2**64 - 1),
        (str(2**64 - 1), 2**64 - 1),
        (str(2**64), 2**64 - 1),
        (str(1 - 2**64), 1),
        (str(-(2**64)), 2**64 - 1),
        ("-99999999999999999999", 2**64 - 1),
        ("99999999999999999999", 2**64 - 1),
    ],
)
def test_a_number_is_read_as_a_c_library_reads_one(written: str, number: int) -> None:
    comparison = condition_of(f"evt.num = {written}")
    assert isinstance(comparison, Comparison)
    assert comparison.constants == (number,)


def test_all_that_is_wrong_with_a_condition_is_told(load_text: LoadText) -> None:
    result = load_text(_rule("not (a.b = c or ka.user.groups = d) and (e.f exists and ka.verb exists)"))
    assert [(problem.message, problem.position and problem.position.column) for problem in result.errors] == [
        ("there is no field 'a.b'", 19),
        ("ka.user.groups is a list and cannot be compared by '='", 45),
        ("there is no field 'e.f'", 55),
    ]


def test_comparing_with_how_absence_is_shown_draws_a_warning(load_text: LoadText) -> None:
    result = load_text(
        _rule("ka.verb = <NA> or ka.verb in (a, <NA>) or json.value[/a] = <NA> or ka.verb contains <NA>")
    )
    assert result.ruleset is not None
    assert [(problem.code.value, problem.position and problem.position.column) for problem in result.warnings] == [
        ("LOAD_UNSAFE_NA_CHECK", 24),
        ("LOAD_UNSAFE_NA_CHECK", 47),
    ]
    assert result.warnings[0].hint == "write 'not FIELD exists'"


def test_a_mistake_in_a_macro_is_told_once_however_many_rules_use_it(load_text: LoadText) -> None:
    text = "- macro: m\n  condition: a.b = c\n" + _rule("m") + _rule("m and ka.verb exists").replace("r\n", "s\n", 1)
    assert [str(problem.position) for problem in load_text(text).errors] == ["0.yaml:2:14"]
