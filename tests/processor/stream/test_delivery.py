"""What the consumer delivers, resumes and commits, where stock Faust does otherwise; without a broker."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from faust.types import TP

from processor.stream.app import Pipeline
from processor.stream.delivery import BATCH_RECORDS, Batch, BatchConsumer, Fetched

SOURCE = TP("audit.events", 1)
OTHER = TP("audit.events", 2)
CHANGELOG = TP("audit.processor-inventory-changelog", 1)


class Stored:
    """A record of which only the offset counts."""

    timestamp = 0
    timestamp_type = 0

    def __init__(self, offset: int) -> None:
        self.offset = offset


@pytest.fixture
def consumer(pipeline: Pipeline) -> BatchConsumer:
    pipeline.app.consumer_generation_id = 7
    pipeline.app.consumer.assignments = 3
    pipeline.app.consumer.flow_active = True
    return pipeline.app.consumer


def _fetch(
    consumer: BatchConsumer, fetched: Mapping[TP, list[Stored]], between: Any = None
) -> list[tuple[TP, list[int]]]:
    """Return what one fetch delivers; `between` is done when the first batch was."""

    async def getmany(_active: set[TP] | None, _timeout: float) -> Any:
        return fetched

    async def work() -> list[tuple[TP, list[int]]]:
        consumer._getmany = getmany  # type: ignore[assignment, method-assign]  # noqa: SLF001 - the client's part
        delivered = []
        async for tp, batch in consumer.getmany(1.0):
            assert isinstance(batch, Batch)
            delivered.append((tp, [record.offset for record in batch.value]))  # type: ignore[union-attr]
            assert (batch.offset, batch.generation_id, batch.assignment) == (delivered[-1][1][-1], 7, 3)
            if between is not None:
                between()
        return delivered

    return asyncio.run(work())


def _stored(count: int) -> list[Stored]:
    return [Stored(offset) for offset in range(count)]


def test_one_batch_is_of_one_partition_and_no_longer_than_a_moment_of_judging(consumer: BatchConsumer) -> None:
    super(BatchConsumer, consumer).resume_partitions({SOURCE, OTHER})
    delivered = _fetch(consumer, {SOURCE: _stored(BATCH_RECORDS + 1), OTHER: _stored(2)})
    assert delivered == [(SOURCE, list(range(BATCH_RECORDS))), (SOURCE, [BATCH_RECORDS]), (OTHER, [0, 1])]


def test_paused_and_foreign_partitions_are_not_delivered(consumer: BatchConsumer) -> None:
    super(BatchConsumer, consumer).resume_partitions({SOURCE})
    assert _fetch(consumer, {SOURCE: _stored(1), OTHER: _stored(1)}) == [(SOURCE, [0])]
    assert _fetch(consumer, {SOURCE: _stored(1)}, lambda: None) == [(SOURCE, [0])]
    consumer.pause_partitions({SOURCE})
    super(BatchConsumer, consumer).resume_partitions({OTHER})
    assert _fetch(consumer, {SOURCE: _stored(1), OTHER: _stored(1)}) == [(OTHER, [0])]


@pytest.mark.parametrize("what", ["a seek", "a rebalance", "a stopped flow"])
def test_what_is_outdated_while_it_is_delivered_is_not(what: str, pipeline: Pipeline, consumer: BatchConsumer) -> None:
    super(BatchConsumer, consumer).resume_partitions({SOURCE, OTHER})

    def between() -> None:
        if what == "a seek":
            consumer._seeks[SOURCE] += 1  # noqa: SLF001 - what seek_wait does with a client
        elif what == "a rebalance":
            pipeline.app.consumer.assignments += 1
        else:
            consumer.stop_flow()

    fetched = {SOURCE: _stored(3 * BATCH_RECORDS), OTHER: _stored(1)}
    delivered = _fetch(consumer, fetched, between)
    assert delivered[0] == (SOURCE, list(range(BATCH_RECORDS)))
    assert delivered[1:] == ([(OTHER, [0])] if what == "a seek" else [])


def test_a_batch_of_a_changelog_knows_what_it_follows_on(consumer: BatchConsumer) -> None:
    """Batches that are fetched and not delivered leave a gap that the next one shows."""
    super(BatchConsumer, consumer).resume_partitions({SOURCE})
    consumer._positions[SOURCE] = 0  # noqa: SLF001 - what seek_wait does with a client
    follows = []

    async def work(*lists: list[int]) -> None:
        for offsets in lists:

            async def getmany(_active: set[TP] | None, _timeout: float, offsets: list[int] = offsets) -> Any:
                return {SOURCE: [Stored(offset) for offset in offsets]}

            consumer._getmany = getmany  # type: ignore[assignment, method-assign]  # noqa: SLF001 - the client's part
            consumer._paused_partitions = {SOURCE} if offsets == [300] else set()  # noqa: SLF001 - Faust's name
            async for _, batch in consumer.getmany(1.0):
                assert isinstance(batch, Batch)
                follows.append(batch.follows)

    asyncio.run(work([3, 4, 9], list(range(20, 20 + BATCH_RECORDS + 1)), [300], [301]))
    assert follows == [0, 10, 20 + BATCH_RECORDS, 301]


def test_a_batch_knows_what_came_after_it(consumer: BatchConsumer) -> None:
    batch, other = (Batch(tp, _stored(1), Fetched(3, 7, {}, {}), 0) for tp in (SOURCE, OTHER))
    assert not consumer.is_outdated(batch)
    consumer._seeks[SOURCE] += 1  # noqa: SLF001 - the same
    assert consumer.is_outdated(batch)
    assert not consumer.is_outdated(other)
    consumer.assignments += 1
    assert consumer.is_outdated(other)


def test_nothing_to_fetch_waits_for_room_and_no_longer_than_it_was_told(consumer: BatchConsumer) -> None:
    assert _fetch(consumer, {SOURCE: _stored(1)}) == []

    async def work() -> None:
        waiting = asyncio.ensure_future(consumer._wait_next_records(60))  # noqa: SLF001 - Faust's name
        await asyncio.sleep(0)
        consumer.resume_flow()
        assert await asyncio.wait_for(waiting, 30) == ({}, set())

    asyncio.run(work())


def test_sources_are_resumed_with_the_flow_and_changelogs_at_once(consumer: BatchConsumer) -> None:
    """Faust resumes, then seeks, with the fetcher running: records from before the seek would be delivered."""
    consumer.pause_partitions({SOURCE, CHANGELOG})
    consumer.resume_partitions({SOURCE, CHANGELOG})
    assert consumer._get_active_partitions() == {CHANGELOG}  # noqa: SLF001 - Faust's name
    consumer.resume_flow()
    assert consumer._get_active_partitions() == {SOURCE, CHANGELOG}  # noqa: SLF001 - the same


def test_room_in_a_buffer_does_not_wake_a_paused_partition(consumer: BatchConsumer) -> None:
    super(BatchConsumer, consumer).resume_partitions({SOURCE, OTHER})
    for tp in (SOURCE, OTHER):
        consumer.on_buffer_full(tp)
    consumer.pause_partitions({SOURCE})
    for tp in (SOURCE, OTHER):
        consumer.on_buffer_drop(tp)
    assert consumer._get_active_partitions() == {OTHER}  # noqa: SLF001 - the same


def test_only_what_was_released_is_committed_and_once(consumer: BatchConsumer) -> None:
    assert list(consumer._filter_tps_with_pending_acks()) == []  # noqa: SLF001 - the same
    consumer.release(SOURCE, 5)
    consumer.release(OTHER, 6)
    consumer.release(SOURCE, 9)
    for topics in (None, {"audit.events"}, {SOURCE, OTHER}):
        assert set(consumer._filter_tps_with_pending_acks(topics)) == {SOURCE, OTHER}  # noqa: SLF001 - the same
    assert list(consumer._filter_tps_with_pending_acks({OTHER})) == [OTHER]  # noqa: SLF001 - the same
    assert consumer._filter_committable_offsets([SOURCE, OTHER]) == {SOURCE: 9, OTHER: 6}  # noqa: SLF001 - the same


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_commit_that_is_refused_comes_again(is_taken: bool, pipeline: Pipeline, consumer: BatchConsumer) -> None:  # noqa: FBT001 - a case
    async def commit(_offsets: Mapping[TP, int]) -> bool:
        return is_taken

    thread: Any = pipeline.app.consumer._thread  # noqa: SLF001 - what Faust makes
    thread.commit = commit
    consumer.release(SOURCE, 9)
    assert asyncio.run(consumer._commit({SOURCE: 9})) is is_taken  # noqa: SLF001 - Faust's name
    assert consumer._filter_committable_offsets([SOURCE]) == ({} if is_taken else {SOURCE: 9})  # noqa: SLF001 - the same


def test_an_acknowledgement_commits_nothing(consumer: BatchConsumer) -> None:
    batch = Batch(SOURCE, _stored(3), Fetched(3, 7, {}, {}), 0)
    consumer.track_message(batch)
    assert consumer.ack(batch)
    assert batch.acked
    assert not consumer.unacked
    assert list(consumer._filter_tps_with_pending_acks()) == []  # noqa: SLF001 - the same
