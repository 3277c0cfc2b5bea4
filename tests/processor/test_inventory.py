"""The inventory: what the facts say after a history. Other orders of it are in test_any_order.py."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from processor.inventory import MAX_KEY_BYTES
from processor.state import MemoryState
from tests.processor.watching import VIEWS, Facts, state_of
from tests.processor.watching import told as told_of
from wire.record import Record

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_OF_A_LIFE = (
    "resource.before.exists",
    "resource.exists",
    "resource.created.user",
    "resource.created.source_ip",
    "resource.created.time",
    "resource.deleted.user",
    "resource.lifetime_seconds",
)


def _last(server: "ApiServer") -> Facts:
    """Return what the last event is told of its object's life after all others."""
    told = told_of(server.records(), MemoryState())[-1]
    return {name: value for name, value in told.items() if name in _OF_A_LIFE}


@pytest.mark.parametrize(("level", "answer"), VIEWS)
@pytest.mark.parametrize("resource", ["configmaps", "deployments", "services"])
def test_a_deletion_is_told_with_lifetime_and_creator_at_every_level(
    api_server: Server, resource: str, level: str, answer: str
) -> None:
    server = api_server(level, answer)
    server.create(resource, "web", user="alice")
    server.wait(90)
    server.delete(resource, "web", user="bob")
    assert _last(server) == {
        "resource.before.exists": "true",
        "resource.exists": "false",
        "resource.created.user": "alice",
        "resource.created.source_ip": "192.0.2.7",
        "resource.created.time": "2027-01-15T08:00:00.010000000Z",
        "resource.deleted.user": "bob",
        "resource.lifetime_seconds": 90,
    }


@pytest.mark.parametrize(("level", "answer"), VIEWS)
def test_a_namespace_ends_with_its_finalization(api_server: Server, level: str, answer: str) -> None:
    server = api_server(level, answer)
    server.create("namespaces", "web")
    server.delete("namespaces", "web", user="bob")
    assert _last(server)["resource.exists"] == "true"
    server.wait(30)
    server.finish("namespaces", "web")
    told = _last(server)
    assert (told["resource.before.exists"], told["resource.exists"]) == ("true", "false")
    assert (told["resource.deleted.user"], told["resource.lifetime_seconds"]) == ("bob", 30)


@pytest.mark.parametrize("answer", ["whole", "PartialObjectMetadata", "Table"])
@pytest.mark.parametrize("resource", ["configmaps", "deployments", "services"])
def test_what_waits_for_finalizers_ends_with_the_last_of_them(api_server: Server, resource: str, answer: str) -> None:
    server = api_server(answer=answer)
    server.create(resource, "web", finalizers=["foregroundDeletion"])
    server.delete(resource, "web", user="bob")
    assert _last(server)["resource.exists"] == "true"
    assert _last(server)["resource.deleted.user"] == "bob"
    server.delete(resource, "web", user="mallory")
    assert _last(server)["resource.deleted.user"] == "bob"
    server.wait(5)
    server.finish(resource, "web")
    told = _last(server)
    assert (told["resource.before.exists"], told["resource.exists"]) == ("true", "false")
    assert (told["resource.deleted.user"], told["resource.lifetime_seconds"]) == ("bob", 5)


@pytest.mark.parametrize("answer", ["whole", "PartialObjectMetadata", "Table"])
def test_a_namespace_that_has_finalizers_of_others_too_ends_with_the_last_of_all(
    api_server: Server, answer: str
) -> None:
    server = api_server(answer=answer)
    server.create("namespaces", "web", finalizers=["example.com/wait"])
    server.delete("namespaces", "web", user="bob")
    server.finish("namespaces", "web")
    *_, finalized, changed = told_of(server.records(), MemoryState())
    assert (finalized["resource.exists"], finalized["resource.deleted.user"]) == ("true", "bob")
    # What is left of its spec is not shown but by the whole of it.
    assert changed["resource.exists"] == ("false" if answer == "whole" else "true")


@pytest.mark.parametrize(("level", "answer"), [("RequestResponse", "empty Table"), ("Request", "whole")])
def test_the_last_finalizer_is_told_by_the_request_where_no_answer_is_shown(
    api_server: Server, level: str, answer: str
) -> None:
    server = api_server()
    server.create("deployments", "web", finalizers=["example.com/wait"])
    server.delete("deployments", "web", user="bob")
    server.level, server.answer = level, answer
    server.wait(5)
    server.finish("deployments", "web")
    told = _last(server)
    assert (told["resource.before.exists"], told["resource.exists"]) == ("true", "false")
    assert (told["resource.deleted.user"], told["resource.lifetime_seconds"]) == ("bob", 5)


