"""A rebalance does not wait behind fetches that find nothing."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver

from processor.stream.lease import FETCH_WAIT_MS, LeaseThread


def test_a_fetch_that_finds_nothing_is_answered_soon(monkeypatch: Any) -> None:
    async def create() -> Any:
        consumer = AIOKafkaConsumer(fetch_max_wait_ms=1500)
        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_create_consumer", lambda _self, loop: consumer)  # noqa: ARG005 - its signature
        assert consumer._fetch_max_wait_ms == 1500, "aiokafka names it otherwise"
        return LeaseThread._create_consumer(LeaseThread.__new__(LeaseThread), asyncio.get_running_loop())

    assert asyncio.run(create())._fetch_max_wait_ms == FETCH_WAIT_MS
