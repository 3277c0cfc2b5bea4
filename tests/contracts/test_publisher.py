"""The contract of `ingest.publisher.Publisher`: one suite for every implementation.

An implementation comes in by a maker: it gives a bench with the publisher, and with what a test must do at its far end.
What an implementation cannot do is a strict xfail with its reason.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Protocol

import pytest
from aiokafka import ConsumerRecord
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest

from auditstream.local_topic import LocalTopic
from ingest.kafka import KafkaPublisher
from ingest.publisher import Publisher, Unavailable
from ingest.split import Split
from wire.kafka_settings import KafkaSettings
from wire.record import Reason, Record, Rejected

MakeTopics = Callable[..., KafkaSettings]
ReadTopic = Callable[[KafkaSettings, str], list[ConsumerRecord]]

A_MOMENT: Final = 0.04


class Bench(Protocol):
    """A publisher whose publish takes `timeout_seconds` at most, and its far end."""

    timeout_seconds: float

    @property
    def publisher(self) -> Publisher: ...

    def durable(self) -> list[Record | Rejected]:
        """Return what is durable, in its order."""

    def hold(self) -> None:
        """Let nothing become durable from now on."""

    def release(self) -> None:
        """Let what waits become durable, and what comes."""

    async def stop(self) -> None:
        """Let nothing be taken any more, as when the process is about to end."""


class LocalBench:
    """The topic of the one-process mode, with a consumer that keeps everything."""

    timeout_seconds = 0.4

    def __init__(self) -> None:
        self.publisher: Final = LocalTopic(timeout_seconds=self.timeout_seconds)
        self._durable: Final[list[Record | Rejected]] = []
        self._goes_on: Final = asyncio.Event()
        self._goes_on.set()

    def durable(self) -> list[Record | Rejected]:
        return self._durable

    def hold(self) -> None:
        self._goes_on.clear()

    def release(self) -> None:
        self._goes_on.set()

    async def stop(self) -> None:
        self.publisher.close("it stops")

    async def consume(self) -> None:
        async for taken in self.publisher:
            await self._goes_on.wait()
            self._durable.extend(taken.batch.records)
            self._durable.extend(taken.batch.rejected)
            taken.done()


class KafkaBench:
    """Topics of one partition on a real Kafka. What holds is the way there: no broker holds a record on demand."""

    timeout_seconds = 1.0

    def __init__(self, kafka: KafkaSettings, read_topic: ReadTopic) -> None:
        self.publisher: Final = KafkaPublisher(kafka, timeout_seconds=self.timeout_seconds)
        self.goes_on: Final = asyncio.Event()
        self.goes_on.set()
        self._kafka: Final = kafka
        self._read_topic: Final = read_topic

    def durable(self) -> list[Record | Rejected]:
        topics = self._kafka.topics
        found = [
            *self._read_topic(self._kafka, topics.events.name),
            *self._read_topic(self._kafka, topics.dead_letter.name),
        ]
        # Records and rejects of one publish have the same time or nearly, those of the next a later one.
        return [_entry(record) for record in sorted(found, key=lambda record: record.timestamp)]

    def hold(self) -> None:
        self.goes_on.clear()

    def release(self) -> None:
        self.goes_on.set()

    async def stop(self) -> None:
        self.publisher.close("it stops")


def _entry(record: ConsumerRecord) -> Record | Rejected:
    headers = {name: value.decode() for name, value in record.headers}
    cluster, received_ms = headers["cluster"], int(headers["received"])
    if "reason" not in headers:
        return Record(record.value, record.key, cluster, received_ms)
    is_judged = headers["judged"] == "true"
    return Rejected(record.value, Reason(headers["reason"]), headers["detail"], cluster, received_ms, is_judged)


@asynccontextmanager
async def make_kafka(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    make_topics: MakeTopics = request.getfixturevalue("make_topics")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    bench = KafkaBench(make_topics(), request.getfixturevalue("read_topic"))
    send = AIOKafkaClient.send

    async def held(client: AIOKafkaClient, node: int, message: object, **how: Any) -> object:
        if isinstance(message, ProduceRequest):
            await bench.goes_on.wait()
        return await send(client, node, message, **how)

    monkeypatch.setattr(AIOKafkaClient, "send", held)
    async with bench.publisher:
        await until(lambda: is_ready(bench.publisher))
        yield bench
        bench.release()


def is_ready(publisher: Publisher) -> bool:
    try:
        publisher.check()
    except Unavailable:
        return False
    return True


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - what is asked has no event
            await asyncio.sleep(A_MOMENT)


@asynccontextmanager
async def make_local(_request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    bench = LocalBench()
    consumer = asyncio.create_task(bench.consume())
    yield bench
    bench.release()
    await bench.stop()
    await consumer


Make = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Bench]]
Story = Callable[[Bench], Awaitable[None]]
Tell = Callable[[Story], None]


@pytest.fixture(params=[make_local, make_kafka], ids=["local", "kafka"])
def tell(request: pytest.FixtureRequest) -> Tell:
    """Run what a test tells, with a bench of each implementation."""
    make: Make = request.param

    def run(story: Story) -> None:
        async def whole() -> None:
            async with make(request) as bench:
                await story(bench)

        asyncio.run(whole())

    return run


def record(name: str, *, cluster: str = "prod", received_ms: int = 1) -> Record:
    return Record(b'{"auditID":"%s"}' % name.encode(), None, cluster, received_ms)


def batch(*names: str, cluster: str = "prod", received_ms: int = 1) -> Split:
    """Return a batch with a record of each name."""
    return Split([record(name, cluster=cluster, received_ms=received_ms) for name in names], [], is_envelope=True)


REJECTED = Rejected(b"5", Reason.NOT_AN_EVENT, "item 2: expected an object, found a number", "prod", 1)
MIXED = Split([record("a")], [REJECTED], is_envelope=True)
ONLY_REJECTED = Split([], [REJECTED], is_envelope=False)
EMPTY = Split([], [], is_envelope=True)


async def refusal(work: Awaitable[None]) -> str:
    with pytest.raises(Unavailable) as error:
        await work
    return str(error.value)


async def begun(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """Start a publish and let it come to where it waits."""
    task = asyncio.create_task(work)
    await asyncio.sleep(A_MOMENT)
    assert not task.done()
    return task


def test_records_and_rejects_are_durable_when_publish_returns(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.publisher.publish(MIXED)
        assert bench.durable() == [record("a"), REJECTED]
        await bench.publisher.publish(ONLY_REJECTED)
        assert bench.durable() == [record("a"), REJECTED, REJECTED]

    tell(story)


def test_batches_stay_together_and_in_their_order(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.publisher.publish(batch("a", "b"))
        await bench.publisher.publish(batch("c", "d"))
        assert bench.durable() == [record(name) for name in "abcd"]

    tell(story)


def test_nothing_returns_before_it_is_durable(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        work = await begun(bench.publisher.publish(batch("a")))
        assert bench.durable() == []
        bench.release()
        await work
        assert bench.durable() == [record("a")]

    tell(story)


def test_an_empty_batch_returns_at_once_whatever_the_state(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        await bench.publisher.publish(EMPTY)
        await refusal(bench.publisher.publish(batch("a")))
        await bench.publisher.publish(EMPTY)
        bench.release()
        await bench.stop()
        await bench.publisher.publish(EMPTY)

    tell(story)


def test_a_repeat_joins_its_first_copy_while_that_is_pending(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        first = await begun(bench.publisher.publish(batch("a", received_ms=1)))
        repeat = await begun(bench.publisher.publish(batch("a", received_ms=2)))
        bench.release()
        await first
        await repeat
        assert bench.durable() == [record("a")]

    tell(story)


def test_a_repeat_of_what_became_durable_lately_returns_at_once_whatever_the_state(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.publisher.publish(MIXED)
        bench.hold()
        await bench.publisher.publish(MIXED)
        await refusal(bench.publisher.publish(batch("b")))
        await bench.publisher.publish(MIXED)
        bench.release()
        await bench.publisher.publish(batch("b"))
        await bench.stop()
        await bench.publisher.publish(MIXED)
        assert bench.durable() == [record("a"), REJECTED, record("b")]

    tell(story)


def test_what_became_durable_after_it_was_late_is_not_published_again(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        await refusal(bench.publisher.publish(batch("a")))
        bench.release()
        while not bench.durable():  # noqa: ASYNC110 - the bench has no event of its own for it
            await asyncio.sleep(A_MOMENT)
        await bench.publisher.publish(batch("a"))
        assert bench.durable() == [record("a")]

    tell(story)


def test_the_same_events_of_another_cluster_are_no_repeat(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        first = await begun(bench.publisher.publish(batch("a")))
        other = await begun(bench.publisher.publish(batch("a", cluster="test")))
        bench.release()
        await first
        await other
        assert sorted(entry.cluster for entry in bench.durable()) == ["prod", "test"]

    tell(story)


def test_what_is_late_is_unavailable_and_may_become_durable_all_the_same(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        assert await refusal(bench.publisher.publish(batch("a")))
        repeat = await begun(bench.publisher.publish(batch("a")))
        bench.release()
        await repeat
        assert bench.durable() == [record("a")]

    tell(story)


def test_a_repeat_waits_no_longer_than_any_other(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        await refusal(bench.publisher.publish(batch("a")))
        clock = asyncio.get_running_loop().time
        begin = clock()
        assert await refusal(bench.publisher.publish(batch("a")))
        assert bench.timeout_seconds * 0.9 < clock() - begin < bench.timeout_seconds * 4

    tell(story)


def test_nothing_new_is_taken_while_a_batch_is_overdue(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.publisher.check()
        bench.hold()
        await refusal(bench.publisher.publish(batch("a")))
        clock = asyncio.get_running_loop().time
        begin = clock()
        assert await refusal(bench.publisher.publish(batch("b")))
        assert clock() - begin < bench.timeout_seconds / 2
        with pytest.raises(Unavailable):
            bench.publisher.check()

        bench.release()
        await bench.publisher.publish(batch("a"))
        bench.publisher.check()
        await bench.publisher.publish(batch("b"))
        assert record("b") in bench.durable()

    tell(story)


def test_a_cancelled_publish_goes_on_and_so_does_who_joined_it(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        first = await begun(bench.publisher.publish(batch("a")))
        repeat = await begun(bench.publisher.publish(batch("a")))
        alone = await begun(bench.publisher.publish(batch("b")))
        first.cancel()
        alone.cancel()
        bench.release()
        await repeat
        await bench.publisher.publish(batch("c"))
        assert first.cancelled()
        assert alone.cancelled()
        assert bench.durable() == [record("a"), record("b"), record("c")]

    tell(story)


def test_nothing_is_taken_once_it_stops(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.stop()
        with pytest.raises(Unavailable) as error:
            bench.publisher.check()
        assert str(error.value)
        assert await refusal(bench.publisher.publish(batch("a"))) == str(error.value)
        assert bench.durable() == []

    tell(story)


def test_what_was_taken_before_it_stops_becomes_durable(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        work = await begun(bench.publisher.publish(batch("a")))
        await bench.stop()
        repeat = await begun(bench.publisher.publish(batch("a")))
        bench.release()
        await work
        await repeat
        assert bench.durable() == [record("a")]

    tell(story)


def test_many_at_once_all_become_durable(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        names = [str(number) for number in range(200)]
        await asyncio.gather(*(bench.publisher.publish(batch(name)) for name in names))
        assert {entry.value for entry in bench.durable()} == {record(name).value for name in names}

    tell(story)
