"""How two inventories are compared."""

import json

from tests.kube.inventory import KINDS, Thing, differences, of_auditstream, of_kubectl
from wire.tracked import TRACKED

SECRETS = ("", "secrets")


def test_all_tracked_kinds_are_asked_for() -> None:
    asked = KINDS.split(",")
    assert len(asked) == len(TRACKED)
    assert "pods" in asked
    assert "roles.rbac.authorization.k8s.io" in asked


def test_what_kubectl_shows_is_read() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r", "uid": "1"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop", "uid": "2"}}
    assert of_kubectl(json.dumps({"kind": "List", "items": [role, pod]})) == {
        Thing("rbac.authorization.k8s.io", "clusterroles", "", "r"): "1",
        Thing("", "pods", "shop", "p"): "2",
    }


def test_what_auditstream_lists_is_read() -> None:
    line = {"cluster": "c", "api_group": "", "resource": "pods", "kind": "Pod", "namespace": "shop", "name": "p"}
    assert of_auditstream(json.dumps({**line, "uid": None, "exists": True}) + "\n", "c") == {
        Thing("", "pods", "shop", "p"): None
    }


def test_the_same_has_no_differences() -> None:
    there = {Thing("", "pods", "shop", "p"): "1", Thing("apps", "deployments", "shop", "d"): "2"}
    assert differences(there, dict(there)) == []


def test_each_difference_is_a_line() -> None:
    actual = {Thing("", "pods", "shop", "missing"): "1", Thing("", "pods", "shop", "other"): "2"}
    told = {Thing("", "namespaces", "", "gone"): "3", Thing("", "pods", "shop", "other"): "4"}
    assert differences(actual, told) == [
        "namespaces/gone: is told, but does not exist",
        "pods/shop/missing: exists, but is not told",
        "pods/shop/other: is 2, told as 4",
    ]


def test_an_unknown_uid_is_a_difference_but_where_it_cannot_be_known() -> None:
    actual = {Thing("", "secrets", "shop", "s"): "1", Thing("", "pods", "shop", "p"): "2"}
    told = dict.fromkeys(actual)
    assert differences(actual, told, [SECRETS]) == ["pods/shop/p: is 2, told as None"]


def test_a_wrong_uid_is_a_difference_everywhere() -> None:
    secret = Thing("", "secrets", "shop", "s")
    assert differences({secret: "1"}, {secret: "2"}, [SECRETS]) == ["secrets/shop/s: is 1, told as 2"]