def test_a_pod_ends_when_its_grace_is_over(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web")
    server.delete("pods", "web", user="bob")
    assert _last(server)["resource.exists"] == "true"
    server.finish("pods", "web", user="system:node:n")
    told = _last(server)
    assert (told["resource.exists"], told["resource.deleted.user"]) == ("false", "bob")


@pytest.mark.parametrize(("level", "answer"), VIEWS)
def test_a_name_that_is_used_again_is_a_new_object(api_server: Server, level: str, answer: str) -> None:
    server = api_server(level, answer)
    server.create("configmaps", "web", user="alice")
    server.wait(60)
    server.delete("configmaps", "web", user="bob")
    server.wait(60)
    server.create("configmaps", "web", user="carol")
    made = _last(server)
    assert made["resource.before.exists"] == "false"
    assert (made["resource.exists"], made["resource.created.user"]) == ("true", "carol")
    assert "resource.deleted.user" not in made
    server.wait(5)
    server.delete("configmaps", "web", user="dave")
    ended = _last(server)
    assert (ended["resource.created.user"], ended["resource.deleted.user"]) == ("carol", "dave")
    assert ended["resource.lifetime_seconds"] == 5


@pytest.mark.parametrize("level", ["Metadata", "RequestResponse"])
def test_a_repeat_sees_what_its_first_copy_saw(api_server: Server, level: str) -> None:
    server = api_server(level)
    server.create("configmaps", "web")
    server.patch("configmaps", "web")
    server.delete("configmaps", "web", user="bob")
    server.create("configmaps", "web", user="carol")
    server.delete("configmaps", "web", user="dave")
    state = MemoryState()
    first = told_of(server.records(), state)
    assert told_of(server.records(), state) == first


def test_a_deletion_that_comes_after_the_next_creation_is_told_all_the_same(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    server.wait(60)
    server.delete("configmaps", "web", user="bob")
    server.create("configmaps", "web", user="carol")
    made, deleted, remade = server.records()
    told = told_of([made, remade, deleted], MemoryState())[-1]
    assert (told["resource.before.exists"], told["resource.exists"]) == ("true", "false")
    assert (told["resource.created.user"], told["resource.lifetime_seconds"]) == ("alice", 60)


@pytest.mark.parametrize("level", ["Metadata", "RequestResponse"])
def test_of_an_object_older_than_the_pipeline_its_end_is_known(api_server: Server, level: str) -> None:
    server = api_server(level)
    server.create("deployments", "web")
    server.wait(5)
    server.delete("deployments", "web", user="bob")
    server.events.pop(0)
    assert _last(server) == {"resource.exists": "false", "resource.deleted.user": "bob"}


def test_an_object_that_was_only_seen_changing_tells_when_it_was_created_but_not_by_whom(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web")
    server.wait(5)
    server.patch("deployments", "web")
    server.events.pop(0)
    assert _last(server) == {"resource.exists": "true", "resource.created.time": "2027-01-15T08:00:00.000000000Z"}
    server.wait(5)
    server.delete("deployments", "web", user="bob")
    assert _last(server) == {
        "resource.before.exists": "true",
        "resource.exists": "false",
        "resource.created.time": "2027-01-15T08:00:00.000000000Z",
        "resource.deleted.user": "bob",
        "resource.lifetime_seconds": 10,
    }


def test_a_creation_seen_without_its_object_is_that_of_the_object_seen_later(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("deployments", "web", user="alice")
    server.level = "RequestResponse"
    server.wait(5)
    server.patch("deployments", "web", user="bob")
    facts = _last(server)
    assert facts["resource.created.user"] == "alice"
    assert facts["resource.before.exists"] == "true"


def test_a_name_that_is_deleted_again_was_another_object(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("configmaps", "web", user="alice")
    server.delete("configmaps", "web", user="bob")
    unseen = len(server.events)
    server.create("configmaps", "web", user="carol")
    server.events.pop(unseen)
    server.wait(5)
    server.patch("configmaps", "web", user="dave")
    assert _last(server) == {"resource.before.exists": "true", "resource.exists": "true"}
    server.delete("configmaps", "web", user="erin")
    assert _last(server) == {"resource.exists": "false", "resource.deleted.user": "erin"}


def test_a_deletion_that_was_no_end_is_contradicted_by_what_is_shown_later(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", user="alice", finalizers=["example.com/wait"])
    server.answer = "empty Table"
    server.delete("deployments", "web", user="bob")
    assert _last(server)["resource.exists"] == "false"  # taken at its word
    server.answer = "whole"
    server.patch("deployments", "web")
    told = _last(server)
    assert (told["resource.before.exists"], told["resource.exists"]) == ("true", "true")
    assert (told["resource.created.user"], told["resource.deleted.user"]) == ("alice", "bob")


@pytest.mark.parametrize("resource", ["configmaps", "services"])
@pytest.mark.parametrize(("level", "answer"), VIEWS)
def test_a_creation_that_is_answered_after_the_deletion_is_one_object(
    api_server: Server, resource: str, level: str, answer: str
) -> None:
    server = api_server(level, answer)
    server.create(resource, "web", user="alice")
    server.delete(resource, "web", user="bob")
    server.events[0]["stageTimestamp"] = "2027-01-15T08:00:00.500000Z"
    for order in (server.records(), server.records()[::-1]):
        state = state_of(order)
        made, deleted = told_of(server.records(), state)
        assert (made["resource.exists"], made.get("resource.deleted.user")) == ("true", None)
        assert "resource.before.exists" not in made
        assert (deleted["resource.before.exists"], deleted["resource.exists"]) == ("true", "false")
        assert (deleted["resource.created.user"], deleted["resource.lifetime_seconds"]) == ("alice", 0)


def test_what_failed_or_was_a_dry_run_changed_nothing(api_server: Server) -> None:
    server = api_server()
    server.patch("configmaps", "web")
    server.delete("configmaps", "web")
    assert state_of(server.records()) == {}
    server.create("configmaps", "web", user="alice")
    state = state_of(server.records())
    server.create("configmaps", "web", user="mallory")
    server.delete("configmaps", "web", user="mallory", dry_run=True)
    assert state_of(server.records()) == state
    assert _last(server)["resource.created.user"] == "alice"


def test_a_list_of_what_was_deleted_ends_each_of_its_objects(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    server.create("configmaps", "db", finalizers=["example.com/wait"])
    server.create("pods", "web")
    server.wait(5)
    server.delete_all("configmaps", user="bob")
    server.delete_all("pods", user="bob")
    for resource, name, exists in (
        ("configmaps", "web", "false"),
        ("configmaps", "db", "true"),
        ("pods", "web", "true"),
    ):
        server.patch(resource, name)
        facts = _last(server)
        assert (facts["resource.exists"], facts["resource.deleted.user"]) == (exists, "bob"), (resource, name)


def test_events_under_different_keys_never_see_each_other(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    server.patch("configmaps", "web")
    made, changed = server.records()
    state = MemoryState()
    told_of([made], state)
    stray = Record(changed.value, b"default/other", "default", 0)
    assert "resource.created.user" not in told_of([stray], state)[0]
    assert all(key.startswith((b"default/shop\0", b"default/other\0", b"\0clock\0")) for key in state)


def test_an_event_without_a_name_or_of_no_tracked_resource_has_no_facts(make_record: Callable[..., Record]) -> None:
    for target in ({"resource": "pods", "namespace": "shop"}, {"resource": "leases", "name": "x"}, None):
        record = make_record(objectRef=target, verb="delete", responseStatus={"code": 200})
        assert told_of([msgspec.structs.replace(record, key=b"default/shop")], MemoryState()) == [{}]
        assert state_of([record]) == {}


def test_nothing_of_what_an_object_holds_is_remembered(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    event: dict[str, Any] = json.loads(json.dumps(server.events[0]))
    event["requestObject"]["data"] = event["responseObject"]["data"] = {"password": "hunter2"}
    assert b"hunter2" not in b"".join(state_of(server.records([event])).values())


def test_what_is_larger_than_any_object_is_not_remembered(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "n" * MAX_KEY_BYTES)
    server.create("configmaps", "a")
    (key,) = state_of(server.records())
    assert len(key) < MAX_KEY_BYTES


def test_what_nobody_can_have_deleted_is_not_remembered(api_server: Server) -> None:
    server = api_server()
    server.delete("pods", "p" * 254)
    assert state_of(server.records()) == {}
    server.delete("pods", "p" * 253)
    assert len(state_of(server.records())) == 1
