"""Ways round the pack's rules that were found once: each event has to alert by the rule that it went round."""

from collections.abc import Callable
from typing import Any

import pytest

from processor.engine import Engine
from processor.rule_files import pack_files
from processor.state import MemoryState
from rules.loader import load
from wire.record import Record

MakeRecord = Callable[..., Record]

_RULESET = load(pack_files()).ruleset
_ENFORCE = "pod-security.kubernetes.io/enforce"
_RBAC = "rbac.authorization.k8s.io"
_LOWERED = "Pod Security Of Namespace Lowered"
_CREDENTIALS = "ConfigMap With Private Credentials"
_VOLUME = "Persistent Volume On Sensitive Host Path"
_READS = "Exec That Reads Credentials"
_HIDDEN = "Patch With Hidden Result"
_PRIVILEGED = {"containers": [{"name": "c", "securityContext": {"privileged": True}}]}


def _patched(resource: str, request: object, response: object, **reference: str) -> dict[str, Any]:
    target = {"resource": resource, "name": "x", **reference}
    status = {"code": 200}
    return {
        "verb": "patch",
        "objectRef": target,
        "responseStatus": status,
        "requestObject": request,
        "responseObject": response,
    }


def _labelled(**labels: str) -> dict[str, Any]:
    return {"metadata": {"labels": labels}}


def _volume(**spec: object) -> dict[str, Any]:
    return {"objectRef": {"resource": "persistentvolumes", "name": "pv"}, "requestObject": {"spec": spec}}


def _role(*rules: dict[str, list[str]]) -> dict[str, Any]:
    operation = {"op": "replace", "path": "/rules", "value": list(rules)}
    return _patched("clusterroles", [operation], {"rules": list(rules)}, apiGroup=_RBAC)


def _anonymous(**members: object) -> dict[str, Any]:
    return {"user": {"username": "system:anonymous", "groups": ["system:unauthenticated"]}, **members}


def _unanswered(resource: str, spec: object, **members: object) -> dict[str, Any]:
    """Make a request that was done, though its answer could not be given in the form that was asked for."""
    target = {"resource": resource, "namespace": "shop", "name": "x"}
    return {"objectRef": target, "responseStatus": {"code": 406}, "requestObject": {"spec": spec}, **members}


def _capable(capability: str) -> dict[str, Any]:
    containers = [{"name": "c", "securityContext": {"capabilities": {"add": [capability]}}}]
    return {"requestObject": {"spec": {"containers": containers}}}


def _kubelet_exec(**members: object) -> dict[str, Any]:
    uri = "/api/v1/nodes/n/proxy/exec/shop/p/c?command=sh"
    target = {"resource": "nodes", "name": "n", "subresource": "proxy"}
    return {"verb": "get", "objectRef": target, "requestURI": uri, "responseStatus": {"code": 101}, **members}


def _exec(query: str) -> dict[str, Any]:
    target = {"resource": "pods", "namespace": "shop", "name": "p", "subresource": "exec"}
    uri = f"/api/v1/namespaces/shop/pods/p/exec?{query}"
    status = {"code": 101}
    return {"verb": "get", "stage": "ResponseStarted", "objectRef": target, "requestURI": uri, "responseStatus": status}


def _hidden(resource: str, group: str, request: object) -> dict[str, Any]:
    answer = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "x"}}
    return _patched(resource, request, answer, apiGroup=group)


