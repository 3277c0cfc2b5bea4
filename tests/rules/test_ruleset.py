"""Which rules match."""

import dataclasses
from collections.abc import Callable

from rules.conditions import FieldOperand, Present
from rules.event import Event
from rules.fields import Field
from rules.ruleset import Matching, Ruleset
from rules.selection import Choice, Selection

MakeEvent = Callable[..., Event]
MakeRuleset = Callable[..., Ruleset]


def _rule(name: str, condition: str = "ka.verb = create", extra: str = "") -> str:
    body = f"  desc: d\n  condition: {condition}\n  output: o\n  priority: debug\n  source: k8s_audit\n"
    return f"- rule: {name}\n{body}{extra}"


_FILE = _rule("a") + _rule("b", "ka.verb = get") + _rule("off", extra="  enabled: false\n") + _rule("c")


def _matches(ruleset: Ruleset, event: Event) -> list[str]:
    return [rule.name for rule in ruleset.match(event).matches]


def test_every_enabled_rule_that_matches_is_told_in_order(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    assert _matches(make_ruleset(_FILE), make_event()) == ["a", "c"]


def test_the_first_alone_is_told_where_asked_for(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    ruleset = make_ruleset(_FILE, selection=Selection(matching=Matching.FIRST))
    assert _matches(ruleset, make_event()) == ["a"]


def test_a_rule_can_be_switched_on_by_name(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    ruleset = make_ruleset(_FILE, selection=Selection((Choice(enables=True, pattern="off"),)))
    assert _matches(ruleset, make_event()) == ["a", "off", "c"]
    assert ruleset.by_name["off"].is_enabled


def test_a_rule_that_fails_is_passed_over_and_told(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    def fail(_event: Event, _argument: str | None) -> str:
        raise ZeroDivisionError("by zero")

    good, _, _, also_good = make_ruleset(_FILE).rules
    bad = dataclasses.replace(good, name="bad", condition=Present(FieldOperand(Field("x.y", "", fail), None)))
    verdict = Ruleset([bad, also_good], Matching.ALL, "0" * 12).match(make_event())
    assert [rule.name for rule in verdict.matches] == ["c"]
    assert verdict.failures == ((bad, "ZeroDivisionError: by zero"),)
