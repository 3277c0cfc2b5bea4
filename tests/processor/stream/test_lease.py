"""The lease: given by heartbeats that were accepted, from when they were sent; without one nothing is sent."""

import asyncio
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver

from processor.stream.app import Pipeline
from processor.stream.lease import FETCH_WAIT_MS, LeasedProducer, LeaseThread, lease_left, with_pause


class Coordinator:
    """A group's coordinator as its member sees it."""

    def __init__(self) -> None:
        self.generation = 3
        self.is_accepted = True
        self.seconds = 0.0

    async def _do_heartbeat(self) -> bool:
        await asyncio.sleep(self.seconds)
        return self.is_accepted

    async def _do_rejoin_group(self, _performed: bool) -> bool:  # noqa: FBT001 - aiokafka's signature
        return self.is_accepted


@pytest.fixture
def coordinator(pipeline: Pipeline) -> Any:
    coordinator = Coordinator()
    thread = pipeline.app.consumer._thread  # noqa: SLF001 - what Faust makes
    assert isinstance(thread, LeaseThread)
    thread._watch(coordinator)  # noqa: SLF001 - called when the client has started
    return coordinator


def _left(pipeline: Pipeline) -> float:
    return lease_left(pipeline.app.consumer)


def test_a_broker_does_not_keep_a_fetch_for_long(pipeline: Pipeline) -> None:
    """It answers a connection's requests in their order: all that a rebalance asks would wait behind it."""
    thread: Any = pipeline.app.consumer._thread  # noqa: SLF001 - what Faust makes

    async def work() -> None:
        theirs, ours = AIOKafkaConsumer(fetch_max_wait_ms=7), thread._create_consumer(asyncio.get_running_loop())  # noqa: SLF001 - Faust's name
        assert (ours._fetch_max_wait_ms, theirs._fetch_max_wait_ms) == (FETCH_WAIT_MS, 7)  # noqa: SLF001 - aiokafka's name
        await ours.stop()
        await theirs.stop()

    asyncio.run(work())


def test_there_is_no_lease_before_the_first_heartbeat(pipeline: Pipeline) -> None:
    assert _left(pipeline) < 0


def test_a_heartbeat_that_is_accepted_gives_nine_tenths_of_the_session(pipeline: Pipeline, coordinator: Any) -> None:
    assert asyncio.run(coordinator._do_heartbeat()) is True  # noqa: SLF001 - aiokafka's name
    assert 20 < _left(pipeline) <= 27


def test_it_counts_from_when_it_was_sent(pipeline: Pipeline, coordinator: Any) -> None:
    coordinator.seconds = 0.5
    sent = time.monotonic()
    asyncio.run(coordinator._do_heartbeat())  # noqa: SLF001 - the same
    assert pipeline.app.consumer.lease_until - sent < 27.4


def test_one_that_is_lost_takes_nothing_away(pipeline: Pipeline, coordinator: Any) -> None:
    asyncio.run(coordinator._do_heartbeat())  # noqa: SLF001 - the same
    until = pipeline.app.consumer.lease_until
    coordinator.is_accepted = False
    assert asyncio.run(coordinator._do_heartbeat()) is False  # noqa: SLF001 - the same
    assert pipeline.app.consumer.lease_until == until


def test_a_group_that_does_not_know_us_ends_it(pipeline: Pipeline, coordinator: Any) -> None:
    asyncio.run(coordinator._do_heartbeat())  # noqa: SLF001 - the same
    coordinator.is_accepted = False
    coordinator.generation = driver.DEFAULT_GENERATION_ID
    asyncio.run(coordinator._do_heartbeat())  # noqa: SLF001 - the same
    assert -60 < _left(pipeline) <= 0, "and it is known since when"


@pytest.mark.parametrize("is_accepted", [True, False])
def test_joining_asks_for_one(is_accepted: bool, pipeline: Pipeline, coordinator: Any) -> None:  # noqa: FBT001 - a case
    coordinator.is_accepted = is_accepted
    assert asyncio.run(coordinator._do_rejoin_group(False)) is is_accepted  # noqa: FBT003, SLF001 - the same
    assert (_left(pipeline) > 0) is is_accepted


def test_what_is_to_be_sent_waits_for_a_lease(pipeline: Pipeline) -> None:
    producer = pipeline.app.producer
    assert isinstance(producer, LeasedProducer)
    sent: list[int] = []

    async def send(node: int, _batches: object) -> None:
        sent.append(node)

    async def work() -> None:
        sending = asyncio.ensure_future(producer.with_lease(send)(7, {}))
        await asyncio.sleep(0.2)
        assert sent == []
        pipeline.app.consumer.lease_until = time.monotonic() + 60
        await asyncio.wait_for(sending, 30)

    asyncio.run(work())
    assert sent == [7]


@pytest.mark.parametrize(("is_updated", "least_seconds"), [(False, 0.3), (True, 0.0)])
def test_a_cluster_that_does_not_answer_is_not_asked_without_a_pause(
    is_updated: bool,  # noqa: FBT001 - a case
    least_seconds: float,
) -> None:
    asked: list[object] = []

    async def update(*args: object) -> bool:
        asked.append(args)
        return is_updated

    async def work() -> None:
        patient = with_pause(update)
        for number in range(3):
            assert await patient(number, None) is is_updated

    begin = time.monotonic()
    asyncio.run(work())
    assert asked == [(0, None), (1, None), (2, None)]
    assert time.monotonic() - begin >= least_seconds
