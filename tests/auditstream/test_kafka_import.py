"""Records of an import into a real Kafka: where they stand there, and what is said where they cannot."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from auditstream.import_command import NotSentError
from auditstream.kafka_import import send_records
from tests.kafka.broker import OwnBroker
from tests.kafka.client import Stored, read_topic
from wire.kafka_settings import KafkaSettings
from wire.record import Record

pytestmark = pytest.mark.partitions(3)


def records(*keys: bytes, size: int = 10) -> list[Record]:
    return [Record(b'"' + b"%d" % number + b"x" * size + b'"', key, "c", 1) for number, key in enumerate(keys)]


def stored(settings: KafkaSettings) -> list[Stored]:
    return asyncio.run(read_topic(settings.bootstrap, settings.topics.events.name))


def test_each_record_stands_on_the_partition_of_its_key_with_its_headers(topics: KafkaSettings) -> None:
    batch = records(b"c/a", b"c/b", b"c/rbac", b"c/a")
    send_records(topics, [batch[:3], batch[3:]])
    found = stored(topics)
    assert sorted((each.key, each.value) for each in found) == sorted((each.key, each.value) for each in batch)
    assert len({each.partition for each in found if each.key == b"c/a"}) == 1
    assert {tuple(each.headers.items()) for each in found} == {(("cluster", b"c"), ("received", b"1"), ("v", b"1"))}


def test_large_records_are_sent_too(topics: KafkaSettings) -> None:
    batch = records(*[b"c/a"] * 5, size=1_500_000)
    send_records(topics, [batch])
    assert [each.value for each in stored(topics)] == [each.value for each in batch]


def test_nothing_is_read_before_kafka_is_there(own_kafka: OwnBroker) -> None:
    own_kafka.stop()
    asked = []

    def batches() -> Iterator[Sequence[Record]]:
        asked.append(1)
        yield records(b"c/a")

    settings = KafkaSettings(bootstrap=own_kafka.bootstrap)
    with pytest.raises(NotSentError) as error:
        send_records(settings, batches(), patience_seconds=2)
    told = f"Kafka at {own_kafka.bootstrap} does not take it: Kafka cannot be reached; run this again when that is "
    assert (str(error.value), asked) == (f"{told}put right", [])


def test_a_missing_topic_is_told(no_topics: KafkaSettings) -> None:
    with pytest.raises(NotSentError, match=rf": there is no topic {no_topics.topics.events.name}: run "):
        send_records(no_topics, [records(b"c/a")], patience_seconds=2)


@pytest.mark.topic_settings({"max.message.bytes": "100000"})
def test_topics_that_do_not_take_every_record_are_refused_before_anything_is_sent(topics: KafkaSettings) -> None:
    with pytest.raises(NotSentError) as error:
        send_records(topics, [records(b"c/a")])
    told = "topic {} does not take every record: `auditstream topics create` sets its max.message.bytes right"
    names = (topics.topics.events.name, topics.topics.dead_letter.name)
    assert (str(error.value), stored(topics)) == ("; ".join(map(told.format, names)), [])


def test_an_outage_between_two_batches_is_outlasted(own_kafka: OwnBroker, own_topics: KafkaSettings) -> None:
    def restart() -> None:
        own_kafka.stop()
        own_kafka.start()

    def batches() -> Iterator[Sequence[Record]]:
        yield records(b"c/a")
        # In a thread, as this one has a loop that runs.
        with ThreadPoolExecutor() as pool:
            pool.submit(restart).result()
        yield records(b"c/b")

    send_records(own_topics, batches(), patience_seconds=60)
    assert sorted(each.key or b"" for each in stored(own_topics)) == [b"c/a", b"c/b"]
