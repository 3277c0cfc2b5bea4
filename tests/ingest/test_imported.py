"""An object of a listing as the record of an event: under which key, with what in it, and without which secrets."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.affinity import affinity_key
from ingest.envelope import read_head
from ingest.imported import MAX_DEPTH, Broken, Untracked, imported
from ingest.listed import Listed
from ingest.split import MAX_DEPTH as MAX_EVENT_DEPTH
from wire.record import MAX_EVENT_BYTES, Record
from wire.tracked import TRACKED

AT_MS = 1_795_000_000_123
SECRET = "hunter2"


def an_object(kind: object = "Pod", version: str = "v1", **others: object) -> dict[str, Any]:
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "u-1",
        "resourceVersion": "42",
        "creationTimestamp": "2026-11-23T20:34:01Z",
    }
    found = {"apiVersion": version, "kind": kind, "metadata": metadata, **others}
    return {name: value for name, value in found.items() if value is not ...}


def take(value: object, cluster: str = "c") -> Record | Broken | Untracked:
    return imported(Listed(json.dumps(value).encode()), cluster=cluster, at_ms=AT_MS)


def record_of(value: object, cluster: str = "c") -> Record:
    record = take(value, cluster)
    assert isinstance(record, Record)
    return record


def body_of(value: object) -> Any:
    return json.loads(record_of(value).value)["responseObject"]


def test_an_object_becomes_a_read_of_it_that_shows_it() -> None:
    record = record_of(an_object("Deployment", "apps/v1", spec={"replicas": 1}))
    assert (record.key, record.cluster, record.received_ms) == (b"c/shop", "c", AT_MS)
    assert json.loads(record.value) == {
        "level": "RequestResponse",
        "auditID": "a5d5528f22d81e9c9eab333bf9d1308b",
        "stage": "ResponseComplete",
        "verb": "get",
        "user": {"username": "auditstream:import"},
        "objectRef": {
            "resource": "deployments",
            "namespace": "shop",
            "name": "web",
            "uid": "u-1",
            "apiGroup": "apps",
            "apiVersion": "v1",
            "resourceVersion": "42",
        },
        "responseStatus": {"code": 200},
        "responseObject": an_object("Deployment", "apps/v1", spec={"replicas": 1}),
        "requestReceivedTimestamp": "2026-11-18T11:06:40.123000Z",
        "stageTimestamp": "2026-11-18T11:06:40.123000Z",
    }


@pytest.mark.parametrize("group_and_resource", sorted(TRACKED), ids="/".join)
def test_the_key_is_that_of_the_event_that_creates_it(group_and_resource: tuple[str, str]) -> None:
    group, resource = group_and_resource
    tracked = TRACKED[group_and_resource]
    record = record_of(an_object(tracked.kind, f"{group}/v1" if group else "v1"))
    target = json.loads(record.value)["objectRef"]
    assert ("namespace" in target) == tracked.is_namespaced
    creation = {"stage": "ResponseComplete", "verb": "create", "objectRef": target}
    assert (record.key, target["resource"]) == (affinity_key("c", read_head(creation)), resource)
    ordinary = {"stage": "ResponseComplete", "verb": "get", "objectRef": target}
    assert affinity_key("c", read_head(ordinary)) is None


def test_the_id_tells_cluster_object_and_version() -> None:
    def audit_id(value: object, cluster: str = "c") -> object:
        return json.loads(record_of(value, cluster).value)["auditID"]

    other = an_object()
    other["metadata"]["resourceVersion"] = "43"
    assert audit_id(an_object()) == audit_id(an_object(spec={}))
    assert len({audit_id(an_object()), audit_id(an_object(), "d"), audit_id(other)}) == 3


def test_an_item_of_a_typed_list_is_of_the_kind_that_the_list_says() -> None:
    bare = an_object(apiVersion=..., kind=...)
    record = imported(Listed(json.dumps(bare).encode(), 1, "v1", "Pod"), cluster="c", at_ms=AT_MS)
    assert isinstance(record, Record)
    assert json.loads(record.value)["responseObject"] == an_object()


# --- secrets ---------------------------------------------------------------------------------------------------------

CONTAINER = {
    "name": "main",
    "image": "reg/web:1",
    "env": [{"name": "PASSWORD", "value": SECRET}],
    "envFrom": [{"secretRef": {"name": SECRET}}],
    "command": ["run", SECRET],
    "args": [f"--password={SECRET}"],
    "lifecycle": {"preStop": {"exec": {"command": [SECRET]}}},
    "livenessProbe": {"httpGet": {"path": "/", "httpHeaders": [{"name": "Authorization", "value": SECRET}]}},
    "securityContext": {"privileged": True},
}
TEMPLATE = {
    "metadata": {"labels": {"env": "prod", "data": "x"}, "annotations": {"token": SECRET}},
    "spec": {
        "containers": [CONTAINER],
        "initContainers": [CONTAINER],
        "ephemeralContainers": [CONTAINER],
        "nodeSelector": {"env": "prod", "args": "x"},
        "volumes": [
            {"name": "v", "hostPath": {"path": "/etc"}},
            {"name": "c", "csi": {"driver": "d", "volumeAttributes": {"password": SECRET}}},
            {"name": "f", "flexVolume": {"driver": "d", "options": {"password": SECRET}}},
        ],
    },
}


@pytest.mark.parametrize(
    "value",
    [
        an_object("Secret", data={"a": SECRET}, stringData={"a": SECRET}, type=SECRET, spec=SECRET, rules=[SECRET]),
        an_object("Secret", data=SECRET, stringData=[SECRET]),
        an_object("ConfigMap", data={"a": SECRET}, binaryData={"a": SECRET}, subjects=[SECRET]),
        an_object(spec=TEMPLATE["spec"], status={"message": SECRET}, stringdata=SECRET),
        an_object("Deployment", "apps/v1", spec={"template": TEMPLATE}),
        an_object("CronJob", "batch/v1", spec={"jobTemplate": {"spec": {"template": TEMPLATE}}}),
        an_object(
            "StatefulSet",
            "apps/v1",
            spec={"volumeClaimTemplates": [{"metadata": {"annotations": {"a": SECRET}}, "status": SECRET}]},
        ),
    ],
)
def test_no_secret_leaves_the_listing(value: dict[str, Any]) -> None:
    value["metadata"] |= {
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET},
        "managedFields": [{"fieldsV1": {f"f:{SECRET}": {}}}],
        "selfLink": SECRET,
    }
    assert SECRET.encode() not in record_of(value).value


def test_what_a_pod_asks_for_stays() -> None:
    body = body_of(
        an_object("Deployment", "apps/v1", spec={"template": TEMPLATE, "selector": {"matchLabels": {"env": "a"}}})
    )
    template = body["spec"]["template"]
    assert template["metadata"] == {"labels": {"env": "prod", "data": "x"}}
    assert template["spec"]["containers"] == [
        {
            "name": "main",
            "image": "reg/web:1",
            "lifecycle": {"preStop": {"exec": {}}},
            "livenessProbe": {"httpGet": {"path": "/"}},
            "securityContext": {"privileged": True},
        }
    ]
    assert template["spec"]["nodeSelector"] == {"env": "prod", "args": "x"}
    assert template["spec"]["volumes"][0] == {"name": "v", "hostPath": {"path": "/etc"}}
    assert body["spec"]["selector"] == {"matchLabels": {"env": "a"}}


def test_of_metadata_what_tells_its_life_and_its_owners_stays() -> None:
    kept = {
        "deletionTimestamp": "2026-11-24T00:00:00Z",
        "deletionGracePeriodSeconds": 30,
        "finalizers": ["a/b"],
        "generation": 3,
        "generateName": "web-",
        "labels": {"env": "prod", "status": "x"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "u-0"}],
    }
    value = an_object("Secret")
    value["metadata"] |= kept
    assert body_of(value) == value


def test_who_may_what_stays() -> None:
    binding = {"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "alice"}]}
    value = an_object("RoleBinding", "rbac.authorization.k8s.io/v1", **binding)
    assert body_of(value) == value


# --- what is no object -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (an_object("Event"), "Event"),
        (an_object("Deployment", "example.org/v1"), "Deployment.example.org"),
        (an_object("AllowList", "example.org/v1", metadata=...), "AllowList.example.org"),
        (an_object("Pod", "apps/v1"), "Pod.apps"),
    ],
)
def test_a_kind_of_which_nothing_is_remembered_is_told_as_that(value: object, kind: str) -> None:
    assert take(value) == Untracked(kind)


def with_metadata(**others: object) -> dict[str, Any]:
    value = an_object()
    value["metadata"] = {name: each for name, each in {**value["metadata"], **others}.items() if each is not ...}
    return value


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (5, "no object"),
        (None, "no object"),
        ([], "no object"),
        ({}, "no kind"),
        (an_object(kind=["Pod"]), "kind is no text"),
        (an_object(apiVersion=...), "no apiVersion"),
        (an_object(apiVersion=""), "apiVersion is no text"),
        (an_object("List"), "a List without an array of items, or within another"),
        (an_object(metadata=...), "no metadata"),
        (an_object(metadata=[]), "metadata is no object"),
        (with_metadata(name=...), "no metadata.name"),
        (with_metadata(uid=...), "no metadata.uid"),
        (with_metadata(resourceVersion=...), "no metadata.resourceVersion"),
        (with_metadata(resourceVersion=42), "metadata.resourceVersion is no name"),
        (with_metadata(namespace=...), "no metadata.namespace"),
        (with_metadata(name=""), "metadata.name is no name"),
        (with_metadata(name="a/b"), "metadata.name is no name"),
        (with_metadata(name="a\0b"), "metadata.name is no name"),
        (with_metadata(name="\x1b[2J"), "metadata.name is no name"),
        (with_metadata(namespace="n" * 254), "metadata.namespace is no name"),
        (with_metadata(uid={}), "metadata.uid is no name"),
    ],
)
def test_what_is_broken_says_why(value: object, detail: str) -> None:
    assert take(value) == Broken(detail)


@pytest.mark.parametrize(
    "text",
    [b'{"kind":"\xff"}', b'{"kind":"\\ud800"}', b'{"kind":"Pod","a":1e999}', b'{"kind":}', b"{"],
)
def test_what_no_later_stage_could_read_is_broken(text: bytes) -> None:
    assert isinstance(imported(Listed(text), cluster="c", at_ms=AT_MS), Broken)


def test_what_nests_too_deep_is_broken_and_what_just_does_not_is_no_deeper_than_an_event_may_be() -> None:
    def nested(depth: int) -> object:
        inner: object = {}
        for _ in range(depth - 2):
            inner = [inner]
        return an_object(spec=inner)

    assert isinstance(take(nested(MAX_DEPTH)), Record)
    assert take(nested(MAX_DEPTH + 1)) == Broken(f"nested more than {MAX_DEPTH} deep")
    assert MAX_DEPTH + 1 < MAX_EVENT_DEPTH


def test_what_is_larger_than_an_event_may_be_is_broken() -> None:
    found = take(an_object(spec={"a": "x" * MAX_EVENT_BYTES}))
    assert isinstance(found, Broken)
    assert found.detail.endswith(f"bytes without what is dropped, more than {MAX_EVENT_BYTES}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    member=st.sampled_from(["kind", "apiVersion", "metadata", "spec"]),
    name=st.sampled_from(
        ["", "name", "namespace", "uid", "resourceVersion", "labels", "annotations", "ownerReferences"]
    ),
    value=JSON,
)
def test_whatever_stands_in_an_object_nothing_raises(member: str, name: str, value: object) -> None:
    found = an_object()
    if name:
        found["metadata"][name] = value
    else:
        found[member] = value
    assert isinstance(take(found), Record | Broken | Untracked)
