"""The resources whose history is kept, and which requests on them carry an affinity key.

`ingest` asks `keyed` which key a record gets; `processor` looks up what it takes for one of its own in `TRACKED`. A
resource is told by API group and plural name together: anybody can define a `Deployment` in a group of their own. A
change of anything here changes keys, and so raises `VERSION` in `wire/record.py` and needs a migration note.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class TrackedResource:
    """What there is to know of a tracked resource besides its name."""

    kind: str
    is_namespaced: bool = True
    is_rbac: bool = False
    """True for roles and bindings: they share one key in all namespaces, since a binding names roles of both scopes."""


_RBAC: Final = "rbac.authorization.k8s.io"

TRACKED: Final = MappingProxyType(
    {
        ("", "configmaps"): TrackedResource("ConfigMap"),
        ("", "namespaces"): TrackedResource("Namespace", is_namespaced=False),
        ("", "pods"): TrackedResource("Pod"),
        ("", "replicationcontrollers"): TrackedResource("ReplicationController"),
        ("", "secrets"): TrackedResource("Secret"),
        ("", "serviceaccounts"): TrackedResource("ServiceAccount"),
        ("", "services"): TrackedResource("Service"),
        ("apps", "daemonsets"): TrackedResource("DaemonSet"),
        ("apps", "deployments"): TrackedResource("Deployment"),
        ("apps", "replicasets"): TrackedResource("ReplicaSet"),
        ("apps", "statefulsets"): TrackedResource("StatefulSet"),
        ("batch", "cronjobs"): TrackedResource("CronJob"),
        ("batch", "jobs"): TrackedResource("Job"),
        (_RBAC, "clusterrolebindings"): TrackedResource("ClusterRoleBinding", is_namespaced=False, is_rbac=True),
        (_RBAC, "clusterroles"): TrackedResource("ClusterRole", is_namespaced=False, is_rbac=True),
        (_RBAC, "rolebindings"): TrackedResource("RoleBinding", is_rbac=True),
        (_RBAC, "roles"): TrackedResource("Role", is_rbac=True),
    },
)
"""The tracked resources by (apiGroup, resource), as `objectRef` spells them; the core group is the empty string."""

RESOURCE_OF: Final = MappingProxyType(
    {(group, tracked.kind): resource for (group, resource), tracked in TRACKED.items()}
)
"""Their plural names by (apiGroup, kind), as objects say of themselves and of their owners."""

WRITE_VERBS: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})

# `status` is left out on purpose: it is most of all writes, and says nothing of who wanted what.
WRITE_SUBRESOURCES: Final = frozenset(
    {"", "scale", "binding", "eviction", "ephemeralcontainers", "resize", "finalize", "token"},
)

CONNECT_SUBRESOURCES: Final = frozenset({"exec", "attach", "portforward", "proxy"})
"""Ways into a running object. Their verb says only how the client connected, so every verb counts."""


def keyed(api_group: str, resource: str, subresource: str, verb: str) -> TrackedResource | None:
    """Return the tracked resource whose state this request may touch or needs, None when it carries no key."""
    target = TRACKED.get((api_group, resource))
    if target is None:
        return None
    is_write = verb in WRITE_VERBS and subresource in WRITE_SUBRESOURCES
    return target if is_write or subresource in CONNECT_SUBRESOURCES else None
