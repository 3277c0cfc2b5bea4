"""All that is wrong with rule files is told by one load: no mistake hides another, and none draws one that is not."""

import pytest

from rules.loader import load
from rules.reader import RuleFile
from tests.rules.rule_text import rule_text as _rule

_EXCEPTIONS = """\
  exceptions:
    - name: e
      fields: [ka.verb, ka.user.groups]
      comps: [is, exists]
      values: [[a, b]]
    - name: f
      fields: [ka.verb, ka.uri]
      values: [a, [b], [c, d, e], [f, nosuch(g)], ["h, i", [[j]]], [k, [l, [m]]], [n, [o, {p: q}]]]
    - name: g
      fields: ka.verb
      values: [a, [b], c, [d]]
    - name: h
      fields: ka.nosuch
      values: [a]
    - values: [a]
"""

_MACROS = "- macro: bad\n  condition: ka.verb =\n- macro: half\n  condition: lost and ka.half = a\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        pytest.param(
            "- rule: r\n  condition: ka.vreb = a and (b or ka.user.groups = c)\n  output: 100% %ka.nosuch\n"
            "  priority: warn\n  source: k8s_audit\n  tags: [a, [b], ~]\n  enabled: maybe\n  colour: red\n",
            [
                "'desc' is missing", "there is no field 'ka.vreb'", "there is no macro 'b'",
                "ka.user.groups is a list and cannot be compared by '='", "no field follows this '%'",
                "there is no field 'ka.nosuch'", "'warn' is no priority", "'tags' holds something that is not text",
                "'tags' holds something that is not text", "'enabled' must be true or false, not 'maybe'",
                "the key 'colour' is unknown here and ignored",
            ],
            id="a rule",
        ),
        pytest.param(
            _rule("lost and ka.nosuch = a and lots"),
            ["there is no macro 'lost'", "there is no field 'ka.nosuch'", "there is no macro 'lots'"],
            id="macros",
        ),
        pytest.param(
            _MACROS + _rule("half and bad and not bad and (not bad or bad) and ka.nosuch = a"),
            [
                "expected a value after '=', found the end of the condition", "there is no macro 'lost'",
                "there is no field 'ka.half'", "there is no field 'ka.nosuch'",
            ],
            id="what stands beside broken macros",
        ),
        pytest.param(
            "- list: l\n  items: [a, [b], c, ~]\n" + _rule("ka.nosuch in (l)"),
            [
                "'items' holds something that is not text", "'items' holds something that is not text",
                "there is no field 'ka.nosuch'",
            ],
            id="a list",
        ),
        pytest.param(
            _rule("ka.nosuch = a", extra=_EXCEPTIONS),
            [
                "there is no field 'ka.nosuch'", "an exception cannot compare by 'is'",
                "an exception cannot compare by 'exists'", "expected a list of 2 values, one for each field",
                "expected a list of 2 values, one for each field, found 1",
                "expected a list of 2 values, one for each field, found 3",
                "'nosuch(g)' is put between quotes: without, it would be no single value",
                *["'values' holds something that is not text"] * 3,
                "a value of an exception of one field is text", "a value of an exception of one field is text",
                "there is no field 'ka.nosuch'", "'name' is missing",
            ],
            id="exceptions",
        ),
        pytest.param(
            _rule() + "- rule: r\n  condition: and (\n  output: '%ka.nosuch'\n  priority: warn\n"
            "  override: {condition: append, output: add, tags: replace}\n",
            [
                "expected a field, a macro, 'not' or '(', found the end of the condition", "'warn' is no priority",
                "'priority' is not named in 'override'", "expected append or replace, found 'add'",
                "'tags' is named in 'override' and missing",
            ],
            id="a change",
        ),
        pytest.param(
            _rule() + _rule("ka.nosuch = a", source="syscall")
            + "- rule: r\n  condition: and ka.lost = b\n  source: syscall\n  override: {condition: append}\n",
            [
                "there is no field 'ka.nosuch'",
                "the rule 'r' is defined again with another source: k8s_audit, now syscall",
                "there is no field 'ka.lost'", "the rule 'r' has the source k8s_audit, not syscall",
            ],
            id="another source",
        ),
        pytest.param(
            "- rule: r\n  source:\n  condition: ka.nosuch = a\n  output: o\n  desc: d\n  priority: debug\n",
            ["'source' is empty"],
            id="a source that cannot be read says nothing of fields",
        ),
        pytest.param(
            "- rule: r\n  output: '%ka.nosuch'\n  desc: d\n  priority: debug\n  source: k8s_audit\n"
            "- rule: r\n  condition: and ka.lost = b\n  override: {condition: append}\n",
            ["there is no field 'ka.nosuch'", "'condition' is missing", "there is no field 'ka.lost'"],
            id="what is appended to a condition that is missing",
        ),
        pytest.param(
            _rule() + "- rule: r\n  condition: and (\n  append: perhaps\n",
            ["'append' must be true or false, not 'perhaps'"],
            id="a change that may be any",
        ),
        pytest.param(
            "- list: l\n  items: [a]\n- list: k\n  items: [b]\n- macro: m\n  condition: ka.uri exists\n"
            "- rule: r\n  condition: {m: n}\n  exceptions: [{name: e, values: [l, {k: k}], fields: ka.verb}]\n",
            [
                "'condition' must be text", "'desc' is missing", "'output' is missing", "'priority' is missing",
                "'values' holds something that is not text", "the source 'syscall' is unknown: this rule is left out",
            ],
            id="names in what cannot be read are used",
        ),
        pytest.param(
            "- required_plugin_versions: [{name: json, version: 9.0.0}, {name: json}, {version: 1.0.0},"
            " {name: k8saudit, version: 9.0.0, alternatives: [{name: json}]}, {name: k8saudit, version: 8.0.0}]\n",
            [
                "the file needs json 9.0.0, this engine has 0.18.0".replace("0.18.0", "0.7.4"), "'version' is missing",
                "'name' is missing", "'version' is missing", "the file needs k8saudit 8.0.0, this engine has 0.18.0",
            ],
            id="demands on plugins",
        ),
        pytest.param(
            _rule(extra="  exceptions: [{name: e, fields: ka.nosuch}]\n") + _rule(),
            ["there is no field 'ka.nosuch'"],
            id="exceptions of a rule that its file defines again",
        ),
        pytest.param(
            _rule(source="syscall", extra="  exceptions: [{name: e, fields: fd.name}]\n") + _rule(source="syscall"),
            ["the source 'syscall' is unknown: this rule is left out"],
            id="but for rules of other sources",
        ),
    ],
)  # fmt: skip
def test_no_mistake_hides_another(text: str, messages: list[str]) -> None:
    result = load([RuleFile("a.yaml", text.encode())])
    assert sorted(problem.message for problem in result.problems) == sorted(messages), result.to_text()


