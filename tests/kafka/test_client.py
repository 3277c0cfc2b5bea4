"""Topics made and read, offsets asked: against a real broker."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from tests.kafka.client import (
    Stored,
    committed_offsets,
    create_topics,
    delete_topics,
    end_offsets,
    partitions_of,
    read_topic,
)
from wire.kafka_settings import KafkaSettings


def test_all_topics_are_there_and_empty(topics: KafkaSettings) -> None:
    for topic in topics.topics.all:
        assert asyncio.run(partitions_of(topics.bootstrap, topic.name)) == list(range(12))
        assert asyncio.run(end_offsets(topics.bootstrap, topic.name)) == dict.fromkeys(range(12), 0)
        assert asyncio.run(read_topic(topics.bootstrap, topic.name)) == []


@pytest.mark.partitions(3)
def test_a_test_chooses_its_partitions(topics: KafkaSettings) -> None:
    assert topics.partitions == 3
    assert asyncio.run(partitions_of(topics.bootstrap, topics.topics.changelog.name)) == [0, 1, 2]


@pytest.mark.partitions(1)
def test_topics_that_are_there_are_not_made_again(topics: KafkaSettings) -> None:
    with pytest.raises(KafkaError, match="TopicAlreadyExistsError"):
        asyncio.run(create_topics(topics))


@pytest.mark.partitions(1)
def test_deleted_topics_are_gone_and_may_be_deleted_again(topics: KafkaSettings) -> None:
    async def delete() -> None:
        await delete_topics(topics)
        await delete_topics(topics)
        await read_topic(topics.bootstrap, topics.topics.events.name)

    with pytest.raises(UnknownTopicOrPartitionError):
        asyncio.run(delete())


@pytest.mark.partitions(1)
def test_a_topic_that_nobody_made_is_not_made_by_asking(topics: KafkaSettings) -> None:
    async def ask() -> list[str]:
        with pytest.raises(UnknownTopicOrPartitionError):
            await read_topic(topics.bootstrap, f"{topics.topic_prefix}other")
        admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
        await admin.start()
        try:
            return [name for name in await admin.list_topics() if name.startswith(topics.topic_prefix)]
        finally:
            await admin.close()

    assert sorted(asyncio.run(ask())) == sorted(topic.name for topic in topics.topics.all)


@pytest.mark.partitions(2)
def test_all_records_of_a_topic_are_read(topics: KafkaSettings) -> None:
    name = topics.topics.events.name
    large = b"\0" * 3_000_000

    async def write_and_read() -> list[Stored]:
        async with AIOKafkaProducer(bootstrap_servers=topics.bootstrap, max_request_size=4_000_000) as producer:
            for number in range(1000):
                await producer.send(name, b"%d" % number, partition=number % 2, timestamp_ms=number + 1)
            await producer.send(name, large, key=b"k", headers=[("h", b"1")], partition=0, timestamp_ms=5000)
            await producer.send(name, None, key=b"k", partition=1, timestamp_ms=5001)
        return await read_topic(topics.bootstrap, name)

    expected = [Stored(number % 2, number // 2, number + 1, None, b"%d" % number, {}) for number in range(1000)]
    expected += [Stored(0, 500, 5000, b"k", large, {"h": b"1"}), Stored(1, 500, 5001, b"k", None, {})]
    assert asyncio.run(write_and_read()) == sorted(expected, key=lambda each: (each.partition, each.offset))
    assert asyncio.run(end_offsets(topics.bootstrap, name)) == {0: 501, 1: 501}


@pytest.mark.partitions(1)
def test_an_end_without_a_record_is_reached(topics: KafkaSettings) -> None:
    name = topics.topics.events.name

    async def transact() -> list[Stored]:
        producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap, transactional_id=name)
        async with producer, producer.transaction():
            await producer.send(name, b"value")
        return await read_topic(topics.bootstrap, name)  # its last offset is the transaction's marker

    assert [each.value for each in asyncio.run(transact())] == [b"value"]
    assert asyncio.run(end_offsets(topics.bootstrap, name)) == {0: 2}


@pytest.mark.partitions(3)
def test_what_a_group_committed_is_told(topics: KafkaSettings) -> None:
    name, group = topics.topics.events.name, topics.topics.group

    async def commit() -> tuple[dict[int, int], dict[int, int]]:
        before = await committed_offsets(topics.bootstrap, group, name)
        consumer = AIOKafkaConsumer(bootstrap_servers=topics.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(name, 0), TopicPartition(name, 2)])
            await consumer.commit({TopicPartition(name, 0): 0, TopicPartition(name, 2): 7})
        finally:
            await consumer.stop()
        return before, await committed_offsets(topics.bootstrap, group, name)

    assert asyncio.run(commit()) == ({}, {0: 0, 2: 7})
