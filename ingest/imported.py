"""An object as `kubectl get -o json` prints it, into the record of an audit event that shows it. PURE.

`auditstream resources import` calls `imported` with each object of a listing, so that what is older than the pipeline
is known. The event is one that no API server sends: a `get` with an affinity key, which ordinary reads have not, by a
user of our own. Whatever takes records knows by it that the object is to be remembered, and no rule to be asked.

Secrets do not leave the listing: what is carried is chosen, by name, from what the memory of resources reads.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ingest import scan
from ingest.affinity import affinity_key
from ingest.envelope import Head, members
from ingest.listed import Listed
from wire.record import MAX_EVENT_BYTES, Record, identity
from wire.tracked import RESOURCE_OF, TRACKED

IMPORT_USER: Final = "auditstream:import"
"""Who asks, in the event of an import. No API server has such a user: theirs are names, or begin with `system:`."""

MAX_DEPTH: Final = 400
"""How deep an object may nest: an event may 500, and what cannot be read later is told now."""

_LONGEST_NAME: Final = 253
"""Kubernetes' limit for names; uids and versions are shorter."""


class Broken(msgspec.Struct, frozen=True):
    """What is no object of an API server. The clause says why, in words of our own."""

    detail: str


class Untracked(msgspec.Struct, frozen=True):
    """An object of a kind of which nothing is remembered."""

    kind: str


class _BrokenError(Exception):
    """Why an object is broken."""


_KEPT: Final = frozenset(
    {
        "spec",
        "rules",
        "aggregationRule",
        "roleRef",
        "subjects",
        "secrets",
        "imagePullSecrets",
        "automountServiceAccountToken",
    }
)
"""Of an object, beside its type and metadata. Not `status`, which changes by the second."""

_BARE: Final = frozenset({"Secret", "ConfigMap"})
"""Kinds that are all content: of them only the metadata are kept."""

_KEPT_METADATA: Final = frozenset(
    {
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "labels",
        "ownerReferences",
        "finalizers",
    }
)
"""Not annotations: `kubectl apply` keeps a copy of the whole object there, and people keep what they like."""

_DROPPED: Final = frozenset(
    {
        "annotations",
        "managedFields",
        "data",
        "stringData",
        "binaryData",
        "status",
        "env",
        "envFrom",
        "command",
        "args",
        "httpHeaders",
        "options",
        "volumeAttributes",
    }
)
"""Wherever they stand in a spec: what may hold a password, of containers, templates, probes and drivers of volumes."""

_LABELS: Final = frozenset({"labels", "matchLabels", "selector", "nodeSelector"})
"""Maps whose keys are anybody's to choose, so that `env: prod` in one of them is a label and no variable."""


def imported(listed: Listed, *, cluster: str, at_ms: int) -> Record | Broken | Untracked:
    """Return the record of an object, as of a time in milliseconds since the epoch, or why there is none.

    The key is the one that ingest gives to the object's creation.
    """
    try:
        return _record(listed, cluster, at_ms)
    except _BrokenError as error:
        return Broken(str(error))


def _record(listed: Listed, cluster: str, at_ms: int) -> Record | Untracked:
    found = _decoded(listed.value)
    kind = _string(found, "kind", listed.kind)
    version = _string(found, "apiVersion", listed.api_version)
    group, _, number = version.rpartition("/")
    resource = RESOURCE_OF.get((group, kind))
    if resource is None:
        if kind == "List":
            raise _BrokenError("a List without an array of items, or within another")
        return Untracked(f"{kind}.{group}" if group else kind)
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        raise _BrokenError("metadata is no object" if "metadata" in found else "no metadata")
    name = _name(metadata, "name")
    namespace = _name(metadata, "namespace") if TRACKED[group, resource].is_namespaced else ""
    uid, resource_version = _name(metadata, "uid"), _name(metadata, "resourceVersion")
    creation = Head("ResponseComplete", "create", resource, group, "", namespace or None, name)
    target = {
        "resource": resource,
        **({"namespace": namespace} if namespace else {}),
        "name": name,
        "uid": uid,
        **({"apiGroup": group} if group else {}),
        "apiVersion": number,
        "resourceVersion": resource_version,
    }
    body = {"kind": kind, "apiVersion": version, "metadata": _metadata(metadata)}
    if kind not in _BARE:
        body |= {member: _without_secrets(value, member) for member, value in found.items() if member in _KEPT}
    audit_id = identity(cluster, f"{uid}\0{resource_version}".encode())
    value = msgspec.json.encode(_event(audit_id, target, body, at_ms))
    if len(value) > MAX_EVENT_BYTES:
        raise _BrokenError(f"{len(value)} bytes without what is dropped, more than {MAX_EVENT_BYTES}")
    return Record(value, affinity_key(cluster, creation), cluster, at_ms)


def _event(audit_id: str, target: Mapping[str, str], body: Mapping[str, Any], at_ms: int) -> Mapping[str, Any]:
    stamp = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "level": "RequestResponse",
        "auditID": audit_id,
        "stage": "ResponseComplete",
        "verb": "get",
        "user": {"username": IMPORT_USER},
        "objectRef": target,
        "responseStatus": {"code": 200},
        "responseObject": body,
        "requestReceivedTimestamp": stamp,
        "stageTimestamp": stamp,
    }


def _decoded(value: bytes) -> Mapping[str, Any]:
    if not value.startswith(b"{"):
        raise _BrokenError("no object")
    if scan.is_deeper(value, MAX_DEPTH):
        raise _BrokenError(f"nested more than {MAX_DEPTH} deep")
    try:
        return members(msgspec.json.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _BrokenError(str(error)) from None


def _string(found: Mapping[str, Any], name: str, otherwise: str) -> str:
    value = found.get(name, otherwise)
    if not isinstance(value, str) or not value:
        raise _BrokenError(f"{name} is no text" if name in found else f"no {name}")
    return value


def _name(metadata: Mapping[str, Any], name: str) -> str:
    """Return one of the names of an object; no API server has one that is longer, or that no path could hold."""
    value = metadata.get(name)
    if value is None:
        raise _BrokenError(f"no metadata.{name}")
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME or "/" in value or not value.isprintable():
        raise _BrokenError(f"metadata.{name} is no name")
    return value


def _metadata(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: _without_secrets(value, name) for name, value in metadata.items() if name in _KEPT_METADATA}


def _without_secrets(value: Any, parent: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a copy of a value, the member `parent` of an object, without what may hold a secret."""
    if isinstance(value, list):
        return [_without_secrets(one, parent) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _without_secrets(member, name)
        for name, member in value.items()
        if name not in _DROPPED or (parent in _LABELS and isinstance(member, str))
    }
