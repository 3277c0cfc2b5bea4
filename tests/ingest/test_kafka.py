"""Publishing to a real Kafka: where records go, what waits and what is refused, and what becomes of an outage."""

import asyncio
import base64
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.protocol.produce import ProduceRequest
from prometheus_client import CollectorRegistry

from ingest import kafka as kafka_module
from ingest import kafka_producer
from ingest.kafka import KafkaPublisher
from ingest.kafka_producer import LastingProducer
from ingest.publisher import Acknowledged, Unavailable
from ingest.split import Split
from tests.kafka.broker import OwnBroker
from tests.kafka.client import Stored, read_topic
from tests.waiting import eventually
from wire.kafka_settings import KafkaSettings
from wire.record import MAX_EVENT_BYTES, Reason, Record, Rejected

MIB: Final = 1024 * 1024
PATIENCE_SECONDS: Final = 30
until: Final = partial(eventually, seconds=PATIENCE_SECONDS)

pytestmark = pytest.mark.partitions(1)


def record(value: bytes, key: bytes | None = None) -> Record:
    return Record(value, key, "prod", 7)


def batch(*records: Record, rejected: tuple[Rejected, ...] = ()) -> Split:
    return Split(list(records), list(rejected), is_envelope=True)


def reject(value: bytes, *, is_judged: bool = False) -> Rejected:
    return Rejected(value, Reason.TOO_LARGE, "item 2: too large", "prod", 7, is_judged)


def stored(kafka: KafkaSettings, topic: str) -> list[Stored]:
    return asyncio.run(read_topic(kafka.bootstrap, topic))


def values(records: list[Stored]) -> list[bytes]:
    return [found.value or b"" for found in records]


def is_ready(publisher: KafkaPublisher) -> bool:
    return trouble(publisher) is None


def trouble(publisher: KafkaPublisher) -> str | None:
    try:
        publisher.check()
    except Unavailable as error:
        return str(error)
    return None


def metrics_of(registry: CollectorRegistry) -> dict[str, float | None]:
    names = {"failed_batches": "_total", "renewed_producers": "_total", "pending_bytes": ""}
    return {name: registry.get_sample_value(f"auditstream_ingest_{name}{suffix}") for name, suffix in names.items()}


async def refusal(work: Awaitable[None]) -> str:
    with pytest.raises(Unavailable) as error:
        await work
    return str(error.value)


@asynccontextmanager
async def publisher_of(kafka: KafkaSettings, **how: Any) -> AsyncIterator[KafkaPublisher]:
    registry = how.pop("registry", None) or CollectorRegistry()
    async with KafkaPublisher(kafka, registry, **how) as publisher:
        await until(lambda: is_ready(publisher))
        yield publisher


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Hold what is on its way to a topic until this is set."""
    goes_on = asyncio.Event()
    send = AIOKafkaClient.send

    async def hold(client: AIOKafkaClient, node: int, message: object, **how: Any) -> object:
        if isinstance(message, ProduceRequest):
            await goes_on.wait()
        return await send(client, node, message, **how)

    monkeypatch.setattr(AIOKafkaClient, "send", hold)
    return goes_on


def producer_of(publisher: KafkaPublisher) -> Any:
    """Return the producer of aiokafka's that is in use."""
    return publisher._producer._producer  # noqa: SLF001 - to break it


# Where records go


@pytest.mark.partitions(4)
def test_keyed_records_go_where_any_client_would_put_them_and_all_others_of_a_batch_to_one_partition(
    topics: KafkaSettings,
) -> None:
    keys = [b"prod/shop", b"prod/data", b"prod/rbac", b"prod/", b"prod/kube-system"]

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            for number in range(6):
                others = [record(b"%d.%d" % (number, index)) for index in range(3)]
                keyed = [record(b"%d" % number, key) for key in keys]
                await publisher.publish(batch(others[0], *keyed, *others[1:]))

    asyncio.run(story())
    found = stored(topics, topics.topics.events.name)
    everywhere = list(range(4))
    assert all(
        one.partition == DefaultPartitioner()(one.key, everywhere, everywhere) for one in found if one.key is not None
    )
    assert [one.value for one in found if one.key == keys[0]] == [b"%d" % number for number in range(6)]
    unkeyed = [(one.value, one.partition) for one in found if one.key is None]
    assert sorted(unkeyed) == [(b"%d.%d" % (number, index), number % 4) for number in range(6) for index in range(3)]


