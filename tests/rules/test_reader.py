"""Items of rule files, and every way in which one can be wrong."""

from collections.abc import Callable

import pytest

from rules.errors import Code, LoadResult
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]

_RULE = _rule()


_REPLACEABLE_HINT = (
    "capture, capture_duration, condition, desc, enabled, exceptions, output, priority, skip-if-unknown-filter, tags, "
    "warn_evttypes can"
)


def _told(result: LoadResult) -> list[tuple[str, str, str]]:
    return [(problem.code.value, problem.message, problem.hint) for problem in result.errors]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("a: b", "a rule file is a sequence of items", "begin each item with '- ', such as '- rule: ...'"),
        ("- a", "an item must be a mapping such as 'rule: ...'", ""),
        ("- list: a", "'items' is missing", "write items: [first, second]"),
        ("- list:\n  items: []", "'list' is empty", "give the list a name"),
        ("- macro: a", "'condition' is missing", "write condition: ka.verb = create, or any other condition"),
        ("- required_engine_version:", "'required_engine_version' is empty", "write a version such as 0.31.0"),
        ("- required_engine_version: seven", "'seven' is no engine version", "write a version such as 0.31.0"),
        ("- required_plugin_versions: a", "'required_plugin_versions' must be a sequence of mappings", ""),
        ("- required_plugin_versions: [a]", "'required_plugin_versions' must hold mappings", ""),
        ("- required_plugin_versions:\n  - name: json", "'version' is missing", "write a version such as 0.7.0"),
        (_RULE.replace("debug", "warn"), "'warn' is no priority",
         "one of Emergency, Alert, Critical, Error, Warning, Notice, Informational, Debug"),
        (_RULE.replace("desc: d", "desc:"), "'desc' is empty", "say in a sentence what the rule finds"),
        (_RULE + "- rule: r\n  enabled: maybe", "'enabled' must be true or false, not 'maybe'", ""),
        (_RULE + "  capture_duration: 4294967296", "'capture_duration' must be a number, not '4294967296'",
         "write a whole number up to 4294967295, or leave it out: it has no meaning here"),
        (_RULE + "  capture_duration: long", "'capture_duration' must be a number, not 'long'",
         "write a whole number up to 4294967295, or leave it out: it has no meaning here"),
        (_RULE + "  append: true\n  override: {desc: replace}", "'append' and 'override' exclude each other",
         "keep 'override'"),
        ("- list: a\n  items: []\n  append: true\n  override: {items: append}",
         "'append' and 'override' exclude each other", "keep 'override'"),
        ("- rule: r\n  override: {source: replace}\n  source: k8s_audit", "'source' cannot be overridden",
         _REPLACEABLE_HINT),
        ("- rule: r\n  override: {desc: change}\n  desc: x", "expected append or replace, found 'change'", ""),
        ("- rule: r\n  override: {priority: append}\n  priority: debug", "'priority' cannot be appended to",
         "write replace"),
        ("- rule: r\n  override: {desc: replace}", "'desc' is named in 'override' and missing", "add desc: ..."),
        ("- rule: r\n  override: {desc: replace}\n  desc: x\n  output: y", "'output' is not named in 'override'",
         "add output: replace to it"),
        ("- rule: r\n  override: {desc: }\n  desc: x", "'desc' is empty", "write append or replace"),
        ("- rule: r\n  override: replace\n  desc: x", "'override' must be a mapping",
         "write override: {condition: append}, or replace, and so for each key"),
        ("- list: a\n  items: []\n  override: [items]", "'override' must be a mapping",
         "write override: {items: append}, or replace"),
    ],
)  # fmt: skip
def test_an_item_of_the_wrong_shape_is_refused(load_text: LoadText, text: str, message: str, hint: str) -> None:
    assert _told(load_text(text)) == [("LOAD_ERR_YAML_VALIDATE", message, hint)]


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ("override: {colour: replace}\n  colour: red", ["'colour' cannot be overridden"]),
        ("override: {desk: replace, desc: rewrite, tags: replace}\n  desc: x\n  condition: y\n  tags: a",
         ["'desk' cannot be overridden", "expected append or replace, found 'rewrite'",
          "'condition' is not named in 'override'", "'tags' must be a sequence"]),
        ("override: {condition: rewrite}\n  condition: and (", ["expected append or replace, found 'rewrite'"]),
        ("override: {priority: append}\n  priority: debug", ["'priority' cannot be appended to"]),
        ("override: {desc: replace}\n  desc: x\n  priority: debug", ["'priority' is not named in 'override'"]),
        ("override: {desc: replace}\n  append: true\n  desc: x\n  condition: a\n  priority: debug\n  colour: red",
         ["'append' and 'override' exclude each other", "the key 'colour' is unknown here and ignored"]),
        ("override: replace\n  enabled: false", ["'override' must be a mapping"]),
        ("override: replace\n  priority: warn\n  tags: a\n  exceptions: []",
         ["'override' must be a mapping", "'warn' is no priority", "'tags' must be a sequence"]),
        ("append: maybe\n  condition: and a", ["'append' must be true or false, not 'maybe'"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_change_is_told_once(load_text: LoadText, change: str, messages: list[str]) -> None:
    result = load_text(_RULE + f"- rule: r\n  {change}\n")
    assert [problem.message for problem in result.problems] == messages


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("list: a\n  items: []\n  override: {colour: append}\n  colour: red", "'colour' cannot be overridden"),
        ("macro: a\n  condition: b\n  override: {items: append}\n  items: []", "'items' cannot be overridden"),
    ],
)
def test_of_a_list_or_macro_too(load_text: LoadText, item: str, message: str) -> None:
    assert [problem.message for problem in load_text(f"- {item}\n").problems] == [message]


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ("override: {desc: append, desc: append}", "d x"),
        ("override: {desc: append, desc: replace}", "x"),
        ("override: {desc: replace, desc: append}", "x"),
        ("override: {desc: append}\n  override: {desc: replace}", "d x"),
    ],
)
def test_what_is_appended_to_and_replaced_is_replaced(load_text: LoadText, change: str, description: str) -> None:
    result = load_text(_RULE + f"- rule: r\n  {change}\n  desc: x\n")
    assert result.ruleset is not None, result.to_text()
    assert result.ruleset.rules[0].description == description


