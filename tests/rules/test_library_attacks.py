"""Attacks by someone who knows the pack, as audit events show them, and what is near to them but ordinary."""

from typing import Any

import pytest
import yaml

from processor.rule_files import pack_files
from tests.rules.pack_rules import HARMLESS, Document, alarms, alerts_of, names_of, suspicions_of, written

ACCOUNT = "Pod Or Template With Account Of Controller"
BY_ACCOUNT: Document = {"serviceAccountName": "clusterrole-aggregation-controller", **HARMLESS}
READER = "Role That Can Read Secrets"
READS = "Secrets Of System Namespace Read"
STATUS = "Service Status Written By Hand"
IMPERSONATED = "System Component Impersonated"
AUTHENTICATION = "Cluster Authentication Changed"
COMPONENT_ROLE = "Binding To Component Role"
SYSTEM_ADMIN = "Binding To Admin Of System Namespace"
LONG_TOKEN = "Long-Lived Service Account Token Issued"
POLICY = "Policy Of Admission Controller Changed Or Deleted"
LEADER = "Leader Of Control Plane Disturbed"
MADE = "Validating Webhook Or API Service Made"
BULK = "Workloads Or Volumes Deleted In Bulk"
RBAC = "rbac.authorization.k8s.io"


def _asked(verb: str, resource: str, group: str = "", code: int = 200, **members: Any) -> dict[str, Any]:
    event = written(("", "pods"), HARMLESS, "create")
    reference = {"apiGroup": group, "resource": resource, "namespace": "kube-system", "name": "x"}
    reference |= members.pop("reference", {})
    for name in ("requestObject", "responseObject"):
        del event[name]
    return {**event, "verb": verb, "objectRef": reference, "responseStatus": {"code": code}, **members}


def _as(name: str, *groups: str, resource: str = "pods", verb: str = "list") -> dict[str, Any]:
    return _asked(verb, resource, impersonatedUser={"username": name, "groups": list(groups)})


def _bound(role: str, verb: str = "create", namespace: str = "kube-system") -> dict[str, Any]:
    whole = {"roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": "someone"}]}
    body = {"subjects": whole["subjects"]} if verb == "patch" else whole
    reference = {"namespace": namespace}
    return _asked(verb, "rolebindings", RBAC, reference=reference, requestObject=body, responseObject=whole)


def _patched_role(verb: str) -> dict[str, Any]:
    rules = [{"verbs": [verb], "apiGroups": [""], "resources": ["secrets"]}]
    body = [{"op": "add", "path": "/rules/-", "value": rules[0]}]
    return _asked("patch", "roles", RBAC, requestObject=body, responseObject={"rules": rules})


def _token(seconds: object) -> dict[str, Any]:
    reference = {"subresource": "token", "namespace": "shop"}
    body = {"spec": {"expirationSeconds": seconds}}
    return _asked("create", "serviceaccounts", code=201, reference=reference, requestObject=body)


def _listed(query: str, verb: str = "list", **members: Any) -> dict[str, Any]:
    return _asked(verb, "secrets", requestURI=f"/api/v1/namespaces/kube-system/secrets{query}", **members)


def _user(name: str, *groups: str) -> dict[str, Any]:
    return {"user": {"username": name, "groups": list(groups)}}


def _status(account: str) -> dict[str, Any]:
    return _asked("patch", "services", reference={"subresource": "status"}, **_user(f"system:serviceaccount:{account}"))


def _volumes(selector: str) -> dict[str, Any]:
    return _asked("deletecollection", "persistentvolumeclaims", requestURI=f"/x?labelSelector={selector}")


def _command(query: str) -> dict[str, Any]:
    uri = f"/api/v1/namespaces/shop/pods/x/exec?{query}"
    reference = {"subresource": "exec", "namespace": "shop"}
    return _asked("get", "pods", code=101, reference=reference, requestURI=uri, stage="ResponseStarted")


OF_SYSTEM = "system:serviceaccounts:kube-system"
OF_KUBE_SYSTEM = "system:serviceaccount:kube-system:"
LONG = (86_401, 86_409, 86_410, 86_499, 86_500, 86_999, 87_000, 89_999, 90_000, 99_999, 100_000, 31_536_000)
EMPTY: tuple[Document, ...] = ({"items": []}, {"items": None})
CLOUDS = ("system:kube-controller-manager", "k3s-cloud-controller-manager", "rke2-cloud-controller-manager")