@pytest.mark.partitions(2)
def test_a_batch_of_many_keys_is_divided_in_a_thread_and_a_repeat_joins_it_meanwhile(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    def noted(key: bytes, partitions: int) -> int:
        threads.add(threading.current_thread())
        return kafka_producer.partition_of(key, partitions)

    monkeypatch.setattr(kafka_module, "partition_of", noted)
    whole = batch(*(record(b"%d" % number, b"prod/%0200d" % number) for number in range(500)))

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            await asyncio.gather(publisher.publish(whole), publisher.publish(whole))

    asyncio.run(story())
    assert threading.main_thread() not in threads
    found = stored(topics, topics.topics.events.name)
    assert sorted(values(found)) == sorted(each.value for each in whole.records)
    assert {each.partition for each in found} == {0, 1}


def test_publishes_that_meet_on_a_partition_do_not_mix(topics: KafkaSettings) -> None:
    # Each of several batches of Kafka's.
    bodies = [[b"%d %d " % (body, number) + os.urandom(1000) for number in range(700)] for body in range(4)]

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            await asyncio.gather(*(publisher.publish(batch(*map(record, body))) for body in bodies))

    asyncio.run(story())
    found = values(stored(topics, topics.topics.events.name))
    pieces = [found[start : start + 700] for start in range(0, len(found), 700)]
    assert sorted(pieces) == bodies


def test_headers_tell_what_a_record_and_a_reject_are(topics: KafkaSettings) -> None:
    longer = b"x" * (MAX_EVENT_BYTES + 5)

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            await publisher.publish(batch(record(b"a"), rejected=(reject(b"b", is_judged=True), reject(longer))))

    asyncio.run(story())
    [event] = stored(topics, topics.topics.events.name)
    assert event.headers == {"cluster": b"prod", "received": b"7", "v": b"1"}
    whole, cut = stored(topics, topics.topics.dead_letter.name)
    why = {"reason": b"too_large", "detail": b"item 2: too large", "origin": b"ingest"}
    assert whole.headers == {**event.headers, **why, "judged": b"true"}
    assert cut.headers == {**event.headers, **why, "judged": b"false", "cut": b"8388613"}
    assert (whole.value, cut.value) == (b"b", longer[:MAX_EVENT_BYTES])


def test_the_largest_event_goes_with_the_longest_key_however_badly_it_compresses(topics: KafkaSettings) -> None:
    value = os.urandom(MAX_EVENT_BYTES)
    largest = Record(value, b"c" * 63 + b"/" + b"n" * 253, "c" * 63, 7)

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            await publisher.publish(batch(record(b"before"), largest, record(b"after"), rejected=(reject(value),)))

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"before", value, b"after"]
    assert values(stored(topics, topics.topics.dead_letter.name)) == [value]


def event(name: str, **members: bytes) -> bytes:
    """Make an event whose members are of the sizes given, however it is compressed."""
    told = {key: base64.b64encode(value).decode() for key, value in members.items()}
    return json.dumps({"auditID": name, "verb": "create", **told}).encode()


SMALL_TOPIC: Final = "topic {} does not take every record: `auditstream topics create` sets its max.message.bytes right"


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.topic_settings({"max.message.bytes": "1048588"})
def test_records_that_their_topic_refuses_for_their_size_are_judged_without_their_objects(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch, *, is_told: bool
) -> None:
    if not is_told:  # as to a user without the right to describe settings

        async def tell_nothing(*_: object) -> dict[str, int]:
            return {}

        monkeypatch.setattr(kafka_producer, "_limits_of", tell_nothing)
    large, small = event("large", requestObject=os.urandom(2 * MIB)), event("small")
    stubborn = event("stubborn", user=os.urandom(2 * MIB))
    registry = CollectorRegistry()
    names = topics.topics.events.name, topics.topics.dead_letter.name
    warnings = [SMALL_TOPIC.format(name) for name in names]

    async def story() -> None:
        async with publisher_of(topics, registry=registry) as publisher:
            assert list(publisher.warnings) == (warnings if is_told else [])
            sent = [Record(value, b"prod/shop", "prod", 7) for value in (small, large, stubborn, small)]
            await publisher.publish(batch(*sent, rejected=(reject(large, is_judged=True),)))
            assert list(publisher.warnings) == warnings

    asyncio.run(story())
    marked = b'{"auditID":"large","verb":"create","annotations":{"audit.k8s.io/truncated":"true"}}'
    found = stored(topics, names[0])
    assert [json.loads(each.value or b"") for each in found] == list(map(json.loads, (small, marked, small)))
    assert {each.key for each in found} == {b"prod/shop"}
    came = stored(topics, names[1])
    assert {(each.headers["detail"], each.headers["judged"], each.headers["cut"]) for each in came} == {
        (b"item 2: too large", b"true", b"%d" % len(large)),
        (b"%d bytes, more than its topic takes" % len(large), b"true", b"%d" % len(large)),
        (b"%d bytes, more than its topic takes" % len(stubborn), b"false", b"%d" % len(stubborn)),
    }
    assert {each.value for each in came} == {value[: 256 * 1024] for value in (large, stubborn)}
    assert registry.get_sample_value("auditstream_ingest_refused_records_total") == 3
    # Where Kafka tells how much a topic takes, nothing is sent that it refuses: that costs a producer.
    assert (metrics_of(registry)["renewed_producers"] == 0) is is_told


