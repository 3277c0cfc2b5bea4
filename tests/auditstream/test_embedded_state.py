"""What is durable and what is undone, and a disk that is full. What every state does is in tests/contracts."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditstream.embedded_state import EXPIRY_INDEX, TABLE, EmbeddedState, StateBroken, StateUnavailable
from processor.state import NEVER, MemoryState, stored

Open = Callable[[], EmbeddedState]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to a database with the tables of a state."""
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(TABLE)
        connection.execute(EXPIRY_INDEX)
        yield connection


@pytest.fixture
def state(connection: sqlite3.Connection, tmp_path: Path) -> EmbeddedState:
    return EmbeddedState(connection, tmp_path / "state.db")


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[EmbeddedState]:
    """Return the same state as somebody else sees it: what is committed."""
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as connection:
        yield EmbeddedState(connection, tmp_path / "state.db")


def _seen(state: EmbeddedState) -> dict[bytes, bytes | None]:
    found = {key: state.get(key) for key in state}
    state.rollback()
    return found


def test_what_is_committed_is_seen_by_others_and_nothing_else(state: EmbeddedState, durable: EmbeddedState) -> None:
    state[b"one/a"] = first = stored(1, NEVER, b"first")
    state.commit()
    state[b"one/a"] = second = stored(1, NEVER, b"second")
    state[b"one/b"] = second
    assert (state.get(b"one/a"), len(state)) == (second, 2)
    state.rollback()
    assert _seen(durable) == {b"one/a": first}
    assert _seen(state) == {b"one/a": first}


def test_a_rollback_brings_back_what_was_deleted(state: EmbeddedState) -> None:
    state[b"one/a"] = value = stored(1, 7, b"")
    state.commit()
    del state[b"one/a"]
    assert (state.get(b"one/a"), state.expired(b"one", 7, 1)) == (None, [])
    state.rollback()
    assert (state.get(b"one/a"), state.expired(b"one", 7, 1)) == (value, [b"one/a"])


def test_a_commit_and_a_rollback_of_nothing_do_nothing(state: EmbeddedState, connection: sqlite3.Connection) -> None:
    state.commit()
    state.rollback()
    assert state.get(b"one/a") is None
    state.commit()
    assert not connection.in_transaction


def test_a_large_batch_is_one_transaction_too(state: EmbeddedState, durable: EmbeddedState) -> None:
    for number in range(5_000):
        state[b"one/%05d" % number] = stored(1, NEVER, bytes(2_000))
    assert len(state) == 5_000
    assert _seen(durable) == {}
    state.rollback()
    assert len(state) == 0
    for number in range(3):
        state[b"one/%05d" % number] = stored(1, NEVER, bytes(3_000_000))
    state.commit()
    assert list(_seen(durable)) == [b"one/00000", b"one/00001", b"one/00002"]


def test_batches_may_come_from_one_thread_after_the_other(state: EmbeddedState) -> None:
    def put(number: int) -> None:
        state[b"one/%d" % number] = stored(1, NEVER, b"")
        state.commit()

    for number in range(3):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(put, number).result()
    assert list(state) == [b"one/0", b"one/1", b"one/2"]


_KEYS = st.sampled_from([b"one/a", b"one/b", b"two/a", b"\0clock\0one"])
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _KEYS, st.integers(0, 5)),
        st.tuples(st.just("delete"), _KEYS, st.just(0)),
        st.tuples(st.sampled_from(["commit", "rollback", "flush"]), st.just(b""), st.just(0)),
    ),
    max_size=30,
)


@given(steps=_STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_what_a_mapping_would_be_with_the_last_commit_beside_it(
    state: EmbeddedState, steps: list[tuple[str, bytes, int]]
) -> None:
    for key in list(state):
        del state[key]
    state.commit()
    now, committed = MemoryState(), MemoryState()
    for number, (step, key, expires_s) in enumerate(steps):
        if step == "put":
            state[key] = now[key] = stored(1, expires_s, bytes((number,)))
        elif step == "delete" and now.pop(key, None) is not None:
            del state[key]
        elif step == "flush":
            assert len(state) == len(now)
        elif step == "commit":
            state.commit()
            committed = _copy(now)
        elif step == "rollback":
            state.rollback()
            now = _copy(committed)
        assert {key: state.get(key) for key in now} == now
    assert state.expired(b"one", 4, 10) == now.expired(b"one", 4, 10)
    state.rollback()
    assert {key: state.get(key) for key in state} == committed


def _copy(state: MemoryState) -> MemoryState:
    copy = MemoryState()
    for key, value in state.items():
        copy[key] = value
    return copy


# --- when the disk does not do --------------------------------------------------------------------------------------


def test_what_does_not_fit_is_undone_and_fits_when_there_is_room(
    state: EmbeddedState, durable: EmbeddedState, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    state[b"one/a"] = value = stored(1, NEVER, b"")
    state.commit()
    connection.execute("PRAGMA max_page_count = 10")
    state[b"one/b"] = large = stored(1, NEVER, bytes(100_000))
    with pytest.raises(StateUnavailable) as raised:
        state.commit()
    assert str(raised.value) == f"the state in {tmp_path / 'state.db'} cannot be used now: database or disk is full"
    state.rollback()
    assert _seen(durable) == _seen(state) == {b"one/a": value}
    connection.execute("PRAGMA max_page_count = 1000")
    state[b"one/b"] = large
    state.commit()
    assert _seen(durable) == {b"one/a": value, b"one/b": large}


def test_somebody_who_has_it_locked_is_waited_for_and_then_it_is_for_another_time(
    state: EmbeddedState, durable: EmbeddedState, connection: sqlite3.Connection
) -> None:
    connection.execute("PRAGMA busy_timeout = 50")
    assert durable.get(b"one/a") is None  # and with it begins a transaction
    with pytest.raises(StateUnavailable, match=r"cannot be used now: database is locked$"):
        state.get(b"one/a")
    durable.rollback()
    assert state.get(b"one/a") is None


def test_what_is_no_state_any_more_is_told_with_the_next_step(
    state: EmbeddedState, connection: sqlite3.Connection, tmp_path: Path
) -> None:
    connection.execute("DROP TABLE state")
    told = (
        f"the state in {tmp_path / 'state.db'} cannot be used: no such table: state; "
        "move its folder away to begin with nothing known, or name another with --state"
    )
    for ask in (lambda: state.get(b"one/a"), lambda: list(state), lambda: len(state), lambda: state.expired(b"", 1, 1)):
        with pytest.raises(StateBroken) as raised:
            ask()
        assert str(raised.value) == told
    state[b"one/a"] = stored(1, NEVER, b"")
    with pytest.raises(StateBroken, match="no such table"):
        state.commit()
