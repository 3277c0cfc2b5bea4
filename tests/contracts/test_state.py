"""What every state keeps: it is a mapping of bytes, and knows what has expired by each cluster's own clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditstream.state_directory import opened_state
from processor.state import NEVER, MemoryState, State, cluster_of, expiry_of, stored

MakeState = Callable[[], State]


@contextmanager
def _memory(_paths: pytest.TempPathFactory) -> Iterator[MakeState]:
    yield MemoryState


@contextmanager
def _embedded(paths: pytest.TempPathFactory) -> Iterator[MakeState]:
    with opened_state(paths.mktemp("state")) as state:

        def emptied() -> State:
            # A file for each of a property's examples would take a minute.
            state.rollback()
            return state

        yield emptied


@pytest.fixture(scope="module", params=[_memory, _embedded])
def make_state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeState]:
    """Return what makes a state, empty; one at a time is used."""
    with request.param(tmp_path_factory) as make:
        yield make


def test_it_returns_what_was_remembered_last(make_state: MakeState) -> None:
    state = make_state()
    assert state.get(b"one/shop") is None
    state[b"one/shop"] = stored(1, NEVER, b"old")
    state[b"one/shop"] = new = stored(1, NEVER, b"new")
    state[b"one/\xff\0"] = other = stored(1, 7, b"")
    assert (state.get(b"one/shop"), state.get(b"one/\xff\0")) == (new, other)
    assert (sorted(state), len(state)) == ([b"one/shop", b"one/\xff\0"], 2)


def test_it_forgets_what_is_deleted(make_state: MakeState) -> None:
    state = make_state()
    state[b"one/shop"] = stored(1, 7, b"")
    del state[b"one/shop"]
    assert (state.get(b"one/shop"), list(state), len(state)) == (None, [], 0)
    assert state.expired(b"one", 8, 10) == []
    with pytest.raises(KeyError):
        del state[b"one/shop"]


def test_it_tells_the_first_that_have_expired_and_tells_them_again(make_state: MakeState) -> None:
    state = make_state()
    for expires_s in (30, 10, 20, 40, NEVER):
        state[b"one/%d" % expires_s] = stored(1, expires_s, b"")
    assert state.expired(b"one", 9, 10) == []
    assert state.expired(b"one", 30, 2) == [b"one/10", b"one/20"]
    assert state.expired(b"one", 30, 10) == [b"one/10", b"one/20", b"one/30"]


def test_what_changed_expires_when_it_says_last(make_state: MakeState) -> None:
    state = make_state()
    for expires_s in (10, 20, 10):
        state[b"one/a"] = stored(1, expires_s, b"")
    state[b"one/b"] = stored(1, 10, b"")
    state[b"one/b"] = stored(1, NEVER, b"")
    assert state.expired(b"one", 100, 10) == [b"one/a"]
    state[b"one/a"] = stored(1, 30, b"")
    assert state.expired(b"one", 29, 10) == []
    assert state.expired(b"one", 30, 10) == [b"one/a"]


def test_clusters_expire_by_themselves(make_state: MakeState) -> None:
    state = make_state()
    for key in (b"one/a", b"one.two/a", b"\0clock\0one"):
        state[key] = stored(1, 10, b"")
    assert state.expired(b"one", 10, 10) == [b"one/a"]
    assert state.expired(b"two", 10, 10) == []


def test_it_tells_which_keys_are_below_others(make_state: MakeState) -> None:
    state = make_state()
    for key in (b"a\0web", b"a\0", b"a", b"a\0b\0", b"a\0b\0c", b"b\0", b"b\0\xff", b"b\0x", b"c\0", b"aa\0"):
        state[key] = stored(1, NEVER, b"")
    del state[b"b\0x"]
    assert sorted(state.below([b"a\0", b"b\0"])) == [b"a\0", b"a\0web", b"b\0", b"b\0\xff"]
    assert state.below([b"d\0"]) == []


_KEYS = st.sampled_from([b"one/a", b"one/b", b"two/a"])
_STEPS = st.lists(st.tuples(_KEYS, st.one_of(st.none(), st.integers(0, 5))), max_size=20)


@given(steps=_STEPS, now_s=st.integers(0, 6), limit=st.integers(1, 3))
def test_it_is_what_a_plain_mapping_would_be(
    make_state: MakeState, steps: list[tuple[bytes, int | None]], now_s: int, limit: int
) -> None:
    state, plain = make_state(), dict[bytes, bytes]()
    for number, (key, expires_s) in enumerate(steps):
        if expires_s is not None:
            state[key] = plain[key] = stored(1, expires_s, bytes((number,)))
        elif plain.pop(key, None) is not None:
            del state[key]
    assert {key: state.get(key) for key in state} == plain
    due = sorted(
        (expiry_of(value), key)
        for key, value in plain.items()
        if cluster_of(key) == b"one" and NEVER < expiry_of(value) <= now_s
    )
    assert state.expired(b"one", now_s, limit) == [key for _, key in due[:limit]]
