"""The affinity key of an event: what puts all events that share state on one partition.

`split` asks for it with the head of each event; the answer becomes the record's key. It looks at no outcome: a refused
request gets the key of a granted one, and the inventory decides what it changes. It must give the same key in every
mode and for ever: the rules of it are versioned with the record.
"""

from typing import Final

from ingest.envelope import Head, members, text
from wire.tracked import TrackedResource, keyed

_LONGEST_NAME: Final = 253
"""Kubernetes' limit for names. What is longer names no object, and as a key it would cost as much as the event."""


def affinity_key(cluster: str, head: Head) -> bytes | None:
    """Return the key of an event, None when it shares state with no other.

    `cluster/namespace` for namespaced resources, and for a namespace by its own name; `cluster/rbac` for RBAC objects
    of any namespace; `cluster/` for the rest of the tracked. A namespace that is called `rbac` has the key of the RBAC
    objects, and so their partition and the state under that key: they share room, not meaning, as state under one key
    is told apart by API group, resource, namespace and name, and no two of these agree. Nothing else can collide:
    neither a cluster's name nor a segment of a path holds a slash.
    """
    if head.stage is None or head.stage == "RequestReceived" or head.resource is None or head.api_group is None:
        return None
    target = keyed(head.api_group, head.resource, head.subresource or "", head.verb or "")
    if target is None:
        return None
    scope = _scope(target, head)
    return None if scope is None or len(scope) > _LONGEST_NAME else f"{cluster}/{scope}".encode()


def _scope(target: TrackedResource, head: Head) -> str | None:
    if target.is_rbac:
        return "rbac"
    if target.kind == "Namespace":
        # With generateName only the answer knows the name. An empty one would be the key of cluster-scoped objects.
        return head.name or _response_name(head) or None
    if target.is_namespaced:
        return head.namespace or None
    return ""


def _response_name(head: Head) -> str | None:
    return text(members(members(head.response).get("metadata")).get("name"))
