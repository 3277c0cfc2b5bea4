"""A sample's event is judged as a posted one is, and what is wrong is told in a clause."""

import dataclasses
import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditstream.sample import Sample, judge, outcome_of, read_sample
from rules.conditions import FieldOperand, Present
from rules.event import Event
from rules.fields import Field
from rules.ruleset import Rule, Ruleset
from tests.rules.strategies import EVENTS, JSON
from wire.record import Record

MakeRecord = Callable[..., Record]
MakeRuleset = Callable[..., Ruleset]

RULE = """
- rule: R
  desc: d
  condition: {}
  output: "%ka.verb of %ka.target.name, made by %resource.created.user"
  priority: INFO
  source: k8s_audit
  enabled: false
"""
FORM = 'a line is {"alert": true or false, "event": {...}}, with "before": [{...}, ...] where earlier events matter'


@pytest.fixture
def rule(make_ruleset: MakeRuleset) -> Callable[[str], Rule]:
    return lambda condition: make_ruleset(RULE.format(condition)).rules[0]


@pytest.fixture
def raw(make_record: MakeRecord) -> Callable[..., msgspec.Raw]:
    return lambda **members: msgspec.Raw(make_record(**members).value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"event": {}}', "Object missing required field `alert`"),
        (b'{"alert": 1, "event": {}}', "Expected `bool`, got `int` - at `$.alert`"),
        (b'{"alert": true, "events": {}}', "Object contains unknown field `events`"),
        (b'{"alert": true, "event": {}, "before": {}}', "Expected `array`, got `object` - at `$.before`"),
    ],
)
def test_what_is_no_sample_is_told_what_one_is(line: bytes, told: str) -> None:
    with pytest.raises(ValueError, match="no sample") as caught:
        read_sample(line)
    assert str(caught.value) == f"no sample: {told}; {FORM}"


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"alert": true, "event": ' + b"[" * 100_000])
def test_nesting_without_end_is_told(line: bytes) -> None:
    with pytest.raises(ValueError, match="no sample: "):
        read_sample(line)


def test_a_sample_keeps_its_events_as_they_are_spelt() -> None:
    sample = read_sample(b'{"alert": false, "event": {"a": 1.0e0 }, "before": [{"b":"\\u0041"}]}')
    assert (sample.alert, bytes(sample.event), list(map(bytes, sample.before))) == (
        False,
        b'{"a": 1.0e0 }',
        [b'{"b":"\\u0041"}'],
    )


def test_a_sample_that_is_as_it_says_is_right(rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]) -> None:
    sample = Sample(alert=True, event=raw())
    assert judge(sample, rule("ka.verb = create")) is None
    assert judge(Sample(alert=False, event=raw()), rule("ka.verb = delete")) is None


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("ka.verb = create and ka.verb = get", "ka.verb = get does not hold (ka.verb is 'create')"),
        ("resource.exists = false", "resource.exists = false does not hold (resource.exists is 'true')"),
    ],
)
def test_why_a_rule_is_silent_is_told(
    condition: str, why: str, rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]
) -> None:
    told = judge(Sample(alert=True, event=raw()), rule(condition))
    assert told == f"it must alert and does not: {why}; correct the sample or the rule"


def test_why_a_rule_is_silent_is_told_of_what_no_state_is_kept_of(
    rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]
) -> None:
    told = judge(Sample(alert=True, event=raw(objectRef=...)), rule("resource.exists exists"))
    assert told is not None
    assert "resource.exists exists does not hold (resource.exists is absent)" in told


def test_what_a_rule_says_though_it_must_not_is_told(
    rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]
) -> None:
    told = judge(Sample(alert=False, event=raw()), rule("ka.verb = create"))
    assert told == (
        "it must not alert and does: 20:34:01.258117000: Informational create of web, made by alice; "
        "correct the sample or the rule"
    )


def test_what_came_before_is_remembered(rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]) -> None:
    made = raw(user={"username": "carol"}, stageTimestamp="2026-11-23T20:33:01.258117Z")
    asked = raw(verb="delete", responseStatus={"code": 200})
    by_carol = rule("ka.verb = delete and resource.created.user = carol")
    assert judge(Sample(alert=True, event=asked, before=(made,)), by_carol) is None
    told = judge(Sample(alert=True, event=asked), by_carol)
    assert told is not None
    assert "resource.created.user = carol does not hold (resource.created.user is absent)" in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"1", "is no audit event: expected an object, found a number"),
        (b'{"auditID":"a"}', "is no audit event: stageTimestamp is missing"),
        (b'{"stageTimestamp":"now"}', "is no audit event: stageTimestamp is no RFC 3339 time from 1970 to 2262"),
    ],
)
def test_what_is_no_event_is_told(
    value: bytes, told: str, rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]
) -> None:
    broken = msgspec.Raw(value)
    any_rule = rule("ka.verb exists")
    assert judge(Sample(alert=False, event=broken), any_rule) == f"the event {told}; correct the sample"
    before = Sample(alert=True, event=raw(), before=(raw(), broken))
    assert judge(before, any_rule) == f"event 2 of those before {told}; correct the sample"


def test_a_damaged_event_is_judged_as_it_would_be(rule: Callable[..., Rule], make_record: MakeRecord) -> None:
    damaged = make_record(verb="VERB").value.replace(b"VERB", b"cre\xffate")
    sample = Sample(alert=True, event=msgspec.Raw(damaged))
    assert judge(sample, rule("ka.verb = cre\ufffdate")) is None


def test_a_rule_that_fails_is_told(rule: Callable[..., Rule], raw: Callable[..., msgspec.Raw]) -> None:
    def fail(_event: Event, _argument: str | None) -> str:
        raise ZeroDivisionError("by zero")

    condition = Present(FieldOperand(Field("x.y", "", fail), None))
    told = judge(Sample(alert=True, event=raw()), dataclasses.replace(rule("ka.verb exists"), condition=condition))
    assert told == "it fails: ZeroDivisionError: by zero; please report this"


def test_secrets_are_redacted_before_they_are_judged(
    make_ruleset: MakeRuleset, raw: Callable[..., msgspec.Raw]
) -> None:
    text = RULE.format("ka.verb exists").replace("%ka.verb", "%jevt.value[/requestObject/data/a]")
    ruleset = make_ruleset(text.replace("false", "true"))
    event = raw(objectRef={"resource": "secrets", "name": "s"}, requestObject={"kind": "Secret", "data": {"a": "aGk="}})
    (alert,) = outcome_of(Sample(alert=True, event=event), ruleset).alerts
    assert "aGk=" not in json.dumps(alert.output)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=EVENTS, before=st.lists(EVENTS | JSON, max_size=2), is_timed=st.booleans(), alert=st.booleans() | JSON)
def test_whatever_is_in_a_sample_it_is_judged_or_told(
    event: dict[str, object], before: list[object], *, is_timed: bool, alert: object, rule: Callable[..., Rule]
) -> None:
    timed = {**event, "stageTimestamp": "2026-11-23T20:34:01.258117Z"} if is_timed else event
    line = json.dumps({"alert": alert, "event": timed, "before": before}).encode()
    try:
        sample = read_sample(line)
    except ValueError:
        assert not isinstance(alert, bool)
        return
    told = judge(sample, rule("ka.verb = create or resource.exists = true"))
    assert told is None or told.startswith(("it must ", "the event is no audit event: ", "event "))


@given(line=st.binary(max_size=40))
def test_whatever_a_line_is_it_is_a_sample_or_told(line: bytes) -> None:
    with pytest.raises(ValueError, match="no sample: "):
        read_sample(line)
