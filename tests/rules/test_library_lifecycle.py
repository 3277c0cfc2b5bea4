"""Class 2 of the pack: every kind is told when it comes and when it goes, with what only the state knows."""

import pytest

from tests.pack_samples import Sample, samples
from tests.rules.pack_rules import RULES, alerts_of, names_of

KINDS = {
    "Deployment": "apps",
    "DaemonSet": "apps",
    "StatefulSet": "apps",
    "Job": "batch",
    "CronJob": "batch",
    "Service": "",
    "ConfigMap": "",
    "Secret": "",
    "Namespace": "",
    "ServiceAccount": "",
    "Role": "rbac.authorization.k8s.io",
    "ClusterRole": "rbac.authorization.k8s.io",
    "RoleBinding": "rbac.authorization.k8s.io",
    "ClusterRoleBinding": "rbac.authorization.k8s.io",
}
BULK = "Resources Deleted In Bulk"
WITH_NAMESPACE = "Resources Deleted With Their Namespace"
BY_NAME = {rule.name: rule for rule in RULES}


def _alerting(rule: str) -> list[Sample]:
    return [sample for sample in samples(BY_NAME[rule]) if sample.alert]


def _fields(rule: str, sample: Sample) -> dict[str, object]:
    (found,) = (alert for alert in alerts_of(sample.event, before=sample.before) if alert.rule == rule)
    return dict(found.output_fields)


def test_there_are_two_rules_a_kind_and_two_for_many_at_once() -> None:
    expected = {f"{kind} {what}" for kind in KINDS for what in ("Created", "Destroyed")} | {BULK, WITH_NAMESPACE}
    assert {rule.name for rule in RULES if "class_lifecycle" in rule.tags} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_was_in_use_before_is_told(kind: str) -> None:
    rule = f"{kind} Created"
    again = [sample for sample in _alerting(rule) if len(sample.before) > 1]
    first = [sample for sample in _alerting(rule) if not sample.before]
    assert all(_fields(rule, sample)["resource.before.exists"] is None for sample in first)
    assert all(_fields(rule, sample)["resource.before.exists"] == "false" for sample in again)
    assert again
    for sample in again:
        fields = _fields(rule, sample)
        names = ("before.created.user", "before.deleted.user", "before.deleted.time")
        assert all(isinstance(fields[f"resource.{name}"], str) for name in names)


@pytest.mark.parametrize("kind", KINDS)
def test_a_destruction_says_how_long_it_lived_and_whose_it_was(kind: str) -> None:
    rule = f"{kind} Destroyed"
    fields = next(_fields(rule, sample) for sample in _alerting(rule) if sample.before)
    lifetime = fields["resource.lifetime_seconds"]
    assert isinstance(lifetime, int)
    assert lifetime >= 0
    names = ("resource.created.user", "resource.created.source_ip", "resource.created.time", "resource.deleted.user")
    assert all(isinstance(fields[name], str) for name in (*names, "ka.user.name"))


@pytest.mark.parametrize("rule", [rule for rule in BY_NAME if rule.endswith((" Created", " Destroyed"))])
def test_resources_of_other_groups_that_are_called_so_are_none(rule: str) -> None:
    kind = rule.split(maxsplit=1)[0]
    if kind not in KINDS:
        return
    sample = _alerting(rule)[0]
    reference = {**sample.event["objectRef"], "apiGroup": "example.com"}
    assert rule not in names_of({**sample.event, "objectRef": reference}, before=sample.before)


def test_who_asked_first_is_told_beside_who_ended_it() -> None:
    fields = [
        _fields("Namespace Destroyed", sample) for sample in _alerting("Namespace Destroyed") if len(sample.before) > 1
    ]
    assert {(one["ka.user.name"], one["resource.deleted.user"]) for one in fields} == {
        ("system:serviceaccount:kube-system:namespace-controller", "admin")
    }


@pytest.mark.parametrize("rule", [BULK, WITH_NAMESPACE])
def test_many_at_once_are_told_once_with_their_names(rule: str) -> None:
    for sample in _alerting(rule):
        fields = _fields(rule, sample)
        names = fields["resource.names"]
        assert isinstance(names, list | tuple)
        assert fields["resource.count"] == len(names) > 0
        told = names_of(sample.event, before=sample.before)
        assert {BULK, WITH_NAMESPACE} & told == {rule}
        assert not any(name.endswith(" Destroyed") for name in told)