ATTACKS = [
    *((IMPERSONATED, _as(name)) for name in ("system:kube-scheduler", "system:serviceaccount:kube-system:x")),
    (IMPERSONATED, _as("system:node:n")),
    (IMPERSONATED, _as("someone", "system:nodes")),
    *((COMPONENT_ROLE, _bound("system:controller:generic-garbage-collector", verb)) for verb in ("create", "patch")),
    *((SYSTEM_ADMIN, _bound(role, verb)) for role in ("admin", "edit") for verb in ("create", "update", "patch")),
    *((AUTHENTICATION, _asked(verb, "configmaps", reference={"name": "aws-auth"})) for verb in ("update", "delete")),
    (AUTHENTICATION, _asked("update", "configmaps", reference={"name": "aws-auth"}, **_user("eks:anything"))),
    *((READER, _patched_role(verb)) for verb in ("get", "list", "watch")),
    (AUTHENTICATION, _asked("patch", "configmaps", code=201, reference={"name": "extension-apiserver-authentication"})),
    (STATUS, _asked("patch", "services", reference={"subresource": "status"})),
    *((STATUS, _status(account)) for account in ("shop:web", "kube-system:deployment-controller", "shop:controller")),
    *((LONG_TOKEN, _token(seconds)) for seconds in LONG),
    *((READS, _listed(query)) for query in ("", "?limit=1", "?labelSelector=owner%21%3Dhelm", "?x=owner%3Dhelm")),
    (READS, _listed("?watch=1", verb="watch", stage="ResponseStarted")),
    (READS, _listed("", **_user("system:serviceaccount:shop:web", "system:serviceaccounts"))),
    (POLICY, _asked("delete", "k8srequiredlabels", "constraints.gatekeeper.sh")),
    (POLICY, _asked("deletecollection", "policies", "kyverno.io")),
    *((POLICY, _asked(verb, "validatingpolicies", "policies.kyverno.io")) for verb in ("update", "patch")),
    (POLICY, _asked("patch", "k8srequiredlabels", "templates.gatekeeper.sh")),
    *((POLICY, _asked("create", "policyexceptions", g, 201)) for g in ("kyverno.io", "policies.kyverno.io")),
    (BULK, _asked("deletecollection", "deployments", "apps", requestURI="/x?labelSelector=%21nothing")),
    (BULK, _asked("deletecollection", "persistentvolumeclaims")),
    *(
        (BULK, _volumes(query))
        for query in ("app", "spark-app-selector%21%3Dx", "spark-app-selector", "x+in+(spark-app-selector)")
    ),
    (BULK, _asked("deletecollection", "deployments", "apps", requestURI="/x?labelSelector=spark-app-selector%3Dx")),
    *(
        (LEADER, _asked(verb, "leases", "coordination.k8s.io", reference={"name": name}))
        for name in ("kube-scheduler", "kube-controller-manager")
        for verb in ("create", "update", "patch", "delete")
    ),
    (LEADER, _asked("deletecollection", "leases", "coordination.k8s.io", reference={"name": None})),
    (
        "Ephemeral Container In Dangerous Or System Pod",
        _asked("update", "pods", reference={"subresource": "ephemeralcontainers"}),
    ),
    ("Exec That Reads Credentials", _command("command=cat&command=%2Fproc%2F1%2Fenviron")),
    ("Exec That Reads Credentials", _command("command=curl&command=http://metadata.google.internal/computeMetadata")),
    *((MADE, _asked(verb, "apiservices", "apiregistration.k8s.io", 201)) for verb in ("create", "patch")),
]

