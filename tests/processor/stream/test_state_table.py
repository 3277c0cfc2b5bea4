"""The store under Faust's table: what it takes in, what it forgets, and that it stops at what it cannot read."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from faust.types import TP

from processor.history import History, encode
from processor.stream.app import Pipeline
from processor.stream.changelog import MARKER_KEY, Marker, deletion_headers, marker_record, value_record
from processor.stream.delivery import Batch, Fetched
from processor.stream.state_table import StateStore

CHANGELOG = "audit.processor-inventory-changelog"
STORED = encode(History())


class Stored:
    """A record of the changelog."""

    timestamp = 0
    timestamp_type = 0

    def __init__(
        self, offset: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        self.offset, self.key, self.value, self.headers = offset, key, value, headers


class Event:
    """An event of Faust's around a batch of them."""

    follows = 0

    def __init__(self, partition: int, assignment: int, *records: Stored) -> None:
        self.message = Batch(TP(CHANGELOG, partition), list(records), Fetched(assignment, 1, {}, {}), self.follows)


@pytest.fixture
def store(pipeline: Pipeline) -> StateStore:
    pipeline.app.consumer.assignments = 5
    table: Any = pipeline.app.tables["inventory"]
    assert table.changelog_topic_name == CHANGELOG
    assert isinstance(table.data, StateStore)
    return table.data


def _take(store: StateStore, *events: Any) -> None:
    store.apply_changelog_batch(events, None, None)


def _checkpoint(key: bytes = b"k") -> tuple[Stored, Stored]:
    return Stored(0, key, value_record(1, STORED)), Stored(1, MARKER_KEY, marker_record(1, Marker(9, 1)))


def test_batches_of_records_become_the_state_of_their_partition(store: StateStore) -> None:
    _take(store, Event(3, 5, *_checkpoint()), Event(4, 5, *_checkpoint(b"other")))
    assert store.cut(3).state == {b"k": STORED}
    assert store.cut(3).marker == Marker(9, 1)
    assert (len(store), sorted(store)) == (2, [b"k", b"other"])


def test_faust_reads_on_from_the_last_record_it_gave(store: StateStore) -> None:
    assert store.persisted_offset(TP(CHANGELOG, 3)) == -1, "None would let it begin where it once was"
    _take(store, Event(3, 5, *_checkpoint()))
    assert store.persisted_offset(TP(CHANGELOG, 3)) == 1
    store.set_persisted_offset(TP(CHANGELOG, 3), 77)
    assert store.persisted_offset(TP(CHANGELOG, 3)) == 1


def test_a_batch_of_an_earlier_assignment_is_passed_over(store: StateStore) -> None:
    """It may be of an assignment that was given back since: then what lies before it would be missed."""
    _take(store, Event(3, 4, *_checkpoint()))
    assert store.cut(3).end is None


def test_partitions_that_come_or_go_are_forgotten_and_others_kept(store: StateStore) -> None:
    _take(store, *(Event(partition, 5, *_checkpoint()) for partition in (1, 2, 3)))
    kept, gone, new = TP(CHANGELOG, 1), TP(CHANGELOG, 2), TP(CHANGELOG, 3)
    asyncio.run(store.on_rebalance({kept, new}, {gone, TP("audit.events", 1)}, {new}, 6))
    assert set(store.cuts) == {1}


def test_what_is_forgotten_is_read_anew(store: StateStore) -> None:
    _take(store, Event(1, 5, *_checkpoint()))
    store.forget()
    assert (len(store), store.persisted_offset(TP(CHANGELOG, 1))) == (0, -1)


def test_a_record_with_no_value_is_a_deletion_of_the_epoch_in_its_header(store: StateStore) -> None:
    kept, gone = Event(3, 5, *_checkpoint()), Event(4, 5, *_checkpoint())
    deletion = Stored(2, b"k", None, deletion_headers(1))
    _take(store, kept, gone, Event(4, 5, deletion, Stored(3, MARKER_KEY, marker_record(1, Marker(10, 3)))))
    _take(store, Event(3, 5, Stored(2, b"k", None), Stored(3, MARKER_KEY, marker_record(1, Marker(10, 3)))))
    assert (store.cut(3).state, store.cut(4).state) == ({b"k": STORED}, {})
    assert (store.cut(3).close(), store.cut(4).close()) == ({b"k": STORED}, {})


def test_what_faust_may_ask_of_a_store_changes_nothing(store: StateStore) -> None:
    _take(store, Event(3, 5, *_checkpoint()))
    store.reset_state()
    store.restore_backup(TP(CHANGELOG, 3))
    asyncio.run(store.backup_partition(TP(CHANGELOG, 3)))
    assert store.cut(3).state == {b"k": STORED}


def test_state_is_not_read_past_its_partition(store: StateStore) -> None:
    with pytest.raises(TypeError, match=r"^state is read and changed by partition"):
        store[b"k"]


def test_faust_drops_what_it_takes_for_a_repeat_and_that_is_no_gap_if_it_is_one(store: StateStore) -> None:
    first, again = Event(3, 5, *_checkpoint()), Event(3, 5, Stored(1, MARKER_KEY, marker_record(1, Marker(9, 1))))
    next_one = Event(3, 5, Stored(4, MARKER_KEY, marker_record(1, Marker(11, 4))))
    again.message.follows, next_one.message.follows = 1, 2  # type: ignore[misc]  # between 2 and 4 it is compacted
    _take(store, first, again, next_one)
    assert store.cut(3).marker == Marker(11, 4)


_READ = """
import logging
from prometheus_client import CollectorRegistry
from processor.engine import Engine
from processor.settings import ProcessorSettings
from processor.stream.app import create_pipeline
from rules.loader import load
from rules.selection import Selection
from tests.processor.stream.test_state_table import Event, Stored
from wire.kafka_settings import KafkaSettings
logging.basicConfig(format="%(message)s")
engine = Engine(load([], Selection()).ruleset, "host")
pipeline = create_pipeline(KafkaSettings(), ProcessorSettings(), engine, CollectorRegistry())
pipeline.app.consumer.assignments = 5
event = Event(3, 5, Stored(8, {record}))
event.message.follows = {follows}
pipeline.app.tables["inventory"].data.apply_changelog_batch([event], None, None)
"""


@pytest.mark.parametrize(
    ("record", "follows", "told"),
    [
        ("b'k', b'whatever'", 5, ": read up to 0, but the next batch is from 5"),
        ("b'k', b'short'", 0, ", offset 8: offset 8 holds no record of a checkpoint"),
        (
            "b'k', bytes(8) + b'\\x03newer'",
            0,
            ", offset 8: the state holds version 3, this auditstream knows 2: run the version",
        ),
        ("b'k', 7", 0, ", offset 8 cannot be read"),
    ],
)
def test_what_cannot_be_read_ends_the_worker_with_a_clear_line(record: str, follows: int, told: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _READ.format(record=record, follows=follows)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 70, ended.stderr
    assert ended.stderr.startswith(f"leaving without a commit: {CHANGELOG}, partition 3{told}")
