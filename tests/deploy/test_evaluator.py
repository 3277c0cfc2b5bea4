"""The reading of audit policies, held against real API servers and against what their source says of each key.

Two recordings of kube-apiserver v1.34.4: the bodies that ship, made under `fixtures/recorded-policy.yaml` (nearly all
bodies), and the requests of a run of the same kind of work under the policy of `deploy/`, whose text is the first line.
"""

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from auditstream.demo import bodies
from tests.deploy.audit_policy import Decision, Request, Target, cut, decide, problems, read, request_of
from tests.deploy.pack import FIXTURES, shipped_policy

POD = Target("", "pods", "", "shop", "web")
EXEC = Target("", "pods", "exec", "shop", "web")
NODE = Target("", "nodes", "", "", "node-1")
SCALE = Target("apps", "deployments", "scale", "shop", "web")


def _is_fitting(rule: dict[str, Any], request: Request) -> bool:
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Request", **rule}]}
    assert problems(policy) == []
    return decide(policy, request).level == "Request"


def _resources(group: str, *names: str) -> dict[str, Any]:
    return {"resources": [{"group": group, "resources": list(names)}]}


@pytest.mark.parametrize(
    ("rule", "fitting", "other"),
    [
        ({"users": ["alice"]}, Request("get", "alice"), Request("get", "bob")),
        ({"users": ["alice"]}, Request("get", "alice"), Request("get", None)),
        ({"userGroups": ["dev", "ops"]}, Request("get", "a", ("x", "ops")), Request("get", "a", ("x",))),
        ({"userGroups": ["dev"]}, Request("get", "a", ("dev",)), Request("get", None)),
        ({"users": ["a"], "userGroups": ["dev"]}, Request("get", "a", ("dev",)), Request("get", "a")),
        ({"verbs": ["get"]}, Request("get", "a"), Request("list", "a")),
        ({"namespaces": ["shop"]}, Request("get", "a", (), POD), Request("get", "a", (), NODE)),
        ({"namespaces": [""]}, Request("get", "a", (), NODE), Request("get", "a", (), None, "/api")),
        (_resources("", "pods"), Request("get", "a", (), POD), Request("get", "a", (), EXEC)),
        (_resources("", "pods/exec"), Request("get", "a", (), EXEC), Request("get", "a", (), POD)),
        (_resources("", "pods/*"), Request("get", "a", (), POD), Request("get", "a", (), NODE)),
        (_resources("", "*/exec"), Request("get", "a", (), EXEC), Request("get", "a", (), POD)),
        (_resources("", "*"), Request("get", "a", (), EXEC), Request("get", "a", (), SCALE)),
        (_resources("apps", "*/scale"), Request("get", "a", (), SCALE), Request("get", "a", (), EXEC)),
        ({"resources": [{"group": "apps"}]}, Request("get", "a", (), SCALE), Request("get", "a", (), POD)),
        (
            {"resources": [{"group": "", "resources": ["pods"], "resourceNames": ["web"]}]},
            Request("get", "a", (), POD),
            Request("get", "a", (), POD._replace(name="db")),
        ),
        ({"nonResourceURLs": ["/api*"]}, Request("get", "a", path="/apis"), Request("get", "a", path="/healthz")),
        ({"nonResourceURLs": ["/livez"]}, Request("get", "a", path="/livez"), Request("get", "a", path="/livez/ping")),
        ({"nonResourceURLs": ["*"]}, Request("get", "a", path="/x"), Request("get", "a", (), POD, "/x")),
    ],
)
def test_a_rule_fits_what_all_its_keys_fit(rule: dict[str, Any], fitting: Request, other: Request) -> None:
    assert _is_fitting(rule, fitting)
    assert not _is_fitting(rule, other)


def test_the_first_rule_that_fits_decides_and_without_one_nothing_is_told() -> None:
    policy = {
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [
            {"level": "Metadata", "verbs": ["get"], "omitStages": ["Panic"], "omitManagedFields": False},
            {"level": "Request", "verbs": ["get", "list"]},
        ],
    }
    assert decide(policy, Request("get", "a")) == Decision("Metadata", frozenset({"RequestReceived", "Panic"}), False)  # noqa: FBT003
    assert decide(policy, Request("list", "a")) == Decision("Request", frozenset({"RequestReceived"}), True)  # noqa: FBT003
    assert decide(policy, Request("watch", "a")) == Decision("None", frozenset({"RequestReceived"}), True)  # noqa: FBT003


def test_managed_fields_go_from_objects_lists_and_tables_but_not_from_a_patch() -> None:
    policy = read((FIXTURES / "recorded-policy.yaml").read_text(encoding="utf-8")) | {"omitManagedFields": True}
    owned = {"metadata": {"name": "x", "managedFields": [{}]}}
    freed = {"metadata": {"name": "x"}}
    event = {
        "level": "RequestResponse",
        "stage": "ResponseComplete",
        "verb": "patch",
        "requestURI": "/api/v1/namespaces/shop/pods/x",
        "user": {},
        "objectRef": {"resource": "pods"},
        "requestObject": owned,
        "responseObject": {"items": [owned], "rows": [{"cells": [], "object": owned}], **owned},
    }
    kept = cut(policy, event)
    assert kept is not None
    assert kept["requestObject"] == owned
    assert kept["responseObject"] == {"items": [freed], "rows": [{"cells": [], "object": freed}], **freed}
    kept = cut(policy, {**event, "verb": "update"})
    assert kept is not None
    assert kept["requestObject"] == freed


def test_recorded_bodies_have_the_levels_that_their_policy_says() -> None:
    policy = read((FIXTURES / "recorded-policy.yaml").read_text(encoding="utf-8"))
    assert problems(policy) == []
    events = [event for body in bodies() for event in json.loads(body)["items"]]
    wrong = [event for event in events if decide(policy, request_of(event)).level != event["level"]]
    assert wrong == []
    assert Counter(event["level"] for event in events).keys() == {"Metadata", "Request", "RequestResponse"}


def test_a_run_under_the_policy_that_ships_told_what_the_evaluator_says() -> None:
    lines = gzip.decompress((FIXTURES / "run-under-policy.jsonl.gz").read_bytes()).splitlines()
    policy, *rows = [json.loads(line) for line in lines]
    assert policy == shipped_policy(), "record anew what runs under a policy that has changed"
    assert len(rows) > 500
    for row in rows:
        decision = decide(policy, request_of(row))
        assert decision.level == row["level"], row
        assert row["stage"] not in decision.omitted_stages, row
        told = {"Metadata": 0, "Request": 1, "RequestResponse": 2}[row["level"]]
        assert row["bodies"] in ("", "requestObject", "responseObject", "requestObject responseObject")
        assert told == 2 or "responseObject" not in row["bodies"], row
        assert told >= 1 or not row["bodies"], row
        assert not row["managed"], row
    assert Counter(row["level"] for row in rows).keys() == {"Metadata", "Request", "RequestResponse"}
    # Of the first answer to a failed login there is no user, and no later stage.
    assert {row["stage"] for row in rows if not row["user"]} == {"ResponseStarted"}
