"""The inventory in any order: histories that API servers could tell, shuffled and repeated, end in the same state."""

import gzip
import itertools
import random
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.split import split
from processor.history import MAX_INCARNATIONS
from processor.state import MemoryState
from tests.processor.watching import VIEWS, Facts, state_of
from tests.processor.watching import told as told_by
from wire.record import Record

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_RESOURCES = ("configmaps", "deployments", "namespaces", "pods", "services")

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
    views=st.lists(st.sampled_from(VIEWS), min_size=1),
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
    assert state_of(shuffled) == state_of(records)


@given(
    lives=st.lists(st.tuples(st.sampled_from(VIEWS), st.booleans(), st.sampled_from(_ODD)), min_size=5, max_size=8),
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
    assert state_of(shuffled) == state_of(records)


@pytest.mark.parametrize(("level", "answer"), VIEWS)
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
    states = [state_of(order) for order in itertools.permutations(records[:6])]
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
        seen = told_by(server.records(server.events[told:]), state)
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
            st.sampled_from(VIEWS),
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
    state = state_of(chance.sample(records, len(records)))
    for record, truth in zip(records, expected, strict=True):
        told = told_by([record], state)[0]
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
    state = state_of(records)
    assert len(state) > 40
    chance = random.Random(0)  # noqa: S311 - an order, no secret
    for _ in range(10):
        shuffled = records + chance.sample(records, 50)
        chance.shuffle(shuffled)
        assert state_of(shuffled) == state
