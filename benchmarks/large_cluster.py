"""The audit events that made the resources of large clusters, as `benchmarks.inventory_size` has them taken in.

Real in what matters: the bodies are those of an API server's whole answers, with names, owners, pod specs and managed
fields of the usual sizes. Made from texts with gaps, since a million of them are needed.
"""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

APPS: Final = 10
"""A namespace holds so many, each with its Deployment and what belongs to it."""
NAMESPACES: Final = 75
"""So many of them are a cluster: some 10,000 resources."""
PODS: Final = 3
SETS: Final = 3
"""Replica sets of a Deployment: the one in use and those before it."""

_BEGIN: Final = datetime(2026, 11, 25, 8, tzinfo=UTC)
_DEPLOYING: Final = "system:serviceaccount:kube-system:deployment-controller"
_REPLICATING: Final = "system:serviceaccount:kube-system:replicaset-controller"
_RBAC: Final = "rbac.authorization.k8s.io"
_OWNERS: Final = {"replicasets": ("apps/v1", "Deployment"), "pods": ("apps/v1", "ReplicaSet")}
_KINDS: Final = {
    "namespaces": ("", "Namespace"),
    "serviceaccounts": ("", "ServiceAccount"),
    "configmaps": ("", "ConfigMap"),
    "secrets": ("", "Secret"),
    "services": ("", "Service"),
    "deployments": ("apps", "Deployment"),
    "replicasets": ("apps", "ReplicaSet"),
    "pods": ("", "Pod"),
    "roles": (_RBAC, "Role"),
    "rolebindings": (_RBAC, "RoleBinding"),
}
_CODES: Final = {"create": 201, "update": 200, "patch": 200, "delete": 200}


def _container(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.com:5000/shop/%(app)s-{name}:1.%(revision)s.7",
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": f"SETTING_{number}", "value": f"value-{number}"} for number in range(6)],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {"runAsUser": 1000, "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}},
        "volumeMounts": [{"mountPath": "/etc/app", "name": "config"}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10},
    }


_POD: Final = {
    "containers": [_container("main"), _container("proxy")],
    "serviceAccountName": "%(app)s",
    "volumes": [{"name": "config", "configMap": {"name": "%(app)s-0"}}],
    "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "tolerationSeconds": 300}],
    "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": 30,
}
_TEMPLATE: Final = {"replicas": PODS, "template": {"metadata": {"labels": {"app": "%(app)s"}}, "spec": _POD}}
_BODIES: Final[dict[str, dict[str, Any]]] = {
    "pods": {"spec": _POD},
    "deployments": {"spec": _TEMPLATE},
    "replicasets": {"spec": _TEMPLATE},
    "services": {"spec": {"ports": [{"port": 80}], "selector": {"app": "%(app)s"}, "type": "ClusterIP"}},
    "configmaps": {"data": {"app.conf": "x" * 400}},
    "rolebindings": {
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": "%(name)s"},
        "subjects": [{"kind": "ServiceAccount", "name": "%(app)s", "namespace": "%(namespace)s"}],
    },
    "roles": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
}


def _text(verb: str, resource: str, *, is_ended: bool = False) -> str:
    """Return the text of an event with gaps for what differs."""
    group, kind = _KINDS[resource]
    metadata: dict[str, Any] = {
        "name": "%(name)s",
        "namespace": "%(namespace)s",
        "uid": "%(uid)s",
        "resourceVersion": "%(version)s",
        "creationTimestamp": "%(born)s",
        "labels": {"app": "%(app)s", "app.kubernetes.io/managed-by": "Helm"},
        "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {}}}}],
    }
    if resource in _BODIES and "spec" in _BODIES[resource]:
        metadata["generation"] = "%(generation)s"
    if resource in _OWNERS:
        version, owner = _OWNERS[resource]
        reference = {"apiVersion": version, "kind": owner, "name": "%(owner)s", "uid": "%(owner_uid)s"}
        metadata["ownerReferences"] = [{**reference, "controller": True, "blockOwnerDeletion": True}]
    if verb == "delete":
        metadata |= {"deletionTimestamp": "%(now)s", "deletionGracePeriodSeconds": 0 if is_ended else 30}
    body = {"kind": kind, "apiVersion": f"{group}/v1".strip("/"), "metadata": metadata, **_BODIES.get(resource, {})}
    reference = {"resource": resource, "namespace": "%(namespace)s", "name": "%(name)s", "apiGroup": group}
    event = {
        "level": "RequestResponse",
        "auditID": "%(audit)s",
        "stage": "ResponseComplete",
        "requestURI": f"/apis/namespaces/%(namespace)s/{resource}/%(name)s",
        "verb": verb,
        "user": {"username": "%(user)s", "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.7"],
        "userAgent": "kube-controller-manager/v1.34.0",
        "objectRef": {name: value for name, value in reference.items() if value},
        "responseStatus": {"metadata": {}, "code": _CODES[verb]},
        **({} if verb == "delete" else {"requestObject": body}),
        "responseObject": body,
        "requestReceivedTimestamp": "%(now)s",
        "stageTimestamp": "%(now)s",
    }
    return json.dumps(event, separators=(",", ":")).replace('"%(generation)s"', "%(generation)s")


