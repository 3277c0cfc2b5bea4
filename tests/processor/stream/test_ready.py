"""Whether Kafka and its topics are there: told once each, waited for, and refused where no waiting helps."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from processor.stream.ready import UnevenError, await_topics
from tests.kafka.client import create_topics
from wire.kafka_settings import KafkaSettings


@pytest.mark.partitions(3)
def test_the_number_of_partitions_is_what_kafka_has(topics: KafkaSettings) -> None:
    other = topics.model_copy(update={"partitions": 12})
    assert asyncio.run(await_topics(other, pytest.fail)) == 3


def test_a_kafka_that_is_away_is_told_once_and_waited_for() -> None:
    told: list[str] = []

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await await_topics(KafkaSettings(bootstrap="127.0.0.1:1"), told.append)

    asyncio.run(work())
    assert told == ["Kafka does not answer at 127.0.0.1:1: KafkaConnectionError"]


@pytest.mark.partitions(2)
def test_missing_topics_are_waited_for(no_topics: KafkaSettings) -> None:
    told: list[str] = []

    async def work() -> int:
        is_told = asyncio.Event()

        def tell(line: str) -> None:
            told.append(line)
            is_told.set()

        async def make_them_once_told() -> None:
            await is_told.wait()
            await create_topics(no_topics)

        async with asyncio.timeout(60):
            waiting, _ = await asyncio.gather(await_topics(no_topics, tell), make_them_once_told())
        return waiting

    assert asyncio.run(work()) == 2
    assert told[0].startswith(f"Kafka has no topic {no_topics.topics.events.name}")
    assert told[0].endswith(": run 'auditstream topics create'")


@pytest.mark.partitions(2)
def test_asking_for_topics_does_not_make_them(no_topics: KafkaSettings) -> None:
    """By default a broker makes what it is asked for, with one partition and settings that would lose the state."""

    async def work() -> set[str]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await await_topics(no_topics, lambda _told: None)
        admin = AIOKafkaAdminClient(bootstrap_servers=no_topics.bootstrap)
        await admin.start()
        names = set(await admin.list_topics())
        await admin.close()
        return names

    assert not {topic.name for topic in no_topics.topics.all} & asyncio.run(work())


@pytest.mark.partitions(2)
@pytest.mark.topic_settings({"cleanup.policy": "delete"})
def test_a_changelog_that_is_not_compacted_is_told(topics: KafkaSettings) -> None:
    told: list[str] = []

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await await_topics(topics, told.append)

    asyncio.run(work())
    name = topics.topics.changelog.name
    assert told == [
        f"the topic {name} is not kept as a changelog is (cleanup.policy=delete): run 'auditstream topics create'"
    ]


@pytest.mark.partitions(2)
def test_topics_that_do_not_belong_together_are_refused(topics: KafkaSettings) -> None:
    name = topics.topics.events.name

    async def work() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
        await admin.start()
        await admin.create_partitions({name: NewPartitions(5)})
        # It is answered when the controller has them; a broker tells of them a moment later.
        async with asyncio.timeout(30):
            while len((await admin.describe_topics([name]))[0]["partitions"]) < 5:  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(0.1)
        await admin.close()
        with pytest.raises(UnevenError, match=rf"different numbers of partitions \(.*{name} 5.*\): state and events"):
            await await_topics(topics, lambda _told: None)

    asyncio.run(work())