def _replaced(path: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": path, "value": value}]


def _by(controller: str, resource: str, group: str, **members: object) -> dict[str, Any]:
    user = {"username": f"system:serviceaccount:kube-system:{controller}", "groups": ["system:authenticated"]}
    target = {"resource": resource, "namespace": "kube-system", "name": "x"} | ({"apiGroup": group} if group else {})
    return {"user": user, "objectRef": target, "responseStatus": {"code": 201}, **members}


_TEMPLATE = {"spec": {"template": {"spec": _PRIVILEGED}}}

CASES = [
    # A controller's stolen account makes what no owner asks for.
    ("Privileged Pod Or Template", _by("deployment-controller", "replicasets", "apps", requestObject=_TEMPLATE)),
    ("Privileged Pod Or Template", _by("deployment-controller", "deployments", "apps", requestObject=_TEMPLATE)),
    ("Privileged Pod Or Template", _by("cronjob-controller", "jobs", "batch", requestObject=_TEMPLATE)),
    ("Bare Pod In System Namespace", _by("replicaset-controller", "pods", "", requestObject={"spec": _PRIVILEGED})),
    # kubectl deletes all events one by one, with their names.
    ("Events Deleted", {"verb": "delete", "responseStatus": {"code": 200},
                        "objectRef": {"resource": "events", "namespace": "shop", "name": "web.18a1"}}),
    *((_HIDDEN, _hidden(resource, group, request)) for resource, group, request in (
        ("services", "", _replaced("/spec/type", "NodePort")),
        ("configmaps", "", _replaced("/data/password", "x")),
        ("clusterroles", _RBAC, _replaced("/rules", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])),
        ("rolebindings", _RBAC, {"subjects": [{"kind": "User", "name": "someone"}]}),
    )),
    (_LOWERED, {**_patched("namespaces", _labelled(**{_ENFORCE: "privileged"}), ...), "responseStatus": {"code": 406}}),
    # A session by websocket is told when it opens, not when it ends.
    ("Kubelet Reached Through Node Proxy", _kubelet_exec(stage="ResponseStarted")),
    # The words of a command may be spelt in many ways.
    *((_READS, _exec(query)) for query in (
        "command=cat&command=%2Fvar%2Frun%2F%73ecrets%2Fkubernetes.i%6f%2Fserviceaccount%2Ftoken",
        "c%6fmmand=c%61t&command=/etc%2f%73hadow",
        "command=sh&command=-c&command=cd+/run/secrets%3Bcat+kubernetes.io/serviceaccount/token",
    )),
    ("Pod Or Template With Takeover Capability", _capable("all")),
    ("Pod Or Template With Takeover Capability", _capable("sys_Admin")),
    ("Privileged Pod Or Template", _unanswered("pods", _PRIVILEGED)),
    ("Service On Node Port", _unanswered("services", {"type": "NodePort"})),
    ("Service Created", _unanswered("services", {})),
    (_LOWERED, _patched("namespaces", [{"op": "add", "path": "/metadata/labels", "value": {_ENFORCE: "privileged"}}],
                        _labelled(**{_ENFORCE: "privileged"}))),
    (_LOWERED, _patched("namespaces", [{"op": "remove", "path": "/metadata/labels"}], {"metadata": {}})),
    (_LOWERED, _patched("namespaces", {"metadata": {"labels": None}}, {"metadata": {}})),
    (_LOWERED, _patched("namespaces", {"metadata": {"labels": {"$patch": "replace"}}}, {"metadata": {}})),
    (_CREDENTIALS, _patched("configmaps", {"data": {"harmless-looking": "x"}}, {"data": {"password": "x"}})),
    ("Privileged Pod Or Template",
     _patched("pods", [{"op": "add", "path": "/s\\u0070ec/ephemeralContainers", "value": []}],
              {"spec": _PRIVILEGED}, subresource="ephemeralcontainers")),
    *((_VOLUME, _volume(hostPath={"path": path}))
      for path in ("/.", "/run/", "/var/lib/", "/dev/sda", "/sys/fs", "/var/lib/docker/overlay2", "//etc")),
    *((_VOLUME, _volume(local={"path": path})) for path in ("/etc/kubernetes", "//")),
    *(("Pod Or Template With Sensitive Host Path",
       {"requestObject": {"spec": {"volumes": [{"hostPath": {"path": path}}]}}})
      for path in ("/bin", "/sbin/x", "/lib", "/lib64", "/opt/cni/bin", "/opt", "/var/lib/cni", "/run/systemd",
                   "/run/k3s", "/var/lib/rancher", "/var/spool/at", "/run/dbus", "/var/run/dbus/system_bus_socket",
                   "/var/run/k3s/containerd/containerd.sock", "/var/run/cri-dockerd.sock", "/var/lib/k0s")),
    ("Role That Can Exec In Pods", _role({"resources": ["pods/*"], "verbs": ["get"]})),
    ("Role That Can Exec In Pods", _role({"resources": ["*/exec"], "verbs": ["get"]})),
    ("Role That Can Escalate", _role({"resources": ["certificatesigningrequests/approval"], "verbs": ["update"]})),
    *(("Binding For Anonymous Or All Users",
       {"objectRef": {"resource": "clusterrolebindings", "apiGroup": _RBAC, "name": "x"},
        "requestObject": {"roleRef": {"name": "edit"}, "subjects": [{"kind": "Group", "name": group}]}})
      for group in ("system:authenticated", "system:serviceaccounts")),
    *(("Anonymous Request Served", _anonymous(responseStatus={"code": code}, objectRef={"resource": "secrets"}))
      for code in (200, 400, 404, 409, 422)),
    ("Change Of Permissions Refused",
     {"objectRef": {"resource": "clusterrolebindings", "apiGroup": _RBAC, "name": "x"},
      "requestURI": "/x?dryRun=All", "responseStatus": {"code": 403}}),
    ("System ClusterRole Changed Or Deleted",
     {"verb": "delete", "objectRef": {"resource": "clusterroles", "apiGroup": _RBAC, "name": "system:node"},
      "level": "RequestResponse", "requestURI": "/x?dryRun=All", "responseStatus": {"code": 200},
      "requestObject": {"kind": "DeleteOptions"}}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "members"), CASES)