_CREATE: Final = {resource: _text("create", resource) for resource in _KINDS}
_ROLL: Final = _text("patch", "deployments")
_SCALE: Final = _text("update", "replicasets")
_ASK: Final = _text("delete", "pods")
_END: Final = _text("delete", "pods", is_ended=True)


class Cluster:
    """The events of one cluster, in their order; `resources` counts the names that they tell of."""

    def __init__(self, number: int) -> None:
        self._number: Final = number
        self._events = 0
        self.resources = 0
        self.tombstones = 0
        self._gaps: dict[str, object] = {}

    def events(self) -> Iterator[str]:
        """Yield what made each namespace and what is in it."""
        for number in range(NAMESPACES):
            namespace = f"team-{number:03}"
            self._gaps = {"namespace": namespace, "app": namespace, "revision": 1, "owner": "", "owner_uid": ""}
            yield self._create("namespaces", namespace)
            for app in range(APPS):
                yield from self._app(f"service-{app}")
                if app % 3 == 0:
                    yield self._create("roles", f"service-{app}-reader")
                    yield self._create("rolebindings", f"service-{app}-reader")

    def _app(self, app: str) -> Iterator[str]:
        self._gaps["app"] = app
        yield self._create("serviceaccounts", app)
        yield self._create("configmaps", f"{app}-0")
        yield self._create("configmaps", f"{app}-1")
        yield self._create("secrets", f"{app}-token")
        yield self._create("services", app)
        self._gaps["revision"] = 1
        yield self._create("deployments", app)
        deployment = self._gaps["uid"]
        name = ""
        for revision in range(1, SETS + 1):
            if revision > 1:
                self._gaps |= {"uid": deployment, "name": app, "revision": revision, "generation": revision}
                yield self._now(_ROLL, "ci-deployer")
            self._gaps |= {"owner": app, "owner_uid": deployment}
            name = f"{app}-{revision}f7c9b6d58"
            yield self._create("replicasets", name, _DEPLOYING)
            if revision < SETS:
                self._gaps["generation"] = 2
                yield self._now(_SCALE, _DEPLOYING)
        self._gaps |= {"owner": name, "owner_uid": self._gaps["uid"]}
        for pod in range(PODS):
            yield self._create("pods", f"{name}-{pod}x7kq", _REPLICATING)
        if int(app[-1]) % 3 != 1:
            yield from self._ended_pod(f"{name}-zx7kq")

    def _ended_pod(self, name: str) -> Iterator[str]:
        yield self._create("pods", name, _REPLICATING)
        self._gaps["generation"] = 2
        yield self._now(_ASK, "alice")
        yield self._now(_END, "system:node:node-17")
        self.tombstones += 1

    def _create(self, resource: str, name: str, user: str = "ci-deployer") -> str:
        self.resources += 1
        uid = uuid.UUID(int=(self._number << 64) + self.resources)
        self._gaps |= {"name": name, "uid": uid, "generation": 1, "born": self._time()[:19] + "Z"}
        return self._now(_CREATE[resource], user)

    def _now(self, text: str, user: str) -> str:
        self._events += 1
        audit = uuid.UUID(int=(self._number << 96) + self._events)
        return text % {**self._gaps, "user": user, "now": self._time(), "version": self._events, "audit": audit}

    def _time(self) -> str:
        moment = _BEGIN + timedelta(milliseconds=200 * self._events)
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
