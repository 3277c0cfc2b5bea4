"""What kubectl prints, taken apart: lists of every kind, single objects, and what is neither."""

import json
from typing import Any

import pytest

from ingest.listed import Listed, NotJsonError, objects_in


def found(document: Any) -> list[Listed]:
    return list(objects_in(json.dumps(document).encode()))


def test_a_list_gives_its_items() -> None:
    items = [{"kind": "Pod", "apiVersion": "v1"}, 5, None]
    assert found({"apiVersion": "v1", "items": items, "kind": "List"}) == [
        Listed(b'{"kind": "Pod", "apiVersion": "v1"}', 1),
        Listed(b"5", 2),
        Listed(b"null", 3),
    ]


def test_items_of_a_typed_list_are_of_its_kind() -> None:
    document = {"apiVersion": "apps/v1", "items": [{"metadata": {}}], "kind": "DeploymentList"}
    assert found(document) == [Listed(b'{"metadata": {}}', 1, "apps/v1", "Deployment")]


def test_an_object_is_one_by_itself() -> None:
    assert found({"kind": "Pod"}) == [Listed(b'{"kind": "Pod"}')]


def test_an_array_gives_its_elements_and_what_lists_among_them_hold() -> None:
    document = [{"kind": "Pod"}, {"kind": "List", "items": [{"a": 1}]}, "x"]
    assert found(document) == [Listed(b'{"kind": "Pod"}', 1), Listed(b'{"a": 1}', 1), Listed(b'"x"', 3)]


@pytest.mark.parametrize(
    "document", [{"kind": "List"}, {"kind": "List", "items": {}}, {"kind": 5, "items": []}, "x", 1]
)
def test_what_is_no_list_is_taken_as_it_is(document: object) -> None:
    assert found(document) == [Listed(json.dumps(document).encode())]


def test_nothing_in_a_list_is_nothing() -> None:
    assert found({"kind": "List", "items": []}) == []
    assert found([]) == []


@pytest.mark.parametrize("document", [b"", b"{", b'{"kind":"List","items":[', b"kind: List", b"[1,", b"{} {}"])
def test_what_is_no_json_is_an_error(document: bytes) -> None:
    with pytest.raises(NotJsonError):
        list(objects_in(document))


def test_what_nests_too_deeply_is_an_error() -> None:
    with pytest.raises(NotJsonError, match=r"^it is nested too deeply$"):
        list(objects_in(b"[" * 100_000 + b"]" * 100_000))


def test_bytes_that_are_no_text_break_their_item_alone() -> None:
    assert [each.number for each in objects_in(b'{"kind":"List","items":[{"a":"\xff"},{}]}')] == [1, 2]
