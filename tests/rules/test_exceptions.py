"""What exceptions mean: for which events the rule is silent, what is refused, and how values are put into words."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.document import Value
from rules.errors import LoadResult
from rules.event import Event
from rules.exceptions import compose
from rules.items import RuleException, ValueList
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from rules.text import Text
from tests.evaluators import as_text, matches
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]
MakeRuleset = Callable[..., Ruleset]
MakeEvent = Callable[..., Event]

_RULE = _rule("ka.verb exists or ka.verb = x")
_APPEND = "- rule: r\n  override: {exceptions: append}\n"
_REPLACE = "- rule: r\n  override: {exceptions: replace}\n"


def _excepts(event: Event, ruleset: Ruleset) -> bool:
    return not matches(ruleset, event)


@pytest.mark.parametrize(
    ("exceptions", "excepted", "others"),
    [
        ("fields: ka.user.name, values: [alice, bob, 'c d']", [("alice", "get"), ("c d", "get")], [("c", "get")]),
        ("fields: ka.user.name, values: []", [], [("alice", "get")]),
        ("fields: ka.user.name", [], [("alice", "get")]),
        ("fields: [ka.user.name, ka.verb], values: [[alice, get], [bob, 'a b']]",
         [("alice", "get"), ("bob", "a b")], [("alice", "a b"), ("bob", "get")]),
        ("fields: [ka.user.name, ka.verb], comps: ['=', in], values: [[alice, [get, list]], [bob, (a)], [eve, get]]",
         [("alice", "list"), ("bob", "a"), ("eve", "get")], [("bob", "get"), ("eve", "list")]),
        ("fields: [ka.user.name], comps: [startswith], values: [['/x y']]", [("/x yz", "get")], [("/x", "get")]),
        ("fields: [ka.user.name], comps: [in], values: [[[]]]", [], [("alice", "get")]),
        ("fields: [ka.user.name], comps: [' in '], values: [['(a, \"b c\")'], ['(d)']]",
         [("a", "get"), ("b c", "get"), ("d", "get")], [("b", "get")]),
    ],
)  # fmt: skip
def test_a_rule_is_silent_where_an_exception_holds(
    make_ruleset: MakeRuleset,
    make_event: MakeEvent,
    exceptions: str,
    excepted: list[tuple[str, str]],
    others: list[tuple[str, str]],
) -> None:
    ruleset = make_ruleset(f"{_RULE}  exceptions: [{{name: e, {exceptions}}}]\n")
    for user, verb in excepted:
        assert _excepts(make_event(verb=verb, user={"username": user}), ruleset), (user, verb)
    for user, verb in others:
        assert not _excepts(make_event(verb=verb, user={"username": user}), ruleset), (user, verb)


@pytest.mark.parametrize("style", ["override: {exceptions: append}", "append: true"])
def test_values_are_appended_and_new_exceptions_put_behind(
    make_ruleset: MakeRuleset, make_event: MakeEvent, style: str
) -> None:
    first = f"{_RULE}  exceptions: [{{name: e, fields: ka.user.name, values: [a]}}]\n"
    more = (
        "- rule: r\n  exceptions:\n    - {name: e, values: [b]}\n    - {name: f, fields: ka.verb, values: [list]}\n"
        f"  {style}\n"
    )
    ruleset = make_ruleset(first, more)
    for user, verb, is_excepted in (("a", "x", True), ("b", "x", True), ("c", "list", True), ("c", "get", False)):
        assert _excepts(make_event(verb=verb, user={"username": user}), ruleset) is is_excepted


def test_a_replacement_is_whole_and_has_the_same_defaults(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    first = f"{_RULE}  exceptions: [{{name: e, fields: ka.user.name, values: [a]}}]\n"
    more = f"{_REPLACE}  exceptions: [{{name: e, fields: [ka.verb], values: [[list]]}}]\n"
    ruleset = make_ruleset(first, more)
    assert not _excepts(make_event(verb="get", user={"username": "a"}), ruleset)
    assert _excepts(make_event(verb="list", user={"username": "c"}), ruleset)


_FIRST = f"{_RULE}  exceptions: [{{name: e, fields: ka.user.name, values: [a]}}]\n"
_SHAPES = "fields: f takes comps: in and values: [a, b]; fields: [f, g] takes comps: [=, in]"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (f"{_RULE}  exceptions: [{{name: e, values: [a]}}]", "the exception 'e' names no fields",
         "add fields: ka.user.name, or a list of them"),
        (f"{_RULE}  exceptions: [{{name: e, fields: []}}]", "the exception 'e' names no fields",
         "add fields: ka.user.name, or a list of them"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [[ka.verb]]}}]",
         "the exception 'e' needs one comparison for each of its fields", _SHAPES),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], comps: [[in]]}}]",
         "the exception 'e' needs one comparison for each of its fields", _SHAPES),
        (f"{_RULE}  exceptions: [{{name: e, fields: ka.verb, comps: [in]}}]",
         "the exception 'e' needs one comparison for each of its fields", _SHAPES),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb, ka.uri], comps: ['=']}}]",
         "the exception 'e' needs one comparison for each of its fields", _SHAPES),
        (f"{_RULE}  exceptions: [{{name: e, fields: ka.verb, comps: '='}}]", "an exception cannot compare by '='",
         "one of in, intersects, pmatch, or such as 'startswith anyof'"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], comps: [in anyof]}}]",
         "an exception cannot compare by 'in anyof'",
         "an operator, or one of text with oneof, anyof or allof behind it"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], comps: ['= one of']}}]",
         "an exception cannot compare by '= one of'",
         "an operator, or one of text with oneof, anyof or allof behind it"),
        (f"{_FIRST}{_APPEND}  exceptions: [{{name: e, fields: ka.verb, values: [a]}}]",
         "to the exception 'e' only values can be appended",
         "leave 'fields' and 'comps' out, or take another name"),
        (f"{_FIRST}{_APPEND}  exceptions: [{{name: f, fields: ka.verb, values: []}}]",
         "the new exception 'f' has no values", "add values: [...]"),
        (f"{_FIRST}{_APPEND}  exceptions: [{{name: f, values: [a]}}]", "the exception 'f' names no fields",
         "add fields: ka.user.name, or a list of them"),
        (f"{_FIRST}{_REPLACE}  exceptions: [{{name: e, values: [a]}}]", "the exception 'e' names no fields",
         "add fields: ka.user.name, or a list of them"),
        (f"{_RULE}  exceptions: [{{name: e, fields: ka.verb, values: [[a]]}}]",
         "a value of an exception of one field is text", "write fields: [...] to compare several fields at once"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb, ka.uri], values: [[a]]}}]",
         "expected a list of 2 values, one for each field, found 1", "text with a comma goes between quotes"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], values: [a]}}]",
         "expected a list of 1 value, one for each field", "text with a comma goes between quotes"),
        (f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], comps: [in], values: [[[[]]]]}}]",
         "'values' holds something that is not text", "quote it"),
    ],
)  # fmt: skip
def test_an_exception_that_cannot_be_used_is_refused(load_text: LoadText, text: str, message: str, hint: str) -> None:
    result = load_text(text)
    assert result.ruleset is None
    assert [(problem.message, problem.hint) for problem in result.errors] == [(message, hint)]
    code = "LOAD_ERR_YAML_VALIDATE" if message.startswith("'values'") else "LOAD_ERR_VALIDATE"
    assert result.errors[0].code.value == code


def test_exists_is_refused_with_the_code_that_the_reference_ends_with(load_text: LoadText) -> None:
    result = load_text(f"{_RULE}  exceptions: [{{name: e, fields: [ka.verb], comps: [exists], values: [[x]]}}]\n")
    assert result.to_text() == (
        "error: an exception cannot compare by 'exists' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:7:53, in rule r\n"
        "    7 |   exceptions: [{name: e, fields: [ka.verb], comps: [exists], values: [[x]]}]\n"
        "      |                                                     ^\n"
        "  hint: an operator, or one of text with oneof, anyof or allof behind it"
    )


def test_a_list_for_an_operator_of_one_value_is_pointed_at(load_text: LoadText) -> None:
    result = load_text(f"{_RULE}  exceptions:\n    - name: e\n      fields: [ka.verb]\n      values: [[[a, b]]]\n")
    assert result.to_text() == (
        "error: expected a value after '=', found '(' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:10:17, in rule r, exception e\n"
        "   10 |       values: [[[a, b]]]\n"
        "      |                 ^\n"
        "  hint: write in (...)"
    )


def _exception(comp: str, *values: Text) -> RuleException:
    tuples = tuple(ValueList(0, (value,)) for value in values)
    return RuleException("e", 0, is_single=False, fields=(Text.at("f", 0),), comps=(Text.at(comp, 0),), values=tuples)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a", "a"),
        ("a*b[c]", "a*b[c]"),
        ("a b", '"a b"'),
        ("'a,b'", "'a,b'"),
        ('"a=b"', '"a=b"'),
        ("(a)", "(a)"),
        ('(a , "b c")', '(a , "b c")'),
        ("()", "()"),
        ("a,b", '("a\\x2cb")'),
        ("(a", '("\\x28a")'),
        ("(a b)", '("\\x28a\\x20b\\x29")'),
        ("(a)b", '("\\x28a\\x29b")'),
        ("(a,)", '("\\x28a\\x2c\\x29")'),
        ("tolower(ka.uri)", '("tolower\\x28ka.uri\\x29")'),
        ("", '("")'),
        ("a\tb", '("a\\x09b")'),
        ("it's", '("it\\x27s")'),
        ("'a' b'", '("\\x27a\\x27\\x20b\\x27")'),
        ("a\\ b", '("a\\x5c\\x20b")'),
    ],
)  # fmt: skip
def test_a_value_is_put_into_words_as_one_value(value: str, words: str) -> None:
    one = _exception("in", as_text(value))
    composed = compose(one)
    assert composed.text is not None
    expected = words if words.startswith("(") else f"({words})"
    assert composed.text.value == f"(f in {expected})"
    is_plain = "\\x" not in words and value
    assert [quoted.value for quoted in composed.quoted] == ([] if is_plain else [value])


@pytest.mark.parametrize(
    ("value", "words", "is_told"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64)", '"Mozilla/5.0\\x20\\x28X11;\\x20Linux\\x20x86_64\\x29"', False),
        ("a, b", '"a\\x2c\\x20b"', False),
        ("k=v x", '"k\\x3dv\\x20x"', False),
        ("a b'c", '"a\\x20b\\x27c"', False),
        ("a\tb c", '"a\\x09b\\x20c"', False),
        (" (", '"\\x20\\x28"', False),
        ("a b", '"a b"', False),
        ("a\tb", '"a\\x09b"', True),
        ("a,b", '"a\\x2cb"', True),
        ("'a' b", '"\\x27a\\x27\\x20b"', True),
        ('a, "b"', '"a\\x2c\\x20\\x22b\\x22"', True),
        ("a\\ b", '"a\\x5c\\x20b"', True),
        ("a b\0", '"a\\x20b\\x00"', True),
        ("", '""', True),
    ],
)  # fmt: skip
def test_quotes_that_the_reference_puts_too_are_not_told(value: str, words: str, *, is_told: bool) -> None:
    one = replace(_exception("in"), is_single=True, values=(as_text(value),))
    for exception, expected in ((one, f"f in ({words})"), (_exception("=", as_text(value)), f"(f = {words})")):
        composed = compose(exception)
        assert composed.text is not None
        assert composed.text.value == expected
        assert [quoted.value for quoted in composed.quoted] == ([value] if is_told else [])


def test_a_call_is_no_word_to_be_quoted_where_it_may_stand() -> None:
    call = Text.at("tolower(ka.uri)", 0)
    one = _exception("=", call, call)
    composed = compose(one)
    assert composed.text is not None
    assert composed.text.value == "(f = tolower(ka.uri)) or (f = tolower(ka.uri))"
    assert composed.quoted == []


@given(st.text(alphabet="ab ,=()'\"\\\t*é", max_size=6), st.sampled_from(["in", "=", "startswith anyof", "endswith"]))
def test_whatever_a_value_is_it_is_one_value(value: str, comp: str) -> None:
    if _says_more_than_itself(value):
        return
    entry = {"name": "e", "fields": ["ka.user.name"], "comps": [comp], "values": [[value]]}
    rule = {"rule": "r", "desc": "d", "condition": "ka.verb exists", "output": "o", "priority": "debug"}
    text = json.dumps([{**rule, "source": "k8s_audit", "exceptions": [entry]}])
    result = load([RuleFile("a.yaml", text.encode())])
    assert result.ruleset is not None, result.to_text()
    event = Event(Value(json.dumps({"auditID": "1", "verb": "get", "user": {"username": value}}).encode()), 0)
    assert _excepts(event, result.ruleset)


def _says_more_than_itself(value: str) -> bool:
    """Tell whether a value may be a list of its own, or have quotes of its own."""
    return value.startswith("(") or value[:1] in {"'", '"'}


def test_fields_may_be_transformed(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    exceptions = "  exceptions: [{name: e, fields: [tolower(ka.user.name)], values: [[bob], [basename(ka.uri)]]}]\n"
    ruleset = make_ruleset(f"{_RULE}{exceptions}")
    assert _excepts(make_event(user={"username": "BOB"}), ruleset)
    assert _excepts(make_event(user={"username": "PODS"}, requestURI="/api/pods"), ruleset)
    assert not _excepts(make_event(user={"username": "eve"}), ruleset)


def test_a_list_in_a_list_is_refused() -> None:
    nested = ValueList(0, (ValueList(0, (ValueList(7, ()),)),))
    one = RuleException("e", 0, is_single=False, fields=(Text.at("f", 0),), comps=(Text.at("in", 0),), values=(nested,))
    composed = compose(one)
    assert composed.text is None
    assert [(error.message, error.at) for error in composed.errors] == [
        ("a list among the values of an exception holds text only", 7)
    ]


def test_quotes_that_change_the_meaning_are_told(load_text: LoadText, make_event: MakeEvent) -> None:
    result = load_text(
        f"{_RULE}  exceptions:\n    - name: e\n      fields: ka.user.name\n      values: ['a, b\\c\"']\n"
    )
    assert result.to_text() == (
        "warning: 'a, b\\c\"' is put between quotes: without, it would be no single value "
        "[LOAD_EXCEPTION_VALUE_QUOTED]\n"
        "  --> 0.yaml:10:17, in rule r, exception e\n"
        "   10 |       values: ['a, b\\c\"']\n"
        "      |                 ^\n"
        "  hint: spell it in quotes of its own, as a condition does"
    )
    assert result.ruleset is not None
    assert _excepts(make_event(user={"username": 'a, b\\c"'}), result.ruleset)
    assert not _excepts(make_event(user={"username": "a"}), result.ruleset)


@pytest.mark.parametrize(
    "value",
    [
        "val(ka.user.name)) or (ka.verb = tolower(ka.verb)",
        "tolower(ka.user.name) or (ka.verb exists)",
        "concat(ka.verb, ka.verb)",
        "val(ka.user.name) and not ka.verb in (a)",
        "tolower(",
    ],
)
def test_a_value_that_only_begins_as_a_call_is_text(load_text: LoadText, make_event: MakeEvent, value: str) -> None:
    text = "- rule: r\n  desc: d\n  condition: ka.verb exists\n  output: o\n  priority: debug\n  source: k8s_audit\n"
    exception = {"name": "e", "fields": ["ka.user.name"], "comps": ["="], "values": [[value]]}
    result = load_text(text + f"  exceptions: {json.dumps([exception])}\n")
    assert result.ruleset is not None
    codes = {problem.code.value for problem in result.warnings}
    # The reference itself puts what holds a space between quotes.
    assert ("LOAD_EXCEPTION_VALUE_QUOTED" in codes) is (" " not in value)
    assert codes <= {"LOAD_EXCEPTION_VALUE_QUOTED", "LOAD_COMPILE_CONDITION"}
    assert result.ruleset.match(make_event()).matches
    assert not result.ruleset.match(make_event(user={"username": value})).matches