def test_a_key_that_is_overridden_twice_is_looked_at_twice(load_text: LoadText) -> None:
    result = load_text(_RULE + "- rule: r\n  override: {desc: append, desc: both, desc: }\n  desc: x\n")
    assert [(problem.message, problem.position and problem.position.column) for problem in result.problems] == [
        ("expected append or replace, found 'both'", 34),
        ("'desc' is empty", 40),
    ]


def test_an_append_of_nothing_is_refused(load_text: LoadText) -> None:
    assert _told(load_text(_RULE + "- rule: r\n  append: true")) == [
        ("LOAD_ERR_VALIDATE", "there is nothing to append", "add condition: and ..., or exceptions: [...]")
    ]


def test_an_item_of_no_kind_is_ignored_with_a_warning(load_text: LoadText) -> None:
    result = load_text("- colour: red\n" + _RULE)
    assert result.ruleset is not None
    assert [(problem.code, problem.message) for problem in result.warnings] == [
        (
            Code.UNKNOWN_ITEM,
            "this item is none of rule, macro, list, required_engine_version, required_plugin_versions, and is ignored",
        )
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("- list: a\n  items: [x]\n- list: a\n  items: [y]\n  append: true\n", ["'append' is old"]),
        (_RULE + "- rule: r\n  condition: and ka.verb exists\n  append: true\n", ["'append' is old"]),
        (_RULE + "- rule: r\n  enabled: false\n", ["'enabled' alone is old"]),
    ],
)
def test_old_ways_still_work_with_a_warning(load_text: LoadText, text: str, messages: list[str]) -> None:
    result = load_text(text)
    assert result.ruleset is not None
    deprecated = [problem.message for problem in result.warnings if problem.code is Code.DEPRECATED_ITEM]
    assert deprecated == messages


def test_text_stays_as_it_is_written(load_text: LoadText) -> None:
    rule = _RULE.replace("ka.verb = get", "ka.verb in (odd)")
    result = load_text("- list: odd\n  items: [yes, 2.50, 0x10, true, 2024-01-01]\n" + rule)
    assert result.ruleset is not None
    assert "('yes', '2.50', '0x10', 'true', '2024-01-01')" in repr(result.ruleset.rules[0].condition)


def test_what_means_nothing_here_is_passed_over(load_text: LoadText) -> None:
    result = load_text(
        _RULE + "  capture: true\n  capture_duration: 4294967295\n  warn_evttypes: false\n  exceptions:\n"
    )
    assert list(result.problems) == []


def test_a_broken_item_does_not_hide_the_next(load_text: LoadText) -> None:
    result = load_text("- macro: a\n- macro: b\n- rule: c\n  condition: x\n")
    assert [(problem.item, problem.message) for problem in result.errors] == [
        ("macro a", "'condition' is missing"),
        ("macro b", "'condition' is missing"),
        ("rule c", "'output' is missing"),
        ("rule c", "'desc' is missing"),
        ("rule c", "'priority' is missing"),
    ]


