"""Histories of clusters, as long as a test likes: what people and controllers do, told by a small API server.

Deployments get replica sets and these get pods; pods are entered, deleted and replaced; names come back, with other
objects behind them; the namespace goes with all that is in it. Days pass, so that what has ended is forgotten.
"""

import json
import random
from collections.abc import Sequence
from typing import Any, Final

from ingest.split import split
from tests.processor.conftest import ApiServer
from wire.record import Record

_PEOPLE: Final = ("alice", "bob", "system:serviceaccount:ci:deployer")
_DEPLOYING: Final = "system:serviceaccount:kube-system:deployment-controller"
_REPLICATING: Final = "system:serviceaccount:kube-system:replicaset-controller"
_SWEEPING: Final = "system:serviceaccount:kube-system:namespace-controller"
_LEAF_KINDS: Final = ("configmaps", "services")
_APPS: Final = ("web", "db", "queue")
_WINDOW: Final = 6
"""So far an event is told from its place where several API servers tell: their batches come as they are full."""


class Course:
    """What happens in one cluster."""

    def __init__(self, seed: int) -> None:
        self.server: Final = ApiServer()
        self._chance: Final = random.Random(seed)  # noqa: S311 - not a secret
        self._sets = 0
        self._pods = 0
        self.server.create("namespaces", "shop", user="admin")

    def go_on(self, events: int) -> None:
        """Have things happen until there are so many events."""
        steps = (self._deploy, self._deploy, self._enter, self._lose_pod, self._remove, self._leaf, self._leaf)
        while len(self.server.events) < events:
            self._chance.choice(steps)()
            if self._chance.random() < 0.03:
                self._leave_namespace()
            if self._chance.random() < 0.02:
                self.server.delete_all("configmaps", user=self._person())
            # A step in thirty is followed by a night, so that some hundred events are a few days.
            self.server.wait(self._chance.choice((7, 40, 600)) if self._chance.random() > 0.03 else 9 * 3600)

    def _person(self) -> str:
        return self._chance.choice(_PEOPLE)

    def _having(self, resource: str) -> list[str]:
        return [name for kind, name in self.server.objects if kind == resource]

    def _owned(self, owner: str) -> list[str]:
        uid = self.server.objects["replicasets", owner]["metadata"]["uid"]
        return [
            name
            for name in self._having("pods")
            if any(
                each["uid"] == uid for each in self.server.objects["pods", name]["metadata"].get("ownerReferences", ())
            )
        ]

    def _spec(self) -> dict[str, Any]:
        container = {
            "name": "main",
            "image": f"registry.example:5000/shop/app:{self._chance.randrange(9)}",
            "securityContext": {"privileged": self._chance.random() < 0.3, "runAsUser": self._chance.randrange(3)},
        }
        volumes = [{"name": "v", "hostPath": {"path": "/var/run"}}] if self._chance.random() < 0.3 else []
        return {"containers": [container], "volumes": volumes, "hostNetwork": self._chance.random() < 0.2}

    def _deploy(self) -> None:
        app, pods = self._chance.choice(_APPS), self._spec()
        spec = {"replicas": 2, "template": {"spec": pods}}
        if app in self._having("deployments"):
            self.server.patch("deployments", app, user=self._person(), spec=spec)
        else:
            self.server.create("deployments", app, user=self._person(), spec=spec)
        self._sets += 1
        name = f"{app}-{self._sets}"
        self.server.create("replicasets", name, user=_DEPLOYING, owner=f"deployments/{app}", spec=spec)
        for _ in range(2):
            self._start_pod(name, pods)
        for old in self._having("replicasets"):
            if old.startswith(f"{app}-") and old != name:
                self._drop_set(old)

    def _start_pod(self, owner: str, spec: dict[str, Any]) -> None:
        self._pods += 1
        self.server.wait(1)
        self.server.create(
            "pods", f"{owner}-{self._pods}", user=_REPLICATING, owner=f"replicasets/{owner}", spec={**spec}
        )

    def _end_pod(self, name: str, user: str) -> None:
        self.server.delete("pods", name, user=user)
        # Some ends are not seen: then they are told by the grace.
        if self._chance.random() < 0.8:
            self.server.wait(3)
            self.server.finish("pods", name, user="system:node:n1")
        else:
            del self.server.objects["pods", name]

    def _drop_set(self, name: str) -> None:
        for pod in self._owned(name):
            self._end_pod(pod, _REPLICATING)
        self.server.delete("replicasets", name, user=_DEPLOYING)

    def _enter(self) -> None:
        if found := self._having("pods"):
            how = self._chance.choice(("exec", "attach"))
            self.server.enter(self._chance.choice(found), how, user=self._person())

    def _lose_pod(self) -> None:
        if found := self._having("pods"):
            name = self._chance.choice(found)
            owner, spec = name.rpartition("-")[0], self.server.objects["pods", name]["spec"]
            self._end_pod(name, self._person())
            self._start_pod(owner, spec)

    def _remove(self) -> None:
        if found := self._having("deployments"):
            app = self._chance.choice(found)
            self.server.delete("deployments", app, user=self._person())
            for name in self._having("replicasets"):
                if name.startswith(f"{app}-"):
                    self._drop_set(name)

    def _leaf(self) -> None:
        resource, name = self._chance.choice(_LEAF_KINDS), f"conf-{self._chance.randrange(4)}"
        if name not in self._having(resource):
            finalizers = ["example.com/wait"] if self._chance.random() < 0.2 else []
            self.server.create(resource, name, user=self._person(), finalizers=finalizers)
        elif self._chance.random() < 0.5:
            self.server.patch(resource, name, user=self._person())
        else:
            self.server.delete(resource, name, user=self._person(), dry_run=self._chance.random() < 0.2)
            self.server.finish(resource, name)

    def _leave_namespace(self) -> None:
        self.server.delete("namespaces", "shop", user=self._person())
        for app in self._having("deployments"):
            self.server.delete("deployments", app, user=_SWEEPING)
        for name in self._having("replicasets"):
            self._drop_set(name)
        for name in self._having("services"):
            self.server.delete("services", name, user=_SWEEPING)
            self.server.finish("services", name)
        self.server.delete_all("configmaps", user=_SWEEPING)
        for name in self._having("configmaps"):
            self.server.finish("configmaps", name)
        self.server.finish("namespaces", "shop", user=_SWEEPING)
        self.server.wait(60)
        self.server.create("namespaces", "shop", user="admin")


def records_of(events: Sequence[dict[str, Any]], cluster: str) -> list[Record]:
    """Return events as ingest makes records of them."""
    taken = split(json.dumps({"kind": "EventList", "items": list(events)}).encode(), cluster=cluster, received_ms=0)
    assert not taken.rejected
    return taken.records


def disordered(events: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return events as several API servers tell of them: near their places."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    places = [(index + chance.uniform(0, _WINDOW), event) for index, event in enumerate(events)]
    return [event for _, event in sorted(places, key=lambda each: each[0])]
