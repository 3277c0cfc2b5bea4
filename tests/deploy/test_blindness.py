"""No rule of the pack is blind under the policy that ships: by its samples, by recorded bodies, and by all requests.

What is missing all the same stands in `KEPT_FROM_RULES`, each with the reason why it is no loss; and each of the three
checks is shown to find what it is for.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from auditstream.demo import bodies
from rules.conditions import Condition
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Rule
from tests.deploy.audit_policy import Policy, request_of
from tests.deploy.blindness import Gap, comparisons, gaps
from tests.deploy.kubernetes_api import SUBRESOURCES
from tests.deploy.pack import Telling, ruleset, sample_tellings, shipped_policy, tellings, told
from tests.pack_samples import samples

RULES = ruleset().rules
SAMPLES = [
    pytest.param(rule, sample, id=f"{rule.name}-{number}")
    for rule in RULES
    for number, sample in enumerate(samples(rule), start=1)
]

_DROPPED = "the event"
_OF_ALL_REQUESTS = {"Every Audit Event", "Request From Unexpected Network"}
_BEFORE = ("before.exists", "before.created.user", "before.deleted.user", "before.deleted.time")
_LIFE = (
    *("exists", "before.exists", "lifetime_seconds", "created.user", "created.source_ip", "created.time"),
    *("deleted.user", "owner.kind", "owner.name"),
)
_MANY = ("count", "names")
_ENTERED = (
    *("age_seconds", "before.deleted.user", "created.user", "entered.time", "entered.user", "root.kind", "root.name"),
    *("root.user", "capabilities_added", "host_ipc", "host_network", "host_path_prefixes", "host_paths", "host_pid"),
    *("images", "privileged"),
)
KEPT_FROM_RULES = {
    ("Every Audit Event", _DROPPED): "It tells what is sent.",
    ("Impersonation Refused", _DROPPED): (
        "A component whose credentials were stolen may try it at what is dropped, and learn what it could ask openly."
    ),
    ("User Impersonated", _DROPPED): "The same with the right to: a heartbeat, a status or a health probe in its name.",
    ("System Component Impersonated", _DROPPED): "The same in the name of a component.",
    ("Full Administrator At Work", _DROPPED): "The same in the name of one.",
    ("Full Administrator Impersonated", _DROPPED): "The same.",
    ("Unlisted Administrator At Work", _DROPPED): "The same.",
    ("Request By Unlisted User", _DROPPED): "Of controllers, which pass by their group.",
    ("Request From Unexpected Network", _DROPPED): "Who has a component's credentials asks for more than that.",
    ("Kubelet Outside Its Bounds", _DROPPED): "It goes by words that are said of nodes, pods and tokens alone.",
    ("Leader Of Control Plane Disturbed", _DROPPED): "Kubelets' own leases, in a namespace of theirs.",
    (
        "Long-Lived Service Account Token Made",
        "jevt.value[/requestObject/type]",
    ): "An update makes no Secret: never 201.",
    (
        "Long-Lived Service Account Token Made",
        "jevt.value[/requestObject/metadata/annotations/kubernetes.io~1service-account.name]",
    ): "The same.",
    # Only whether a request that was answered 406 was done: at level Metadata nothing says so.
    **{
        (rule, "jevt.value[/requestObject]"): "Of a write without bodies that was answered 406."
        for rule in (
            "Admission Control Changed Or Deleted",
            "Full Administrator At Work",
            "Leader Of Control Plane Disturbed",
            "Long-Lived Service Account Token Made",
            "Mutating Webhook Written",
            "Node Made By Other Than Its Kubelet",
            "Policy Of Admission Controller Changed Or Deleted",
            "Service Status Written By Hand",
            "Validating Webhook Or API Service Made",
        )
    },
    # Answers would repeat what Secrets hold: they are known by name and time instead of by uid.
    **{
        (rule, f"resource.{name}"): "A Secret is remembered by its requests."
        for rule, names in {
            "Secret Created": _BEFORE,
            "Secret Destroyed": _LIFE,
            "Resources Deleted In Bulk": _MANY,
            "Resources Deleted With Their Namespace": _MANY,
        }.items()
        for name in names
    },
    # What a pod asks for is remembered from its own events.
    **{
        ("Dangerous Pod Entered And Deleted Within Minutes", f"resource.{name}"): "An eviction's answer shows no pod."
        for name in _ENTERED
    },
    (
        "Resources Deleted With Their Namespace",
        "jevt.value[/responseObject/items]",
    ): "That a namespace had no Secrets is not seen: it is told as if it had some.",
    (
        "Workloads Or Volumes Deleted In Bulk",
        "jevt.value[/responseObject/items]",
    ): "That there were no claims of volumes is not seen: it is told as if there were some.",
}


CONTROLLERS = (
    *("attachdetach", "cronjob", "daemon-set", "deployment", "disruption", "endpoint", "endpointslice", "job", "node"),
    *("replicaset", "replication", "resourcequota", "statefulset"),
)
COMPONENTS = {
    *("system:anonymous", "system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"),
    *("system:node:node-1", "member of system:nodes"),
    *(f"system:serviceaccount:kube-system:{name}-controller" for name in CONTROLLERS),
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
    "system:serviceaccount:kube-system:persistent-volume-binder",
}
"""Of whom something is dropped, and so kept from rules."""


# --- by samples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "sample"), SAMPLES)
def test_a_sample_tells_the_same_under_the_policy(rule: Rule, sample: Any) -> None:
    whole = sample_tellings(sample, rule)
    assert bool(whole) is sample.alert
    if rule.name == "Every Audit Event" and not told(shipped_policy(), [sample.event]):
        return  # of the first stage, which is not told
    blind = sample_tellings(sample, rule, shipped_policy())
    assert _without_uids_of_secrets(blind, rule) == _without_uids_of_secrets(whole, rule)


def _without_uids_of_secrets(tellings: list[Telling], rule: Rule) -> list[Telling]:
    """Answers of Secrets are not sent, and so no uid of one is known."""
    if rule.name not in {"Secret Created", "Secret Destroyed"}:
        return tellings
    return [(*one[:3], json.dumps({**json.loads(one[3]), "resource.uid": None}, sort_keys=True)) for one in tellings]


def test_every_rule_is_asked_about_an_event_that_alerts() -> None:
    alerting = {rule.name for rule in RULES if any(told(shipped_policy(), [s.event]) for s in samples(rule) if s.alert)}
    assert alerting == {rule.name for rule in RULES}
    assert len(alerting) > 60


# --- by recorded bodies ----------------------------------------------------------------------------------------------


def test_recorded_bodies_tell_the_same_under_the_policy() -> None:
    events = [event for body in bodies() for event in json.loads(body)["items"]]
    kept = told(shipped_policy(), events)
    assert len(kept) < len(events) / 2
    whole = [telling for telling in tellings(events) if telling[0] not in _OF_ALL_REQUESTS]
    assert len(whole) > 100
    blind = [telling for telling in tellings(kept) if telling[0] not in _OF_ALL_REQUESTS]
    # Answers of Secrets are not sent, and so neither what a bulk deletion deleted nor any uid is known.
    assert [_shown(one) for one in blind] == [_shown(one) for one in whole]
    differing = [one for one, other in zip(blind, whole, strict=True) if one != other]
    assert [one for one in differing if "resource=secrets" not in one[2] and not one[0].startswith("Secret ")] == []


def _shown(telling: Telling) -> tuple[str, ...]:
    return telling[:2] if "resource=secrets" in telling[2] else telling[:3]


# --- by all requests -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped_gaps() -> set[Gap]:
    """Give what the policy that ships keeps from the pack."""
    return gaps(shipped_policy(), RULES)


def test_only_what_is_accounted_for_is_kept_from_rules(shipped_gaps: set[Gap]) -> None:
    found = shipped_gaps
    assert {(gap.rule, gap.missing) for gap in found} == KEPT_FROM_RULES.keys()
    assert {gap.user for gap in found if gap.missing == _DROPPED} == COMPONENTS
    for gap in found:
        if gap.rule == "Kubelet Outside Its Bounds":
            assert gap.target in {"events", "leases"}
        if gap.rule == "Leader Of Control Plane Disturbed" and gap.missing == _DROPPED:
            assert (gap.verb, gap.user) in {("update", "system:node:node-1"), ("update", "member of system:nodes")}
        if gap.rule == "Long-Lived Service Account Token Made" and gap.missing != "jevt.value[/requestObject]":
            assert (gap.verb, gap.target) == ("update", "secrets")


def _constants(condition: Condition, field: str) -> set[str]:
    return {
        str(constant)
        for one in comparisons(condition, field)
        if one.operator.name in {"=", "in"}
        for constant in one.constants
    }


def test_every_request_that_rules_samples_and_policy_name_is_asked() -> None:
    resources = {resource for _, resource in SUBRESOURCES}
    subresources = set().union(*SUBRESOURCES.values())
    for rule in RULES:
        assert _constants(rule.condition, "ka.target.resource") <= resources, rule.name
        assert _constants(rule.condition, "ka.target.subresource") <= subresources, rule.name
        for sample in samples(rule):
            target = request_of(sample.event).target
            if target is not None and sample.alert:
                assert target.subresource in ("", *SUBRESOURCES[target[:2]]), rule.name
    for policy_rule in shipped_policy()["rules"]:
        for group in policy_rule.get("resources", ()):
            for name in group["resources"]:
                resource, _, subresource = name.partition("/")
                assert subresource in ("", *SUBRESOURCES[group["group"], resource]), name


# --- the checks find what they are for -------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], object]


def _without(group: str, resource: str) -> Change:
    """Take a resource out of every rule, so that the last one decides."""

    def change(policy: dict[str, Any]) -> None:
        for rule in policy["rules"]:
            for one in rule.get("resources", ()):
                if one["group"] == group:
                    one["resources"] = [name for name in one["resources"] if name != resource]

    return change


def _first(**rule: Any) -> Change:
    return lambda policy: policy["rules"].insert(0, rule)


def _broken(change: Change) -> Policy:
    policy: dict[str, Any] = shipped_policy()
    change(policy)
    return policy


ROLES = "rbac.authorization.k8s.io"
NO_START: Change = lambda policy: policy["omitStages"].append("ResponseStarted")  # noqa: E731 - one of a table
BROKEN = [
    (
        _without(ROLES, "roles"),
        Gap("Role With Wildcards", "ka.req.role.rules.verbs", "create", "roles", "someone", "Metadata"),
    ),
    (
        _without("apps", "deployments"),
        Gap("Privileged Pod Or Template", "podspec.privileged", "update", "deployments", "someone", "Metadata"),
    ),
    (
        _without("", "services"),
        Gap("Service Destroyed", "resource.lifetime_seconds", "delete", "services", "someone", "Request"),
    ),
    (
        _first(level="Request", verbs=["patch"]),
        Gap("Service On Node Port", "jevt.value[/responseObject/spec/type]", "patch", "services", "someone", "Request"),
    ),
    (NO_START, Gap("Exec Or Attach To Pod", "ResponseStarted", "get", "pods/exec", "someone", "Metadata")),
    (NO_START, Gap("Failed Login", "ResponseStarted", "list", "nodes", "", "Metadata")),
    (
        _first(level="None", resources=[{"group": "", "resources": ["configmaps"]}]),
        Gap("ConfigMap Created", _DROPPED, "create", "configmaps", "someone", "None"),
    ),
    (
        _first(level="None", userGroups=["system:nodes"]),
        Gap("Kubelet Outside Its Bounds", _DROPPED, "patch", "nodes/status", "system:node:node-1", "None"),
    ),
    (
        _first(level="None", nonResourceURLs=["/metrics"]),
        Gap("Anonymous Request Refused", _DROPPED, "get", "/metrics", "system:anonymous", "None"),
    ),
]


BROKEN += [
    (
        _first(level="None", resources=[{"group": "", "resources": ["configmaps"], "resourceNames": ["coredns"]}]),
        Gap("Cluster DNS Changed", _DROPPED, "update", "configmaps", "someone", "None"),
    ),
    (
        _first(level="None", nonResourceURLs=["/logs/secret*"]),
        Gap("Anonymous Request Refused", _DROPPED, "get", "/logs/secretx", "system:anonymous", "None"),
    ),
]


@pytest.mark.parametrize(("change", "gap"), BROKEN, ids=[f"{gap.rule}: {gap.missing}" for _, gap in BROKEN])
def test_a_policy_that_blinds_a_rule_is_caught(change: Change, gap: Gap, shipped_gaps: set[Gap]) -> None:
    blinded = [rule for rule in RULES if rule.name == gap.rule]
    assert gap in gaps(_broken(change), blinded)
    assert gap not in shipped_gaps


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(_without(ROLES, "clusterroles"), "Role With Wildcards", id="output"),
        pytest.param(_without("apps", "deployments"), "Privileged Pod Or Template", id="condition"),
        pytest.param(_without("apps", "deployments"), "Deployment Destroyed", id="memory"),
        pytest.param(NO_START, "Failed Login", id="stage"),
        pytest.param(_first(level="None"), "ConfigMap With Private Credentials", id="all"),
    ],
)
def test_samples_tell_that_a_policy_blinds_a_rule(change: Change, rule: str) -> None:
    blinded = next(one for one in RULES if one.name == rule)
    alerting = [sample for sample in samples(blinded) if sample.alert]
    policy = _broken(change)
    assert any(sample_tellings(sample, blinded, policy) != sample_tellings(sample, blinded) for sample in alerting)


def test_recorded_bodies_tell_that_a_policy_blinds_a_rule() -> None:
    events = [event for body in bodies() for event in json.loads(body)["items"]]
    kept = told(_broken(_without(ROLES, "clusterrolebindings")), events)
    assert {telling[0] for telling in set(tellings(events)) - set(tellings(kept))} >= {"Binding To Cluster Admin"}


def test_a_read_that_opens_a_session_is_not_taken_for_a_read() -> None:
    def drop(policy: dict[str, Any]) -> None:
        policy["rules"] = [rule for rule in policy["rules"] if "pods/exec" not in str(rule)]

    found = gaps(_broken(drop), [rule for rule in RULES if rule.name == "Exec Or Attach To Pod"])
    assert {(gap.missing, gap.verb, gap.target, gap.user) for gap in found} == {
        (_DROPPED, "get", "pods/attach", "system:apiserver"),
        (_DROPPED, "get", "pods/exec", "system:apiserver"),
    }


@pytest.mark.parametrize(
    ("condition", "user"),
    [
        ("ka.user.name = bob", "bob"),
        ("ka.user.name startswith dev-", "dev-"),
        ("ka.user.groups intersects (ops)", "member of ops"),
    ],
)
def test_a_rule_about_somebody_is_asked_about_them(condition: str, user: str) -> None:
    text = f"""\
- rule: Somebody
  desc: d
  condition: {condition} and ka.target.resource = nodes and ka.verb = get
  output: o
  priority: INFO
  source: k8s_audit
"""
    loaded = load([RuleFile("mine.yaml", text.encode())]).ruleset
    assert loaded is not None
    drop = _first(level="None", verbs=["get"], resources=[{"group": "", "resources": ["nodes"]}])
    found = gaps(_broken(drop), loaded.rules)
    assert Gap("Somebody", _DROPPED, "get", "nodes", user, "None") in found
    assert gaps(shipped_policy(), loaded.rules) == set()