def test_a_way_round_a_rule_is_closed(make_record: MakeRecord, rule: str, members: dict[str, Any]) -> None:
    assert _RULESET is not None
    outcome = Engine(_RULESET, "host").process([make_record(**members)], MemoryState())
    assert rule in {alert.rule for alert in outcome.alerts}


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        # At level Metadata nothing says that a controller's pod has no owner, or a kubelet's comes of no file.
        *(("Bare Pod In System Namespace", event | {"level": "Metadata", "requestObject": ...}) for event in (
            _by("daemon-set-controller", "pods", ""),
            _by("x", "pods", "", user={"username": "system:node:n", "groups": ["system:nodes"]}),
        )),
        ("Workload Created In System Namespace",
         _by("deployment-controller", "replicasets", "apps", level="Metadata", requestObject=...)),
        ("Kubelet Reached Through Node Proxy", _kubelet_exec()),
        # Only the command is read, and not what else the URI says.
        (_READS, _exec("command=ls&container=etc%2Fshadow")),
        (_HIDDEN, _hidden("configmaps", "", _labelled(team="a"))),
        ("Change Of Permissions Refused",
         {"objectRef": {"resource": "rolebindings", "apiGroup": _RBAC, "namespace": "leaving", "name": "x"},
          "responseStatus": {"code": 403, "details": {"causes": [{"reason": "NamespaceTerminating"}]}}}),
        ("Secrets Or Tokens Refused",
         {"objectRef": {"resource": "secrets", "namespace": "leaving", "name": "x"},
          "responseStatus": {"code": 403, "details": {"causes": [{"reason": "NamespaceTerminating"}]}}}),
        (_LOWERED, _patched("namespaces", _labelled(team="a"), _labelled(**{_ENFORCE: "baseline"}))),
        (_LOWERED, _patched("namespaces", [{"op": "remove", "path": "/metadata/annotations/a"}], {"metadata": {}})),
        (_CREDENTIALS, _patched("configmaps", _labelled(team="a"), {"data": {"password": "x"}})),
        (_VOLUME, _volume(hostPath={"path": "/mnt/disk1"})),
        ("Service Created", _unanswered("services", {}, requestObject=...)),
        ("Service Created", _unanswered("services", {}, verb="update")),
        ("Anonymous Request Served", _anonymous(responseStatus={"code": 404}, objectRef=..., verb="get",
                                                requestURI="/healthz/nosuch")),
        ("Binding For Anonymous Or All Users",
         {"verb": "update", "objectRef": {"resource": "clusterrolebindings", "apiGroup": _RBAC,
                                          "name": "system:basic-user"}, "responseStatus": {"code": 200},
          "requestObject": {"subjects": [{"kind": "Group", "name": "system:authenticated"}]}}),
    ],
)  # fmt: skip
def test_what_is_only_near_stays_silent(make_record: MakeRecord, rule: str, members: dict[str, Any]) -> None:
    assert _RULESET is not None
    outcome = Engine(_RULESET, "host").process([make_record(**members)], MemoryState())
    assert rule not in {alert.rule for alert in outcome.alerts}