@pytest.mark.topic_settings({"max.message.bytes": "1000"})
def test_what_is_refused_even_when_cut_is_to_come_again(topics: KafkaSettings) -> None:
    async def story() -> None:
        async with publisher_of(topics) as publisher:
            for refused in (batch(record(os.urandom(2000))), batch(rejected=(reject(os.urandom(2000)),))):
                told = await refusal(publisher.publish(refused))
                assert told == "a topic takes no record of this size: run `auditstream topics create`"
            for refused in (batch(record(os.urandom(MIB))), batch(rejected=(reject(os.urandom(MIB)),))):
                told = await refusal(publisher.publish(refused))
                assert told == "a topic takes no record of this size: run `auditstream topics create`"

    asyncio.run(story())
    assert stored(topics, topics.topics.events.name) == []


@pytest.mark.topic_settings({"max.message.bytes": "1048588"})
def test_a_topic_that_was_set_right_takes_large_records_at_once(topics: KafkaSettings) -> None:
    large = os.urandom(2 * MIB)

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            assert len(publisher.warnings) == 2
            admin = AIOKafkaAdminClient(bootstrap_servers=topics.bootstrap)
            await admin.start()
            right = dict(topics.topics.events.settings)
            names = topics.topics.events.name, topics.topics.dead_letter.name
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, right) for name in names])
            await admin.close()
            await publisher.publish(batch(record(large)))
            assert not publisher.warnings

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [large]


# What waits, and what is refused


def test_what_would_fill_the_producer_is_refused(topics: KafkaSettings, held: asyncio.Event) -> None:

    registry = CollectorRegistry()

    async def story() -> None:
        async with publisher_of(topics, registry=registry, max_pending_bytes=MIB) as publisher:
            # Alone, it is taken though it is too large.
            first = asyncio.create_task(publisher.publish(batch(record(bytes(2 * MIB)))))
            await asyncio.sleep(0.05)
            assert metrics_of(registry)["pending_bytes"] == 2 * MIB + 256
            told = await refusal(publisher.publish(batch(record(b"a"))))
            assert told == f"too much waits for Kafka: {2 * MIB + 256} of at most {MIB} bytes"
            assert trouble(publisher) == told
            held.set()
            await first
            await publisher.publish(batch(record(b"a")))

    asyncio.run(story())


@pytest.mark.partitions(2)
def test_a_partition_that_waits_holds_up_no_other(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = asyncio.Event()
    deliver = LastingProducer.deliver

    async def hold_first(producer: LastingProducer, topic: str, partition: int, entries: list[Any]) -> int:
        if partition == 0:
            await goes_on.wait()
        return await deliver(producer, topic, partition, entries)

    monkeypatch.setattr(LastingProducer, "deliver", hold_first)

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            first = asyncio.create_task(publisher.publish(batch(record(b"0"))))
            await asyncio.sleep(0)
            await publisher.publish(batch(record(b"1")))
            second = asyncio.create_task(publisher.publish(batch(record(b"2"))))
            await asyncio.sleep(0)
            await publisher.publish(batch(record(b"3")))
            goes_on.set()
            await asyncio.gather(first, second)

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"0", b"2", b"1", b"3"]


def test_a_stop_waits_for_what_was_taken(topics: KafkaSettings, held: asyncio.Event) -> None:

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            work = asyncio.create_task(publisher.publish(batch(record(b"a"))))
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.3, held.set)
            await publisher.stop("it is time")
            await work
            assert await refusal(publisher.publish(batch(record(b"b")))) == "it is time"

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"a"]


