"""The producer under the publisher: what it needs to be there, and which hidden names of aiokafka's it uses."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.cluster import ClusterMetadata
from aiokafka.errors import ClusterAuthorizationFailedError
from aiokafka.partitioner import DefaultPartitioner

from ingest import kafka_producer
from ingest.kafka_producer import LastingProducer, NotDeliveredError, partition_of
from tests.kafka.broker import Broker, OwnBroker
from tests.kafka.client import create_topics
from tests.waiting import eventually
from wire.kafka_settings import KafkaSettings
from wire.record import Record

RECORD = Record(b"a", None, "prod", 7)
SHRUNK = (
    "topic {topic} has {count} partitions, had {had}: it was deleted and made anew, see `auditstream topics create`"
)


def told(producer: LastingProducer) -> tuple[str | None, *tuple[str, ...]]:
    return producer.trouble, *producer.warnings


def hidden_producer(producer: LastingProducer) -> Any:
    """Return the producer of aiokafka's that is in use."""
    return producer._producer  # noqa: SLF001 - nothing public shows it


until = partial(eventually, seconds=30)


async def administer(kafka: KafkaSettings, work: Callable[[AIOKafkaAdminClient], Any]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await work(admin)
    finally:
        await admin.close()


def test_a_topic_that_is_missing_is_told_and_found_once_it_is_there(
    no_topics: KafkaSettings, caplog: pytest.LogCaptureFixture
) -> None:
    name = no_topics.topics.events.name

    async def story() -> None:
        producer = LastingProducer(no_topics, (name,))
        assert producer.partitions(name) == 0
        producer.start()
        await until(lambda: producer.trouble == f"there is no topic {name}: run `auditstream topics create`")
        await administer(no_topics, lambda admin: admin.create_topics([NewTopic(name, 3, 1)]))
        await until(lambda: producer.trouble is None)
        assert producer.partitions(name) == 3
        assert await producer.deliver(name, 2, [RECORD, RECORD]) == 2
        await producer.stop()

    asyncio.run(story())
    # Nor is it logged at each attempt: it is `trouble` for as long as it lasts.
    assert [each.getMessage() for each in caplog.records if each.name.startswith("ingest")] == []


@pytest.mark.partitions(2)
def test_what_is_for_a_partition_without_a_leader_fails_after_a_while(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topics.topics.events.name
    monkeypatch.setattr(kafka_producer, "REQUEST_SECONDS", 1.0)

    async def story() -> None:
        producer = LastingProducer(topics, (name,))
        producer.start()
        await until(lambda: producer.trouble is None)
        await producer.deliver(name, 0, [RECORD])
        with monkeypatch.context() as patched:
            patched.setattr(ClusterMetadata, "leader_for_partition", lambda *_: -1)
            with pytest.raises(NotDeliveredError):
                await producer.deliver(name, 0, [RECORD])
        await until(lambda: producer.trouble is None)
        assert await producer.deliver(name, 0, [RECORD]) == 1
        await producer.stop()

    asyncio.run(story())


@pytest.mark.partitions(2)
def test_partitions_that_were_added_are_found_and_of_a_topic_that_vanished_the_last_are_told(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topics.topics.events.name

    async def story() -> None:
        producer = LastingProducer(topics, (name,))
        producer.start()
        await until(lambda: producer.trouble is None)
        with monkeypatch.context() as patched:
            patched.setattr(ClusterMetadata, "partitions_for_topic", lambda *_: {0, 1, 2})
            assert producer.partitions(name) == 3
            patched.setattr(ClusterMetadata, "partitions_for_topic", lambda *_: None)
            assert producer.partitions(name) == 2
        await producer.stop()
        assert producer.partitions(name) == 2

    asyncio.run(story())


def test_a_topic_that_is_deleted_is_told_and_not_made_by_the_asking(own_kafka: OwnBroker) -> None:
    kafka = KafkaSettings(bootstrap=own_kafka.bootstrap, partitions=3)
    name, other = kafka.topics.events.name, kafka.topics.dead_letter.name
    missing = f"there is no topic {name}: run `auditstream topics create`"

    async def story() -> None:
        await create_topics(kafka)
        producer = LastingProducer(kafka, (name, other))
        producer.start()
        await until(lambda: producer.trouble is None)
        assert await producer.deliver(name, 2, [RECORD]) == 1
        await administer(kafka, lambda admin: admin.delete_topics([name]))
        # What it does every few minutes by itself.
        await hidden_producer(producer).client.force_metadata_update()
        assert told(producer) == (missing,)
        await asyncio.sleep(2)
        assert told(producer) == (missing,)
        await administer(
            kafka,
            lambda admin: admin.create_topics([NewTopic(name, 1, 1, topic_configs=dict(kafka.topics.events.settings))]),
        )
        await until(lambda: producer.trouble is None)
        assert producer.partitions(name) == 1
        assert told(producer) == (None, SHRUNK.format(topic=name, count=1, had=3))
        assert await producer.deliver(name, 0, [RECORD]) == 1
        await producer.stop()

    asyncio.run(story())


@pytest.mark.partitions(3)
def test_a_topic_with_fewer_partitions_than_it_had_is_told_and_an_old_producer_does_not_look(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topics.topics.events.name

    async def story() -> None:
        producer = LastingProducer(topics, (name,))
        producer.start()
        await until(lambda: producer.trouble is None)
        first = hidden_producer(producer)
        with monkeypatch.context() as patched:
            patched.setattr(ClusterMetadata, "partitions_for_topic", lambda *_: {0, 1, 2, 3})
            await first.client.force_metadata_update()
            assert told(producer) == (None,)
            assert producer.partitions(name) == 4
        await first.client.force_metadata_update()
        assert told(producer) == (SHRUNK.format(topic=name, count=3, had=4),)
        producer._look(first)  # noqa: SLF001 - as when it is told of topics while it ends
        await until(lambda: producer.trouble is None)
        assert told(producer) == (None, SHRUNK.format(topic=name, count=3, had=4))
        await producer.stop()

    asyncio.run(story())


def test_a_kafka_that_does_not_tell_of_its_topics_is_asked_again(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell_nothing(*_: object) -> bool:
        return False

    async def story() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaClient, "_metadata_update", tell_nothing)
            producer = LastingProducer(topics, (topics.topics.events.name,))
            producer.start()
            await until(lambda: producer.trouble == "Kafka cannot be reached")
        await until(lambda: producer.trouble is None)
        await producer.stop()

    asyncio.run(story())


def test_what_hinders_it_other_than_that_kafka_is_away_is_told_by_its_kind(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_producer: AIOKafkaProducer) -> None:
        raise ClusterAuthorizationFailedError  # as a broker says where the right to be idempotent was not granted

    async def story() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaProducer, "start", refuse)
            producer = LastingProducer(KafkaSettings(bootstrap=kafka.bootstrap), ())
            producer.start()
            await until(lambda: producer.trouble == "Kafka cannot be used (ClusterAuthorizationFailedError)")
        await until(lambda: producer.trouble is None)
        await producer.stop()

    asyncio.run(story())


def test_it_may_stop_before_it_started(kafka: Broker) -> None:
    async def story() -> None:
        await LastingProducer(KafkaSettings(bootstrap=kafka.bootstrap), ("any",)).stop()

    asyncio.run(story())


@pytest.mark.parametrize("key", [b"prod/shop", b"prod/", b"prod/rbac", b"\xff" * 253])
def test_a_key_has_the_partition_that_every_client_gives_it(key: bytes) -> None:
    for partitions in (1, 12, 1000):
        everywhere = list(range(partitions))
        assert partition_of(key, partitions) == DefaultPartitioner()(key, everywhere, everywhere)


def test_the_hidden_names_that_are_used_are_there(kafka: Broker) -> None:
    async def story() -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, enable_idempotence=True) as producer:
            assert isinstance(producer._sender.sender_task, asyncio.Task)  # noqa: SLF001 - it is what is asked
            assert callable(producer.client._metadata_update)  # noqa: SLF001 - it is what is replaced

    asyncio.run(story())
