"""Objects as bodies show them. What events make of them is in test_sighting.py."""

import json
from typing import Any

import pytest

from processor.history import Generation, Mark, Metadata, Owner
from processor.shown import Shown, generations_in, metadata_of, read, shown_in, spec_in
from rules.document import Value
from wire.tracked import TRACKED

_MARK = Mark(1, 0, b"digest", "alice", None, "")
_PODS = ("", "pods", "")
_OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}
_METADATA = {
    "name": "web",
    "uid": "u",
    "creationTimestamp": "1970-01-01T00:00:07Z",
    "resourceVersion": "12",
    "generation": 3,
    "deletionTimestamp": "1970-01-01T00:00:09Z",
    "deletionGracePeriodSeconds": 30,
    "finalizers": ["x"],
    "ownerReferences": [{**_OWNER, "name": "other", "controller": False}, _OWNER],
}


def _value(body: object) -> Value:
    return Value(json.dumps(body).encode())


def _shown(**metadata: object) -> Shown:
    shown = read(_value({"metadata": {**_METADATA, **metadata}, "spec": {"containers": []}}), is_whole=True)
    assert shown is not None
    return shown


def test_an_objects_metadata_are_read() -> None:
    shown = _shown()
    assert (shown.name, shown.uid, shown.born_s, shown.version) == ("web", "u", 7, 12)
    owner = Owner("apps", "ReplicaSet", "web-1", "r")
    assert metadata_of(shown, _MARK) == Metadata(12, True, b"digest", True, True, 30, owner)  # noqa: FBT003 - a row


@pytest.mark.parametrize("version", ["", "x", "-1", "٣", "9" * 19, None, 1.5, {}])
def test_a_version_that_is_no_number_is_none(version: object) -> None:
    assert _shown(resourceVersion=version).version == 0
    assert generations_in(_PODS, _shown(generation=version), _MARK) == ()


@pytest.mark.parametrize(
    ("references", "owner"),
    [
        ([], None),
        (None, None),
        ("x", None),
        ([1, {"controller": "true"}], None),
        ([{"controller": True}], Owner("", "", "", "")),
        ([{**_OWNER, "apiVersion": "v1", "name": "n" * 600}], Owner("", "ReplicaSet", "n" * 512, "r")),
    ],
)
def test_of_owners_the_controller_counts(references: object, owner: Owner | None) -> None:
    assert _shown(ownerReferences=references).owner == owner


@pytest.mark.parametrize(
    ("body", "is_whole"),
    [
        ({"kind": "Pod", "metadata": {}}, True),
        ({"kind": "PartialObjectMetadata", "metadata": {}}, False),
        ({"kind": "Table", "rows": [{"object": {"kind": "PartialObjectMetadata", "metadata": {}}}]}, False),
        ({"kind": "Table", "rows": [{"object": {"kind": "Pod", "metadata": {}}}]}, True),
        ({"kind": "Table", "rows": [{"cells": []}]}, None),
        ({"kind": "Scale", "metadata": {}}, None),
        ({"kind": "Pod"}, None),
        ([], None),
    ],
)
def test_an_object_is_known_in_whatever_form_it_is_shown(body: Any, *, is_whole: bool | None) -> None:
    shown = shown_in(_value(body), TRACKED["", "pods"])
    assert (shown and shown.is_whole) is is_whole


def test_only_a_whole_object_says_what_it_asks_for() -> None:
    whole = _shown()
    assert spec_in(_PODS, whole, _MARK) is not None
    assert spec_in(_PODS, whole._replace(is_whole=False), _MARK) is None
    (told,) = generations_in(_PODS, whole, None)
    assert (told.number, told.version, told.mark, len(told.template)) == (3, 12, None, 8)
    assert generations_in(_PODS, whole._replace(is_whole=False), _MARK) == (Generation(3, 12, _MARK, b""),)
