"""Records in, alerts out."""

import dataclasses
from collections.abc import Callable

import pytest

from processor.engine import Engine, RuleFailure
from processor.state import MemoryState
from rules.conditions import FieldOperand, Present
from rules.event import Event
from rules.fields import Field
from rules.output import Placeholder
from rules.ruleset import Matching, Ruleset
from wire.record import Reason, Record, identity

MakeRecord = Callable[..., Record]
MakeRuleset = Callable[..., Ruleset]

_RULES = """\
- rule: created
  desc: d
  condition: ka.verb = create
  output: created %ka.target.name
  priority: WARNING
  source: k8s_audit
- rule: anything
  desc: d
  condition: ka.verb exists
  output: anything
  priority: DEBUG
  source: k8s_audit
"""


def test_every_match_of_every_record_is_an_alert(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    ruleset = make_ruleset(_RULES)
    outcome = Engine(ruleset, "host").process([make_record(), make_record(verb="get")], MemoryState())
    assert [(alert.rule, alert.ruleset) for alert in outcome.alerts] == [
        ("created", ruleset.digest),
        ("anything", ruleset.digest),
        ("anything", ruleset.digest),
    ]
    assert len({alert.id for alert in outcome.alerts}) == 3


def test_an_event_that_no_rule_matches_gives_no_alert(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    outcome = Engine(make_ruleset(_RULES), "host").process([make_record(verb=...)], MemoryState())
    assert (outcome.alerts, outcome.rejected, outcome.failures) == ([], [], [])


def test_a_repeat_gives_the_same_alerts(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    engine = Engine(make_ruleset(_RULES), "host")
    assert engine.process([make_record()], MemoryState()) == engine.process([make_record()], MemoryState())


def test_one_audit_id_for_two_events_hides_neither(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    records = [make_record(), make_record(user={"username": "mallory"})]
    outcome = Engine(make_ruleset(_RULES), "host").process(records, MemoryState())
    assert len({alert.audit_id for alert in outcome.alerts}) == 1
    assert len({alert.id for alert in outcome.alerts}) == 4


def test_the_cluster_is_part_of_an_alerts_id(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    records = [make_record("east"), make_record("west")]
    outcome = Engine(make_ruleset(_RULES), "host").process(records, MemoryState())
    assert len({alert.id for alert in outcome.alerts}) == 4


def test_one_bad_record_costs_no_other(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    bad = Record(b"x", None, "east", 3)
    outcome = Engine(make_ruleset(_RULES), "host").process([make_record(), bad, make_record()], MemoryState())
    assert len(outcome.alerts) == 4
    assert [(rejected.reason, rejected.value) for rejected in outcome.rejected] == [(Reason.NOT_JSON, b"x")]


def test_a_rule_that_fails_costs_no_other(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    def fail(_event: Event, _argument: str | None) -> str:
        raise KeyError("x")

    first, second = make_ruleset(_RULES).rules
    bad = dataclasses.replace(first, condition=Present(FieldOperand(Field("x.y", "", fail), None)))
    outcome = Engine(Ruleset([bad, second], Matching.ALL, "0" * 12), "host").process([make_record()], MemoryState())
    assert outcome.failures == [RuleFailure("created", "KeyError: 'x'")]
    assert [alert.rule for alert in outcome.alerts] == ["anything"]


def test_an_alerts_id_comes_from_the_events_identity(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    record = make_record()
    line = Record(record.value.replace(b"{", b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",', 1), None, "default", 9)
    engine = Engine(make_ruleset(_RULES), "host")
    assert identity("default", record.value) == identity("default", line.value)
    assert [alert.id for alert in engine.process([record], MemoryState()).alerts] == [
        alert.id for alert in engine.process([line], MemoryState()).alerts
    ]


def test_an_alert_that_cannot_be_made_costs_no_other(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    def fail(_event: Event, _argument: str | None) -> str:
        raise MemoryError("too much")

    first, second = make_ruleset(_RULES).rules
    bad = dataclasses.replace(first, output=(Placeholder("x.y", FieldOperand(Field("x.y", "", fail), None), None),))
    outcome = Engine(Ruleset([bad, second], Matching.ALL, "0" * 12), "host").process([make_record()], MemoryState())
    assert outcome.failures == [RuleFailure("created", "MemoryError: too much")]
    assert [alert.rule for alert in outcome.alerts] == ["anything"]


_TOUCHED = """\
- rule: Touched
  desc: d
  condition: ka.verb exists
  output: touched
  priority: DEBUG
  source: k8s_audit
"""


def test_an_import_tells_the_inventory_and_is_judged_by_no_rule(
    make_ruleset: MakeRuleset, make_record: MakeRecord
) -> None:
    metadata = {"name": "web", "uid": "u", "creationTimestamp": "2026-11-23T20:00:00Z", "resourceVersion": "7"}
    pod = {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"securityContext": {"privileged": True}}]}}
    told = Record(make_record(verb="get", responseObject=pod).value, b"default/shop", "default", 0)
    exec_ = {"resource": "pods", "namespace": "shop", "name": "web", "subresource": "exec"}
    event = make_record(verb="get", stage="ResponseStarted", objectRef=exec_, responseStatus={"code": 101})
    entered = Record(event.value, b"default/shop", "default", 0)
    rules = _TOUCHED.replace("output: touched", "output: touched %resource.privileged")
    outcome = Engine(make_ruleset(rules), "host").process([told, entered], MemoryState())
    (alert,) = outcome.alerts
    assert alert.output.endswith("touched true")


def test_an_alert_says_what_is_known_of_its_target(make_ruleset: MakeRuleset, make_record: MakeRecord) -> None:
    metadata = {"name": "web", "uid": "u", "creationTimestamp": "2026-11-23T20:34:01Z", "resourceVersion": "7"}
    made = make_record(responseObject={"kind": "Pod", "metadata": metadata, "spec": {}})
    keyed = Record(made.value, b"default/shop", "default", 0)
    engine = Engine(make_ruleset(_TOUCHED), "host")
    (alert,) = engine.process([keyed], MemoryState()).alerts
    assert alert.output_fields == {
        "evt.time": 1795466041258117000,
        "resource.created.time": "2026-11-23T20:34:01.258117000Z",
        "resource.created.user": "alice",
        "resource.exists": "true",
        "resource.root.kind": "Pod",
        "resource.root.name": "web",
        "resource.root.source_ip": "10.1.2.3",
        "resource.root.user": "alice",
        "resource.uid": "u",
    }
    (alert,) = engine.process([made], MemoryState()).alerts
    assert alert.output_fields == {"evt.time": 1795466041258117000}


class _Unreadable(MemoryState):
    """A state of which a part cannot be read: the owners of pods."""

    def get(self, key: bytes, _: object = None, /) -> bytes | None:  # type: ignore[override]  # of a dict
        if b"replicasets" in key:
            raise OSError("the disk is gone")
        return super().get(key)


@pytest.mark.parametrize("condition", ["resource.exists = true", "ka.verb exists"])
def test_a_state_that_cannot_be_read_is_no_failure_of_a_rule(
    make_ruleset: MakeRuleset, make_record: MakeRecord, condition: str
) -> None:
    maker = {"username": "system:serviceaccount:kube-system:replicaset-controller"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}
    metadata = {"name": "web", "uid": "u", "creationTimestamp": "2026-11-23T20:34:01Z", "resourceVersion": "7"}
    pod = {"kind": "Pod", "metadata": {**metadata, "ownerReferences": [owner]}, "spec": {}}
    made = Record(make_record(user=maker, responseObject=pod).value, b"default/shop", "default", 0)
    rules = _TOUCHED.replace("ka.verb exists", condition)
    with pytest.raises(OSError, match="the disk is gone"):
        Engine(make_ruleset(rules), "host").process([made], _Unreadable())