def test_names_that_no_condition_can_hold_are_told(load_text: LoadText) -> None:
    text = "- list: my list\n  items: [a]\n- macro: my-macro\n  condition: ka.verb exists\n"
    assert load_text(text).to_text() == (
        "warning: no rule, macro or list uses the list 'my list' [LOAD_UNUSED_LIST]\n"
        "  --> 0.yaml:1:3, in list my list\n"
        "    1 | - list: my list\n"
        "      |   ^\n\n"
        "warning: 'my list' is no proper name of a list [LOAD_INVALID_LIST_NAME]\n"
        "  --> 0.yaml:1:9, in list my list\n"
        "    1 | - list: my list\n"
        "      |         ^\n"
        "  hint: names of lists have no blanks, quotes, commas, equals signs or parentheses\n\n"
        "warning: no rule or macro uses the macro 'my-macro' [LOAD_UNUSED_MACRO]\n"
        "  --> 0.yaml:3:3, in macro my-macro\n"
        "    3 | - macro: my-macro\n"
        "      |   ^\n\n"
        "warning: no condition can name the macro 'my-macro' [LOAD_INVALID_MACRO_NAME]\n"
        "  --> 0.yaml:3:10, in macro my-macro\n"
        "    3 | - macro: my-macro\n"
        "      |          ^\n"
        "  hint: names of macros are a letter, then letters, digits and '_'"
    )


def test_the_warnings_of_items_are_told_whole(load_text: LoadText) -> None:
    text = "- colour: red\n" + _RULE.replace("k8s_audit", "syscall") + "  shape: round\n- rule: r\n  enabled: false\n"
    assert load_text(text).to_text() == (
        "warning: this item is none of rule, macro, list, required_engine_version, required_plugin_versions, "
        "and is ignored [LOAD_UNKNOWN_ITEM]\n"
        "  --> 0.yaml:1:3\n"
        "    1 | - colour: red\n"
        "      |   ^\n\n"
        "warning: the source 'syscall' is unknown: this rule is left out [LOAD_UNKNOWN_SOURCE]\n"
        "  --> 0.yaml:2:3, in rule r\n"
        "    2 | - rule: r\n"
        "      |   ^\n"
        "  hint: rules for audit events have source: k8s_audit\n\n"
        "warning: the key 'shape' is unknown here and ignored [LOAD_UNKNOWN_KEY]\n"
        "  --> 0.yaml:8:3, in rule r\n"
        "    8 |   shape: round\n"
        "      |   ^\n\n"
        "warning: 'enabled' alone is old [LOAD_DEPRECATED_ITEM]\n"
        "  --> 0.yaml:10:3, in rule r\n"
        "   10 |   enabled: false\n"
        "      |   ^\n"
        "  hint: add override: {enabled: replace}"
    )


def test_a_file_that_is_no_yaml_is_told_whole(load_text: LoadText) -> None:
    assert load_text("- list: a\n  items: [b\n").to_text() == (
        "error: the file is not YAML: did not find expected ',' or ']' [LOAD_ERR_YAML_PARSE]\n"
        "  --> 0.yaml:3:1\n"
        "    3 | \n"
        "      | ^\n"
        "  hint: check the indentation, and put text with ': ' or ' #' between quotes"
    )


@pytest.mark.parametrize("source", ['""', "''", "null", "~", "", "k8s_audit"])
@pytest.mark.parametrize(
    "change", ["enabled: true\n  override: {enabled: replace}", "enabled: true", "condition: and b\n  append: true"]
)
def test_an_item_that_changes_a_rule_may_leave_its_source_empty(load_text: LoadText, source: str, change: str) -> None:
    macro = "- macro: b\n  condition: ka.verb exists\n"
    result = load_text(macro + _RULE + f"- rule: r\n  source: {source}\n  {change}\n")
    assert result.errors == [], result.to_text()


def test_of_a_source_that_is_no_text_it_is_told(load_text: LoadText) -> None:
    result = load_text(_RULE + "- rule: r\n  source: [a]\n  enabled: true\n  override: {enabled: replace}\n")
    assert [problem.message for problem in result.errors] == ["'source' must be text"]


def test_an_override_of_nothing_is_none_beside_an_append_too(load_text: LoadText) -> None:
    change = "- rule: r\n  append: true\n  override: {}\n  condition: and ka.user.name = a\n"
    assert [problem.code.value for problem in load_text(_RULE + "\n" + change).problems] == ["LOAD_DEPRECATED_ITEM"]


def test_an_output_has_no_blanks_around_it(load_text: LoadText) -> None:
    result = load_text(_RULE.replace("output: o", 'output: "  o \\n"'))
    assert result.ruleset is not None
    assert result.ruleset.rules[0].output == ("o",)
