"""What one event shows: whom it names, and what it did."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from processor.history import Mark
from processor.request import MAX_AUDIT_ID, MAX_USER, ObjectName, mark_of
from processor.sighting import sightings, target_of, uid_of
from rules.event import Event

MakeEvent = Callable[..., Event]
Document = dict[str, Any]

_BORN = "2026-11-23T20:34:01Z"
_SEEN = {"uid": "u", "creationTimestamp": _BORN, "resourceVersion": "7"}
_DELETED = {**_SEEN, "deletionTimestamp": "2026-11-23T20:40:00Z"}
_MARK = Mark(1, 0, b"", "alice", None, "")


def _target(resource: str, subresource: str = "", name: str = "web", group: str = "") -> Document:
    return {"apiGroup": group, "resource": resource, "namespace": "shop", "name": name, "subresource": subresource}


def _did(event: Event) -> str:
    """Return what an event did to its only object, in words."""
    found = list(sightings(event, _MARK))
    if not found:
        return "nothing"
    assert len(found) == 1
    (_, history), told = found[0], []
    for incarnation in history.incarnations:
        marks = {"created": incarnation.created, "asked": incarnation.asked, "gone": incarnation.gone}
        told += ["seen", *(what for what, mark in marks.items() if mark)]
    told += ["created" for _ in history.creates]
    for ending in history.endings:
        told += ["asked"] * ending.is_asked + ["gone"] * ending.is_gone + [f"uid {ending.uid}"] * bool(ending.uid)
    return " ".join(told) or "told"


def _pod(**metadata: object) -> Document:
    return {"kind": "Pod", "metadata": {**_DELETED, **metadata}}


DELETIONS: Mapping[str, tuple[Document, str]] = {
    "a Status": ({"kind": "Status", "details": {"uid": "u"}}, "asked gone uid u"),
    "a Status without details": ({"kind": "Status"}, "asked gone"),
    "a Status that says no object": ({"kind": "Status", "details": 3}, "asked gone"),
    "the object as it was": (
        {"kind": "Service", "metadata": _SEEN},
        "seen asked gone",
    ),
    "the object, deleted": ({"kind": "Service", "metadata": _DELETED}, "seen asked gone"),
    "the object, waiting": ({"kind": "Service", "metadata": {**_DELETED, "finalizers": ["x"]}}, "seen asked"),
    "its metadata, waiting": (
        {"kind": "PartialObjectMetadata", "metadata": {**_DELETED, "finalizers": ["x"]}},
        "seen asked",
    ),
    "a Table without objects": ({"kind": "Table", "rows": [{"cells": ["web"]}]}, "asked gone"),
    "a Table without rows": ({"kind": "Table"}, "asked gone"),
    "a Table with its metadata, waiting": (
        {
            "kind": "Table",
            "rows": [{"object": {"kind": "PartialObjectMetadata", "metadata": {**_DELETED, "finalizers": ["x"]}}}],
        },
        "seen asked",
    ),
    "an object without metadata": ({"kind": "Service"}, "asked gone"),
    "an object without uid": ({"kind": "Service", "metadata": {"creationTimestamp": _BORN}}, "asked gone"),
    "an object with a broken birth": (
        {"kind": "Service", "metadata": {"uid": "u", "creationTimestamp": "long ago", "finalizers": ["x"]}},
        "asked uid u",
    ),
    "an object without version, since another deletion was first": (
        {"kind": "Service", "metadata": {"uid": "u", "creationTimestamp": _BORN}},
        "asked gone uid u",
    ),
    "nothing": (None, "asked gone"),  # type: ignore[dict-item]  # as at level Metadata
}


@pytest.mark.parametrize("answer", DELETIONS)
def test_a_deletion_ends_its_object_unless_the_answer_shows_otherwise(make_event: MakeEvent, answer: str) -> None:
    body, did = DELETIONS[answer]
    event = make_event(
        verb="delete",
        objectRef=_target("services"),
        responseStatus={"code": 200},
        responseObject=body,
        requestObject={},
    )
    assert _did(event) == did


PODS: Mapping[str, tuple[Document | None, str]] = {
    "in its grace": (_pod(deletionGracePeriodSeconds=30), "seen asked"),
    "with its grace over": (_pod(deletionGracePeriodSeconds=0), "seen asked gone"),
    "with its grace over but finalizers": (_pod(deletionGracePeriodSeconds=0, finalizers=["x"]), "seen asked"),
    "with no grace said": (_pod(), "seen asked"),
    "not shown": (None, "asked"),
}


@pytest.mark.parametrize("answer", PODS)
def test_a_pod_ends_when_its_grace_is_over(make_event: MakeEvent, answer: str) -> None:
    body, did = PODS[answer]
    event = make_event(verb="delete", responseStatus={"code": 200}, responseObject=body, requestObject={})
    assert _did(event) == did


@pytest.mark.parametrize(
    ("spec", "metadata", "did"),
    [
        ({}, {}, "seen gone"),
        ({"finalizers": ["kubernetes"]}, {}, "seen"),
        ({}, {"finalizers": ["x"]}, "seen"),
        ({"finalizers": ["kubernetes"]}, {"deletionTimestamp": ...}, "seen"),
        ({}, {"deletionTimestamp": ...}, "seen"),
    ],
)
@pytest.mark.parametrize("told_by", list(itertools.product(["Namespace", "PartialObjectMetadata"], ["finalize", ""])))
def test_a_namespace_ends_when_nothing_is_left_to_finalize(
    make_event: MakeEvent, told_by: tuple[str, str], spec: Document, metadata: Document, did: str
) -> None:
    kind, subresource = told_by
    if not subresource and kind != "Namespace":
        did = "seen"  # what is in its spec is not shown, and a client's word does not count
    shown = {name: value for name, value in {**_DELETED, **metadata}.items() if value is not ...}
    event = make_event(
        verb="update",
        objectRef=_target("namespaces", subresource),
        responseStatus={"code": 200},
        requestObject={"kind": "Namespace", "spec": spec},
        responseObject={"kind": kind, "metadata": shown, **({"spec": spec} if kind == "Namespace" else {})},
    )
    assert _did(event) == did


REQUESTS: Mapping[str, tuple[Document, str]] = {
    "a create": ({}, "created"),
    "an apply of what was not there": ({"verb": "patch"}, "created"),
    "an update": ({"verb": "update", "responseStatus": {"code": 200}}, "told"),
    "a scale": ({"verb": "update", "objectRef": _target("pods", "scale"), "responseStatus": {"code": 200}}, "told"),
    "a binding": ({"objectRef": _target("pods", "binding")}, "told"),
    "an eviction": ({"objectRef": _target("pods", "eviction")}, "asked"),
    "a deletion of a namespace, not shown": (
        {"verb": "delete", "objectRef": _target("namespaces"), "responseStatus": {"code": 200}},
        "asked",
    ),
    "a finalize, not shown": (
        {"verb": "update", "objectRef": _target("namespaces", "finalize"), "responseStatus": {"code": 200}},
        "gone",
    ),
    "a finalize, not shown, that leaves a finalizer": (
        {
            "verb": "update",
            "objectRef": _target("namespaces", "finalize"),
            "responseStatus": {"code": 200},
            "requestObject": {"spec": {"finalizers": ["kubernetes"]}},
        },
        "told",
    ),
    "a finalize, not shown, that leaves another's finalizer": (
        {
            "verb": "update",
            "objectRef": _target("namespaces", "finalize"),
            "responseStatus": {"code": 200},
            "requestObject": {"metadata": {"finalizers": ["x"]}},
        },
        "told",
    ),
    "a deletion that was accepted only": (
        {"verb": "delete", "objectRef": _target("services"), "responseStatus": {"code": 202}},
        "asked",
    ),
    "a dry run of an eviction": (
        {"objectRef": _target("pods", "eviction"), "requestObject": {"deleteOptions": {"dryRun": ["All"]}}},
        "nothing",
    ),
    "a refused create": ({"responseStatus": {"code": 409}}, "nothing"),
    "a code that is none": ({"responseStatus": {"code": "²²²"}}, "nothing"),
    "no code": ({"responseStatus": ...}, "nothing"),
    "a dry run": ({"requestURI": "/api/v1/namespaces/shop/pods?dryRun=All"}, "nothing"),
    "another stage": ({"stage": "ResponseStarted"}, "nothing"),
    "an exec": ({"verb": "get", "objectRef": _target("pods", "exec"), "responseStatus": {"code": 200}}, "nothing"),
    "another group's resource": ({"objectRef": _target("pods", group="example.com")}, "nothing"),
    "no name": ({"objectRef": {"resource": "pods"}, "verb": "update", "responseStatus": {"code": 200}}, "nothing"),
}


@pytest.mark.parametrize("request_of", REQUESTS)
def test_what_a_request_does(make_event: MakeEvent, request_of: str) -> None:
    members, did = REQUESTS[request_of]
    assert _did(make_event(**members)) == did


LAST_FINALIZERS: Mapping[str, tuple[str, str, object, str]] = {
    "an update without any": ("services", "update", {"metadata": {}}, "gone"),
    "an update with one": ("services", "update", {"metadata": {"finalizers": ["x"]}}, "told"),
    "an update that is broken": ("services", "update", {"spec": {}}, "told"),
    "a patch to none": ("services", "patch", {"metadata": {"finalizers": None}}, "gone"),
    "a patch to an empty list, which may be strategic": ("services", "patch", {"metadata": {"finalizers": []}}, "told"),
    "a patch of something else": ("services", "patch", {"spec": {}}, "told"),
    "a patch of other metadata": ("services", "patch", {"metadata": {"labels": None}}, "told"),
    "a JSON patch of all": ("services", "patch", [{"op": "remove", "path": "/metadata/finalizers"}], "gone"),
    "a JSON patch of one": ("services", "patch", [{"op": "remove", "path": "/metadata/finalizers/0"}], "told"),
    "a JSON patch of all that adds one": (
        "services",
        "patch",
        [{"op": "remove", "path": "/metadata/finalizers"}, {"op": "add", "path": "/metadata/finalizers"}],
        "told",
    ),
    "a JSON patch of all that writes all metadata": (
        "services",
        "patch",
        [{"op": "remove", "path": "/metadata/finalizers"}, {"op": "replace", "path": "/metadata"}],
        "told",
    ),
    "a JSON patch of all that tests": (
        "services",
        "patch",
        [{"op": "test", "path": "/metadata/finalizers"}, {"op": "remove", "path": "/metadata/finalizers"}],
        "gone",
    ),
    "a JSON patch that adds": ("services", "patch", [{"op": "add", "path": "/metadata/finalizers"}, 3], "told"),
    "nothing that is shown": ("services", "patch", None, "told"),
    "those of a pod, which has its grace": ("pods", "update", {"metadata": {}}, "told"),
    "those of a namespace, which has others": ("namespaces", "update", {"metadata": {}}, "told"),
}


@pytest.mark.parametrize("request_of", LAST_FINALIZERS)
def test_what_leaves_no_finalizer_is_an_end_where_no_answer_is_shown(make_event: MakeEvent, request_of: str) -> None:
    resource, verb, body, did = LAST_FINALIZERS[request_of]
    event = make_event(
        verb=verb, objectRef=_target(resource), responseStatus={"code": 200}, requestObject=body, responseObject=...
    )
    assert _did(event) == did


def test_the_finalizers_of_a_scale_are_not_those_of_what_is_scaled(make_event: MakeEvent) -> None:
    target = _target("deployments", "scale", group="apps")
    event = make_event(verb="update", objectRef=target, responseStatus={"code": 200}, requestObject={"metadata": {}})
    assert _did(event) == "told"


_ITEM = {"metadata": {"name": "web", **_SEEN}, "spec": {"nodeName": "n"}}
_UNSCHEDULED = {**_ITEM, "spec": {}}
_METADATA_ONLY = {"metadata": _ITEM["metadata"]}
_WAITING = {**_ITEM, "metadata": {**_ITEM["metadata"], "finalizers": ["x"]}}

LISTS: Mapping[str, tuple[str, Document, Document | None, str, str]] = {
    "a ConfigMap": ("configmaps", _ITEM, {}, "", "seen asked gone"),
    "a ConfigMap that waits": ("configmaps", _WAITING, {}, "", "seen asked"),
    "its dependents first": ("configmaps", _ITEM, {"propagationPolicy": "Foreground"}, "", "seen asked"),
    "orphaned by the URI": ("configmaps", _ITEM, None, "?propagationPolicy=Orphan", "seen asked"),
    "its dependents orphaned, as older clients say it": (
        "configmaps",
        _ITEM,
        {"orphanDependents": True},
        "",
        "seen asked",
    ),
    "its dependents not orphaned": ("jobs", _ITEM, {"orphanDependents": False}, "", "seen asked gone"),
    "a Job, whose dependents are orphaned unless one says otherwise": ("jobs", _ITEM, {}, "", "seen asked"),
    "a Job with its dependents": ("jobs", _ITEM, {"propagationPolicy": "Background"}, "", "seen asked gone"),
    "a URI that the body overrules": ("configmaps", _ITEM, {}, "?propagationPolicy=Orphan", "seen asked gone"),
    "a Pod": ("pods", _ITEM, {}, "", "seen asked"),
    "a Pod without grace": ("pods", _ITEM, {"gracePeriodSeconds": 0}, "", "seen asked gone"),
    "a Pod on no node": ("pods", _UNSCHEDULED, {}, "", "seen asked gone"),
    "a Pod of which metadata are shown": ("pods", _METADATA_ONLY, {}, "", "seen asked"),
    "a Pod that waits": ("pods", {**_WAITING, "spec": {}}, {}, "", "seen asked"),
    "an item without birth": ("configmaps", {"metadata": {"name": "web"}}, {}, "", "asked gone"),
    "an item without a name": ("configmaps", {"metadata": {}}, {}, "", "nothing"),
    "an item without metadata": ("configmaps", {}, {}, "", "nothing"),
}


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("form", ["whole", "metadata", "Table"])
def test_a_deletecollection_ends_what_its_answer_lists(make_event: MakeEvent, listed: str, form: str) -> None:
    resource, item, options, query, did = LISTS[listed]
    kind = (
        {"configmaps": "ConfigMapList", "jobs": "JobList", "pods": "PodList"}[resource]
        if form == "whole"
        else "PartialObjectMetadataList"
    )
    answer = {"kind": "Table", "rows": [{"object": item}]} if form == "Table" else {"kind": kind, "items": [item]}
    event = make_event(
        verb="deletecollection",
        objectRef={"resource": resource, "namespace": "shop", "apiGroup": "batch" if resource == "jobs" else ""},
        requestURI=f"/api/v1/namespaces/shop/{resource}{query}",
        responseStatus={"code": 200},
        requestObject=options,
        responseObject=answer,
    )
    assert _did(event) == did


@pytest.mark.parametrize(
    "answer", [{"kind": "ConfigMapList"}, {"kind": "ConfigMapList", "items": 1}, {"kind": "Table"}]
)
def test_a_deletecollection_that_lists_nothing_ends_nothing(make_event: MakeEvent, answer: Document | None) -> None:
    target = {"resource": "configmaps", "namespace": "shop"}
    event = make_event(verb="deletecollection", objectRef=target, responseStatus={"code": 200}, responseObject=answer)
    assert list(sightings(event, _MARK)) == []


def test_a_name_that_the_server_made_up_is_read_from_its_answer(make_event: MakeEvent) -> None:
    made = {"kind": "Pod", "metadata": {"name": "web-x7f", "uid": "u", "creationTimestamp": _BORN}}
    event = make_event(objectRef={"resource": "pods", "namespace": "shop"}, responseObject=made)
    assert target_of(event) == ObjectName("", "pods", "shop", "web-x7f")
    table = {"kind": "Table", "rows": [{"cells": ["web-x7g", 1], "object": None}]}
    unshown = make_event(objectRef={"resource": "pods", "namespace": "shop"}, responseObject=table)
    assert target_of(unshown) == ObjectName("", "pods", "shop", "web-x7g")
    refused = make_event(objectRef={"resource": "pods", "namespace": "shop"}, responseObject={"kind": "Status"})
    assert target_of(refused) is None


def test_a_namespace_is_in_none(make_event: MakeEvent) -> None:
    event = make_event(objectRef={"resource": "namespaces", "namespace": "shop", "name": "shop"}, verb="delete")
    assert target_of(event) == ObjectName("", "namespaces", "", "shop")


def test_a_uid_is_believed_only_where_the_server_says_it(make_event: MakeEvent) -> None:
    claimed = {"kind": "Pod", "metadata": {"uid": "claimed"}}
    assert uid_of(make_event(requestObject=claimed, objectRef={**_target("pods"), "uid": "claimed"})) == ""
    assert uid_of(make_event(responseObject=claimed)) == "claimed"
    status = {"kind": "Status", "details": {"uid": "said"}}
    assert uid_of(make_event(verb="delete", responseStatus={"code": 200}, responseObject=status)) == "said"
    assert uid_of(make_event(verb="delete", responseStatus={"code": 409}, responseObject=status)) == ""


def test_a_mark_holds_what_the_server_saw_cut_to_a_length(make_event: MakeEvent) -> None:
    event = make_event(
        user={"username": "u" * 1000},
        auditID="a" * 1000,
        requestReceivedTimestamp="2026-11-23T20:34:01.000000Z",
        stageTimestamp="2026-11-23T20:34:01.500000Z",
    )
    mark = mark_of(event, "0f" * 16)
    assert mark.time_ns - mark.received_ns == 500_000_000
    assert (mark.digest, mark.user, mark.audit_id) == (b"\x0f" * 16, "u" * MAX_USER, "a" * MAX_AUDIT_ID)
    assert mark.source_ip == "10.1.2.3"
    bare = mark_of(make_event(sourceIPs=..., user=..., auditID=...), "00" * 16)
    assert (bare.received_ns, bare.user, bare.source_ip, bare.audit_id) == (0, "", None, "")
