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


def _flags(block: Any) -> dict[str, str]:
    """Return the audit flags that one of the README's files gives kube-apiserver."""
    if "kube-apiserver-arg" in block:
        return dict(flag.split("=", 1) for flag in block["kube-apiserver-arg"])
    if "nodes" in block:
        (patch,) = block["nodes"][0]["kubeadmConfigPatches"]
        return dict(read(patch)["apiServer"]["extraArgs"])
    (container,) = block["spec"]["containers"]
    return dict(flag.removeprefix("--").split("=", 1) for flag in container["command"] if "=" in flag)


def test_the_files_of_the_readme_give_the_same_flags_as_its_table(kubeconfig: Any) -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    blocks = [read(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    kubeadm, kind, k3s = (_flags(block) for block in blocks)
    assert kubeadm == kind
    assert {name: value.replace("rancher/k3s", "kubernetes") for name, value in k3s.items()} == kubeadm
    table = dict(re.findall(r"^\| `--([\w-]+)` \| `([^`]+)`", text, re.MULTILINE))
    shown = {name: value for name, value in kubeadm.items() if name in table}
    assert shown == {name: value for name, value in table.items() if name in kubeadm}
    assert (
        kubeadm.keys() - table.keys()
        == {"audit-webhook-batch-throttle-qps", "audit-webhook-batch-throttle-burst"} - table.keys()
    )
    _, cluster = _only(kubeconfig["clusters"], "cluster")
    folder = cluster["certificate-authority"].rpartition("/")[0]
    assert {kubeadm[name].rpartition("/")[0] for name in kubeadm if name.endswith("-file")} == {folder}
    mounted = kubeadm_mounts(blocks[0]) | kind_mounts(blocks[1])
    assert mounted == {folder}


def kubeadm_mounts(block: Any) -> set[str]:
    (container,) = block["spec"]["containers"]
    (mount,), (volume,) = container["volumeMounts"], block["spec"]["volumes"]
    return {mount["mountPath"], volume["hostPath"]["path"]}


def kind_mounts(block: Any) -> set[str]:
    (node,) = block["nodes"]
    (mount,), (patch,) = node["extraMounts"], node["kubeadmConfigPatches"]
    (volume,) = read(patch)["apiServer"]["extraVolumes"]
    return {mount["containerPath"], volume["hostPath"], volume["mountPath"]}


def test_the_readme_links_to_what_is_there() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([\w./-]+)\)", text)
    assert {"audit-policy.yaml", "webhook-kubeconfig.yaml"} <= set(linked)
    assert [name for name in linked if not (DEPLOY / name).exists()] == []
