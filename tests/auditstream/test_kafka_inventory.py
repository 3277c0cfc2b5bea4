"""The inventory out of a real Kafka: what of a changelog stands, read without getting into a worker's way."""

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer

from auditstream.kafka_inventory import read_inventory
from auditstream.resources_command import NoInventoryError, Pairs
from processor.stream.changelog import MARKER_KEY, Marker, deletion_headers, marker_record, value_record
from tests.kafka.broker import OwnBroker
from tests.kafka.client import committed_offsets, end_offsets
from wire.kafka_settings import KafkaSettings

Write = Callable[..., None]
Written = tuple[bytes, bytes | None, list[tuple[str, bytes]]]

pytestmark = pytest.mark.partitions(3)


@pytest.fixture
def write(topics: KafkaSettings) -> Write:
    """Write records to a partition of the changelog."""

    async def send(partition: int, records: tuple[Written, ...]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=topics.bootstrap)
        await producer.start()
        try:
            for key, value, headers in records:
                await producer.send_and_wait(topics.topics.changelog.name, value, key, partition, headers=headers)
        finally:
            await producer.stop()

    def write_all(partition: int, *records: Written) -> None:
        asyncio.run(send(partition, records))

    return write_all


def value(epoch: int, key: bytes, body: bytes) -> Written:
    return key, value_record(epoch, body), []


def deletion(epoch: int, key: bytes) -> Written:
    return key, None, deletion_headers(epoch)


def marker(epoch: int, own_offset: int) -> Written:
    return MARKER_KEY, marker_record(epoch, Marker(0, own_offset)), []


def read(settings: KafkaSettings) -> list[dict[bytes, bytes]]:
    found: list[dict[bytes, bytes]] = []

    def take(pairs: Pairs, _: object) -> None:
        found.append(dict(pairs))

    read_inventory(settings, take)
    return found


def test_nothing_is_there_yet(topics: KafkaSettings) -> None:
    assert read(topics) == []


def test_what_a_marker_follows_stands_and_nothing_else(topics: KafkaSettings, write: Write) -> None:
    write(0, value(1, b"a", b"1"), value(1, b"b", b"1"), marker(1, 2), deletion(1, b"b"), marker(1, 4))
    # A new owner, then the old one that does not know it yet, then a checkpoint that was torn.
    write(
        2,
        value(1, b"c", b"1"),
        marker(1, 1),
        marker(2, 2),
        value(1, b"c", b"zombie"),
        deletion(1, b"c"),
        value(2, b"d", b"torn"),
    )
    assert read(topics) == [{b"a": b"1"}, {b"c": b"1"}]


def test_much_is_read_to_the_end_of_now(topics: KafkaSettings, write: Write) -> None:
    values = [value(1, b"%06d" % number, b"x" * 100_000) for number in range(60)]
    write(1, *values, marker(1, 60))
    assert [len(state) for state in read(topics)] == [60]


def test_reading_leaves_no_trace(topics: KafkaSettings, write: Write) -> None:
    write(0, value(1, b"a", b"1"), marker(1, 1))
    name = topics.topics.changelog.name
    assert read(topics) == read(topics) == [{b"a": b"1"}]
    assert asyncio.run(committed_offsets(topics.bootstrap, topics.topics.group, name)) == {}
    assert asyncio.run(end_offsets(topics.bootstrap, name)) == {0: 2, 1: 0, 2: 0}


def test_what_no_worker_wrote_is_told_with_its_place(topics: KafkaSettings, write: Write) -> None:
    write(1, value(1, b"a", b"1"), (b"a", b"short", []))
    with pytest.raises(NoInventoryError) as error:
        read(topics)
    place = f"{topics.topics.changelog.name}, partition 1"
    assert str(error.value) == f"{place}: offset 1 holds no record of a checkpoint; has something else written there?"


def test_a_missing_topic_is_told_and_not_made(no_topics: KafkaSettings) -> None:
    for _ in range(2):
        with pytest.raises(NoInventoryError) as error:
            read(no_topics)
        name = no_topics.topics.changelog.name
        assert str(error.value) == f"there is no topic {name}: make it with 'auditstream topics create'"


def test_a_kafka_that_is_away_is_told(own_kafka: OwnBroker) -> None:
    own_kafka.stop()
    settings = KafkaSettings(bootstrap=own_kafka.bootstrap)
    with pytest.raises(NoInventoryError, match=rf"^cannot reach Kafka at {own_kafka.bootstrap}: start it, "):
        read(settings)