@pytest.mark.usefixtures("held")
def test_a_stop_gives_up_what_takes_too_long(topics: KafkaSettings) -> None:

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            work = asyncio.create_task(publisher.publish(batch(record(b"a"))))
            await asyncio.sleep(0.05)
            begin = time.monotonic()
            await publisher.stop(seconds=0.2)
            assert time.monotonic() - begin < 5
            assert await refusal(work) == "it ended before Kafka had acknowledged it"

    asyncio.run(story())
    assert stored(topics, topics.topics.events.name) == []


@pytest.mark.usefixtures("held")
def test_a_stop_does_not_wait_for_what_nobody_waits_for(topics: KafkaSettings) -> None:

    async def story() -> None:
        async with publisher_of(topics, timeout_seconds=1.0) as publisher:
            late = asyncio.create_task(publisher.publish(batch(record(b"a"))))
            given_up = asyncio.create_task(publisher.publish(batch(record(b"b"))))
            await asyncio.sleep(0.05)
            given_up.cancel()
            begin = time.monotonic()
            await publisher.stop()
            assert 0.9 < time.monotonic() - begin < 6
            assert await refusal(late) == "Kafka has not acknowledged it within 1 seconds"

    asyncio.run(story())


# Outages


@pytest.mark.partitions(3)
def test_an_outage_is_told_and_healed_and_no_event_is_on_the_topic_more_than_twice(
    own_kafka: OwnBroker, own_topics: KafkaSettings
) -> None:
    sent = [batch(*(record(b"%d.%d" % (body, number)) for number in range(50))) for body in range(6)]

    async def send(publisher: KafkaPublisher, body: Split) -> None:
        """Repeat as the API server does, but quicker."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await publisher.publish(body)
                except Unavailable:
                    await asyncio.sleep(0.3)

    async def story() -> None:
        async with publisher_of(own_topics, timeout_seconds=1.0) as publisher:
            await publisher.publish(sent[0])
            await asyncio.to_thread(own_kafka.stop)
            begin = time.monotonic()
            under_way = [asyncio.create_task(publisher.publish(body)) for body in sent[1:3]]
            assert [await refusal(work) for work in under_way] == ["Kafka has not acknowledged it within 1 seconds"] * 2
            assert time.monotonic() - begin < 5

            begin = time.monotonic()
            told = await refusal(publisher.publish(sent[3]))
            assert told == "Kafka has not acknowledged a batch for more than 1 seconds"
            assert time.monotonic() - begin < 1
            assert trouble(publisher) == told

            senders = [asyncio.create_task(send(publisher, body)) for body in sent]
            await asyncio.sleep(3)
            await asyncio.to_thread(own_kafka.start)
            await asyncio.gather(*senders)
            await until(lambda: is_ready(publisher))

    asyncio.run(story())
    found = values(stored(own_topics, own_topics.topics.events.name))
    expected = [one.value for body in sent for one in body.records]
    assert set(found) == set(expected)
    assert max(map(found.count, expected)) <= 2
    # Each was pending once, and its repeats joined it.
    assert len(found) == len(expected)


def test_it_starts_while_kafka_is_away(own_kafka: OwnBroker, own_topics: KafkaSettings) -> None:

    async def story() -> None:
        own_kafka.stop()
        async with KafkaPublisher(own_topics, CollectorRegistry()) as publisher:
            assert trouble(publisher) == "Kafka has not been reached yet"
            await until(lambda: trouble(publisher) == "Kafka cannot be reached")
            assert await refusal(publisher.publish(batch(record(b"a")))) == "Kafka cannot be reached"
            await asyncio.to_thread(own_kafka.start)
            await until(lambda: is_ready(publisher))
            await publisher.publish(batch(record(b"a")))

    asyncio.run(story())
    assert values(stored(own_topics, own_topics.topics.events.name)) == [b"a"]


def test_it_stops_while_kafka_is_away(own_kafka: OwnBroker, own_topics: KafkaSettings) -> None:

    async def story() -> None:
        async with publisher_of(own_topics, timeout_seconds=0.5) as publisher:
            await publisher.publish(batch(record(b"a")))
            own_kafka.pause()
            await refusal(publisher.publish(batch(record(b"b"))))
            begin = time.monotonic()
            await publisher.stop(seconds=0.2)
            assert time.monotonic() - begin < 10

    try:
        asyncio.run(story())
    finally:
        own_kafka.resume()


def test_a_frozen_broker_is_as_good_as_none(
    own_kafka: OwnBroker, own_topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_producer, "CONNECT_SECONDS", 0.5)

    async def story() -> None:
        own_kafka.pause()
        async with KafkaPublisher(own_topics, CollectorRegistry()) as publisher:
            await until(lambda: trouble(publisher) == "Kafka cannot be reached")
            own_kafka.resume()
            monkeypatch.setattr(kafka_producer, "CONNECT_SECONDS", 15)
            await until(lambda: is_ready(publisher))

    try:
        asyncio.run(story())
    finally:
        own_kafka.resume()


# A new producer after a failure


@pytest.mark.partitions(4)
def test_what_the_broker_takes_for_a_hole_fails_once_and_the_rest_is_not_repeated(topics: KafkaSettings) -> None:
    keys = [b"prod/%d" % number for number in range(100)]
    [good, hole, *_] = [next(key for key in keys if kafka_producer.partition_of(key, 4) == place) for place in range(4)]
    both = batch(record(b"good", good), record(b"hole", hole), record(b"last"))

    registry = CollectorRegistry()

    async def story() -> None:
        async with publisher_of(topics, registry=registry) as publisher:
            await publisher.publish(batch(record(b"first", hole)))
            broken = producer_of(publisher)
            [place] = [place for place in broken._txn_manager._sequence_numbers if place.partition == 1]  # noqa: SLF001
            broken._txn_manager.increment_sequence_number(place, 100)  # noqa: SLF001 - the broker itself refuses then
            told = await refusal(publisher.publish(both))
            assert told == "Kafka did not take it (OutOfOrderSequenceNumber): a new producer is being made"
            assert trouble(publisher) == "a new producer is being made after a failure (OutOfOrderSequenceNumber)"
            await until(lambda: is_ready(publisher))
            assert producer_of(publisher) is not broken
            await publisher.publish(both)

    asyncio.run(story())
    found = values(stored(topics, topics.topics.events.name))
    assert sorted(found) == [b"first", b"good", b"hole", b"last"]
    assert metrics_of(registry) == {"failed_batches": 1, "renewed_producers": 1, "pending_bytes": 0}


def test_a_sender_that_died_is_replaced(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            with monkeypatch.context() as patched:
                patched.setattr(MessageAccumulator, "drain_by_nodes", None)
                await refusal(publisher.publish(batch(record(b"a"))))
            await until(lambda: is_ready(publisher))
            await publisher.publish(batch(record(b"a")))

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"a"]


def test_what_is_pending_elsewhere_outlives_the_producer_and_what_follows_waits_for_the_new_one(
    topics: KafkaSettings, held: asyncio.Event
) -> None:

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            first = asyncio.create_task(publisher.publish(batch(record(b"a"))))
            second = asyncio.create_task(publisher.publish(batch(record(b"b"))))
            await asyncio.sleep(0.05)
            publisher._producer._lose(producer_of(publisher), "lost")  # noqa: SLF001 - as after a failure elsewhere
            held.set()
            await asyncio.gather(first, second)

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"a", b"b"]


@pytest.mark.partitions(2)
def test_what_is_known_of_failures_is_bounded_and_a_repeat_is_divided_anew_when_partitions_were_added(
    topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_module, "_MAX_UNFINISHED", 1)

    async def fail(*_arguments: object) -> int:
        raise ValueError("not to be told")

    async def story() -> None:
        async with publisher_of(topics) as publisher:
            with monkeypatch.context() as patched:
                patched.setattr(LastingProducer, "deliver", fail)
                for value in (b"a", b"b"):
                    told = await refusal(publisher.publish(batch(record(value))))
                    assert told == "it could not be published: the server's log has more"
            assert len(publisher._unfinished) == 1  # noqa: SLF001 - nothing shows it
            monkeypatch.setattr(LastingProducer, "partitions", lambda *_: 1)
            await publisher.publish(batch(record(b"b")))

    asyncio.run(story())
    assert [(one.value, one.partition) for one in stored(topics, topics.topics.events.name)] == [(b"b", 0)]


def test_the_digests_that_are_remembered_may_come_from_outside(topics: KafkaSettings) -> None:

    async def story() -> None:
        async with publisher_of(
            topics, acknowledged=Acknowledged(iter([0.0, 0.0, 1e6, 1e6, 1e6]).__next__)
        ) as publisher:
            for _ in range(2):
                await publisher.publish(batch(record(b"a")))

    asyncio.run(story())
    assert values(stored(topics, topics.topics.events.name)) == [b"a", b"a"]
