"""The inventory: what it knows after a history, whatever the order in which the history came."""

import gzip
import itertools
import json
import random
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.split import split
from processor.history import MAX_INCARNATIONS
from processor.inventory import MAX_KEY_BYTES
from processor.state import MemoryState
from tests.processor.watching import Facts
from tests.processor.watching import told as told_of
from wire.record import Record

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_RESOURCES = ("configmaps", "deployments", "namespaces", "pods", "services")
_VIEWS = (
    ("RequestResponse", "whole"),
    ("RequestResponse", "PartialObjectMetadata"),
    ("RequestResponse", "Table"),
    ("RequestResponse", "empty Table"),
    ("Request", "whole"),
    ("Metadata", "whole"),
)


def _state_of(records: Sequence[Record]) -> MemoryState:
    """Return what is remembered of objects after some records."""
    state = MemoryState()
    told_of(records, state)
    for clock in [key for key in state if key.startswith(b"\0")]:
        del state[clock]
    return state


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


# --- histories in any order ------------------------------------------------------------------------------------------

_WHAT = (*("create",) * 3, "patch", "change", "delete", "dry run", "finish", "delete_all", "enter", "wait")
_ODD = ("generate", "evict", "debug", "move", "skew", "unanswered", "twice", "status")


_Step = tuple[str, str, str, str, bool]
_Steps = list[_Step]


def _steps(words: Sequence[str], size: int) -> st.SearchStrategy[_Steps]:
    step = st.tuples(
        st.sampled_from(words),
        st.sampled_from(_RESOURCES),
        st.sampled_from(["web", "db"]),
        st.sampled_from(["alice", "bob"]),
        st.booleans(),
    )
    return st.lists(step, min_size=2, max_size=size)


_STEPS = _steps(_WHAT, 24)


def _take(server: "ApiServer", step: _Step) -> None:
    what, resource, name, user, is_finalized = step
    if what == "create":
        owner = "deployments/web" if is_finalized and ("deployments", "web") in server.objects else ""
        server.create(resource, name, user=user, finalizers=("example.com/wait",) if is_finalized else (), owner=owner)
    elif what == "change" and ("deployments", name) in server.objects:
        server.patch("deployments", name, user=user, spec={"template": {"spec": {"hostNetwork": is_finalized}}})
        server.scale(name, 3, user=user)
    elif what == "delete_all":
        if resource != "namespaces":  # the API has no such request
            server.delete_all(resource, user=user)
    elif what in _ODD:
        _take_oddly(server, step)
    else:
        simple = {
            "enter": lambda: server.enter(name, user=user),
            "change": lambda: server.wait(3),
            "patch": lambda: server.patch(resource, name, user=user),
            "delete": lambda: server.delete(resource, name, user=user),
            "dry run": lambda: server.delete(resource, name, user=user, dry_run=True),
            "finish": lambda: server.finish(resource, name),
            "wait": lambda: server.wait(1.7),
        }
        simple[what]()


def _take_oddly(server: "ApiServer", step: _Step) -> None:
    """Do what is less common."""
    what, resource, name, user, is_odd = step
    if what == "skew":
        server.skew = 0.03 if is_odd else -0.02
    elif what == "unanswered":
        server.is_answered = is_odd
    else:
        odd = {
            "generate": lambda: server.generate(resource, user=user),
            "evict": lambda: server.evict(name, user=user),
            "debug": lambda: server.debug(name, user=user, image="busybox" if is_odd else "alpine"),
            "move": lambda: server.move("deployments", name, user=user),
            "twice": lambda: server.finish_twice(name, user=user),
            "status": lambda: server.status(resource, name, user=user),
        }
        odd[what]()


