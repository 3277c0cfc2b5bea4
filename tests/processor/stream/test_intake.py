"""Every record once, in order, none left out: whatever is delivered, and however often."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from processor.stream.intake import Intake
from processor.stream.metrics import StreamMetrics

TOPIC = TP("audit.events", 2)


@dataclass
class Log:
    """A partition as a consumer sees it: faults that no broker makes on demand."""

    first: int = 0
    sought: list[dict[Any, int]] = field(default_factory=list)

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self.first)

    async def seek_wait(self, partitions: dict[Any, int]) -> None:
        self.sought.append(dict(partitions))

    def is_outdated(self, message: "Batch") -> bool:
        return message.seeks != len(self.sought)


@dataclass(frozen=True)
class Stored:
    """A record; only its offset counts here."""

    offset: int


@dataclass(frozen=True)
class Batch:
    """A message as the consumer delivers it."""

    value: list[Stored]
    assignment: int = 7
    seeks: int = 0
    tp: TP = TOPIC


def batch(*offsets: int, assignment: int = 7, seeks: int = 0) -> Batch:
    return Batch([Stored(offset) for offset in offsets], assignment, seeks)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def metrics() -> StreamMetrics:
    return StreamMetrics(CollectorRegistry())


@pytest.fixture
def intake(log: Log, metrics: StreamMetrics) -> Intake:
    intake = Intake(log, metrics)  # type: ignore[arg-type]
    intake.begin(7, {TOPIC: 10})
    return intake


def accepted(intake: Intake, message: Batch) -> list[int]:
    return [record.offset for record in asyncio.run(intake.accept(message))]


def test_what_follows_on_is_taken(intake: Intake) -> None:
    assert accepted(intake, batch(10, 11)) == [10, 11]
    assert accepted(intake, batch(12)) == [12]
    assert intake.next == {TOPIC: 13}


def test_what_was_judged_is_passed_over_and_counted(intake: Intake, metrics: StreamMetrics) -> None:
    assert accepted(intake, batch(8, 9, 10, 11)) == [10, 11]
    assert accepted(intake, batch(9, 10, 11)) == []
    assert intake.next == {TOPIC: 12}
    assert metrics.repeated._value.get() == 5  # noqa: SLF001 - prometheus_client has no other way


@pytest.mark.parametrize("assignment", [6, 8])
def test_another_assignment_is_not_taken(intake: Intake, assignment: int) -> None:
    assert accepted(intake, batch(10, assignment=assignment)) == []
    assert intake.next == {TOPIC: 10}


def test_nothing_is_taken_between_two_assignments(intake: Intake) -> None:
    intake.end()
    assert accepted(intake, batch(10)) == []
    intake.begin(8, {TOPIC: 10})
    assert accepted(intake, batch(10, assignment=8)) == [10]


def test_what_was_skipped_is_fetched_again(intake: Intake, log: Log, metrics: StreamMetrics) -> None:
    assert accepted(intake, batch(15, 16)) == []
    assert [list(each.values()) for each in log.sought] == [[10]]
    assert intake.next == {TOPIC: 10}
    assert accepted(intake, batch(10, 11, 12, 13, 14, 15, seeks=1)) == [10, 11, 12, 13, 14, 15]
    assert metrics.seeks._value.get() == 1  # noqa: SLF001 - the same


def test_batches_from_before_a_seek_are_no_sign_of_a_hole(intake: Intake, log: Log) -> None:
    """A queue may be full of them when the first is found not to follow on."""
    assert [accepted(intake, batch(offset)) for offset in range(15, 30)] == [[]] * 15
    assert len(log.sought) == 1
    assert intake.next == {TOPIC: 10}


def test_a_gap_that_stays_is_a_hole(intake: Intake, log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """Records of an aborted transaction are never delivered: it must not stop the partition."""
    with caplog.at_level(logging.WARNING):
        assert [accepted(intake, batch(15, 16, seeks=seeks)) for seeks in range(4)] == [[], [], [], [15, 16]]
    assert len(log.sought) == 3
    assert "no records from 10 to 14" in caplog.text
    assert intake.next == {TOPIC: 17}


def test_what_kafka_deleted_is_counted_and_told(
    intake: Intake, log: Log, metrics: StreamMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    log.first = 15
    with caplog.at_level(logging.WARNING):
        assert accepted(intake, batch(15, 16)) == [15, 16]
    assert metrics.deleted._value.get() == 5  # noqa: SLF001 - the same
    assert "audit.events, partition 2: 5 events were deleted before they could be judged" in caplog.text
    assert log.sought == []


def test_what_was_deleted_and_what_was_skipped_are_told_apart(intake: Intake, log: Log, metrics: StreamMetrics) -> None:
    log.first = 12
    assert accepted(intake, batch(15)) == []
    assert [list(each.values()) for each in log.sought] == [[12]]
    assert metrics.deleted._value.get() == 2  # noqa: SLF001 - the same
    assert accepted(intake, batch(12, 13, 14, 15, seeks=1)) == [12, 13, 14, 15]
    assert metrics.deleted._value.get() == 2, "counted once"  # noqa: SLF001 - the same


def test_an_assignment_that_ends_during_a_look_takes_nothing(metrics: StreamMetrics) -> None:
    class Ending(Log):
        async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
            ended.end()
            return dict.fromkeys(tps, 15)

    ended = Intake(Ending(), metrics)  # type: ignore[arg-type]
    ended.begin(7, {TOPIC: 10})
    assert accepted(ended, batch(15)) == []
    assert ended.next == {TOPIC: 10}
