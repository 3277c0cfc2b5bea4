"""Which rules match."""

import dataclasses
from collections.abc import Callable, Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.conditions import Conjunction, FieldOperand, Present
from rules.document import Value
from rules.event import Event
from rules.fields import Field
from rules.items import Priority
from rules.operators import MODIFIERS
from rules.ruleset import Matching, Rule, Ruleset
from rules.selection import Choice, Selection
from rules.text import Position
from tests.evaluators import condition_of, matches
from tests.rules.rule_text import rule_text as _rule
from tests.rules.strategies import AUDIT_EVENTS, CONDITIONS, HEAD

MakeEvent = Callable[..., Event]
MakeRuleset = Callable[..., Ruleset]


_ON_CREATE = "ka.verb = create"
_FILE = (
    _rule(_ON_CREATE, name="a")
    + _rule(name="b")
    + _rule(_ON_CREATE, name="off", extra="  enabled: false\n")
    + _rule(_ON_CREATE, name="c")
)


_A_RULE = Rule(
    name="",
    description="d",
    priority=Priority.DEBUG,
    tags=(),
    source="k8s_audit",
    is_enabled=True,
    position=Position("a.yaml", 1, 1, ""),
    condition=Conjunction(()),
    output=(),
)


def _matches(ruleset: Ruleset, event: Event) -> list[str]:
    return [rule.name for rule in matches(ruleset, event)]


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


def test_where_not_even_the_head_of_an_event_can_be_read_each_rule_is_asked_by_itself(
    make_ruleset: MakeRuleset,
) -> None:
    class Broken(Value):
        def member(self, name: str) -> Value | None:
            raise ZeroDivisionError(name)

    rule, other, *_ = make_ruleset(_FILE).rules
    always = Present(FieldOperand(Field("x.y", "", lambda _event, _argument: "there"), None))
    whole = dataclasses.replace(other, condition=always)
    verdict = Ruleset([rule, whole], Matching.ALL, "0" * 12).match(Event(Broken(b"{}"), 0))
    assert verdict.matches == (whole,)
    assert verdict.failures == (
        (rule, "ZeroDivisionError: auditID"),
    )  # what every field of an audit event asks for first


def _ruleset(texts: Iterable[str], matching: Matching = Matching.ALL) -> Ruleset:
    rules = [dataclasses.replace(_A_RULE, name=text, condition=condition_of(text)) for text in dict.fromkeys(texts)]
    return Ruleset(rules, matching, "0" * 12)


@pytest.mark.parametrize("field", HEAD)
def test_a_comparison_of_a_head_holds_for_the_heads_that_it_says(make_event: MakeEvent, field: str) -> None:
    """Alone, negated, and beside a comparison that the head does not decide."""
    reads = condition_of(f"{field} exists")
    assert isinstance(reads, Present)
    heads = [{"stage": stage, "verb": word, "objectRef": {"resource": word, "subresource": word},
              "responseStatus": {"code": code}} for stage, word, code in _HEADS]  # fmt: skip
    events = [make_event(**head) for head in heads] + [make_event(**dict.fromkeys(heads[0], ...))]
    values = [value for value in map(reads.operand.read, events) if isinstance(value, str)]
    assert len(set(values)) == len(_HEADS), "and one more event without it"
    first, second, third = values
    comparisons = [f"{field} exists", f"{field} != val({field})", f"{field} startswith {first[:2]}"]
    for lists in ("()", f"({first})", f"({first}, {second}, made-up)", f"({third}, {third})"):
        comparisons += [f"{field} {name} {lists}" for name in ("in", "intersects")]
        comparisons += [
            f"{field} {name} {modifier} {lists}" for name in ("=", "==", "!=", "endswith") for modifier in MODIFIERS
        ]
    comparisons += [f"{field} {name} {value}" for name in ("=", "==", "!=") for value in (first, second, "made-up")]
    beside = [f"{one} and ka.user.name = alice" for one in comparisons]
    other = [f"({one} or ka.user.name = bob) and ka.verb exists" for one in comparisons]
    ruleset = _ruleset([text for one in (*comparisons, *beside, *other) for text in (one, f"not ({one})")])
    for event in events * 2:
        assert 0 < len(matches(ruleset, event)) < len(ruleset.rules)


_HEADS = (("ResponseComplete", "create", 201), ("ResponseStarted", "get", 403), ("Panic", "exec", 404))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.lists(CONDITIONS, min_size=4, max_size=8),
    events=st.lists(AUDIT_EVENTS, min_size=1, max_size=3),
    matching=st.sampled_from(Matching),
)
def test_whatever_the_rules_are_those_match_whose_conditions_hold(
    texts: list[str], events: list[Event], matching: Matching
) -> None:
    ruleset = _ruleset(texts, matching)
    for event in events:
        matches(ruleset, event)
