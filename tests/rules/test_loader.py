"""A load as a whole."""

from collections.abc import Callable

import pytest
import yaml

from rules.errors import Code, LoadResult
from rules.items import Priority
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Matching, Ruleset
from rules.selection import Choice, Selection

LoadText = Callable[..., LoadResult]
MakeRuleset = Callable[..., Ruleset]

_RULE = """\
- rule: r
  desc: d
  condition: ka.verb = get
  output: |
    o %ka.verb
  priority: info
  source: k8s_audit
  tags: [b, a, b]
"""


def test_a_rule_comes_out_whole(make_ruleset: MakeRuleset) -> None:
    (rule,) = make_ruleset(_RULE).rules
    assert (rule.name, rule.description, rule.priority, rule.tags) == ("r", "d", Priority.INFORMATIONAL, ("a", "b"))
    assert (rule.source, rule.is_enabled, str(rule.position)) == ("k8s_audit", True, "0.yaml:1:3")
    assert rule.output[0] == "o "


def test_no_files_make_an_empty_ruleset() -> None:
    result = load([])
    assert result.ruleset is not None
    assert result.ruleset.rules == ()
    assert result.to_text() == ""


def test_one_error_and_there_is_no_ruleset(load_text: LoadText) -> None:
    result = load_text(_RULE, "- macro: m\n")
    assert result.ruleset is None
    assert len(result.errors) == 1


def test_the_digest_tells_what_was_loaded_and_what_is_on() -> None:
    def digest(name: str, text: str, selection: Selection) -> str:
        ruleset = load([RuleFile(name, text.encode())], selection).ruleset
        assert ruleset is not None
        return ruleset.digest

    off = _RULE + "  enabled: false\n"
    same = digest("a.yaml", _RULE, Selection())
    assert same == digest("elsewhere.yaml", _RULE, Selection())
    different = {
        same,
        digest("a.yaml", _RULE + "# changed", Selection()),
        digest("a.yaml", _RULE, Selection(matching=Matching.FIRST)),
        digest("a.yaml", off, Selection()),
        digest("a.yaml", off, Selection((Choice(enables=True, pattern="r"),))),
    }
    assert len(different) == 5
    assert all(len(text) == 12 for text in different)


def test_files_are_told_apart_in_the_digest() -> None:
    one = load([RuleFile("a", b"# ab")])
    two = load([RuleFile("a", b"# a"), RuleFile("b", b"b")])
    assert one.ruleset is not None
    assert two.ruleset is None or two.ruleset.digest != one.ruleset.digest


def test_problems_are_told_in_the_order_of_the_files_not_of_the_phases(load_text: LoadText) -> None:
    late = _RULE.replace("ka.verb = get", "ka.nosuch = get")
    told = load_text(late + "- rule: s\n", "- macro: m\n").to_text()
    assert [line for line in told.splitlines() if "-->" in line] == [
        "  --> 0.yaml:3:14, in rule r, condition",
        *["  --> 0.yaml:9:3, in rule s"] * 4,
        "  --> 1.yaml:1:3, in macro m",
        "  --> 0.yaml:9:3, in rule s",
    ], "the last is a warning"


def test_a_name_that_is_no_text_counts_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML without libyaml lets half a character pass."""
    monkeypatch.setattr("rules.yaml_nodes._Loader", yaml.BaseLoader)
    ruleset = load([RuleFile("a.yaml", _RULE.replace("rule: r", r'rule: "\ud800"').encode())]).ruleset
    assert ruleset is not None
    assert ruleset.rules[0].name == "\ud800"
    assert len(ruleset.digest) == 12


def test_a_rule_that_is_on_and_whose_list_is_empty_is_warned_of(load_text: LoadText) -> None:
    lists = "- list: mine\n  items: []\n- list: yours\n  items: [mine]\n"
    text = lists + _RULE.replace("ka.verb = get", "ka.verb in (mine, yours)")
    assert load_text(text).warnings == []
    tagged = text.replace("tags: [", "tags: ['needs_list:yours', ")
    (warning,) = load_text(tagged).warnings
    assert (warning.code, warning.item, warning.part) == (Code.NEEDED_LIST_EMPTY, "rule r", "tags")
    assert warning.message == "this rule is on, and its list 'yours' is empty: fill the list or switch the rule off"
    assert load_text(tagged + "  enabled: false\n").warnings == []
