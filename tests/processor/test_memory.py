"""How long a name is kept, and deletions of everything that show no list: settled with each name after a day."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from processor.inventory import MAX_FORGOTTEN
from processor.memory import KEPT_SECONDS, name_at, state_key, sweeps_key
from processor.request import ObjectName
from processor.state import MemoryState
from tests.processor.watching import Facts, counted, last, names, told

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_WEB = ObjectName("apps", "deployments", "shop", "web")


def _next(server: "ApiServer") -> None:
    """Have the clock go on: an event that has nothing to do with what is looked at."""
    server.create("pods", f"clock-{len(server.events)}")


def test_a_name_stands_below_its_affinity_key_and_below_what_deletes_all_of_its_kind() -> None:
    place = state_key(b"prod/shop", _WEB)
    assert place == b"prod/shop\0apps\0deployments\0shop\0web"
    assert sweeps_key(place) == state_key(b"prod/shop", _WEB._replace(name=""))
    assert name_at(place) == _WEB
    assert [name_at(other) for other in (sweeps_key(place), b"\0clock\0a\0b\0c\0d", b"prod/shop")] == [None] * 3


def test_a_day_after_everything_was_deleted_all_of_it_is_forgotten(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("configmaps", "gone")
    server.create("configmaps", "again")
    server.create("services", "other")
    server.wait(5)
    server.delete_all("configmaps", user="bob")
    server.wait(5)
    server.create("configmaps", "again", user="carol")
    state = MemoryState()
    told(server.records(), state)
    server.wait(KEPT_SECONDS - 6)
    _next(server)
    assert counted(server.records()[-1:], state).forgotten == 0
    assert ("configmaps", "gone") in names(state)
    server.wait(2)
    _next(server)
    assert counted(server.records()[-1:], state).forgotten == 1
    assert {name for name in names(state) if name[0] != "pods"} == {("configmaps", "again"), ("services", "other")}


def test_what_lives_on_is_told_the_same_once_the_deletion_of_everything_is_forgotten(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", finalizers=["example.com/wait"])
    server.create("pods", "web", user="alice", spec={"containers": []})
    server.level = "Metadata"
    server.wait(5)
    server.delete_all("deployments", user="bob")
    server.delete_all("pods", user="bob")
    state = MemoryState()
    told(server.records(), state)
    server.level = "RequestResponse"
    told_of: dict[str, list[Facts]] = {}
    for wait in (KEPT_SECONDS - 10, 20):
        server.wait(wait)
        for resource in ("deployments", "pods"):
            server.patch(resource, "web", user="dave")
            facts = last(server.records()[-1:], state)
            told_of.setdefault(resource, []).append({name: facts[name] for name in facts if "age" not in name})
    assert ("deployments", "") not in names(state)
    assert ("pods", "") not in names(state)
    for seen in told_of.values():
        assert seen[0] == seen[1]
        assert (seen[0]["created.user"], seen[0]["deleted.user"]) == ("alice", "bob")


def test_a_repeat_is_told_the_same_of_the_object_that_had_the_name_before(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    server.wait(5)
    server.level = "Metadata"
    server.delete_all("configmaps", user="bob")
    server.wait(KEPT_SECONDS / 2)
    server.level = "RequestResponse"
    server.create("configmaps", "web", user="carol")
    made = server.records()[-1:]
    state = MemoryState()
    first = told(server.records(), state)[-1]
    assert (first["resource.before.deleted.user"], first["resource.before.lifetime_seconds"]) == ("bob", 5)
    server.wait(KEPT_SECONDS / 2 + 5)
    _next(server)
    told(server.records()[-1:], state)
    assert ("configmaps", "") not in names(state)
    assert told(made, state)[-1] == first


def test_of_several_deletions_of_everything_each_is_settled_in_its_time(api_server: Server) -> None:
    server = api_server("Metadata")
    state = MemoryState()
    for name in ("first", "second"):
        server.create("configmaps", name)
        server.wait(1)
        server.delete_all("configmaps")
        server.wait(KEPT_SECONDS / 2)
    told(server.records(), state)
    left = []
    for _ in range(2):
        server.wait(2)
        _next(server)
        told(server.records()[-1:], state)
        left.append({name for _, name in names(state) if not name.startswith("clock-")})
        server.wait(KEPT_SECONDS / 2)
    assert left == [{"second", ""}, set()]


def test_where_much_was_deleted_with_everything_a_part_is_forgotten_at_a_time(api_server: Server) -> None:
    server = api_server("Metadata")
    for number in range(MAX_FORGOTTEN + 5):
        server.create("configmaps", f"n-{number}")
    server.delete_all("configmaps")
    state = MemoryState()
    told(server.records(), state)
    server.wait(KEPT_SECONDS + 2)
    _next(server)
    later = server.records()[-1:]
    assert [counted(later, state).forgotten for _ in range(3)] == [MAX_FORGOTTEN, 5, 0]
    assert {resource for resource, _ in names(state)} == {"pods"}


@settings(max_examples=150)
@given(
    resource=st.sampled_from(["configmaps", "deployments", "pods"]),
    steps=st.lists(
        st.tuples(
            st.sampled_from(
                ["create", "create", "patch", "delete", "delete_all", "delete_all", "finish", "wait", "wait"]
            ),
            st.sampled_from(["Metadata", "Metadata", "RequestResponse"]),
            st.sampled_from([1, KEPT_SECONDS // 2, KEPT_SECONDS + 2]),
        ),
        min_size=4,
        max_size=16,
    ),
)
def test_whether_it_was_settled_yet_makes_no_difference(
    api_server: Server, resource: str, steps: list[tuple[str, str, int]]
) -> None:
    server = api_server()
    for number, (what, level, seconds) in enumerate(steps):
        server.level = level
        if what == "wait":
            server.wait(seconds)
            _next(server)
        elif what == "delete_all":
            server.delete_all(resource, user=f"user-{number}")
        elif what == "create":
            server.create(resource, "web", finalizers=["example.com/wait"] if seconds == 1 else ())
        else:
            getattr(server, what)(resource, "web")
    server.wait(3 * KEPT_SECONDS)
    _next(server)
    records = server.records()
    # With repeats: each of them is told what its first copy was told.
    records = [record for number in range(len(records)) for record in records[max(0, number - 3) : number + 1]]
    often, once = MemoryState(), MemoryState()
    settled_often = [facts for record in records for facts in told([record], often)]
    assert settled_often == told(records, once)
    assert often == once
    assert not any(name == "" for _, name in names(once))
