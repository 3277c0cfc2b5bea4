"""Definitions put together from several items and files."""

from collections.abc import Callable

import pytest

from rules.errors import LoadResult
from rules.items import Priority
from rules.ruleset import Rule, Ruleset
from tests.rules.rule_text import rule_text

LoadText = Callable[..., LoadResult]
MakeRuleset = Callable[..., Ruleset]


def _rule(name: str = "r", condition: str = "ka.verb = get", source: str = "k8s_audit", extra: str = "") -> str:
    return rule_text(condition, "o %ka.verb", name=name, source=source, extra=f"  tags: [a]\n{extra}")


def _only(ruleset: Ruleset) -> Rule:
    (rule,) = ruleset.rules
    return rule


def test_a_redefinition_replaces_all_and_keeps_the_place(make_ruleset: MakeRuleset) -> None:
    ruleset = make_ruleset(_rule("a", extra="  enabled: false\n") + _rule("b"), _rule("a"))
    assert [(rule.name, rule.is_enabled) for rule in ruleset.rules] == [("a", True), ("b", True)]


def test_overrides_replace_what_they_name(make_ruleset: MakeRuleset) -> None:
    change = (
        "- rule: r\n  condition: ka.verb = list\n  output: p\n  desc: e\n  tags: [b]\n  priority: error\n"
        "  enabled: false\n  override: {condition: replace, output: replace, desc: replace, tags: replace,"
        " priority: replace, enabled: replace}\n"
    )
    rule = _only(make_ruleset(_rule(), change))
    assert (rule.description, rule.tags, rule.priority, rule.is_enabled) == ("e", ("b",), Priority.ERROR, False)
    assert rule.output == ("p",)
    assert "'list'" in repr(rule.condition)


def test_overrides_append_to_what_they_name(make_ruleset: MakeRuleset) -> None:
    change = (
        "- rule: r\n  condition: and ka.user.name = bob\n  output: more\n  desc: more\n  tags: [b, a]\n"
        "  override: {condition: append, output: append, desc: append, tags: append}\n"
    )
    rule = _only(make_ruleset(_rule(), change))
    assert (rule.description, rule.tags) == ("d more", ("a", "b"))
    assert rule.output[-1] == " more"
    assert "'get'" in repr(rule.condition)
    assert "'bob'" in repr(rule.condition)


def test_an_appended_condition_is_text(make_ruleset: MakeRuleset) -> None:
    change = "- rule: r\n  condition: and ka.verb = c\n  override: {condition: append}\n"
    rule = _only(make_ruleset(_rule(condition="ka.verb = a or ka.verb = b"), change))
    assert type(rule.condition).__name__ == "Disjunction"


def test_lists_and_macros_can_be_appended_to(make_ruleset: MakeRuleset) -> None:
    ruleset = make_ruleset(
        "- list: verbs\n  items: [get]\n- macro: m\n  condition: ka.verb in (verbs)\n" + _rule(condition="m"),
        "- list: verbs\n  items: [list]\n  override: {items: append}\n"
        "- macro: m\n  condition: or ka.verb = watch\n  override: {condition: append}\n",
    )
    shown = repr(_only(ruleset).condition)
    assert all(f"'{verb}'" in shown for verb in ("get", "list", "watch"))


def test_a_later_file_redefines_a_macro_of_an_earlier_one(make_ruleset: MakeRuleset) -> None:
    ruleset = make_ruleset(
        "- macro: m\n  condition: ka.verb = a\n" + _rule(condition="m"), "- macro: m\n  condition: ka.verb = b\n"
    )
    assert "'b'" in repr(_only(ruleset).condition)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- list: a\n  items: []\n  override: {items: append}\n", "there is no list 'a' to append to"),
        ("- macro: a\n  condition: x\n  override: {condition: append}\n", "there is no macro 'a' to append to"),
        ("- rule: a\n  enabled: true\n", "there is no rule 'a' to change"),
        (_rule() + _rule(source="syscall"),
         "the rule 'r' is defined again with another source: k8s_audit, now syscall"),
        (_rule() + "- rule: r\n  source: x\n  enabled: true\n", "the rule 'r' has the source k8s_audit, not x"),
        ("- required_engine_version: 0.99.0\n", "the file needs engine version 0.99.0, this engine is 0.63.0"),
        ("- required_plugin_versions:\n  - {name: k8saudit, version: 1.0.0}\n",
         "the file needs k8saudit 1.0.0, this engine has 0.18.0"),
        ("- required_plugin_versions:\n  - {name: json, version: x}\n", "'x' is no version of json"),
        ("- required_plugin_versions:\n  - {name: a, version: 1.0.0, alternatives: [{name: b, version: 1.0.0}]}\n",
         "the file needs one of these plugins: a, b"),
        ("- required_plugin_versions: [{name: json, version: 0.1.0, alternatives: [{name: json, version: 0.2.0}]}]\n",
         "the plugin 'json' is named twice"),
        ("- required_plugin_versions:\n  - {name: json, version: 0.1.0, alternatives: [{name: a, version: 1}]}\n",
         "'1' is no version of a"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(load_text: LoadText, text: str, message: str) -> None:
    result = load_text(text)
    assert [(problem.code.value, problem.message) for problem in result.errors] == [("LOAD_ERR_VALIDATE", message)]


@pytest.mark.parametrize(
    ("demand", "culprit"),
    [
        ("{version: 1.0.0, name: other}", "other"),
        ("{version: 9.0.0, name: json}", "9.0.0"),
        ("{version: one, name: json}", "one"),
        ("{version: 0.7.0, name: json, alternatives: [{version: 0.7.0, name: json}]}", "json}]"),
    ],
)
def test_a_demand_is_pointed_at_where_it_cannot_be_met(load_text: LoadText, demand: str, culprit: str) -> None:
    (problem,) = load_text(f"- required_plugin_versions: [{demand}]\n").errors
    assert problem.position is not None
    assert problem.position.line_text[problem.position.column - 1 :].startswith(culprit)


def test_versions_that_fit_are_silent(load_text: LoadText) -> None:
    text = (
        "- required_engine_version: 15\n"
        "- required_plugin_versions:\n"
        "  - {name: k8saudit-eks, version: 0.4.0, alternatives: [{name: k8saudit, version: 0.7.0}]}\n"
        "  - {name: json, version: 0.7.0}\n"
    )
    assert list(load_text(text).problems) == []


def test_a_rule_for_another_source_is_left_out_with_a_warning(load_text: LoadText) -> None:
    result = load_text(_rule("syscalls", condition="proc.name = sh", source="syscall") + _rule())
    assert result.ruleset is not None
    assert [rule.name for rule in result.ruleset.rules] == ["r"]
    assert [problem.message for problem in result.warnings] == [
        "the source 'syscall' is unknown: this rule is left out"
    ]
