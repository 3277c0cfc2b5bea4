"""The inventory as a list: what a state holds, told name by name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import pytest

from processor.engine import Engine
from processor.history import UnknownSchemaError
from processor.listing import Created, Deleted, Owner, Resource, Root, resources
from processor.state import MemoryState
from rules.ruleset import Matching, Ruleset

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

SOON_NS = 1_800_000_200_000_000_000
LATER_NS = 1_900_000_000_000_000_000


def listed(state: Mapping[bytes, bytes]) -> dict[str, Resource]:
    return {each.name: each for each in resources(state.items(), state.get, SOON_NS)}


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
            root=Root("Deployment", "web", "alice"),
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
    (value,) = (value for key, value in state_of(server).items() if not key.startswith(b"\0"))
    assert listed({b"c/n\0example.org\0widgets\0n\0w\0w": value})["w\0w"].kind == "widgets"


@pytest.mark.parametrize(
    ("value", "error"), [(b"\xff", UnknownSchemaError), (b"\x02\0\0\0\0\0\xc1", msgspec.DecodeError)]
)
def test_what_cannot_be_read_is_an_error(value: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(resources([(b"c/n\0\0pods\0n\0p", value)], {b"c/n\0\0pods\0n\0p": value}.get, LATER_NS))


def test_of_a_controllers_pod_the_person_is_told(server: "ApiServer") -> None:
    accounts = "system:serviceaccount:kube-system:"
    server.create("deployments", "web")
    server.create("replicasets", "web-1", user=accounts + "deployment-controller", owner="deployments/web")
    server.create("pods", "web-1-x", user=accounts + "replicaset-controller", owner="replicasets/web-1")
    pod = listed(state_of(server))["web-1-x"]
    assert (pod.owner, pod.root) == (Owner("ReplicaSet", "web-1"), Root("Deployment", "web", "alice"))


def test_a_pod_exists_until_its_grace_is_long_over(server: "ApiServer") -> None:
    server.create("pods", "web")
    server.delete("pods", "web", user="bob")
    state = state_of(server)
    asked_ns = 1_800_000_000_020_000_000
    for seconds, exists in ((89, True), (91, False)):
        (pod,) = resources(state.items(), state.get, asked_ns + seconds * 1_000_000_000)
        assert pod.exists is exists


def test_what_was_deleted_with_all_there_was_is_gone_and_is_all_that_is_listed(server: "ApiServer") -> None:
    server.create("configmaps", "web")
    server.level = "Metadata"
    server.delete_all("configmaps", user="bob")
    state = state_of(server)
    (web,) = resources(state.items(), state.get, 1_800_000_100_000_000_000)
    assert (web.name, web.exists, web.deleted and web.deleted.user) == ("web", False, "bob")


def test_what_has_expired_is_not_listed(server: "ApiServer") -> None:
    server.create("configmaps", "web")
    server.delete("configmaps", "web")
    state = state_of(server)
    assert list(resources(state.items(), state.get, LATER_NS)) == []


def test_what_was_deleted_with_all_there_was_is_listed_for_a_day_and_what_waits_goes_on(server: "ApiServer") -> None:
    server.create("deployments", "gone")
    server.create("deployments", "waiting", finalizers=["example.com/wait"])
    server.level = "Metadata"
    server.delete_all("deployments", user="bob")
    state = state_of(server)
    for seconds, names in ((86_000, {"gone", "waiting"}), (87_000, {"waiting"})):
        found = list(resources(state.items(), state.get, (1_800_000_000 + seconds) * 1_000_000_000))
        assert {each.name: (each.exists, each.deleted and each.deleted.user) for each in found} == {
            name: (name == "waiting", "bob") for name in names
        }
