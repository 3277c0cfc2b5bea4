"""A small API server that keeps objects as the real one does and reports each request as an audit event."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.split import split
from wire.record import Record

KINDS = {
    "configmaps": ("ConfigMap", ""),
    "deployments": ("Deployment", "apps"),
    "namespaces": ("Namespace", ""),
    "pods": ("Pod", ""),
    "services": ("Service", ""),
}
_SECOND = 1_000_000


class ApiServer:
    """Objects by resource and name, and the events of everything that was asked for.

    `level` is the audit policy's; `answer` the form in which clients ask for answers: `whole`, `PartialObjectMetadata`,
    `Table`, or `empty Table`, whose rows show no object.
    """

    def __init__(self, level: str = "RequestResponse", answer: str = "whole") -> None:
        self.level = level
        self.answer = answer
        self.events: list[dict[str, Any]] = []
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self._now = 1_800_000_000 * _SECOND  # microseconds
        self._uids = 0

    def create(self, resource: str, name: str, *, user: str = "alice", finalizers: Sequence[str] = ()) -> None:
        """Create an object; refused where there is one."""
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
        if finalizers:
            metadata["finalizers"] = list(finalizers)
        body = {"kind": kind, "metadata": metadata, "spec": {}}
        if resource == "namespaces":
            body["spec"] = {"finalizers": ["kubernetes"]}
        self.objects[resource, name] = body
        self._report("create", resource, name, 201, body, user=user, request=body)

    def patch(self, resource: str, name: str, *, user: str = "alice") -> None:
        """Change an object; told 404 where there is none."""
        body = self.objects.get((resource, name))
        code = 404 if body is None else 200
        self._report("patch", resource, name, code, body or self._status(404), user=user, request={"spec": {}})

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
                self.objects[key]["metadata"] = {**self.objects[key]["metadata"], "deletionTimestamp": self._time()}
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
        answer: dict[str, Any],
        *,
        user: str,
        request: dict[str, Any] | None = None,
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
        if self.level == "RequestResponse":
            event["responseObject"] = self._answered(json.loads(json.dumps(answer)))
        self.events.append(event)

    def _answered(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.answer == "whole" or body["kind"] == "Status":
            return body
        objects = [
            {"kind": "PartialObjectMetadata", "metadata": item["metadata"]} for item in body.get("items", [body])
        ]
        if "Table" in self.answer:
            return {"kind": "Table", "rows": [{"object": shown} for shown in objects if self.answer == "Table"]}
        return {"kind": "PartialObjectMetadataList", "items": objects} if "items" in body else objects[0]

    def _status(self, code: int) -> dict[str, Any]:
        return {"kind": "Status", "code": code}

    def _time(self) -> str:
        seconds, micros = divmod(self._now, _SECOND)
        minutes, second = divmod(seconds - 1_800_000_000, 60)
        hours, minute = divmod(minutes, 60)
        return f"2027-01-15T{8 + hours:02}:{minute:02}:{second:02}.{micros:06}Z"


@pytest.fixture(scope="session")
def api_server() -> type[ApiServer]:
    """Give tests the API server."""
    return ApiServer
