"""A small API server that keeps objects as the real one does and reports each request as an audit event.

Property tests run without a deadline: the machine is shared with brokers and workers.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import settings

from ingest.split import split
from wire.record import Record

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

KINDS = {
    "configmaps": ("ConfigMap", ""),
    "deployments": ("Deployment", "apps"),
    "namespaces": ("Namespace", ""),
    "pods": ("Pod", ""),
    "replicasets": ("ReplicaSet", "apps"),
    "services": ("Service", ""),
}
GENERATED = ("deployments", "replicasets", "pods")
"""Resources whose objects count the changes of their specs."""

_SECOND = 1_000_000


class ApiServer:
    """Objects by resource and name, and the events of everything that was asked for.

    `level` is the audit policy's; `answer` the form in which clients ask for answers: `whole`, `PartialObjectMetadata`,
    `Table`, or `empty Table`, whose rows show no object. Where not `is_answered`, it is none that can be given. `skew`
    is by how many seconds the clock of the process that answers is ahead.
    """

    def __init__(self, level: str = "RequestResponse", answer: str = "whole") -> None:
        self.level = level
        self.answer = answer
        self.is_answered = True
        self.skew = 0.0
        self.events: list[dict[str, Any]] = []
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self._now = 1_800_000_000 * _SECOND  # microseconds
        self._uids = 0
        self._version = 0

    def create(
        self,
        resource: str,
        name: str,
        *,
        user: str = "alice",
        finalizers: Sequence[str] = (),
        owner: str = "",
        **members: object,
    ) -> None:
        """Create an object; refused where there is one. `owner` is the `resource/name` of its controller."""
        if (resource, name) in self.objects:
            self._report("create", resource, name, 409, self._status(409), user=user)
            return
        self._uids += 1
        kind, _ = KINDS[resource]
        metadata: dict[str, Any] = {
            "name": name,
            "uid": f"uid-{self._uids}",
            "creationTimestamp": self._time()[:19] + "Z",
        }
        if resource in GENERATED:
            metadata["generation"] = 1
        if finalizers:
            metadata["finalizers"] = list(finalizers)
        if owner:
            metadata["ownerReferences"] = [self._reference(owner)]
        body = {"kind": kind, "metadata": metadata, "spec": {}, **members}
        self._write(body)
        if resource == "namespaces":
            body["spec"] = {"finalizers": ["kubernetes"]}
        self.objects[resource, name] = body
        self._report("create", resource, name, 201, body, user=user, request=body)

    def patch(self, resource: str, name: str, *, user: str = "alice", spec: dict[str, Any] | None = None) -> None:
        """Change an object, its spec if it is given; told 404 where there is none."""
        body = self.objects.get((resource, name))
        code = 404 if body is None else 200
        if body is not None:
            self._write(body)
            if spec is not None and spec != body["spec"]:
                body["spec"] = spec
                body["metadata"]["generation"] += 1
        request = {"spec": spec or {}}
        self._report("patch", resource, name, code, body or self._status(404), user=user, request=request)

    def scale(self, name: str, replicas: int, *, user: str = "system:autoscaler") -> None:
        """Change the number of a Deployment's replicas: the answer is a Scale, and shows nothing of the rest."""
        body = self.objects["deployments", name]
        self._write(body)
        body["spec"] = {**body["spec"], "replicas": replicas}
        body["metadata"]["generation"] += 1
        answer = {"kind": "Scale", "metadata": {**body["metadata"], "generation": None}, "spec": {"replicas": replicas}}
        self._report("patch", "deployments", name, 200, answer, user=user, subresource="scale")

    def enter(self, name: str, how: str = "exec", *, user: str = "alice") -> None:
        """Go into a pod: what is said at the beginning of it, and at its end."""
        code = 101 if ("pods", name) in self.objects else 404
        for stage in ("ResponseStarted", "ResponseComplete") if code == 101 else ("ResponseComplete",):
            self._report("get", "pods", name, code, None, user=user, subresource=how)
            self.events[-1]["stage"] = stage
            self.wait(2)

    def generate(self, resource: str, *, user: str = "alice") -> None:
        """Create an object whose name the server makes up: only the answer says it."""
        name = f"web-{self._uids}"
        self.create(resource, name, user=user)
        event = self.events[-1]
        del event["objectRef"]["name"]
        if event.get("requestObject"):
            event["requestObject"] = {"kind": KINDS[resource][0], "metadata": {"generateName": "web-"}, "spec": {}}

    def evict(self, name: str, *, user: str = "alice") -> None:
        """Ask for a pod's deletion by way of an eviction."""
        body = self.objects.get(("pods", name))
        code = 404 if body is None else 201
        if body is not None:
            self._write(body)
            body["metadata"].setdefault("deletionTimestamp", self._time())
            body["metadata"].setdefault("deletionGracePeriodSeconds", 30)
        request = {"kind": "Eviction"}
        self._report(
            "create", "pods", name, code, self._status(code), user=user, request=request, subresource="eviction"
        )

    def debug(self, name: str, *, user: str = "alice", image: str = "busybox", privileged: bool = False) -> None:
        """Put a container into a pod that runs."""
        body = self.objects.get(("pods", name))
        if body is None:
            return
        self._write(body)
        container = {"name": image, "image": image, "securityContext": {"privileged": privileged}}
        body["spec"] = {**body["spec"], "ephemeralContainers": [container]}
        body["metadata"]["generation"] += 1
        request = {"spec": {"ephemeralContainers": [container]}}
        self._report("patch", "pods", name, 200, body, user=user, request=request, subresource="ephemeralcontainers")

    def move(self, resource: str, name: str, *, user: str = "alice", spec: dict[str, Any] | None = None) -> None:
        """Change a spec by a JSON patch that does not say to what."""
        body = self.objects.get((resource, name))
        if body is None:
            return
        self._write(body)
        body["spec"] = spec or {**body["spec"], "moved": self._version}
        body["metadata"]["generation"] += 1
        request = [{"op": "copy", "from": "/metadata/annotations/x", "path": "/spec/template/spec/x"}]
        self._report("patch", resource, name, 200, body, user=user, request=request)

    def status(self, resource: str, name: str, *, user: str = "system:controller") -> None:
        """Report how an object is: no affinity key is given to that."""
        body = self.objects.get((resource, name))
        if body is not None:
            self._write(body)
            self._report("patch", resource, name, 200, body, user=user, request={"status": {}}, subresource="status")

    def finish_twice(self, name: str, *, user: str = "system:node:n") -> None:
        """End a pod that is being deleted by two deletions that meet: the answer of the second has no version."""
        body = self.objects.get(("pods", name))
        if body is None or "deletionTimestamp" not in body["metadata"] or "finalizers" in body["metadata"]:
            return
        self.finish("pods", name, user=user)
        metadata = {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}
        self._report("delete", "pods", name, 200, {**body, "metadata": metadata}, user=user)

    def in_all_stages(self) -> list[dict[str, Any]]:
        """Return all events, each with that of its request's arrival, which says nothing of what became of it."""
        unknown = {"responseStatus", "requestObject", "responseObject"}
        found = []
        for event in self.events:
            arrival = {name: value for name, value in event.items() if name not in unknown}
            arrival["stageTimestamp"] = event["requestReceivedTimestamp"]
            found += [{**arrival, "stage": "RequestReceived"}, event]
        return found

    def read(self, resource: str, name: str) -> Record:
        """Return an object as an import tells of it."""
        body = self.objects[resource, name]
        self._report("get", resource, name, 200, body, user="auditstream:import")
        (record,) = self.records([self.events.pop()])
        return msgspec.structs.replace(record, key=b"default/shop")

    def delete(self, resource: str, name: str, *, user: str = "alice", dry_run: bool = False) -> None:
        """Ask for an object's deletion: at once, or by way of its finalizers."""
        body = self.objects.get((resource, name))
        options = {"kind": "DeleteOptions", **({"dryRun": ["All"]} if dry_run else {})}
        query = "?dryRun=All" if dry_run else ""
        if body is None:
            self._report("delete", resource, name, 404, self._status(404), user=user, request=options, query=query)
            return
        is_waiting = "finalizers" in body["metadata"] or resource in {"namespaces", "pods"}
        answer = body
        if is_waiting and not dry_run:
            grace = 30 if resource == "pods" else 0
            self._write(body)
            if "deletionTimestamp" not in body["metadata"] and "generation" in body["metadata"]:
                body["metadata"]["generation"] += 1
            body["metadata"].setdefault("deletionTimestamp", self._time())
            body["metadata"].setdefault("deletionGracePeriodSeconds", grace)
        elif not is_waiting:
            if resource != "services":  # they are answered as they were
                answer = {**self._status(200), "details": {"name": name, "uid": body["metadata"]["uid"]}}
            if not dry_run:
                del self.objects[resource, name]
        self._report("delete", resource, name, 200, answer, user=user, request=options, query=query)

    def finish(self, resource: str, name: str, *, user: str = "system:controller") -> None:
        """Remove what a deletion waits for, as controllers and kubelets do."""
        body = self.objects.get((resource, name))
        if body is None or "deletionTimestamp" not in body["metadata"]:
            return
        self._write(body)
        body["metadata"]["deletionGracePeriodSeconds"] = 0
        body["spec"].pop("finalizers", None)
        if resource == "namespaces":
            self._report("update", resource, name, 200, body, user=user, request=body, subresource="finalize")
            if "finalizers" not in body["metadata"]:
                del self.objects[resource, name]
                return
        del self.objects[resource, name]
        body["metadata"].pop("finalizers", None)
        if resource == "pods":
            self._report("delete", resource, name, 200, body, user=user)
        else:
            self._report("patch", resource, name, 200, body, user=user, request={"metadata": {"finalizers": None}})

    def delete_all(self, resource: str, *, user: str = "alice") -> None:
        """Delete all objects of a resource that wait for nothing."""
        kind, _ = KINDS[resource]
        found = [key for key in self.objects if key[0] == resource]
        items = [{"metadata": self.objects[key]["metadata"], "spec": {"nodeName": "n"}} for key in found]
        for key in found:
            if "finalizers" in self.objects[key]["metadata"] or resource == "pods":
                metadata = {**self.objects[key]["metadata"]}
                metadata.setdefault("deletionTimestamp", self._time())
                self.objects[key]["metadata"] = metadata
            else:
                del self.objects[key]
        self._report("deletecollection", resource, None, 200, {"kind": kind + "List", "items": items}, user=user)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now += int(seconds * _SECOND)

    def records(self, events: Sequence[dict[str, Any]] | None = None) -> list[Record]:
        """Return events (else all of them) as ingest makes records of them."""
        items = self.events if events is None else events
        body = json.dumps({"kind": "EventList", "items": items}).encode()
        taken = split(body, cluster="default", received_ms=0)
        assert not taken.rejected
        return taken.records

    def _report(  # noqa: PLR0913 - the parts of an audit event
        self,
        verb: str,
        resource: str,
        name: str | None,
        code: int,
        answer: dict[str, Any] | None,
        *,
        user: str,
        request: dict[str, Any] | list[dict[str, Any]] | None = None,
        subresource: str = "",
        query: str = "",
    ) -> None:
        received = self._time()
        self.wait(0.01)
        _, group = KINDS[resource]
        reference = {"resource": resource, "apiGroup": group, "name": name, "subresource": subresource}
        if resource != "namespaces":
            reference["namespace"] = "shop"
        event: dict[str, Any] = {
            "auditID": f"audit-{len(self.events)}",
            "level": self.level,
            "stage": "ResponseComplete",
            "verb": verb,
            "requestURI": f"/{resource}/{name}{query}",
            "user": {"username": user},
            "sourceIPs": ["198.51.100.9", "192.0.2.7"],
            "objectRef": {key: value for key, value in reference.items() if value},
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": received,
            "stageTimestamp": self._time(),
        }
        if self.level != "Metadata":
            event["requestObject"] = request
        if not self.is_answered and code in {200, 201}:
            event["responseStatus"]["code"] = 406
        elif self.level == "RequestResponse" and answer is not None:
            event["responseObject"] = self._answered(json.loads(json.dumps(answer)))
        self.events.append(event)

    def _answered(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.answer == "whole" or body["kind"] in {"Status", "Scale"}:
            return body
        objects = [
            {"kind": "PartialObjectMetadata", "metadata": item["metadata"]} for item in body.get("items", [body])
        ]
        if "Table" in self.answer:
            return {
                "kind": "Table",
                "rows": [{"object": shown} if self.answer == "Table" else {"cells": ["web"]} for shown in objects],
            }
        return {"kind": "PartialObjectMetadataList", "items": objects} if "items" in body else objects[0]

    def _write(self, body: dict[str, Any]) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)

    def _reference(self, owner: str) -> dict[str, Any]:
        resource, _, name = owner.partition("/")
        kind, group = KINDS[resource]
        uid = self.objects[resource, name]["metadata"]["uid"]
        return {"apiVersion": f"{group}/v1".strip("/"), "kind": kind, "name": name, "uid": uid, "controller": True}

    def _status(self, code: int) -> dict[str, Any]:
        return {"kind": "Status", "code": code}

    def _time(self) -> str:
        now = self._now + int(self.skew * _SECOND)
        moment = datetime.fromtimestamp(now // _SECOND, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{now % _SECOND:06}Z"


@pytest.fixture(scope="session")
def api_server() -> type[ApiServer]:
    """Give tests the API server."""
    return ApiServer
