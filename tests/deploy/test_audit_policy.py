"""The audit policy that ships: it is one, it drops only what it says, and it sends no answers that hold credentials."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.deploy.audit_policy import LEVELS, Request, decide, problems, read
from tests.deploy.kubernetes_api import ANONYMOUS, FAILED_LOGIN, KUBELET, PERSON, WORKLOAD, requests, users
from tests.deploy.pack import shipped_policy
from wire.tracked import TRACKED, WRITE_VERBS

Change = Callable[[dict[str, Any]], object]


def _named(request: Request) -> str:
    target = request.target
    if target is None:
        return f"{request.verb} {request.path}"
    what = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
    return f"{request.verb} {what}"


# --- what a policy is ------------------------------------------------------------------------------------------------


def test_the_policy_that_ships_is_one() -> None:
    assert problems(shipped_policy()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda policy: policy.update(apiVersion="audit.k8s.io/v1beta1"), "apiVersion: expected audit.k8s.io/v1"),
        (lambda policy: policy.update(kind="PolicyList"), "kind: expected Policy"),
        (lambda policy: policy.update(rule=[]), "rule: no such key"),
        (lambda policy: policy.update(rules=[]), "rules: at least one is needed"),
        (lambda policy: policy.update(omitManagedFields="yes"), "omitManagedFields: expected true or false"),
        (lambda policy: policy.update(omitStages=["Received"]), "omitStages: Received is no stage"),
        (lambda policy: policy.update(omitStages="Panic"), "omitStages: expected a list of texts"),
        (lambda policy: policy["rules"].append("Metadata"), "rules[1]: expected a mapping"),
        (lambda policy: policy["rules"][0].pop("level"), f"rules[0].level: expected one of {', '.join(LEVELS)}"),
        (
            lambda policy: policy["rules"][0].update(level="Full"),
            f"rules[0].level: expected one of {', '.join(LEVELS)}",
        ),
        (lambda policy: policy["rules"][0].update(user=["a"]), "rules[0].user: no such key"),
        (lambda policy: policy["rules"][0].update(verbs="get"), "rules[0].verbs: expected a list of texts"),
        (lambda policy: policy["rules"][0].update(users=[1]), "rules[0].users: expected a list of texts"),
        (lambda policy: policy["rules"][0].update(omitStages=["End"]), "rules[0].omitStages: End is no stage"),
        (
            lambda policy: policy["rules"][0].update(omitManagedFields=1),
            "rules[0].omitManagedFields: expected true or false",
        ),
        (
            lambda policy: policy["rules"][0].update(nonResourceURLs=["/x"], resources=[{"group": ""}]),
            "rules[0].nonResourceURLs: cannot stand beside resources or namespaces",
        ),
        (
            lambda policy: policy["rules"][0].update(nonResourceURLs=["/x"], namespaces=["a"]),
            "rules[0].nonResourceURLs: cannot stand beside resources or namespaces",
        ),
        (
            lambda policy: policy["rules"][0].update(nonResourceURLs=["x"]),
            "rules[0].nonResourceURLs: x does not begin with / or has a * before its end",
        ),
        (
            lambda policy: policy["rules"][0].update(nonResourceURLs=["/*/x"]),
            "rules[0].nonResourceURLs: /*/x does not begin with / or has a * before its end",
        ),
        (
            lambda policy: policy["rules"][0].update(resources=["pods"]),
            "rules[0].resources: expected a list of mappings",
        ),
        (
            lambda policy: policy["rules"][0].update(resources=[{"groups": [""]}]),
            "rules[0].resources.groups: no such key",
        ),
        (
            lambda policy: policy["rules"][0].update(resources=[{"group": "apps/v1"}]),
            "rules[0].resources.group: apps/v1 is no API group",
        ),
        (
            lambda policy: policy["rules"][0].update(resources=[{"group": "", "resources": "pods"}]),
            "rules[0].resources: expected lists of texts",
        ),
        (
            lambda policy: policy["rules"][0].update(resources=[{"group": "", "resourceNames": ["a"]}]),
            "rules[0].resources.resourceNames: need resources",
        ),
    ],
)
def test_a_broken_policy_is_told_with_the_place(change: Change, problem: str) -> None:
    policy: dict[str, Any] = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
    assert problems(policy) == []
    change(policy)
    assert problems(policy) == [problem]


def test_what_is_no_mapping_is_no_policy() -> None:
    assert problems([]) == ["policy: expected a mapping"]


def test_a_key_that_stands_twice_is_a_mistake() -> None:
    with pytest.raises(yaml.YAMLError, match="repeated key 'level'"):
        read("rules:\n- level: None\n  level: Request\n")


# --- what is dropped -------------------------------------------------------------------------------------------------


def test_failed_logins_people_and_workloads_are_told_whatever_they_ask() -> None:
    policy = shipped_policy()
    for user in (FAILED_LOGIN, PERSON, WORKLOAD):
        for request in requests(policy, user):
            decision = decide(policy, request)
            assert decision.level != "None", request
            assert decision.omitted_stages == {"RequestReceived"}, request


def test_only_what_components_do_all_day_is_dropped() -> None:
    policy = shipped_policy()
    events = {f"{verb} events" for verb in ("create", "patch", "update")}
    leases = {"get leases", "update leases"}
    dropped = {
        user: {_named(request) for request in requests(policy, user) if decide(policy, request).level == "None"}
        for user in users(policy)
    }
    assert dropped[ANONYMOUS] == {
        *("get /healthz", "get /healthz/x", "get /livez", "get /livez/ping", "get /livez/x"),
        *("get /readyz", "get /readyz/x"),
    }
    assert dropped[KUBELET] == events | leases
    for user, what in dropped.items():
        if user.name == "system:apiserver" and "system:masters" in user.groups:
            assert {name.split()[0] for name in what - leases} == {"get", "list", "watch"}
            assert not {name for name in what if name.endswith(("secrets", "/token", "/exec", "/attach", "/proxy"))}
        elif user.name is not None and user.name.startswith("system:") and user not in (ANONYMOUS, KUBELET, WORKLOAD):
            status = what - events - leases
            assert {name.split()[0] for name in status} <= {"patch", "update"}, user
            assert all(name.endswith("/status") for name in status), user
            assert not {"update nodes/status", "patch pods/status"} & status
        elif user not in (ANONYMOUS, KUBELET):
            assert what == (events | leases if user.groups == ("system:nodes",) else set()), user


def test_a_lease_elsewhere_is_no_heartbeat() -> None:
    policy = shipped_policy()
    for user in (KUBELET, *(user for user in users(policy) if user.name == "system:kube-scheduler")):
        told = {
            request.target.namespace
            for request in requests(policy, user)
            if request.target and request.target.resource == "leases" and decide(policy, request).level == "Metadata"
        }
        assert "shop" in told


# --- what holds credentials ------------------------------------------------------------------------------------------


def test_no_answer_about_secrets_and_tokens_is_sent_and_no_reading_or_updating_request() -> None:
    policy = shipped_policy()
    for user in users(policy):
        for request in requests(policy, user):
            target = request.target
            if target is None or (target.resource, target.subresource) not in {
                *(("secrets", ""), ("serviceaccounts", "token"), ("tokenreviews", "")),
            }:
                continue
            is_needed = request.verb in {"create", "patch"} and target.resource != "tokenreviews"
            is_deletion = request.verb in {"delete", "deletecollection"}
            assert decide(policy, request).level in (
                ("Request", "Metadata") if is_needed or is_deletion else ("Metadata",)
            )


# --- what the memory of resources needs ------------------------------------------------------------------------------

HIDDEN_OF_TRACKED = {
    ("", "secrets"): "Credentials are in the answers: of Secrets neither made-up names nor uids are known.",
}


def test_writes_of_tracked_resources_are_told_with_their_answers() -> None:
    policy = shipped_policy()
    hidden = set()
    for user in users(policy):
        for request in requests(policy, user):
            target = request.target
            if target is None or target[:2] not in TRACKED or request.verb not in WRITE_VERBS:
                continue
            if target.subresource in {"", "finalize"} and decide(policy, request).level != "RequestResponse":
                hidden.add(target[:2])
    assert hidden == HIDDEN_OF_TRACKED.keys()


def test_an_eviction_shows_whether_it_is_a_dry_run() -> None:
    policy = shipped_policy()
    evictions = [
        decide(policy, request)
        for user in users(policy)
        for request in requests(policy, user)
        if request.verb == "create" and request.target is not None and request.target[1:3] == ("pods", "eviction")
    ]
    assert evictions
    assert {decision.level for decision in evictions} == {"Request"}, "DeleteOptions are in its body"


def test_nothing_is_told_of_managed_fields() -> None:
    policy = shipped_policy()
    decisions = {decide(policy, request) for user in users(policy) for request in requests(policy, user)}
    assert {decision.omits_managed_fields for decision in decisions} == {True}
