"""Who is behind an object: its owners, as far as they are to be believed, up to a person. PURE.

Called by `processor.facts` when it is asked for: nothing of it is stored. Anyone can write an `ownerReference`, so one
is believed only if who created the object is who makes such objects for such an owner.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from processor.history import Mark, Owner
from processor.lives import Life
from processor.request import ObjectName
from wire.tracked import RESOURCE_OF

MAX_HOPS: Final = 5

_SERVICE_ACCOUNT: Final = "system:serviceaccount:kube-system:"
_CONTROLLER_MANAGER: Final = "system:kube-controller-manager"
"""Who all controllers are where they have no service accounts of their own."""

_CONTROLLERS: Final = {
    ("", "ReplicationController"): "replication-controller",
    ("apps", "DaemonSet"): "daemon-set-controller",
    ("apps", "Deployment"): "deployment-controller",
    ("apps", "ReplicaSet"): "replicaset-controller",
    ("apps", "StatefulSet"): "statefulset-controller",
    ("batch", "CronJob"): "cronjob-controller",
    ("batch", "Job"): "job-controller",
}
"""Whose account makes what an owner of (apiGroup, kind) owns."""

_MAKERS: Final = frozenset({_CONTROLLER_MANAGER, *(_SERVICE_ACCOUNT + name for name in _CONTROLLERS.values())})

Find = Callable[[ObjectName], list[Life]]
"""Returns the lives of a name, none where nothing is known of it."""

Happened = Callable[[Mark], bool]
"""Tells whether something had happened by the moment that is looked at."""


class Root(NamedTuple):
    """The top of an object's owners."""

    kind: str
    name: str
    author: Mark | None
    """Who created it or changed its spec last; None where that is not known."""


def root_of(target: ObjectName, life: Life, find: Find, had_happened: Happened) -> Root | None:
    """Return the top of an object's owners as of a moment; None where it is not known whether it has one.

    An owner that is not tracked, or not known, is the top itself. So is what stands at the end of MAX_HOPS.
    """
    seen = {life.uid}
    is_sure = True
    for _ in range(MAX_HOPS):
        owner = _believed(life)
        if owner is None:
            if _is_made_for_another(life):
                return None
            return Root(target.kind, target.name, author(life, had_happened) if is_sure else None)
        # Who wrote the owner of what is older than the pipeline is not known: nobody is blamed by it.
        is_sure = is_sure and life.created is not None
        resource = RESOURCE_OF.get((owner.api_group, owner.kind))
        next_target = resource and ObjectName(owner.api_group, resource, target.namespace, owner.name)
        next_life = (
            next((other for other in find(next_target) if other.uid == owner.uid), None) if next_target else None
        )
        if not next_target or next_life is None or next_life.uid in seen:
            return Root(owner.kind, owner.name, None)
        seen.add(next_life.uid)
        target, life = next_target, next_life
    return Root(target.kind, target.name, None)


def author(life: Life, had_happened: Happened) -> Mark | None:
    """Return who created an object or changed its spec last, as of a moment; None where that is not known.

    A generation whose template is that of the one before it is nobody's change: numbers of replicas and the deletion
    make generations too.
    """
    seen = [one for one in life.generations if one.mark is None or had_happened(one.mark)]
    if not seen:
        found, since_ns = life.created, 0
    else:
        newest = seen.pop()
        while seen and newest.template and seen[-1].template == newest.template:
            newest = seen.pop()
        if seen:
            before = seen[-1].mark
            found, since_ns = newest.mark, 0 if before is None else before.time_ns
        else:
            # Nothing older is known: it is that of the creation, or nobody knows whose.
            found, since_ns = (life.created if newest.number == 1 else None), 0
    hidden = [change for change in life.changed_unseen if change.time_ns > since_ns and had_happened(change)]
    return found if found is None or all(change.user == found.user for change in hidden) else None


def _believed(life: Life) -> Owner | None:
    """Return the owner of an object, as far as who wrote that is to be believed."""
    if life.created is None:
        return life.owner
    owner = life.maker or life.owner
    if owner is None:
        return None
    user = life.created.user
    account = _CONTROLLERS.get((owner.api_group, owner.kind))
    if account is not None and user in (_CONTROLLER_MANAGER, _SERVICE_ACCOUNT + account):
        return owner
    # A node's own pods: kubelets mirror what lies on their disks.
    is_mirrored = (owner.api_group, owner.kind) == ("", "Node") and user == f"system:node:{owner.name}"
    return owner if is_mirrored else None


def _is_made_for_another(life: Life) -> bool:
    """Tell whether an object has an owner that is not shown: one that a controller made, without its metadata."""
    return life.created is not None and life.created.user in _MAKERS and life.metadata is None
