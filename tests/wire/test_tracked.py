"""The tracked resources, and which requests on them carry a key."""

import pytest

from wire.tracked import TRACKED, TrackedResource, keyed

RBAC = "rbac.authorization.k8s.io"


def test_the_tracked_resources_are_these() -> None:
    assert sorted(tracked.kind for tracked in TRACKED.values()) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CronJob",
        "DaemonSet",
        "Deployment",
        "Job",
        "Namespace",
        "Pod",
        "ReplicaSet",
        "ReplicationController",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    ]


def test_each_is_named_as_the_plural_of_its_kind() -> None:
    assert [resource for (_, resource), tracked in TRACKED.items() if resource != tracked.kind.lower() + "s"] == []


def test_three_are_cluster_scoped() -> None:
    actual = {resource for (_, resource), tracked in TRACKED.items() if not tracked.is_namespaced}

    assert actual == {"namespaces", "clusterroles", "clusterrolebindings"}


def test_rbac_objects_are_those_of_their_api_group() -> None:
    assert {name for name, tracked in TRACKED.items() if tracked.is_rbac} == {name for name in TRACKED if RBAC in name}


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection"])
@pytest.mark.parametrize(
    "subresource",
    ["", "scale", "binding", "eviction", "ephemeralcontainers", "resize", "finalize", "token"],
)
def test_a_write_is_keyed(verb: str, subresource: str) -> None:
    assert keyed("", "pods", subresource, verb) == TrackedResource("Pod")


@pytest.mark.parametrize("verb", ["get", "create", "delete", "", "anything"])
@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy"])
def test_a_way_into_an_object_is_keyed_whatever_its_verb(verb: str, subresource: str) -> None:
    assert keyed("", "pods", subresource, verb) == TrackedResource("Pod")


@pytest.mark.parametrize(
    ("api_group", "resource", "subresource", "verb"),
    [
        ("", "pods", "", "get"),
        ("", "pods", "", "list"),
        ("", "pods", "", "watch"),
        ("", "pods", "", ""),
        ("", "pods", "status", "patch"),
        ("", "pods", "log", "get"),
        ("", "nodes", "proxy", "get"),
        ("", "deployments", "", "create"),
        ("example.com", "deployments", "", "create"),
        ("example.com", "pods", "exec", "create"),
        ("coordination.k8s.io", "leases", "", "update"),
    ],
)
def test_reads_status_and_resources_of_other_groups_are_not_keyed(
    api_group: str,
    resource: str,
    subresource: str,
    verb: str,
) -> None:
    assert keyed(api_group, resource, subresource, verb) is None
