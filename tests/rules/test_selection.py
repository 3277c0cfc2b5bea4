"""Which rules are on: patterns, tags, their order, and the minimum priority."""

from collections.abc import Callable
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.items import Priority
from rules.ruleset import Ruleset
from rules.selection import Choice, Selection, fits
from tests.rules.rule_text import rule_text as _rule

MakeRuleset = Callable[..., Ruleset]


_RULES = (
    _rule(name="Alpha One", extra="  tags: [t1, k8s]\n")
    + _rule(name="Alpha Two", extra="  tags: [t2, k8s]\n")
    + _rule(name="Beta", extra="  enabled: false\n").replace("debug", "error")
)


@pytest.mark.parametrize(
    ("choices", "on"),
    [
        ((), ["Alpha One", "Alpha Two"]),
        ((Choice(enables=False, pattern="Alpha*"),), []),
        ((Choice(enables=True, pattern="Beta"),), ["Alpha One", "Alpha Two", "Beta"]),
        ((Choice(enables=False, pattern="*"), Choice(enables=True, tag="t1")), ["Alpha One"]),
        ((Choice(enables=True, tag="t1"), Choice(enables=False, pattern="*")), []),
        ((Choice(enables=False, tag="k8s"), Choice(enables=True, pattern="*Two")), ["Alpha Two"]),
        ((Choice(enables=False, pattern="Alpha"), Choice(enables=False, tag="t")), ["Alpha One", "Alpha Two"]),
        ((Choice(enables=False, pattern="Beta", tag="t2"),), ["Alpha One"]),
    ],
)
def test_the_later_of_two_entries_counts(make_ruleset: MakeRuleset, choices: tuple[Choice, ...], on: list[str]) -> None:
    ruleset = make_ruleset(_RULES, selection=Selection(choices))
    assert [rule.name for rule in ruleset.rules if rule.is_enabled] == on


def test_rules_stay_in_the_order_of_definition(make_ruleset: MakeRuleset) -> None:
    choices = (Choice(enables=False, pattern="*"), Choice(enables=True, pattern="Beta"), Choice(enables=True, tag="t1"))
    ruleset = make_ruleset(_RULES, selection=Selection(choices))
    assert [rule.name for rule in ruleset.rules if rule.is_enabled] == ["Alpha One", "Beta"]


def test_rules_below_the_minimum_priority_stay_off(make_ruleset: MakeRuleset) -> None:
    choices = (Choice(enables=True, pattern="*"),)
    ruleset = make_ruleset(_RULES, selection=Selection(choices, minimum_priority=Priority.ERROR))
    assert [(rule.name, rule.is_enabled) for rule in ruleset.rules] == [
        ("Alpha One", False),
        ("Alpha Two", False),
        ("Beta", True),
    ]


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "*", True),
        ("", "*", True),
        ("abc", "", False),
        ("abc", "a*c", True),
        ("aba", "*a", True),
        ("abc", "**b**", True),
        ("abcabd", "*ab*d", True),
        ("ab", "*ab*ab*", False),
        ("a", "a*a", False),
        ("Abc", "abc", False),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("a[b]", "a[b]", True),
    ],
)
def test_a_star_is_any_text(name: str, pattern: str, *, expected: bool) -> None:
    assert fits(name, pattern) is expected


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=5), st.text(alphabet="ab", max_size=4))
def test_a_name_fits_a_pattern_that_was_made_of_it(pieces: list[str], between: str) -> None:
    assert fits(between.join(pieces), "*".join(pieces))


def test_a_hostile_pattern_ends_at_once() -> None:
    begin = perf_counter()
    assert not fits("a" * 10_000, "*a" * 4_000 + "b")
    assert not fits("a" * 10_000 + "c", "*a" * 4_000 + "b*")
    assert perf_counter() - begin < 1, "some milliseconds are usual"


def test_where_no_minimum_priority_is_said_there_is_none(make_ruleset: MakeRuleset) -> None:
    assert Selection().minimum_priority is None
    ruleset = make_ruleset(_RULES, selection=Selection((Choice(enables=True, pattern="*"),)))
    assert all(rule.is_enabled for rule in ruleset.rules)
