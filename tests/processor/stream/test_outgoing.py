"""Alerts and dead letters: where they go, and that batches of them arrive whole."""

import asyncio
import json
from collections.abc import Callable

import pytest
from aiokafka.partitioner import DefaultPartitioner

from processor.engine import Engine, Outcome
from processor.inventory import Counts
from processor.state import MemoryState
from processor.stream.outgoing import Entry, Outgoing, deliver, write
from tests.kafka.client import read_topic
from tests.processor.stream.conftest import Producing
from wire.kafka_settings import KafkaSettings
from wire.record import Reason, Record, Rejected
from wire.topics import BATCH_BYTES, Topics

MakeRecord = Callable[..., Record]


@pytest.fixture
def outcome(engine: Engine, make_record: MakeRecord) -> Outcome:
    outcome = engine.process([make_record(auditID=str(number)) for number in range(50)], MemoryState())
    assert len({alert.id for alert in outcome.alerts}) == 50
    return outcome


def test_an_alert_goes_where_kafkas_clients_put_its_key(outcome: Outcome) -> None:
    outgoing = Outgoing(Topics(), 12)
    outgoing.add(outcome, 3)
    held = outgoing.take()
    partitioner, partitions = DefaultPartitioner(), list(range(12))
    assert {place[0] for place in held} == {"audit.alerts"}
    assert len(held) > 6
    for (_, partition), entries in held.items():
        for key, value, headers in entries:
            assert key is not None
            assert partitioner(key, partitions, partitions) == partition
            assert json.loads(value or b"")["id"] == key.decode()
            assert headers == []


def test_a_dead_letter_stays_on_its_partition_and_says_whose_it_is() -> None:
    outgoing = Outgoing(Topics("x."), 12)
    outgoing.add(Outcome([], [Rejected(b"{", Reason.NOT_JSON, "why", "east", 7)], [], Counts()), 5)
    ((place, (entry,)),) = outgoing.take().items()
    assert place == ("x.deadletter", 5)
    assert (entry.key, entry.value) == (None, b"{")
    assert dict(entry.headers)["reason"] == b"not_json"
    assert dict(entry.headers)["origin"] == b"processor"


def test_what_is_held_is_measured_until_it_is_taken(outcome: Outcome) -> None:
    outgoing = Outgoing(Topics(), 12)
    outgoing.add(outcome, 0)
    assert outgoing.size == sum(len(alert.to_json()) for alert in outcome.alerts)
    assert sum(map(len, outgoing.take().values())) == 50
    assert outgoing.size == 0
    assert outgoing.take() == {}


@pytest.mark.partitions(2)
def test_records_are_written_in_order_in_as_few_batches_as_they_fit(
    topics: KafkaSettings, producing: Producing
) -> None:
    small = [Entry(b"%d" % number, b"v" * 1000, [("n", b"%d" % number)]) for number in range(600)]
    entries = [*small, Entry(None, b"l" * (2 * BATCH_BYTES), []), Entry(b"last", b"v", [])]
    name = topics.topics.alerts.name

    async def work() -> None:
        async with producing(topics) as producer:
            spans = await write(producer.client, (name, 1), entries)
            assert [span.begin for span in spans] == [0, *(span.end for span in spans[:-1])]
            assert spans[-1].end == len(entries)
            assert len(spans) == 5, "three of small ones, one of a large one, and the rest"
            assert await write(producer.client, (name, 1), []) == []

    asyncio.run(work())
    stored = asyncio.run(read_topic(topics.bootstrap, name))
    assert [(each.partition, each.key, each.value) for each in stored] == [
        (1, each.key, each.value) for each in entries
    ]
    assert stored[7].headers == {"n": b"7"}


@pytest.mark.partitions(6)
def test_many_large_ones_are_delivered(topics: KafkaSettings, producing: Producing) -> None:
    """All at once they would be one request of 108 MiB, which no broker takes."""
    letters = topics.topics.dead_letter.name
    large = b"x" * (8 * 1024 * 1024)
    held = {(letters, partition): [Entry(None, large, []), Entry(None, large, [])] for partition in range(6)}
    held[topics.topics.alerts.name, 0] = [Entry(b"k", b"v", [])]

    async def work() -> None:
        async with producing(topics) as producer:
            await deliver(producer.client, held)

    asyncio.run(work())
    stored = asyncio.run(read_topic(topics.bootstrap, letters))
    assert [each.partition for each in stored] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {each.value for each in stored} == {large}


@pytest.mark.partitions(2)
def test_a_producer_learns_of_topics_before_it_sends_to_them(topics: KafkaSettings, producing: Producing) -> None:
    async def story() -> list[set[int] | None]:
        async with producing(topics) as producer:
            await Outgoing(topics.topics, 2).look_up(producer.client)
            cluster = producer.client.client.cluster
            names = topics.topics.alerts.name, topics.topics.dead_letter.name, topics.topics.events.name
            return [cluster.partitions_for_topic(name) for name in names]

    assert asyncio.run(story()) == [{0, 1}, {0, 1}, None]
