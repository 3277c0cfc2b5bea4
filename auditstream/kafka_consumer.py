"""A consumer of all partitions of a topic, that belongs to no group and makes no topic by asking for it.

Called by `kafka_reader` and `kafka_inventory`. Nothing is committed: any number may read, and none is in the way of
another.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from wire.kafka_settings import KafkaSettings

ATTEMPT_SECONDS: Final = 8.0
"""How long one request may take before Kafka is said to be away."""

_STOP_SECONDS: Final = 2.0
_MIB: Final = 1024 * 1024
_FETCHED_BYTES: Final = 48 * _MIB
"""What may be fetched ahead, all partitions together; but for single records that are larger."""


class MissingTopicError(Exception):
    """There is no such topic to read. The text says what to do."""


@asynccontextmanager
async def all_partitions(settings: KafkaSettings, topic: str, client_id: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer to which all partitions of a topic are assigned, and close it.

    `client_id` is what it calls itself in Kafka's quotas and logs. Raises MissingTopicError, and where
    Kafka is away KafkaError or TimeoutError.
    """
    async with asyncio.timeout(ATTEMPT_SECONDS):
        partitions = await _partitions(settings, topic)
    a_partition = max(_MIB // 16, min(_MIB, _FETCHED_BYTES // len(partitions)))
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        client_id=client_id,
        group_id=None,
        enable_auto_commit=False,
        # Where retention was faster than we are, go on with the oldest that is left.
        auto_offset_reset="earliest",
        request_timeout_ms=round(ATTEMPT_SECONDS * 1000),
        max_partition_fetch_bytes=a_partition,
        fetch_max_bytes=_FETCHED_BYTES,
    )
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            await consumer.start()
        consumer.assign(partitions)
        yield consumer
    finally:
        await _stop(consumer)


async def _partitions(settings: KafkaSettings, topic: str) -> Sequence[TopicPartition]:
    # All topics are asked for: one that is asked for by name might be made by the asking.
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap, request_timeout_ms=round(ATTEMPT_SECONDS * 1000))
    try:
        await client.bootstrap()
        cluster = await client.fetch_all_metadata()
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            await client.close()
    numbers = cluster.partitions_for_topic(topic)
    if not numbers:
        raise MissingTopicError(f"there is no topic {topic}: make it with 'auditstream topics create'")
    return [TopicPartition(topic, number) for number in sorted(numbers)]


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, whatever becomes of it.

    Where Kafka is away, it raises CancelledError: that of a fetch that it cancels itself. It must not look like ours.
    """
    for stop in (consumer.stop, consumer._client.close):  # noqa: SLF001 - what it then leaves open
        task = asyncio.ensure_future(stop())
        await asyncio.wait({task}, timeout=_STOP_SECONDS)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # seen, and of no use
