"""The clock of a cluster, and what it is for: what is too old changes nothing, what has long ended is forgotten."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from processor.clock import AHEAD_NS, Clocks
from processor.inventory import MAX_FORGOTTEN, MAX_KEY_BYTES
from processor.memory import KEPT_SECONDS, ROUND_SECONDS
from processor.state import MemoryState
from tests.processor.watching import counted, last, names, told

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]
_SECOND = 1_000_000_000


def test_a_clock_is_the_latest_time_and_goes_on_where_it_was() -> None:
    state = MemoryState()
    clocks = Clocks(state)
    assert [clocks.advance("one", seconds * _SECOND, 0) // _SECOND for seconds in (5, 9, 7)] == [5, 9, 9]
    assert clocks.advance("two", 3 * _SECOND + 1, 0) == 3 * _SECOND
    assert clocks.keep() == {"one": 9 * _SECOND, "two": 3 * _SECOND}
    assert [Clocks(state).advance(cluster, 0, 0) // _SECOND for cluster in ("one", "two", "three")] == [9, 3, 0]
    assert Clocks(state).advance("one", 8 * _SECOND, 0) == 9 * _SECOND


def test_a_clock_that_did_not_go_on_is_not_written_again() -> None:
    state = MemoryState()
    clocks = Clocks(state)
    clocks.advance("one", 9 * _SECOND, 0)
    clocks.keep()
    state.clear()
    clocks.advance("one", 10 * _SECOND - 1, 0)
    clocks.keep()
    assert dict(state) == {}


def test_no_event_is_far_ahead_of_when_it_was_received() -> None:
    clocks = Clocks(MemoryState())
    received_ms = 1_800_000_000_000
    assert clocks.advance("one", 2**62, received_ms) == received_ms * 1_000_000 + AHEAD_NS


def test_an_event_of_a_day_ago_changes_nothing_and_is_counted(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "old")
    server.events[0]["stageTimestamp"] = "2027-01-14T07:59:59Z"
    server.create("configmaps", "new")
    state = MemoryState()
    old, new = server.records()
    assert counted([new, old], state).late == 1
    assert names(state) == {("configmaps", "new")}
    assert counted([old], MemoryState()).late == 0


def test_what_ended_a_day_ago_is_forgotten_and_what_lives_is_not(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "gone")
    server.delete("configmaps", "gone")
    server.create("configmaps", "here")
    server.create("pods", "unseen")
    server.delete("pods", "unseen")
    server.delete("pods", "never")
    server.level = "Metadata"
    server.delete_all("services")
    state = MemoryState()
    assert counted(server.records(), state).forgotten == 0
    assert names(state) == {
        ("configmaps", "gone"),
        ("configmaps", "here"),
        ("pods", "unseen"),
        ("pods", "never"),
        ("services", ""),
    }
    server.wait(KEPT_SECONDS + ROUND_SECONDS)
    server.create("services", "new")
    assert counted(server.records()[-1:], state).forgotten == 3
    assert names(state) == {("configmaps", "here"), ("services", "new")}


@pytest.mark.parametrize("level", ["Metadata", "RequestResponse"])
def test_a_name_is_forgotten_though_the_end_of_a_former_object_was_not_seen(api_server: Server, level: str) -> None:
    server = api_server(level)
    server.create("configmaps", "web")
    server.objects.clear()
    server.wait(60)
    server.create("configmaps", "web")
    state = MemoryState()
    told(server.records(), state)
    server.delete("configmaps", "web")
    told(server.records()[-1:], state)
    server.wait(KEPT_SECONDS + 2)
    server.create("services", "new")
    assert counted(server.records()[-1:], state).forgotten == 1
    assert names(state) == {("services", "new")}


def test_whether_what_has_expired_was_forgotten_yet_makes_no_difference(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web", user="alice")
    server.delete("configmaps", "web")
    swept, unswept = MemoryState(), MemoryState()
    told(server.records(), swept)
    told(server.records(), unswept)
    server.wait(KEPT_SECONDS + 2)
    server.create("configmaps", "other")
    told(server.records()[-1:], swept)
    assert names(swept) == {("configmaps", "other")}
    server.create("configmaps", "web", user="carol")
    made = server.records()[-1:]
    assert last(made, swept) == last(made, unswept)
    assert "before.exists" not in last(made, unswept)


def test_not_more_is_forgotten_at_a_time_than_is_quick(api_server: Server) -> None:
    server = api_server()
    for number in range(MAX_FORGOTTEN + 5):
        server.create("configmaps", f"n-{number}")
        server.delete("configmaps", f"n-{number}")
    state = MemoryState()
    told(server.records(), state)
    server.wait(2 * KEPT_SECONDS)
    server.create("services", "new")
    later = server.records()[-1:]
    assert [counted(later, state).forgotten for _ in range(3)] == [MAX_FORGOTTEN, 5, 0]


def test_what_does_not_fit_is_counted(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "n" * MAX_KEY_BYTES)
    server.create("configmaps", "a\0b")
    state = MemoryState()
    assert counted(server.records(), state).refused == 2
    assert names(state) == set()


def test_a_creation_that_comes_after_events_of_its_object_is_counted(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    server.patch("configmaps", "web")
    made, changed = server.records()
    assert counted([made, changed, made], MemoryState()).unforeseen == 0
    assert counted([changed, made, made], MemoryState()).unforeseen == 1


def test_what_is_cut_is_counted(api_server: Server) -> None:
    server = api_server()
    for _ in range(6):
        server.create("configmaps", "web")
        server.delete("configmaps", "web")
    assert counted(server.records(), MemoryState()).cut == 2