ORDINARY = [
    (IMPERSONATED, _as("alice", "dev")),
    (IMPERSONATED, _as("system:serviceaccount:shop:web", "system:serviceaccounts")),
    (IMPERSONATED, _as("system:node:n", "system:nodes", resource="selfsubjectaccessreviews", verb="create")),
    (COMPONENT_ROLE, _bound("system:auth-delegator")),
    (SYSTEM_ADMIN, _bound("extension-apiserver-authentication-reader")),
    (SYSTEM_ADMIN, _bound("admin", namespace="shop")),
    (AUTHENTICATION, _asked("get", "configmaps", reference={"name": "aws-auth"})),
    (AUTHENTICATION, _asked("update", "configmaps", reference={"name": "aws-auth"}, **_user("eks:node-manager"))),
    *((READER, _patched_role(verb)) for verb in ("create", "delete")),
    (STATUS, _asked("update", "services")),
    (STATUS, _asked("patch", "services", reference={"subresource": "status"}, **_user("eks:cloud-controller-manager"))),
    *((LONG_TOKEN, _token(seconds)) for seconds in (0, 1, 99, 3607, 9_999, 64_009, 79_999, 86_399, 86_400, None)),
    *((READS, _listed(query)) for query in ("?labelSelector=owner%3Dhelm", "?labelSelector=name%3Da%2Cowner%3Dhelm")),
    (READS, _listed("", **_user("system:serviceaccount:kube-system:x", OF_SYSTEM))),
    (READS, _listed("", code=403)),
    (POLICY, _asked("delete", "clusterpolicies", "example.com")),
    (POLICY, _asked("deletecollection", "policies", "kyverno.io", **_user("system:kube-controller-manager"))),
    *((STATUS, _status(name)) for name in ("metallb-system:controller", "kube-system:aws-load-balancer-controller")),
    *((STATUS, _asked("patch", "services", reference={"subresource": "status"}, **_user(name))) for name in CLOUDS),
    (POLICY, _asked("create", "clusterpolicies", "kyverno.io", 201)),
    (POLICY, _asked("delete", "policyexceptions", "kyverno.io")),
    (POLICY, _asked("delete", "policies", "kyverno.io", **_user(f"{OF_KUBE_SYSTEM}generic-garbage-collector"))),
    (BULK, _asked("deletecollection", "jobs", "batch")),
    *((BULK, _volumes(query)) for query in ("spark-app-selector%3Da", "x%3Dy%2Cspark-app-selector%3D%3Da")),
    *((BULK, _asked("deletecollection", "deployments", "apps", responseObject=empty)) for empty in EMPTY),
    *(
        (LEADER, _asked(verb, "leases", "coordination.k8s.io", reference={"name": name}, **_user(f"system:{name}")))
        for name in ("kube-scheduler", "kube-controller-manager")
        for verb in ("create", "update", "patch")
    ),
    (LEADER, _asked("update", "leases", "coordination.k8s.io", reference={"name": "my-operator"})),
    (MADE, _asked("update", "apiservices", "apiregistration.k8s.io")),
    ("Exec That Reads Credentials", _command("command=cat&command=%2Fetc%2Fenvironment")),
    (READS, _listed("", **_user("system:addon-manager"))),
    (BULK, _asked("delete", "deployments", "apps")),
]


@pytest.mark.parametrize(("rule", "event"), ATTACKS)
def test_an_attack_is_told(rule: str, event: dict[str, Any]) -> None:
    assert rule in names_of(event, alarms())


@pytest.mark.parametrize(("rule", "event"), ORDINARY)
def test_what_is_ordinary_is_not(rule: str, event: dict[str, Any]) -> None:
    assert rule not in names_of(event, alarms())


@pytest.mark.parametrize("form", ["create", "update", "merge patch", "JSON patch", "server-side apply"])
@pytest.mark.parametrize("target", [("", "pods"), ("apps", "deployments"), ("batch", "cronjobs")], ids=lambda at: at[1])
def test_the_account_of_a_controller_alerts_in_every_form(target: tuple[str, str], form: str) -> None:
    event = written(target, BY_ACCOUNT, form)
    reference = event["objectRef"]
    assert isinstance(reference, dict)
    assert ACCOUNT in suspicions_of({**event, "objectRef": {**reference, "namespace": "kube-system"}})
    assert ACCOUNT not in suspicions_of(event)


@pytest.mark.parametrize("account", ["node-controller", "pvc-protection-controller", "ttl-controller"])
def test_accounts_of_all_controllers_alert(account: str) -> None:
    event = written(("", "pods"), {**HARMLESS, "serviceAccountName": account}, "create")
    assert ACCOUNT in names_of({**event, "objectRef": {"resource": "pods", "namespace": "kube-system"}}, alarms())


# --- dangerous pods deleted in bulk ----------------------------------------------------------------------------------

LISTS = {item["list"]: item["items"] for item in yaml.safe_load(pack_files()[0].content) if "list" in item}
PODS = "Dangerous Pods Deleted In Bulk"


def _deleted(spec: Document) -> set[str]:
    items = [{"metadata": {"name": "a"}, "spec": HARMLESS}, {"metadata": {"name": "b"}, "spec": {**HARMLESS, **spec}}]
    return names_of(_asked("deletecollection", "pods", responseObject={"items": items}), alarms())


def _on(path: str) -> Document:
    return {"volumes": [{"name": "v", "hostPath": {"path": path, "type": ""}}]}


def _capable(*capabilities: str) -> Document:
    context = {"privileged": False, "capabilities": {"add": list(capabilities), "drop": ["ALL"]}}
    return {"containers": [{"name": "c", "image": "a:1", "securityContext": context}]}


@pytest.mark.parametrize("folder", LISTS["sensitive_host_folders"])
def test_a_sensitive_folder_of_a_pod_deleted_in_bulk_is_told_and_no_other(folder: str) -> None:
    for path in (folder, f"{folder}/", f"{folder}/x/y", "//." + folder.replace("/", "/.//")):
        assert PODS in _deleted(_on(path)), path
    for path in (f"{folder}-x", f"{folder}x/y", f"/x{folder}", folder.replace("/", "/.", 1)):
        assert PODS not in _deleted(_on(path)), path


