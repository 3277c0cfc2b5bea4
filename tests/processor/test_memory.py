"""How long a name is kept, and deletions of everything that show no list: settled with each name after a day."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from processor.inventory import MAX_FORGOTTEN
from processor.listing import resources
from processor.memory import KEPT_SECONDS, ROUND_SECONDS, name_at, state_key
from processor.request import ObjectName
from processor.state import MemoryState, parent_of
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
    assert parent_of(place) == state_key(b"prod/shop", _WEB._replace(name=""))
    assert name_at(place) == _WEB
    assert [name_at(other) for other in (parent_of(place), b"\0clock\0a\0b\0c\0d", b"prod/shop")] == [None] * 3


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
    server.wait(KEPT_SECONDS - 20)
    _next(server)
    assert counted(server.records()[-1:], state).forgotten == 0
    assert ("configmaps", "gone") in names(state)
    server.wait(ROUND_SECONDS + 20)
    _next(server)
    assert counted(server.records()[-1:], state).forgotten == 1
    assert {name for name in names(state) if name[0] != "pods"} == {("configmaps", "again"), ("services", "other")}


def test_what_lives_on_is_told_the_same_once_the_deletion_of_everything_is_forgotten(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", finalizers=["example.com/wait"])
    server.create("pods", "web", user="alice", spec={"containers": []}, finalizers=["example.com/wait"])
    server.level = "Metadata"
    server.wait(5)
    server.delete_all("deployments", user="bob")
    server.delete_all("pods", user="bob")
    state = MemoryState()
    told(server.records(), state)
    server.level = "RequestResponse"
    told_of: dict[str, list[Facts]] = {}
    for wait in (KEPT_SECONDS - 10, ROUND_SECONDS + 10):
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
    server.wait(KEPT_SECONDS / 2 + ROUND_SECONDS)
    server.level = "RequestResponse"
    server.create("configmaps", "web", user="carol")
    made = server.records()[-1:]
    state = MemoryState()
    first = told(server.records(), state)[-1]
    assert (first["resource.before.deleted.user"], first["resource.before.lifetime_seconds"]) == ("bob", 5)
    server.wait(KEPT_SECONDS / 2 - 20)
    assert told(made, state)[-1] == first
    server.wait(ROUND_SECONDS)
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
        server.wait(ROUND_SECONDS)
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
    server.wait(KEPT_SECONDS + ROUND_SECONDS)
    _next(server)
    later = server.records()[-1:]
    assert [counted(later, state).forgotten for _ in range(3)] == [MAX_FORGOTTEN, 5, 0]
    assert {resource for resource, _ in names(state)} == {"pods"}


def test_where_much_lives_on_that_was_asked_to_go_it_is_settled_all_the_same(api_server: Server) -> None:
    server = api_server()
    for number in range(MAX_FORGOTTEN + 5):
        server.create("deployments", f"n-{number}", finalizers=["example.com/wait"])
    server.level = "Metadata"
    server.delete_all("deployments")
    server.delete_all("services")
    state = MemoryState()
    told(server.records(), state)
    server.wait(KEPT_SECONDS + ROUND_SECONDS)
    _next(server)
    later = server.records()[-1:]
    left = []
    for _ in range(3):
        assert counted(later, state).forgotten == 0
        left.append({resource for resource, name in names(state) if not name})
    assert left == [{"deployments", "services"}, set(), set()]


def test_what_is_made_while_everything_is_deleted_came_after_that(api_server: Server) -> None:
    """As a controller does at once, whose object was deleted too: the answer to the deletion comes later still."""
    server = api_server()
    server.create("configmaps", "web")
    server.wait(5)
    server.level = "Metadata"
    server.delete_all("configmaps", user="bob")
    server.level = "RequestResponse"
    server.create("configmaps", "web", user="carol")
    sweep, again = server.events[-2:]
    sweep["stageTimestamp"] = again["stageTimestamp"][:-4] + "999Z"
    assert sweep["requestReceivedTimestamp"] < again["requestReceivedTimestamp"] < again["stageTimestamp"]
    server.wait(5)
    server.delete("configmaps", "web", dry_run=True)
    facts = last(server.records())
    assert (facts["exists"], facts["created.user"], facts.get("deleted.user")) == ("true", "carol", None)


def test_what_was_waited_for_after_everything_was_deleted_ends_it(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web", finalizers=["example.com/wait"])
    server.level = "Metadata"
    server.wait(5)
    server.delete_all("configmaps", user="bob")
    server.level = "Request"
    server.wait(5)
    server.finish("configmaps", "web")
    facts = last(server.records())
    assert (facts["before.exists"], facts["exists"], facts["deleted.user"]) == ("true", "false", "bob")
    assert facts["lifetime_seconds"] == 10


def test_what_is_first_seen_after_everything_was_deleted_lives(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("configmaps", "web")
    server.wait(5)
    server.delete_all("configmaps", user="bob")
    server.objects["configmaps", "web"] = {"metadata": {}, "spec": {}}  # it was kept
    server.wait(5)
    server.patch("configmaps", "web")
    server.events.pop(0)
    facts = last(server.records())
    assert (facts["exists"], facts.get("deleted.user")) == ("true", None)


def test_what_is_seen_again_when_it_was_settled_is_new(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("configmaps", "web", finalizers=["example.com/wait"])
    server.delete_all("configmaps", user="bob")
    server.wait(KEPT_SECONDS + ROUND_SECONDS)
    _next(server)
    server.level = "RequestResponse"
    server.patch("configmaps", "web")
    one_by_one, at_once = MemoryState(), MemoryState()
    facts = [told([record], one_by_one)[-1] for record in server.records()]
    assert facts == told(server.records(), at_once)
    assert one_by_one == at_once
    assert facts[-1].keys().isdisjoint({"resource.created.user", "resource.deleted.user"})


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "create", "patch", "delete", "delete_all", "delete_all", "finish", "wait", "wait"]),
        st.sampled_from(["Metadata", "Metadata", "Request", "RequestResponse"]),
        st.sampled_from([1, KEPT_SECONDS // 2, KEPT_SECONDS + ROUND_SECONDS]),
    ),
    min_size=4,
    max_size=16,
)


def _tell(server: "ApiServer", resource: str, steps: list[tuple[str, str, int]]) -> None:
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


@settings(max_examples=150)
@given(resource=st.sampled_from(["configmaps", "deployments", "pods"]), steps=_STEPS)
def test_whether_it_was_settled_yet_makes_no_difference(
    api_server: Server, resource: str, steps: list[tuple[str, str, int]]
) -> None:
    server = api_server()
    _tell(server, resource, steps)
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


@settings(max_examples=150)
@given(resource=st.sampled_from(["configmaps", "pods"]), steps=_STEPS)
def test_a_listing_shows_what_is_left_before_it_is_settled(
    api_server: Server, resource: str, steps: list[tuple[str, str, int]]
) -> None:
    server = api_server()
    _tell(server, resource, [step for step in steps if step[0] != "wait"])
    state = MemoryState()
    told(server.records(), state)
    server.wait(KEPT_SECONDS + ROUND_SECONDS)
    _next(server)
    now_ns = 1_800_000_000_000_000_000 + (KEPT_SECONDS + 2 * ROUND_SECONDS) * 1_000_000_000
    before = list(resources(list(state.items()), state.get, now_ns))
    told(server.records()[-1:], state)
    assert not any(name == "" for _, name in names(state))
    settled = [one for one in resources(list(state.items()), state.get, now_ns) if not one.name.startswith("clock")]
    assert before == settled
