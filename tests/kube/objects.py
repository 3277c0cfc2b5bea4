"""Manifests that the story applies: as small as each kind allows, and told apart by the label `app`."""

from typing import Any, Final

from tests.kube.testbed import Manifest

IMAGE: Final = "registry.example.test/shop/web:1.4.2"

RBAC: Final = "rbac.authorization.k8s.io"


def named(api: str, kind: str, name: str, namespace: str = "", **parts: Any) -> Manifest:
    """Return an object. One whose name ends in a hyphen gets the rest from the server."""
    metadata = {"generateName" if name.endswith("-") else "name": name, "labels": {"app": name.rstrip("-")}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}


def with_finalizer(manifest: Manifest) -> Manifest:
    """Return the object with a finalizer, which nobody but the story removes."""
    return {**manifest, "metadata": {**manifest["metadata"], "finalizers": ["example.test/kept"]}}


def pod_spec(*, privileged: bool = False, **more: Any) -> Manifest:
    """Return what a pod or a template asks for."""
    container: Manifest = {"name": "main", "image": IMAGE}
    if privileged:
        container["securityContext"] = {"privileged": True}
    return {"containers": [container], **more}


def pod(name: str, namespace: str, **spec: Any) -> Manifest:
    """Return a pod."""
    return named("v1", "Pod", name, namespace, spec=pod_spec(**spec))


def _template(name: str, **spec: Any) -> Manifest:
    return {"metadata": {"labels": {"app": name}}, "spec": pod_spec(**spec)}


def _selected(name: str, **spec: Any) -> Manifest:
    return {"selector": {"matchLabels": {"app": name}}, "template": _template(name, **spec)}


def deployment(name: str, namespace: str, replicas: int = 1, **spec: Any) -> Manifest:
    """Return a Deployment."""
    return named("apps/v1", "Deployment", name, namespace, spec={"replicas": replicas, **_selected(name, **spec)})


def replica_set(name: str, namespace: str, replicas: int = 1) -> Manifest:
    """Return a ReplicaSet of nobody's Deployment."""
    return named("apps/v1", "ReplicaSet", name, namespace, spec={"replicas": replicas, **_selected(name)})


def stateful_set(name: str, namespace: str, replicas: int = 1) -> Manifest:
    """Return a StatefulSet."""
    spec = {"replicas": replicas, "serviceName": name, **_selected(name)}
    return named("apps/v1", "StatefulSet", name, namespace, spec=spec)


def daemon_set(name: str, namespace: str) -> Manifest:
    """Return a DaemonSet."""
    return named("apps/v1", "DaemonSet", name, namespace, spec=_selected(name))


def replication_controller(name: str, namespace: str, replicas: int = 1) -> Manifest:
    """Return a ReplicationController."""
    spec = {"replicas": replicas, "selector": {"app": name}, "template": _template(name)}
    return named("v1", "ReplicationController", name, namespace, spec=spec)


def job(name: str, namespace: str, **spec: Any) -> Manifest:
    """Return a Job."""
    template = _template(name.rstrip("-"), restartPolicy="Never")
    return named("batch/v1", "Job", name, namespace, spec={"template": template, **spec})


def cron_job(name: str, namespace: str, schedule: str) -> Manifest:
    """Return a CronJob that keeps one Job that went well."""
    template = {"spec": {"template": _template(name, restartPolicy="Never")}}
    spec = {"schedule": schedule, "successfulJobsHistoryLimit": 1, "jobTemplate": template}
    return named("batch/v1", "CronJob", name, namespace, spec=spec)


def config_map(name: str, namespace: str, **data: str) -> Manifest:
    """Return a ConfigMap."""
    return named("v1", "ConfigMap", name, namespace, data=data)


def secret(name: str, namespace: str, **data: str) -> Manifest:
    """Return a Secret."""
    return named("v1", "Secret", name, namespace, stringData=data)


def service(name: str, namespace: str, **spec: Any) -> Manifest:
    """Return a Service."""
    return named("v1", "Service", name, namespace, spec={"selector": {"app": name}, "ports": [{"port": 80}], **spec})


def service_account(name: str, namespace: str) -> Manifest:
    """Return a ServiceAccount."""
    return named("v1", "ServiceAccount", name, namespace)


def namespace(name: str) -> Manifest:
    """Return a Namespace."""
    return named("v1", "Namespace", name)


def permission(groups: str, resources: str, verbs: str) -> Manifest:
    """Return a rule of a role, of comma-separated words; the core group is the empty word."""
    return {"apiGroups": groups.split(","), "resources": resources.split(","), "verbs": verbs.split(",")}


def role(name: str, namespace: str, *rules: Manifest) -> Manifest:
    """Return a Role, or a ClusterRole where there is no namespace."""
    return named(f"{RBAC}/v1", "Role" if namespace else "ClusterRole", name, namespace, rules=list(rules))


def binding(name: str, namespace: str, to: str, *users: str) -> Manifest:
    """Return a binding of users to a ClusterRole, in a namespace or everywhere."""
    subjects = [{"apiGroup": RBAC, "kind": "User", "name": user} for user in users]
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": to}
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return named(f"{RBAC}/v1", kind, name, namespace, subjects=subjects, roleRef=reference)


def eviction(pod: str, namespace: str, **options: Any) -> Manifest:
    """Return the request to evict a pod."""
    metadata = {"name": pod, "namespace": namespace}
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}


def delete_options(**options: Any) -> Manifest:
    """Return how a deletion is to be done."""
    return {"apiVersion": "v1", "kind": "DeleteOptions", **options}
