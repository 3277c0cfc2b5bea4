"""The in-process topic: its bound, its two ways to end, what the consumer says. The rest is in `tests/contracts`."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from auditstream.local_topic import LocalTopic, Taken
from ingest.publisher import Unavailable
from ingest.split import Split
from wire.record import Reason, Record, Rejected

Story = Callable[[], Coroutine[Any, Any, None]]

REJECTED = Rejected(b"5", Reason.NOT_JSON, "no JSON", "prod", 1)


def batch(name: str, events: int = 1, rejected: int = 0) -> Split:
    records = [Record(f"{name}{number}".encode(), None, "prod", 1) for number in range(events)]
    return Split(records, [REJECTED] * rejected, is_envelope=True)


async def begun(topic: LocalTopic, given: Split) -> "asyncio.Task[None]":
    task = asyncio.create_task(topic.publish(given))
    await asyncio.sleep(0)
    return task


async def refusal(work: "Coroutine[Any, Any, None] | asyncio.Task[None]") -> str:
    with pytest.raises(Unavailable) as error:
        await work
    return str(error.value)


def refused_check(topic: LocalTopic) -> str:
    with pytest.raises(Unavailable) as error:
        topic.check()
    return str(error.value)


def alive() -> int:
    """Count the batches that something still refers to."""
    gc.collect()
    return sum(isinstance(thing, Split) for thing in gc.get_objects())


def test_batches_come_out_as_they_went_in() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = [await begun(topic, batch(name)) for name in "abc"]
        taken = [await anext(topic) for _ in work]
        assert [one.batch for one in taken] == [batch(name) for name in "abc"]
        for one in reversed(taken):
            one.done()
        await asyncio.gather(*work)

    asyncio.run(story())


def test_the_consumer_may_come_first() -> None:
    async def story() -> None:
        topic = LocalTopic()
        waiting = asyncio.ensure_future(anext(topic))
        await asyncio.sleep(0)
        work = await begun(topic, batch("a"))
        (await waiting).done()
        await work

    asyncio.run(story())


def test_what_waits_and_what_is_with_the_consumer_counts_against_the_bound() -> None:
    async def story() -> None:
        topic = LocalTopic(max_events=5)
        first = await begun(topic, batch("a", 2, rejected=1))
        taken = await anext(topic)
        second = await begun(topic, batch("b", 1))
        assert topic.events == 4
        assert await refusal(topic.publish(batch("c", 2))) == "too much waits to be judged: 4 of at most 5 events"
        topic.check()
        third = await begun(topic, batch("d"))
        assert refused_check(topic) == "too much waits to be judged: 5 of at most 5 events"
        taken.done()
        await first
        assert topic.events == 2
        fourth = await begun(topic, batch("c", 3))
        for _ in range(3):
            (await anext(topic)).done()
        await asyncio.gather(second, third, fourth)
        assert topic.events == 0

    asyncio.run(story())


def test_a_batch_above_the_bound_is_taken_when_nothing_else_is_pending() -> None:
    async def story() -> None:
        topic = LocalTopic(max_events=5)
        first = await begun(topic, batch("a"))
        assert await refusal(topic.publish(batch("b", 6))) == "too much waits to be judged: 1 of at most 5 events"
        (await anext(topic)).done()
        await first
        large = await begun(topic, batch("b", 6))
        assert await refusal(topic.publish(batch("c"))) == "too much waits to be judged: 6 of at most 5 events"
        repeat = await begun(topic, batch("b", 6))
        (await anext(topic)).done()
        await large
        await repeat

    asyncio.run(story())


def test_a_large_batch_is_like_any_other() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = [asyncio.create_task(topic.publish(batch("a", 5_000, rejected=1))) for _ in range(2)]
        taken = await anext(topic)
        assert taken.batch == batch("a", 5_000, rejected=1)
        await asyncio.sleep(0.1)  # until the repeat has joined
        assert topic.events == 5_001
        taken.done()
        await asyncio.gather(*work)
        assert topic.events == 0

    asyncio.run(story())


def test_a_batch_that_failed_is_unavailable_for_all_who_wait_and_can_come_again() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = [await begun(topic, batch("a")) for _ in range(2)]
        taken = await anext(topic)
        taken.failed("the disk is full")
        assert [await refusal(one) for one in work] == ["the disk is full"] * 2
        again = await begun(topic, batch("a"))
        taken.done()  # the first word counted
        assert topic.events == 1
        (await anext(topic)).done()
        await again

    asyncio.run(story())


def test_a_late_batch_is_named_with_the_time_it_had() -> None:
    async def story() -> None:
        topic = LocalTopic(timeout_seconds=0.05)
        assert await refusal(topic.publish(batch("a"))) == "not judged within 0.05 seconds"
        text = "a batch has not been judged for more than 0.05 seconds"
        assert await refusal(topic.publish(batch("b"))) == text
        assert refused_check(topic) == text
        (await anext(topic)).done()
        topic.check()

    asyncio.run(story())


def test_a_closed_topic_takes_nothing_new_and_ends_when_it_is_drained() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = [await begun(topic, batch(name)) for name in "ab"]
        topic.close("it stops")
        assert await refusal(topic.publish(batch("c"))) == "it stops"
        assert refused_check(topic) == "it stops"
        seen = []
        async for taken in topic:
            seen.append(taken.batch)
            taken.done()
        await asyncio.gather(*work)
        assert seen == [batch("a"), batch("b")]

    asyncio.run(story())


def test_closing_ends_a_consumer_that_waits() -> None:
    async def story() -> None:
        topic = LocalTopic()

        async def consume() -> list[Taken]:
            return [taken async for taken in topic]

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(0)
        topic.close("it stops")
        assert await consumer == []

    asyncio.run(story())


def test_an_abort_gives_up_what_waits_and_what_is_with_the_consumer() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = [await begun(topic, batch(name)) for name in "ab"]
        taken = await anext(topic)
        topic.abort("the consumer died")
        assert [await refusal(one) for one in work] == ["the consumer died"] * 2
        assert await refusal(topic.publish(batch("a"))) == "the consumer died"
        assert refused_check(topic) == "the consumer died"
        taken.done()
        assert topic.events == 0
        assert [one async for one in topic] == []

    asyncio.run(story())


def test_an_abort_after_closing_has_the_last_word() -> None:
    async def story() -> None:
        topic = LocalTopic()
        work = await begun(topic, batch("a"))
        topic.close("it stops")
        topic.abort("the consumer died")
        assert await refusal(work) == "the consumer died"
        assert refused_check(topic) == "the consumer died"

    asyncio.run(story())


async def end(topic: LocalTopic, way: str, given: Split) -> None:
    """Publish a batch that ends in one of the ways there are."""
    work = await begun(topic, given)
    if way == "cancelled":
        work.cancel()
    if way in {"late", "cancelled"}:
        await asyncio.wait([work])
    if way == "failed":
        (await anext(topic)).failed("no")
    else:
        (await anext(topic)).done()
    await asyncio.gather(work, return_exceptions=True)


@pytest.mark.parametrize("way", ["done", "failed", "late", "cancelled"])
def test_nothing_is_left_of_what_ended(way: str) -> None:
    async def story() -> None:
        topic = LocalTopic(timeout_seconds=0.01 if way == "late" else 10)
        await end(topic, way, batch("first"))
        before = alive()
        for number in range(20):
            await end(topic, way, batch(f"{number}."))
        assert topic.events == 0
        assert alive() == before

    asyncio.run(story())


def test_nothing_is_left_after_an_abort() -> None:
    async def story() -> None:
        topics = [LocalTopic() for _ in range(20)]
        before = alive()
        for topic in topics:
            work = [await begun(topic, batch(name)) for name in "ab"]
            await anext(topic)
            topic.abort("no")
            await asyncio.gather(*work, return_exceptions=True)
            work.clear()
        # Python keeps hold of the last exceptions, and so of the calls that raised them.
        assert alive() <= before + 2

    asyncio.run(story())
