"""The kubeconfig by which an API server finds the webhook: what it has to say for the token to be sent at all."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from ingest.webhook import PATHS
from tests.deploy.audit_policy import read
from tests.deploy.pack import DEPLOY

KUBECONFIG: Final = DEPLOY / "webhook-kubeconfig.yaml"


@pytest.fixture(scope="module")
def kubeconfig() -> Any:
    """Give the file as a kubeconfig is read."""
    return read(KUBECONFIG.read_text(encoding="utf-8"))


def _only(named: list[dict[str, Any]], kind: str) -> tuple[str, dict[str, Any]]:
    (one,) = named
    assert one.keys() == {"name", kind}
    return one["name"], one[kind]


def test_its_context_names_its_cluster_and_its_user(kubeconfig: Any) -> None:
    assert kubeconfig.keys() == {"apiVersion", "kind", "clusters", "users", "contexts", "current-context"}
    assert (kubeconfig["apiVersion"], kubeconfig["kind"]) == ("v1", "Config")
    name, context = _only(kubeconfig["contexts"], "context")
    assert kubeconfig["current-context"] == name
    assert context == {
        "cluster": _only(kubeconfig["clusters"], "cluster")[0],
        "user": _only(kubeconfig["users"], "user")[0],
    }


def test_it_posts_over_tls_to_the_path_that_ingest_takes(kubeconfig: Any) -> None:
    _, cluster = _only(kubeconfig["clusters"], "cluster")
    assert cluster.keys() == {"server", "certificate-authority"}, "no insecure-skip-tls-verify"
    server = urlsplit(cluster["server"])
    assert (server.scheme, server.query, server.port) == ("https", "", 8765)
    assert server.path == "/k8s_audit"
    assert server.path in PATHS
    assert cluster["certificate-authority"].startswith("/etc/kubernetes/audit/")


def test_it_carries_a_token_and_no_real_one(kubeconfig: Any) -> None:
    _, user = _only(kubeconfig["users"], "user")
    assert user == {"token": "PUT-THE-TOKEN-HERE"}


def test_the_readme_links_to_what_is_there() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([\w./-]+)\)", text)
    assert {"audit-policy.yaml", "webhook-kubeconfig.yaml"} <= set(linked)
    assert [name for name in linked if not (DEPLOY / name).exists()] == []
