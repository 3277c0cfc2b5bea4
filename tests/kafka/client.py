"""What tests ask of a Kafka besides what the code under test does: topics made, everything in them read, offsets.

All of it goes through aiokafka, none of it through the project's own clients, so that a fault of theirs shows.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NodeNotReadyError, UnknownTopicOrPartitionError, for_code

from wire.kafka_settings import KafkaSettings

_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Stored:
    """A record as it stands in a topic."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


async def read_topic(bootstrap: str, topic: str, seconds: float = _SECONDS) -> list[Stored]:
    """Return all records of a topic, from the beginning to the end that it has now, by partition and offset."""
    async with asyncio.timeout(seconds), _consumer(bootstrap) as consumer:
        partitions = [TopicPartition(topic, number) for number in await partitions_of(bootstrap, topic)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await consumer.seek_to_beginning(*partitions)
        found: list[Stored] = []
        # By positions, not by offsets of records: the last ones before an end may be compacted away or be markers.
        while left := [each for each in partitions if await consumer.position(each) < ends[each]]:
            batches = await consumer.getmany(*left, timeout_ms=200)
            found += [
                Stored(each.partition, each.offset, each.timestamp, each.key, each.value, dict(each.headers))
                for partition, records in batches.items()
                for each in records
                if each.offset < ends[partition]
            ]
    return sorted(found, key=lambda each: (each.partition, each.offset))


async def end_offsets(bootstrap: str, topic: str, seconds: float = _SECONDS) -> dict[int, int]:
    """Return, for each partition of a topic, the offset that its next record will get."""
    async with asyncio.timeout(seconds), _consumer(bootstrap) as consumer:
        partitions = [TopicPartition(topic, number) for number in await partitions_of(bootstrap, topic)]
        return {each.partition: offset for each, offset in (await consumer.end_offsets(partitions)).items()}


async def committed_offsets(bootstrap: str, group: str, topic: str, seconds: float = _SECONDS) -> dict[int, int]:
    """Return what a group has committed of a topic; partitions of which it committed nothing are not in it."""
    async with asyncio.timeout(seconds), _consumer(bootstrap, group) as consumer:
        partitions = [TopicPartition(topic, number) for number in await partitions_of(bootstrap, topic)]
        consumer.assign(partitions)
        offsets = {each.partition: await consumer.committed(each) for each in partitions}
    return {partition: offset for partition, offset in offsets.items() if offset is not None}


async def partitions_of(bootstrap: str, topic: str) -> list[int]:
    """Return the numbers of a topic's partitions, once each of them has a leader."""
    async with _admin(bootstrap) as admin:
        while True:
            try:
                # Not by its name: that would make it.
                topics = await admin.describe_topics()
            except NodeNotReadyError:
                # A broker that was frozen names no brokers until it has registered anew.
                await asyncio.sleep(0.1)
                continue
            partitions = next((each["partitions"] for each in topics if each["topic"] == topic), None)
            if partitions is None:
                raise UnknownTopicOrPartitionError(topic)
            if partitions and all(each["leader"] >= 0 for each in partitions):
                return sorted(each["partition"] for each in partitions)
            await asyncio.sleep(0.05)


async def create_topics(
    settings: KafkaSettings, others: Mapping[str, str] = MappingProxyType({}), seconds: float = _SECONDS
) -> None:
    """Create all topics of an installation and wait until they can be written to: with their settings, or others."""
    topics = settings.topics.all
    new = [
        NewTopic(topic.name, settings.partitions, settings.replication, topic_configs={**topic.settings, **others})
        for topic in topics
    ]
    async with asyncio.timeout(seconds), _admin(settings.bootstrap) as admin:
        created = await admin.create_topics(new)
        _check({name: code for name, code, *_ in created.topic_errors})
        while not all([await _is_there(settings, topic.name) for topic in topics]):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


async def delete_topics(settings: KafkaSettings, seconds: float = _SECONDS) -> None:
    """Delete all topics of an installation, those that are gone already excepted."""
    async with asyncio.timeout(seconds), _admin(settings.bootstrap) as admin:
        deleted = await admin.delete_topics([topic.name for topic in settings.topics.all])
        gone = UnknownTopicOrPartitionError.errno
        _check({name: code for name, code, *_ in deleted.topic_error_codes if code != gone})


async def _is_there(settings: KafkaSettings, topic: str) -> bool:
    try:
        return len(await partitions_of(settings.bootstrap, topic)) == settings.partitions
    except UnknownTopicOrPartitionError:
        return False


def _check(codes: Mapping[str, int]) -> None:
    if errors := {name: for_code(code).__name__ for name, code in codes.items() if code}:
        raise KafkaError(errors)


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _consumer(bootstrap: str, group: str | None = None) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