_BROKEN_EXCEPTIONS = """\
  exceptions:
    - {name: e, fields: [ka.verb, {a: b}]}
    - {name: f, fields: [ka.uri], comps: []}
"""
_MORE_VALUES = """\
- rule: r
  exceptions: [{name: e, values: [[a]]}, {name: f, values: [[b]]}, {name: g, fields: no.such}]
  override: {exceptions: append}
"""
_BAD_FILE = "- macro: m\n  condition: ka.verb = a\n- list: l\n  items: [a]\n- macro: [\n  condition: spare in (kept)\n"
_BAD_YAML = "the file is not YAML: did not find expected ',' or ']'"


@pytest.mark.parametrize(
    ("texts", "messages"),
    [
        pytest.param(
            (
                _BAD_FILE,
                _rule("m") + "- list: l\n  items: [b]\n  override: {items: append}\n" + "- rule: s\n  enabled: false\n",
                "- macro: spare\n  condition: ka.verb = a\n- list: kept\n  items: [a]\n- list: odd\n  items: [a]\n",
            ),
            [_BAD_YAML, "'enabled' alone is old", "no rule, macro or list uses the list 'odd'"],
            id="what a file that cannot be read may hold is not missed, before or behind it",
        ),
        pytest.param(
            (_rule("m"), _BAD_FILE),
            ["there is no macro 'm'", _BAD_YAML],
            id="but by a file before it",
        ),
        pytest.param(
            ("- macro: m\n  condition: lost\n" + _rule("m"), "- macro: lost\n  condition: []\n"),
            ["there is no macro 'lost'", "'condition' must be text"],
            id="a macro that only a later file has, broken",
        ),
        pytest.param(
            (
                _rule(extra=_BROKEN_EXCEPTIONS), _MORE_VALUES,
            ),
            [
                "'fields' holds something that is not text",
                "the exception 'f' needs one comparison for each of its fields",
                "there are no values to append", "the new exception 'g' has no values",
            ],
            id="values for an exception that cannot be read",
        ),
        pytest.param(
            (
                "- macro: a\n  condition: c\n" + _rule("a"),
                "- macro: c\n  condition: ka.verb exists\n",
                "- macro: a\n  condition: ka.verb exists\n- macro: d\n  condition: c\n",
            ),
            ["the macro 'c' is defined later than the one that uses it", "no rule or macro uses the macro 'd'"],
            id="a place is told of once, as the last file that is wrong there leaves it",
        ),
        pytest.param(
            ("- macro: ''\n  condition: lost\n- macro: m\n  condition: ka.verb exists\n- rule: ~\n  condition: m\n",),
            ["'macro' is empty", "'rule' is empty"],
            id="what has no name",
        ),
        pytest.param(
            (
                "- macro: m\n  condition: ka.nosuch = <NA> or ka.verb = <NA>\n"
                + _rule("m", extra="  skip-if-unknown-filter: true\n")
                + _rule("m", name="s", extra="  skip-if-unknown-filter: true\n")
                + _rule("n", name="t")
                + _rule("not n", name="u")
                + "- macro: n\n  condition: ka.verb = <NA>\n",
            ),
            [
                *["there is no field 'ka.nosuch': this rule is left out"] * 2,
                *["an absent value never equals '<NA>', which is only how it is shown"] * 4,
            ],
            id="each rule that is left out, or does not what it seems to, is named",
        ),
        pytest.param(
            ("- macro: a\n  condition: ka.verb = x or a\n" + _rule("a"),),
            ["the macro 'a' refers to itself"],
            id="a macro that names itself",
        ),
    ],
)  # fmt: skip
def test_no_file_hides_or_makes_a_mistake_of_another(texts: tuple[str, ...], messages: list[str]) -> None:
    result = load([RuleFile(f"{number}.yaml", text.encode()) for number, text in enumerate(texts)])
    assert sorted(problem.message for problem in result.problems) == sorted(messages), result.to_text()
