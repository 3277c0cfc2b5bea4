"""The contract of `ingest.publisher.Publisher`: one suite for every implementation.

An implementation comes in by a maker: it gives a bench with the publisher, and with what a test must do at its far end.
What an implementation cannot do is a strict xfail with its reason.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.produce import ProduceRequest
from prometheus_client import CollectorRegistry

from auditstream.local_topic import LocalTopic
from ingest.kafka import KafkaPublisher
from ingest.publisher import Publisher, Unavailable
from ingest.split import Split
from tests.kafka.client import Stored, read_topic
from tests.waiting import eventually
from wire.kafka_settings import KafkaSettings
from wire.record import Reason, Record, Rejected

A_MOMENT: Final = 0.04
MAX_PENDING_BYTES: Final = 100_000

# So that the order of one publish after another can be seen.
pytestmark = pytest.mark.partitions(1)


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

    def fail(self) -> None:
        """Let nothing become durable any more, and what waits and comes be given up."""

    def full(self) -> Split:
        """Return a batch that takes all the room there is."""

    async def stop(self) -> None:
        """Let nothing be taken any more, as when the process is about to end."""


class LocalBench:
    """The topic of the one-process mode, with a consumer that keeps everything."""

    timeout_seconds = 0.4

    def __init__(self) -> None:
        self.publisher: Final = LocalTopic(max_events=500, timeout_seconds=self.timeout_seconds)
        self._is_failing = False
        self._durable: Final[list[Record | Rejected]] = []
        self._goes_on: Final = asyncio.Event()
        self._goes_on.set()

    def durable(self) -> list[Record | Rejected]:
        return self._durable

    def hold(self) -> None:
        self._goes_on.clear()

    def release(self) -> None:
        self._goes_on.set()

    def fail(self) -> None:
        self._is_failing = True

    def full(self) -> Split:
        return batch(*(f"full-{number}" for number in range(500)))

    async def stop(self) -> None:
        self.publisher.close("it stops")

    async def consume(self) -> None:
        async for taken in self.publisher:
            await self._goes_on.wait()
            if self._is_failing:
                taken.failed("it was not done")
                continue
            self._durable.extend(taken.batch.records)
            self._durable.extend(taken.batch.rejected)
            taken.done()


class KafkaBench:
    """Topics of one partition on a real Kafka. What holds is the way there: no broker holds a record on demand."""

    timeout_seconds = 2.0

    def __init__(self, kafka: KafkaSettings) -> None:
        self.publisher: Final = KafkaPublisher(
            kafka, CollectorRegistry(), timeout_seconds=self.timeout_seconds, max_pending_bytes=MAX_PENDING_BYTES
        )
        self._kafka: Final = kafka
        self._is_failing = False
        self._goes_on: Final = asyncio.Event()
        self._goes_on.set()

    def durable(self) -> list[Record | Rejected]:
        # On a loop of another thread: the one of the test is waiting for it.
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(asyncio.run, self._read()).result()
        # Records and rejects of one publish have the same time or nearly, those of the next a later one.
        return [_entry(stored) for stored in sorted(found, key=lambda stored: stored.timestamp_ms)]

    async def _read(self) -> list[Stored]:
        topics = self._kafka.topics
        return [
            stored
            for topic in (topics.events, topics.dead_letter)
            for stored in await read_topic(self._kafka.bootstrap, topic.name)
        ]

    def hold(self) -> None:
        self._goes_on.clear()

    def release(self) -> None:
        self._goes_on.set()

    def fail(self) -> None:
        self._is_failing = True

    def full(self) -> Split:
        return Split([Record(bytes(MAX_PENDING_BYTES), None, "prod", 1)], [], is_envelope=True)

    async def stop(self) -> None:
        self.publisher.close("it stops")

    async def pass_on(self) -> None:
        """Let what is on its way to a topic pass, when it may."""
        await self._goes_on.wait()
        if self._is_failing:
            raise TopicAuthorizationFailedError  # as a broker says, and as is never tried again


def _entry(stored: Stored) -> Record | Rejected:
    headers = {name: value.decode() for name, value in stored.headers.items()}
    cluster, received_ms = headers["cluster"], int(headers["received"])
    assert stored.value is not None
    if "reason" not in headers:
        return Record(stored.value, stored.key, cluster, received_ms)
    is_judged = headers["judged"] == "true"
    return Rejected(stored.value, Reason(headers["reason"]), headers["detail"], cluster, received_ms, is_judged)


@asynccontextmanager
async def make_kafka(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    bench = KafkaBench(topics)
    send = AIOKafkaClient.send

    async def held(client: AIOKafkaClient, node: int, message: object, **how: Any) -> object:
        if isinstance(message, ProduceRequest):
            await bench.pass_on()
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


until = partial(eventually, seconds=20)


@asynccontextmanager
async def make_local() -> AsyncIterator[Bench]:
    bench = LocalBench()
    consumer = asyncio.create_task(bench.consume())
    yield bench
    bench.release()
    await bench.stop()
    await consumer


Make = Callable[..., AbstractAsyncContextManager[Bench]]
Story = Callable[[Bench], Awaitable[None]]
Tell = Callable[[Story], None]


@pytest.fixture(params=[(make_local,), (make_kafka, "topics", "monkeypatch")], ids=["local", "kafka"])
def tell(request: pytest.FixtureRequest) -> Tell:
    """Run what a test tells, with a bench of each implementation."""
    make: Make
    make, *names = request.param
    needed = [request.getfixturevalue(name) for name in names]

    def run(story: Story) -> None:
        async def whole() -> None:
            async with make(*needed) as bench:
                await story(bench)

        asyncio.run(whole())

    return run


def record(name: str, *, cluster: str = "prod", received_ms: int = 1) -> Record:
    """Return a record: of a letter in the middle with a key, of others without."""
    key = f"{cluster}/{name}".encode() if name in {"b", "c"} else None
    return Record(b'{"auditID":"%s"}' % name.encode(), key, cluster, received_ms)


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


def test_batches_that_come_at_once_are_not_mixed(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        batches = [batch(*(f"{name}{number}" for number in range(5))) for name in "xyz"]
        bench.hold()
        work = [await begun(bench.publisher.publish(one)) for one in batches]
        bench.release()
        await asyncio.gather(*work)
        durable = bench.durable()
        whole = [durable[start : start + 5] for start in (0, 5, 10)]
        assert sorted(whole, key=str) == sorted((one.records for one in batches), key=str)

    tell(story)


def test_what_is_given_up_is_unavailable_for_all_who_wait_for_it(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        work = [await begun(bench.publisher.publish(batch("a"))) for _ in range(2)]
        bench.fail()
        bench.release()
        first, second = [await refusal(one) for one in work]
        assert first == second != ""
        assert bench.durable() == []

    tell(story)


def test_nothing_new_is_taken_where_there_is_no_room_but_a_repeat_is(tell: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.hold()
        full = bench.full()
        work = await begun(bench.publisher.publish(full))
        clock = asyncio.get_running_loop().time
        begin = clock()
        told = await refusal(bench.publisher.publish(batch("a")))
        with pytest.raises(Unavailable) as error:
            bench.publisher.check()
        assert str(error.value) == told != ""
        assert clock() - begin < bench.timeout_seconds / 2
        repeat = await begun(bench.publisher.publish(full))
        bench.release()
        await work
        await repeat
        await bench.publisher.publish(batch("a"))
        assert bench.durable() == [*full.records, record("a")]

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
