"""What a deletecollection shows. What becomes of each object is in test_sighting.py and test_facts.py."""

from collections.abc import Callable
from typing import Any

import pytest

from processor.bulk import deleted, histories
from processor.history import Ending, History, Mark
from processor.request import ObjectName
from rules.event import Event
from wire.tracked import TRACKED

MakeEvent = Callable[..., Event]
_MARK = Mark(1, 0, b"", "alice", None, "")
_ALL = ObjectName("", "configmaps", "shop", "")


def _event(make_event: MakeEvent, resource: str = "configmaps", query: str = "", **members: Any) -> Event:
    members = {"verb": "deletecollection", "responseStatus": {"code": 200}, **members}
    uri = f"/api/v1/namespaces/shop/{resource}{query}"
    return make_event(objectRef={"resource": resource, "namespace": "shop"}, requestURI=uri, **members)


@pytest.mark.parametrize(
    ("resource", "query", "members", "is_gone"),
    [
        ("configmaps", "", {}, True),
        ("configmaps", "?labelSelector=", {}, True),
        ("configmaps", "?propagationPolicy=Foreground", {}, False),
        ("configmaps", "", {"requestObject": {"propagationPolicy": "Orphan"}}, False),
        ("replicationcontrollers", "", {}, True),
        ("replicationcontrollers", "?propagationPolicy=Orphan", {}, False),
        ("pods", "", {}, False),
        ("configmaps", "?labelSelector=app%3Dweb", {}, None),
        ("configmaps", "?limit=1", {}, None),
        ("configmaps", "?limit=0", {}, True),
        ("configmaps", "?fieldSelector=metadata.name%3Dweb", {}, None),
        ("configmaps", "", {"responseObject": {"kind": "Status"}}, True),
        ("configmaps", "", {"responseObject": {"kind": "Table", "rows": [{"cells": ["web"]}]}}, True),
        ("configmaps", "", {"responseObject": {"kind": "Table", "rows": []}}, None),
        ("configmaps", "", {"responseObject": {"kind": "ConfigMapList", "items": []}}, None),
    ],
)
def test_without_a_list_it_is_about_all_that_there_was_unless_it_selects(
    make_event: MakeEvent, resource: str, query: str, members: dict[str, Any], *, is_gone: bool | None
) -> None:
    found = list(histories(_event(make_event, resource, query, **members), _MARK, TRACKED["", resource]))
    ending = History(endings=(Ending(_MARK, "", is_asked=True, is_gone=bool(is_gone)),))
    assert found == ([] if is_gone is None else [(_ALL._replace(resource=resource), ending)])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}}, {"metadata": {}}, {}]}, (("a",), 3)),
        ({"kind": "ConfigMapList"}, ((), 0)),
        ({"kind": "SecretList", "items": [{"metadata": {"name": "a"}}]}, None),
        ({"kind": "Status"}, None),
        (None, None),
    ],
)
def test_it_is_told_what_was_deleted_as_far_as_that_is_shown(
    make_event: MakeEvent, answer: dict[str, Any] | None, expected: object
) -> None:
    assert deleted(_event(make_event, responseObject=answer), TRACKED["", "configmaps"]) == expected
