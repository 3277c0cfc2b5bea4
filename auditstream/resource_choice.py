"""Which resources `auditstream resources` shows. Called by `auditstream.resources_app` and `resources_command`."""

from dataclasses import dataclass
from typing import Final

from auditstream.usage import UsageError, did_you_mean
from processor.listing import Resource
from wire.tracked import TRACKED

_SHORT: Final = {
    "cj": "cronjobs",
    "cm": "configmaps",
    "deploy": "deployments",
    "ds": "daemonsets",
    "ns": "namespaces",
    "po": "pods",
    "rc": "replicationcontrollers",
    "rs": "replicasets",
    "sa": "serviceaccounts",
    "sts": "statefulsets",
    "svc": "services",
}
"""kubectl's short names."""

_RESOURCES: Final = _SHORT | {
    spelling: resource for (_, resource), tracked in TRACKED.items() for spelling in (tracked.kind.casefold(), resource)
}
"""Kinds, plural and short names, as they are compared, with the plural name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for; None where anything will do."""

    cluster: str | None = None
    namespace: str | None = None
    """Empty for what is cluster-scoped."""
    resource: str | None = None
    """The plural name."""
    name: str | None = None
    created_by: str | None = None
    with_gone: bool = False
    """Also what is gone, as long as it is remembered."""

    def holds(self, resource: Resource) -> bool:
        """Tell whether a resource is asked for."""
        return (
            (resource.exists or self.with_gone)
            and self.cluster in (None, resource.cluster)
            and self.namespace in (None, resource.namespace)
            and self.resource in (None, resource.resource)
            and self.name in (None, resource.name)
            and (self.created_by is None or (resource.created is not None and resource.created.user == self.created_by))
        )


def resource_called(kind: str) -> str:
    """Return the plural name of a tracked kind, given that, the kind or its short name in any letter case.

    Raises UsageError for what is not tracked.
    """
    found = _RESOURCES.get(kind.casefold())
    if found is None:
        kinds = sorted(tracked.kind for tracked in TRACKED.values())
        hint = did_you_mean(kind, kinds, f"known are {', '.join(kinds)}")
        raise UsageError(f"nothing is remembered of the kind '{kind}': {hint}")
    return found
