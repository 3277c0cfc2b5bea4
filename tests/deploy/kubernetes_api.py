"""What can be asked of an API server, as far as the pack, the memory of resources and the policy know of it.

`requests` yields one request for each verb and resource that any of them tells apart: what `blindness` asks about. That
nothing is missing from the table is held by `test_blindness.py`.
"""

import itertools
from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from tests.deploy.audit_policy import Policy, Request, Target

SUBRESOURCES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "bindings"): (),
    ("", "configmaps"): (),
    ("", "endpoints"): (),
    ("", "events"): (),
    ("", "namespaces"): ("finalize", "status"),
    ("", "nodes"): ("proxy", "status"),
    ("", "persistentvolumeclaims"): ("status",),
    ("", "persistentvolumes"): ("status",),
    ("", "pods"): (
        *("attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "proxy", "resize"),
        "status",
    ),
    ("", "podtemplates"): (),
    ("", "replicationcontrollers"): ("scale", "status"),
    ("", "resourcequotas"): ("status",),
    ("", "secrets"): (),
    ("", "serviceaccounts"): ("token",),
    ("", "services"): ("proxy", "status"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): (),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): (),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): (),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): ("status",),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): (),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): (),
    ("apiregistration.k8s.io", "apiservices"): ("status",),
    ("apps", "daemonsets"): ("status",),
    ("apps", "deployments"): ("scale", "status"),
    ("apps", "replicasets"): ("scale", "status"),
    ("apps", "statefulsets"): ("scale", "status"),
    ("authentication.k8s.io", "selfsubjectreviews"): (),
    ("authentication.k8s.io", "tokenreviews"): (),
    ("authorization.k8s.io", "localsubjectaccessreviews"): (),
    ("authorization.k8s.io", "selfsubjectaccessreviews"): (),
    ("authorization.k8s.io", "selfsubjectrulesreviews"): (),
    ("authorization.k8s.io", "subjectaccessreviews"): (),
    ("autoscaling", "horizontalpodautoscalers"): ("status",),
    ("batch", "cronjobs"): ("status",),
    ("batch", "jobs"): ("status",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("approval", "status"),
    ("constraints.gatekeeper.sh", "k8spspprivilegedcontainer"): ("status",),
    ("coordination.k8s.io", "leases"): (),
    ("discovery.k8s.io", "endpointslices"): (),
    ("events.k8s.io", "events"): (),
    ("example.com", "widgets"): ("status",),
    ("kyverno.io", "clusterpolicies"): ("status",),
    ("kyverno.io", "policies"): ("status",),
    ("kyverno.io", "policyexceptions"): (),
    ("networking.k8s.io", "networkpolicies"): (),
    ("policies.kyverno.io", "imagevalidatingpolicies"): ("status",),
    ("policies.kyverno.io", "validatingpolicies"): ("status",),
    ("policy", "poddisruptionbudgets"): ("status",),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (),
    ("rbac.authorization.k8s.io", "clusterroles"): (),
    ("rbac.authorization.k8s.io", "rolebindings"): (),
    ("rbac.authorization.k8s.io", "roles"): (),
}
"""The subresources by (apiGroup, resource); of resources that nothing of ours names, one each stands for many."""

PATHS: Final = ("/", "/api", "/apis/apps", "/healthz", "/livez/ping", "/logs/", "/metrics", "/readyz", "/version")
VERBS: Final = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "")
BODILESS: Final = frozenset({"attach", "exec", "portforward", "proxy", "scale"})
"""Subresources whose bodies tell nothing of the object: ways into it have none, and a Scale is a number."""
_PATH_VERBS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
_NAMESPACE: Final = "shop"


class User(NamedTuple):
    """Who asks."""

    name: str | None
    groups: tuple[str, ...] = ("system:authenticated",)


FAILED_LOGIN: Final = User(None, ())
ANONYMOUS: Final = User("system:anonymous", ("system:unauthenticated",))
PERSON: Final = User("someone")
WORKLOAD: Final = User("system:serviceaccount:shop:web", ("system:serviceaccounts", "system:authenticated"))
KUBELET: Final = User("system:node:node-1", ("system:nodes", "system:authenticated"))


def users(policy: Policy, names: Collection[str] = (), groups: Collection[str] = ()) -> list[User]:
    """Return one of each kind, whoever a policy tells apart, and those of some names and groups."""
    found = [FAILED_LOGIN, ANONYMOUS, PERSON, WORKLOAD, KUBELET]
    found += [User(name) for name in sorted(names)]
    found += [User(f"member of {group}", (group, "system:authenticated")) for group in sorted(groups)]
    known = {user.name for user in found}
    for rule in policy["rules"]:
        groups = tuple(rule.get("userGroups", ()))
        named = (name for name in rule.get("users", ()) if name not in known)
        found += [User(name, (*groups, "system:authenticated")) for name in named]
        found += [] if rule.get("users") else [User(f"member of {group}", (group,)) for group in groups]
    return list(dict.fromkeys(found))


def requests(policy: Policy, user: User) -> Iterator[Request]:
    """Yield everything that a user may ask, of each namespace, name and path that a policy tells apart."""
    namespaces = {_NAMESPACE, ""}.union(*(rule.get("namespaces", ()) for rule in policy["rules"]))
    names = {"x"}.union(
        *(group.get("resourceNames", ()) for rule in policy["rules"] for group in rule.get("resources", ()))
    )
    urls = (url for rule in policy["rules"] for url in rule.get("nonResourceURLs", ()))
    paths = sorted({*PATHS, *(url.replace("*", "x") for url in urls if url.startswith("/"))})
    for (group, resource), subresources in SUBRESOURCES.items():
        for subresource in ("", *subresources):
            for verb in VERBS:
                for namespace, name in itertools.product(sorted(namespaces), sorted(names)):
                    target = Target(group, resource, subresource, namespace, name)
                    yield Request(verb, user.name, user.groups, target, f"/{resource}")
    for path in paths:
        for verb in _PATH_VERBS:
            yield Request(verb, user.name, user.groups, None, path)


def as_event(request: Request, stage: str) -> dict[str, Any]:
    """Return an event of a request with nothing in it that a policy cannot know, its bodies apart.

    The bodies have whatever decides whether a field can have a value at all.
    """
    pod = {"containers": [{"image": "x"}], "volumes": [{"hostPath": {"path": "/"}}]}
    template = {"template": {"spec": pod}}
    body = {"spec": {**pod, **template, "hostPath": {"path": "/"}, "jobTemplate": {"spec": template}}, **template}
    event: dict[str, Any] = {
        "auditID": "x",
        "level": "RequestResponse",
        "stage": stage,
        "verb": request.verb,
        "requestURI": request.path,
        "user": {} if request.user is None else {"username": request.user, "groups": list(request.groups)},
        "requestObject": body,
        "responseObject": body,
        "stageTimestamp": "2026-01-02T03:04:05.000000Z",
    }
    target = request.target
    if target is not None:
        names = {"apiGroup": target.group, "resource": target.resource, "subresource": target.subresource}
        event["objectRef"] = {name: value for name, value in names.items() if value}
    return event
