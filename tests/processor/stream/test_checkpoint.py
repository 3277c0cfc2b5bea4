"""The order of a checkpoint: alerts durable, then state, then its marker, then offsets; and that an end waits for it.

What a crash at each step leaves is told by `test_faults_checkpoint.py`, on a real Kafka. Here the client is one that
says when each batch is acknowledged: no broker can be asked to be slow at just one of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from processor.stream.app import Pipeline
from processor.stream.changelog import MARKER_KEY
from processor.stream.delivery import Batch, Fetched
from wire.record import Record

MakeRecord = Callable[..., Record]

SOURCE = TP("audit.events", 3)
ALERTS, CHANGELOG = "audit.alerts", "audit.processor-inventory-changelog"


class Sent:
    """A batch of records that waits to be acknowledged."""

    def __init__(self) -> None:
        self.keys: list[bytes | None] = []
        self.topic = ""
        self.acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def append(self, *, key: bytes | None, value: bytes, timestamp: None, headers: list[Any]) -> object:  # noqa: ARG002 - aiokafka's signature
        self.keys.append(key)
        return self

    def record_count(self) -> int:
        return len(self.keys)

    def close(self) -> None:
        """Take nothing more."""

    def acknowledge(self, offset: int = 0) -> None:
        self.acknowledged.set_result(SimpleNamespace(offset=offset))


class Client:
    """aiokafka's producer, whose broker is slow."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def create_batch(self) -> Sent:
        return Sent()

    async def send_batch(self, batch: Sent, topic: str, partition: int) -> asyncio.Future[Any]:  # noqa: ARG002 - the same
        batch.topic = topic
        self.sent.append(batch)
        return batch.acknowledged


@pytest.fixture
def client(pipeline: Pipeline) -> Client:
    client = Client()
    producer: Any = pipeline.app.producer
    producer._producer = client  # noqa: SLF001 - what Faust makes at its start
    consumer: Any = pipeline.app.consumer
    consumer.assignments = 1
    consumer.membership_lost = lambda: False
    pipeline.intake.begin(1, {SOURCE: 10})
    pipeline.checkpointer._durable = {SOURCE: 10}  # noqa: SLF001 - what an opening does
    pipeline.store.cut(3).end = 0
    return client


async def _take(pipeline: Pipeline, record: Record) -> None:
    stored = SimpleNamespace(
        offset=10, key=record.key, value=record.value, headers=record.headers(), timestamp=0, timestamp_type=0
    )
    await pipeline.checkpointer.take(Batch(SOURCE, [stored], Fetched(1, 1, {}, {}), 10))


def _keyed(make_record: MakeRecord) -> Record:
    target = {"resource": "configmaps", "namespace": "shop", "name": "web", "apiVersion": "v1"}
    record = make_record(objectRef=target)
    return Record(record.value, b"default/shop", record.cluster, record.received_ms)


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def _under_way(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(work)
    await _settle()
    yield task
    await asyncio.wait_for(task, 30)


def _committable(pipeline: Pipeline) -> dict[TP, int]:
    return pipeline.app.consumer._filter_committable_offsets([*pipeline.app.consumer._released])  # noqa: SLF001 - Faust's name


@pytest.mark.parametrize("work", ["checkpoint", "close"])
def test_each_step_waits_for_the_one_before(
    work: str, pipeline: Pipeline, client: Client, make_record: MakeRecord
) -> None:
    async def go() -> None:
        await _take(pipeline, _keyed(make_record))
        assert client.sent == []
        async with _under_way(getattr(pipeline.checkpointer, work)()) as task:
            # The object and the cluster's clock come before their marker.
            for topic, offset in ((ALERTS, 0), (CHANGELOG, 0), (CHANGELOG, 2)):
                assert client.sent[-1].topic == topic
                assert (client.sent[-1].keys == [MARKER_KEY]) is (offset == 2)
                assert not task.done()
                assert _committable(pipeline) == {}
                client.sent[-1].acknowledge(offset)
                await _settle()
        assert len(client.sent) == 3
        assert _committable(pipeline) == {SOURCE: 11}
        marker = pipeline.store.cut(3).marker
        assert marker is not None
        assert (marker.next_offset, marker.own_offset) == (11, 2)

    asyncio.run(go())


def test_nothing_is_taken_once_the_end_has_begun(pipeline: Pipeline, client: Client, make_record: MakeRecord) -> None:
    async def go() -> None:
        await pipeline.checkpointer.close()
        await _take(pipeline, _keyed(make_record))
        await pipeline.checkpointer.checkpoint()

    asyncio.run(go())
    assert client.sent == []
    assert pipeline.store.cut(3).state == {}


def test_a_checkpoint_without_anything_to_make_durable_sends_nothing(pipeline: Pipeline, client: Client) -> None:
    asyncio.run(pipeline.checkpointer.checkpoint())
    assert client.sent == []
    assert _committable(pipeline) == {}


def test_what_is_known_is_read_anew_when_others_may_have_had_the_partitions_for_long(
    pipeline: Pipeline, client: Client, make_record: MakeRecord
) -> None:
    """Deletions that they wrote may have been compacted away, as after a freeze of some days."""

    async def go() -> None:
        await pipeline.checkpointer.close()
        assert set(pipeline.store.cuts) == {3}
        pipeline.checkpointer._owned_at -= 3_600  # noqa: SLF001 - as if an hour had passed
        pipeline.intake.begin(1, {SOURCE: 10})
        pipeline.checkpointer._durable = {SOURCE: 10}  # noqa: SLF001 - what an opening does
        await _take(pipeline, _keyed(make_record))
        async with _under_way(pipeline.checkpointer.close()):
            for offset in (0, 0, 2):
                client.sent[-1].acknowledge(offset)
                await _settle()
        assert set(pipeline.store.cuts) == {3}, "what was just made durable is its own"
        pipeline.checkpointer._owned_at -= 3_600  # noqa: SLF001 - the same
        await pipeline.checkpointer.close()
        assert set(pipeline.store.cuts) == set()

    asyncio.run(go())


def test_one_that_does_not_come_to_its_end_is_told(pipeline: Pipeline, client: Client, make_record: MakeRecord) -> None:
    async def go() -> None:
        await _take(pipeline, _keyed(make_record))
        assert pipeline.checkpointer.pending_seconds() == 0
        async with _under_way(pipeline.checkpointer.checkpoint()):
            await asyncio.sleep(0.01)
            assert pipeline.checkpointer.pending_seconds() > 0
            for offset in (0, 0, 2):
                client.sent[-1].acknowledge(offset)
                await _settle()
        assert pipeline.checkpointer.pending_seconds() == 0

    asyncio.run(go())