@pytest.mark.parametrize("folder", LISTS["sensitive_host_parents"])
def test_a_parent_of_one_is_told_itself(folder: str) -> None:
    for path in (folder, f"{folder}/", f"{folder}/./", f"/./{folder}"):
        assert PODS in _deleted(_on(path)), path
    for path in (f"{folder}/x".replace("//", "/"), f"{folder}/.x".replace("//", "/"), f"{folder}-x"):
        assert PODS not in _deleted(_on(path)), path


@pytest.mark.parametrize("capability", LISTS["takeover_capabilities"])
def test_a_capability_of_a_pod_deleted_in_bulk_is_told_wherever_it_stands(capability: str) -> None:
    for added in ((capability,), ("NET_ADMIN", capability), (capability.lower(), "NET_ADMIN"), ("a", "b", capability)):
        assert PODS in _deleted(_capable(*added)), added
    assert PODS not in _deleted(_capable(f"{capability}_X", f"X_{capability}"))


def test_what_a_pod_only_writes_about_is_no_hold_on_its_node() -> None:
    for text in ('"hostPath":{"path":"/etc"}', '"add":["ALL"]', '{"privileged":true}'):
        assert PODS not in _deleted({"containers": [{"name": "c", "image": "a:1", "args": [text]}]})


def test_a_kubelet_outside_its_bounds_comes_first_whatever_it_asked_for() -> None:
    message = 'pods "x" is forbidden: can only create mirror pods'
    status = {"code": 403, "message": message}
    spec: Document = {"containers": [{"name": "c", "image": "a:1", "securityContext": {"privileged": True}}]}
    event = written(("", "pods"), spec, "create") | {"responseStatus": status} | _user("system:node:n", "system:nodes")
    told = [alert.rule for alert in alerts_of(event, alarms())]
    assert told == ["Kubelet Outside Its Bounds", "Dangerous Pod Or Template Refused"]


# --- another image for a pod that runs -------------------------------------------------------------------------------

PRIVILEGED: Document = {"containers": [{"name": "c", "image": "a:1", "securityContext": {"privileged": True}}]}
OTHER: Document = {"containers": [{"name": "c", "image": "evil:1", "securityContext": {"privileged": True}}]}


def _step(spec: Document, form: str, second: int, subresource: str = "") -> dict[str, Any]:
    event = written(("", "pods"), spec, form)
    known = {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": str(second)}
    body, reference = event["responseObject"], event["objectRef"]
    assert isinstance(body, dict)
    assert isinstance(reference, dict)
    return event | {
        "objectRef": reference | ({"subresource": subresource} if subresource else {}),
        "responseObject": body | {"metadata": known},
        "stageTimestamp": f"2026-01-02T03:04:{second:02}.000000Z",
    }


@pytest.mark.parametrize("form", ["update", "merge patch", "JSON patch", "server-side apply"])
def test_another_image_for_a_running_pod_is_told(form: str) -> None:
    changed = _step(OTHER, form, 20) | {"responseStatus": {"code": 200}}
    assert "Image Of Dangerous Pod Changed" in names_of(changed, before=[_step(PRIVILEGED, "create", 10)])
    plain: Document = {"containers": [{"name": "c", "image": "evil:1"}]}
    changed = _step(plain, form, 20) | {"responseStatus": {"code": 200}}
    told = names_of(changed, before=[_step(HARMLESS, "create", 10)])
    assert {"Image Of Running Pod Changed", "Image Of Dangerous Pod Changed"} & told == {"Image Of Running Pod Changed"}


def test_an_ephemeral_container_is_told_by_what_the_pod_had_before() -> None:
    for spec, is_told in ((PRIVILEGED, True), (HARMLESS, False)):
        added = _step({**spec, "ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}, "update", 20)
        added["objectRef"]["subresource"] = "ephemeralcontainers"
        told = names_of(added, before=[_step(spec, "create", 10)])
        assert ("Ephemeral Container In Dangerous Or System Pod" in told) is is_told


@pytest.mark.parametrize("form", ["update", "merge patch", "JSON patch"])
def test_a_pod_that_is_written_back_has_no_other_image(form: str) -> None:
    debugged: Document = {**HARMLESS, "ephemeralContainers": [{"name": "d", "image": "busybox:1"}]}
    made, added = _step(HARMLESS, "create", 10), _step(debugged, "update", 20, "ephemeralcontainers")
    assert not {name for name in names_of(added, before=[made]) if name.startswith("Image Of")}
    for spec, before in ((HARMLESS, [made]), (debugged, [made, added])):
        assert not {name for name in names_of(_step(spec, form, 30), before=before) if name.startswith("Image Of")}
    assert not {name for name in names_of(_step(OTHER, form, 30)) if name.startswith("Image Of")}
