"""The inventory as a list: what a state holds, told name by name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import pytest

from processor.engine import Engine
from processor.history import UnknownSchemaError
from processor.listing import Created, Deleted, Resource, resources
from processor.state import MemoryState
from rules.ruleset import Matching, Ruleset

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

LATER_NS = 1_900_000_000_000_000_000


def listed(state: Mapping[bytes, bytes]) -> dict[str, Resource]:
    return {each.name: each for each in resources(state.items(), LATER_NS)}


def state_of(server: "ApiServer") -> MemoryState:
    state = MemoryState()
    Engine(Ruleset((), Matching.ALL, ""), "").process(server.records(), state)
    return state


@pytest.fixture
def server(api_server: type["ApiServer"]) -> "ApiServer":
    return api_server()


def test_of_what_exists_it_says_who_created_it_and_when(server: "ApiServer") -> None:
    server.create("deployments", "web")
    assert listed(state_of(server)) == {
        "web": Resource(
            cluster="default",
            api_group="apps",
            resource="deployments",
            kind="Deployment",
            namespace="shop",
            name="web",
            uid="uid-1",
            exists=True,
            created=Created("alice", "192.0.2.7", "2027-01-15T08:00:00.010000000Z"),
            deleted=None,
            lifetime_seconds=None,
            owner=None,
            root=None,
        )
    }


def test_of_what_is_gone_it_says_who_deleted_it_and_how_long_it_lived(server: "ApiServer") -> None:
    server.create("services", "web")
    server.wait(90)
    server.delete("services", "web", user="bob")
    web = listed(state_of(server))["web"]
    assert (web.exists, web.lifetime_seconds) == (False, 90)
    assert web.deleted == Deleted("bob", "2027-01-15T08:01:30.020000000Z")


def test_what_is_being_deleted_exists(server: "ApiServer") -> None:
    server.create("deployments", "web", finalizers=["foregroundDeletion"])
    server.delete("deployments", "web", user="bob")
    web = listed(state_of(server))["web"]
    assert (web.exists, web.lifetime_seconds, web.deleted and web.deleted.user) == (True, None, "bob")


def test_of_what_was_never_created_before_our_eyes_nobody_is_named(server: "ApiServer") -> None:
    server.create("configmaps", "settings")
    server.events.clear()
    server.patch("configmaps", "settings")
    created = listed(state_of(server))["settings"].created
    assert created == Created(None, None, "2027-01-15T08:00:00.000000000Z")


@pytest.mark.parametrize("level", ["Metadata", "Request"])
def test_what_no_event_showed_is_known_by_what_was_done(api_server: type["ApiServer"], level: str) -> None:
    server = api_server(level)
    server.create("deployments", "web")
    server.patch("deployments", "other")
    server.create("services", "old")
    server.wait(5)
    server.delete("services", "old", user="bob")
    found = listed(state_of(server))
    assert {name: (each.uid, each.exists) for name, each in found.items()} == {
        "web": (None, True),
        "old": (None, False),
    }
    assert found["old"].deleted == Deleted("bob", "2027-01-15T08:00:05.040000000Z")


def test_what_has_no_namespace_says_so(server: "ApiServer") -> None:
    server.create("namespaces", "shop")
    shop = listed(state_of(server))["shop"]
    assert (shop.namespace, shop.kind, shop.api_group) == ("", "Namespace", "")


def test_what_is_no_history_of_an_object_is_passed_over(server: "ApiServer") -> None:
    state = state_of(server)
    state[b"\0clock\0a\0b\0c\0d"] = b"123456"
    state[b"default/shop"] = b"123456"
    assert listed(state) == {}


def test_a_resource_that_only_another_version_tracks_is_called_as_its_events_call_it(server: "ApiServer") -> None:
    server.create("services", "web")
    (value,) = state_of(server).values()
    assert listed({b"c/n\0example.org\0widgets\0n\0w\0w": value})["w\0w"].kind == "widgets"


@pytest.mark.parametrize(("value", "error"), [(b"\xff", UnknownSchemaError), (b"\x01\xc1", msgspec.DecodeError)])
def test_what_cannot_be_read_is_an_error(value: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(resources([(b"c/n\0\0pods\0n\0p", value)], LATER_NS))
