"""The affinity key: which events meet on one partition."""

from pathlib import Path

import msgspec
import pytest

from ingest.affinity import affinity_key
from ingest.envelope import Head, read_head

RBAC = "rbac.authorization.k8s.io"
FIXTURES = Path(__file__).parent / "fixtures"


def head(  # noqa: PLR0913 - mirrors objectRef
    resource: str | None,
    *,
    group: str | None = "",
    namespace: str | None = None,
    name: str | None = None,
    subresource: str | None = "",
    verb: str | None = "create",
    stage: str | None = "ResponseComplete",
    response: object = None,
) -> Head:
    return Head(
        stage=stage,
        verb=verb,
        resource=resource,
        api_group=group,
        subresource=subresource,
        namespace=namespace,
        name=name,
        response=response,
    )


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (head("pods", namespace="shop", name="web"), b"c/shop"),
        (head("pods", namespace="shop", verb="deletecollection"), b"c/shop"),
        (head("pods", namespace="shop", name="web", subresource="exec", verb="get"), b"c/shop"),
        (head("pods", namespace="shop", name="web", subresource="exec", stage="ResponseStarted"), b"c/shop"),
        (head("deployments", group="apps", namespace="shop", subresource="scale", verb="patch"), b"c/shop"),
        (head("serviceaccounts", namespace="shop", name="robot", subresource="token"), b"c/shop"),
        (head("secrets", namespace="shop", name="login"), b"c/shop"),
        (head("namespaces", name="shop", namespace="shop"), b"c/shop"),
        (head("namespaces", name="shop", verb="delete"), b"c/shop"),
        (head("namespaces", name="shop", subresource="finalize", verb="update"), b"c/shop"),
        (head("namespaces", response={"metadata": {"name": "shop-x7f2"}}), b"c/shop-x7f2"),
        (head("roles", group=RBAC, namespace="shop", name="r"), b"c/rbac"),
        (head("rolebindings", group=RBAC, namespace="data", name="r"), b"c/rbac"),
        (head("clusterroles", group=RBAC, name="r"), b"c/rbac"),
        (head("clusterrolebindings", group=RBAC, verb="deletecollection"), b"c/rbac"),
        (head("pods", namespace="ünï", name="web"), "c/ünï".encode()),
    ],
)
def test_a_keyed_event_has_the_key_of_its_namespace_or_of_rbac(event: Head, key: bytes) -> None:
    assert affinity_key("c", event) == key


@pytest.mark.parametrize(
    "event",
    [
        head("pods", namespace="shop", stage="RequestReceived"),
        head("pods", namespace="shop", stage=None),
        head("pods", namespace="shop", verb=None),
        head("pods", namespace="shop", verb="get"),
        head("pods", namespace="shop", subresource="status", verb="patch"),
        head("pods", namespace="shop", group="metrics.k8s.io"),
        head("pods", namespace="shop", group=None),
        head("pods", namespace=None),
        head("pods", namespace=""),
        head("namespaces"),
        head("namespaces", name="", response={"metadata": {"name": ""}}),
        head("namespaces", response={"kind": "Status", "metadata": {}}),
        head("namespaces", response={"metadata": ["name"]}),
        head("namespaces", response={"metadata": {"name": 5}}),
        head("leases", group="coordination.k8s.io", namespace="shop", verb="update"),
        head(None, verb="get"),
    ],
)
def test_what_shares_no_state_or_says_too_little_has_no_key(event: Head) -> None:
    assert affinity_key("c", event) is None


def test_a_subresource_of_a_wrong_type_counts_as_none() -> None:
    assert affinity_key("c", head("pods", namespace="shop", subresource=None)) == b"c/shop"


def test_a_tracked_resource_that_is_neither_in_a_namespace_nor_rbac_has_the_clusters_own_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # None is tracked today; the format is part of the agreement all the same.
    from ingest import affinity  # noqa: PLC0415 - patched here only
    from wire.tracked import TrackedResource  # noqa: PLC0415

    monkeypatch.setattr(affinity, "keyed", lambda *_: TrackedResource("Node", is_namespaced=False))

    assert affinity_key("c", head("nodes", name="n1")) == b"c/"


def test_what_is_longer_than_any_name_makes_no_key() -> None:
    assert affinity_key("c", head("pods", namespace="n" * 253)) == b"c/" + b"n" * 253
    assert affinity_key("c", head("pods", namespace="n" * 254)) is None


def test_a_namespace_called_rbac_shares_the_key_of_the_rbac_objects() -> None:
    assert affinity_key("c", head("pods", namespace="rbac")) == affinity_key("c", head("roles", group=RBAC))


def test_recorded_events_have_these_keys() -> None:
    keys = {}
    for line in (FIXTURES / "events.jsonl").read_bytes().splitlines():
        event = read_head(msgspec.json.decode(line))
        what = "/".join(part for part in (event.resource, event.subresource) if part)
        keys[f"{event.stage} {event.verb} {what}"] = affinity_key("c", event)

    assert keys == {
        "ResponseComplete list leases": None,
        "ResponseComplete get ": None,
        "ResponseComplete create namespaces": b"c/kube-system",
        "ResponseComplete create clusterrolebindings": b"c/rbac",
        "ResponseComplete create rolebindings": b"c/rbac",
        "ResponseComplete create deployments": b"c/kube-system",
        "RequestReceived create pods": None,
        "ResponseComplete create pods": b"c/kube-system",
        "ResponseComplete create pods/binding": b"c/kube-system",
        "ResponseComplete delete pods": b"c/shop",
        "ResponseComplete patch deployments": b"c/shop",
        "ResponseStarted get pods/exec": b"c/shop",
        "ResponseStarted create pods/exec": b"c/shop",
        "ResponseComplete delete namespaces": b"c/short-lived",
        "ResponseComplete deletecollection pods": b"c/short-lived",
        "ResponseComplete create pods/eviction": b"c/shop",
        "ResponseComplete patch pods/ephemeralcontainers": b"c/shop",
        "ResponseComplete create configmaps": b"c/shop",
    }
