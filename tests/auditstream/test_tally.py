"""The summary of a replay."""

from collections.abc import Callable

import pytest

from auditstream.tally import Tally, class_of
from processor.alert import Alert
from processor.engine import RuleFailure
from rules.ruleset import Ruleset

REST = "desc: d, condition: ka.verb exists, output: o, source: k8s_audit"
RULES = "\n".join(
    f"- {{rule: {name}, priority: {priority}, tags: [{tag}], {REST}}}"
    for name, priority, tag in [
        ("Each", "INFO", "class_every_event"),
        ("Made", "NOTICE", "class_lifecycle"),
        ("Plain", "CRITICAL", "x"),
        ("Rare", "WARNING", "class_suspicious"),
        ("Often", "WARNING", "class_suspicious"),
        ("Worst", "ALERT", "class_suspicious"),
        ("Never", "ALERT", "class_suspicious"),
    ]
)


def alert(rule: str) -> Alert:
    return Alert("a", "c", "h", "i", "o", {}, "Warning", rule, "r", "k8s_audit", (), "t")


def summary(tally: Tally, ruleset: Ruleset, seconds: float | None = 2) -> list[str]:
    return [line.plain for line in tally.summary(ruleset.rules, seconds)]


@pytest.fixture
def ruleset(make_ruleset: Callable[..., Ruleset]) -> Ruleset:
    return make_ruleset(RULES)


def test_rules_are_counted_by_class_and_the_worst_come_first(ruleset: Ruleset) -> None:
    tally = Tally()
    names = ["Each"] * 1000 + ["Made"] * 2 + ["Plain", "Rare", "Worst"] + ["Often"] * 9
    tally.add(3000, [alert(name) for name in names], [], [])
    assert summary(tally, ruleset) == [
        "class        rule   priority       alerts",
        "suspicious   Worst  Alert               1",
        "suspicious   Often  Warning             9",
        "suspicious   Rare   Warning             1",
        "lifecycle    Made   Notice              2",
        "every event  Each   Informational   1,000",
        "-            Plain  Critical            1",
        "",
        "3,000 events read, 1,014 alerts, none rejected, 2.00 s, 1,500 events/s",
    ]


def test_what_was_rejected_is_counted_by_reason(ruleset: Ruleset) -> None:
    tally = Tally()
    tally.add(1, [], ["too_large", "not_json"], [])
    tally.add(0, [], ["not_json"], [])
    assert summary(tally, ruleset) == [
        "1 event read, 0 alerts, 3 rejected (2 not_json, 1 too_large), 2.00 s, 0 events/s"
    ]


def test_rules_that_failed_are_told_once_with_the_first_cause(ruleset: Ruleset) -> None:
    tally = Tally()
    tally.add(2, [], [], [RuleFailure("Rare", "ValueError: a\x1b"), RuleFailure("Rare", "KeyError: b")])
    assert summary(tally, ruleset)[1:] == [
        (
            "rule 'Rare' failed on 2 events, which the other rules judged: ValueError: a\\x1b. "
            "This is a defect of auditstream; please report it, with the rule"
        )
    ]


def test_no_time_at_all_is_no_trouble(ruleset: Ruleset) -> None:
    assert summary(Tally(), ruleset, 0) == ["0 events read, 0 alerts, none rejected, 0.00 s, 0 events/s"]


def test_a_run_that_mostly_waits_has_no_rate(ruleset: Ruleset) -> None:
    assert summary(Tally(), ruleset, None) == ["0 events read, 0 alerts, none rejected"]


def test_a_rule_without_a_class_has_none() -> None:
    assert class_of(("k8s", "class_lifecycle")) == "lifecycle"
    assert class_of(("k8s",)) == "-"
