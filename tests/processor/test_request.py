"""What kind of request an event tells of. What each does to an object is in test_sighting.py."""

from collections.abc import Callable
from typing import Any

import pytest

from processor.request import code_of, entered, found_nothing, is_create, is_import, mark_of, took_effect
from rules.event import Event

MakeEvent = Callable[..., Event]
_POD: dict[str, Any] = {"resource": "pods", "namespace": "shop", "name": "web"}


@pytest.mark.parametrize(
    ("members", "took"),
    [
        ({}, True),
        ({"stage": "ResponseStarted"}, False),
        ({"responseStatus": {"code": 403}}, False),
        ({"responseStatus": {"code": 101}}, False),
        ({"responseStatus": {}}, False),
        ({"responseStatus": {"code": 406}}, False),
        ({"responseStatus": {"code": 406}, "requestObject": {"kind": "Pod"}}, True),
        ({"responseStatus": {"code": "200"}}, True),
        ({"responseStatus": {"code": 2000}}, False),
        ({"requestURI": "/api/v1/namespaces/shop/pods?dryRun=All"}, False),
        ({"objectRef": {**_POD, "subresource": "exec"}}, False),
    ],
)
def test_what_succeeded_took_effect_unless_it_was_dry_or_a_way_in(
    make_event: MakeEvent, members: dict[str, Any], *, took: bool
) -> None:
    assert took_effect(make_event(**members)) is took


@pytest.mark.parametrize("verb", ["get", "create"])
@pytest.mark.parametrize(
    ("subresource", "stage", "code", "is_entry"),
    [
        ("exec", "ResponseStarted", 101, True),
        ("attach", "ResponseStarted", 200, True),
        ("exec", "ResponseComplete", 101, False),
        ("exec", "ResponseStarted", 403, False),
        ("portforward", "ResponseStarted", 101, False),
        ("", "ResponseStarted", 200, False),
    ],
)
def test_a_session_begins_when_the_answer_does(  # noqa: PLR0913 - a row
    make_event: MakeEvent, verb: str, subresource: str, stage: str, code: int, *, is_entry: bool
) -> None:
    target = {**_POD, "subresource": subresource}
    event = make_event(verb=verb, stage=stage, objectRef=target, responseStatus={"code": code})
    assert entered(event) is is_entry


def test_a_deletion_may_find_nothing(make_event: MakeEvent) -> None:
    missed = {"verb": "delete", "responseStatus": {"code": 404}}
    assert found_nothing(make_event(**missed))
    assert not found_nothing(make_event(**missed, stage="RequestReceived"))
    assert not found_nothing(make_event(**{**missed, "verb": "get"}))
    assert not found_nothing(make_event(verb="delete", responseStatus={"code": 200}))
    assert not found_nothing(make_event(**missed, requestObject={"dryRun": ["All"]}))


@pytest.mark.parametrize(
    ("verb", "code", "is_made"),
    [("create", 201, True), ("patch", 201, True), ("create", 406, True), ("patch", 406, False), ("update", 200, False)],
)
def test_a_creation_is_told_by_its_code(make_event: MakeEvent, verb: str, code: int, *, is_made: bool) -> None:
    event = make_event(verb=verb, responseStatus={"code": code}, requestObject={"kind": "Pod"})
    assert is_create(event) is is_made


def test_an_import_is_a_get_of_the_object_itself(make_event: MakeEvent) -> None:
    assert is_import(make_event(verb="get"))
    assert not is_import(make_event(verb="list"))
    assert not is_import(make_event(verb="get", objectRef={**_POD, "subresource": "exec"}))


def test_who_did_it_is_told_with_the_address_that_the_api_server_saw(make_event: MakeEvent) -> None:
    mark = mark_of(make_event(), "00ff")
    assert (mark.user, mark.source_ip, mark.digest, mark.received_ns) == ("alice", "10.1.2.3", b"\0\xff", 0)
    assert code_of(make_event(responseStatus={"code": 404})) == 404