@given(
    steps=_steps((*_WHAT, *_ODD), 24),
    views=st.lists(st.sampled_from(_VIEWS), min_size=1),
    chance=st.randoms(use_true_random=False),
)
def test_any_order_and_any_repeats_end_in_the_same_inventory(
    api_server: Server, steps: _Steps, views: list[tuple[str, str]], chance: random.Random
) -> None:
    server = api_server()
    for step, (level, answer) in zip(steps, itertools.cycle(views), strict=False):
        server.level, server.answer = level, answer
        _take(server, step)
    imports = [server.read(*where) for where in server.objects if where[0] != "namespaces"]
    records = server.records(server.in_all_stages()) + imports
    shuffled = records + chance.sample(records, len(records) // 2)
    chance.shuffle(shuffled)
    assert _state_of(shuffled) == _state_of(records)


@given(
    lives=st.lists(st.tuples(st.sampled_from(_VIEWS), st.booleans(), st.sampled_from(_ODD)), min_size=5, max_size=8),
    chance=st.randoms(use_true_random=False),
)
def test_any_order_of_more_objects_of_a_name_than_are_remembered_ends_in_the_same_inventory(
    api_server: Server, lives: list[tuple[tuple[str, str], bool, str]], chance: random.Random
) -> None:
    server = api_server()
    for (server.level, server.answer), is_twice, what in lives:
        server.create("pods", "web")
        _take(server, (what, "pods", "web", "bob", is_twice))
        server.delete("pods", "web", user="bob")
        if is_twice:
            server.finish_twice("web")
        else:
            server.finish("pods", "web")
    records = server.records()
    shuffled = records + chance.sample(records, len(records) // 2)
    chance.shuffle(shuffled)
    assert _state_of(shuffled) == _state_of(records)


@pytest.mark.parametrize(("level", "answer"), _VIEWS)
@pytest.mark.parametrize("resource", ["configmaps", "deployments", "namespaces"])
def test_every_permutation_of_a_deletion_and_re_creation_ends_in_the_same_inventory(
    api_server: Server, resource: str, level: str, answer: str
) -> None:
    server = api_server(level, answer)
    server.create(resource, "web")
    server.delete(resource, "web", user="bob")
    server.finish(resource, "web")
    server.create(resource, "web", user="carol")
    server.patch(resource, "web", user="dave")
    server.delete(resource, "web", user="erin")
    server.finish(resource, "web")
    records = server.records()
    states = [_state_of(order) for order in itertools.permutations(records[:6])]
    assert all(state == states[0] for state in states)
    assert len(states[0]) == 1


@pytest.mark.parametrize("answer", ["whole", "PartialObjectMetadata", "Table"])
@given(steps=_STEPS)
def test_in_order_the_inventory_is_the_truth(api_server: Server, answer: str, steps: _Steps) -> None:
    server = api_server(answer=answer)
    state = MemoryState()
    known: set[tuple[str, str]] = set()
    for step in steps:
        told, existed, was_known = len(server.events), set(server.objects), set(known)
        names = [name for resource, name in existed if resource == step[1]]
        if step[1] == "namespaces" and answer != "whole":
            # Which of a namespace's two kinds of finalizers is left is shown by the whole of it only.
            step = (*step[:4], False)  # noqa: PLW2901 - without finalizers of others
        _take(server, step)
        known.update(server.objects)
        where = {"enter": "pods", "change": "deployments"}.get(step[0], step[1]), step[2]
        seen = told_of(server.records(server.events[told:]), state)
        if not seen:
            continue
        # The end of a namespace may take two requests, and it is there until the second.
        assert all(facts["resource.exists"] == "true" for facts in seen[:-1])
        last = seen[-1]
        if step[0] == "delete_all":  # is about no single object
            assert last.get("resource.count") == len(names)
            assert set(last.get("resource.names", ())) == set(names)  # type: ignore[arg-type]
        else:
            assert last.get("resource.exists") == (_claim(where in server.objects) if where in known else None)
            assert last.get("resource.before.exists") == (_claim(where in existed) if where in was_known else None)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["create", "create", "patch", "delete", "delete", "wait"]),
            st.sampled_from(["configmaps", "services"]),
            st.sampled_from(_VIEWS),
            st.sampled_from([0.005, 0.3, 1.7]),
        ),
        min_size=3,
        max_size=12,
    ),
    chance=st.randoms(use_true_random=False),
)
def test_whatever_is_shown_and_in_whatever_order_each_event_is_told_the_truth(
    api_server: Server, steps: list[tuple[str, str, tuple[str, str], float]], chance: random.Random
) -> None:
    server = api_server()
    expected: list[Facts] = []
    creators: dict[str, str] = {}
    creations: list[str] = []
    for number, (what, resource, (server.level, server.answer), pause) in enumerate(steps):
        if what == "wait":
            server.wait(pause)
            continue
        existed, user = (resource, "web") in server.objects, f"user-{number}"
        if what == "create" and not existed:
            if creations.count(resource) == MAX_INCARNATIONS:
                break
            creations.append(resource)
            creators[resource] = user
        getattr(server, what)(resource, "web", user=user)
        expected.append({})
        if resource in creators:
            expected[-1] = {
                "resource.exists": _claim((resource, "web") in server.objects),
                "resource.created.user": creators[resource],
            }
            if creators[resource] != user or creations.count(resource) > 1:  # of the first nothing is known before
                expected[-1]["resource.before.exists"] = _claim(existed)
    records = server.records()
    state = _state_of(chance.sample(records, len(records)))
    for record, truth in zip(records, expected, strict=True):
        told = told_of([record], state)[0]
        assert {name: told.get(name) for name in truth} == truth


def _claim(claim: bool) -> str:  # noqa: FBT001 - the claim is all there is
    return "true" if claim else "false"


def _sample_records() -> list[Record]:
    records: list[Record] = []
    for entry in (files("auditstream") / "samples").iterdir():
        if entry.name.endswith(".jsonl.gz"):
            for line in gzip.decompress(entry.read_bytes()).splitlines():
                records += split(line, cluster="default", received_ms=0).records
    return records


def test_the_recording_in_any_order_and_with_repeats_ends_in_the_same_inventory() -> None:
    records = _sample_records()
    state = _state_of(records)
    assert len(state) > 40
    chance = random.Random(0)  # noqa: S311 - an order, no secret
    for _ in range(10):
        shuffled = records + chance.sample(records, 50)
        chance.shuffle(shuffled)
        assert _state_of(shuffled) == state


# --- what the facts say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "answer"), _VIEWS)
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


@pytest.mark.parametrize(("level", "answer"), _VIEWS)
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


@pytest.mark.parametrize(("level", "answer"), _VIEWS)
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
@pytest.mark.parametrize(("level", "answer"), _VIEWS)
def test_a_creation_that_is_answered_after_the_deletion_is_one_object(
    api_server: Server, resource: str, level: str, answer: str
) -> None:
    server = api_server(level, answer)
    server.create(resource, "web", user="alice")
    server.delete(resource, "web", user="bob")
    server.events[0]["stageTimestamp"] = "2027-01-15T08:00:00.500000Z"
    for order in (server.records(), server.records()[::-1]):
        state = _state_of(order)
        made, deleted = told_of(server.records(), state)
        assert (made["resource.exists"], made.get("resource.deleted.user")) == ("true", None)
        assert "resource.before.exists" not in made
        assert (deleted["resource.before.exists"], deleted["resource.exists"]) == ("true", "false")
        assert (deleted["resource.created.user"], deleted["resource.lifetime_seconds"]) == ("alice", 0)


def test_what_failed_or_was_a_dry_run_changed_nothing(api_server: Server) -> None:
    server = api_server()
    server.patch("configmaps", "web")
    server.delete("configmaps", "web")
    assert _state_of(server.records()) == {}
    server.create("configmaps", "web", user="alice")
    state = _state_of(server.records())
    server.create("configmaps", "web", user="mallory")
    server.delete("configmaps", "web", user="mallory", dry_run=True)
    assert _state_of(server.records()) == state
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
        assert _state_of([record]) == {}


def test_nothing_of_what_an_object_holds_is_remembered(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web")
    event: dict[str, Any] = json.loads(json.dumps(server.events[0]))
    event["requestObject"]["data"] = event["responseObject"]["data"] = {"password": "hunter2"}
    assert b"hunter2" not in b"".join(_state_of(server.records([event])).values())


def test_what_is_larger_than_any_object_is_not_remembered(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "n" * MAX_KEY_BYTES)
    server.create("configmaps", "a")
    (key,) = _state_of(server.records())
    assert len(key) < MAX_KEY_BYTES


def test_what_nobody_can_have_deleted_is_not_remembered(api_server: Server) -> None:
    server = api_server()
    server.delete("pods", "p" * 254)
    assert _state_of(server.records()) == {}
    server.delete("pods", "p" * 253)
    assert len(_state_of(server.records())) == 1
