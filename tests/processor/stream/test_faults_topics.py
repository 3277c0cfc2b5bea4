"""Events that are gone when a worker comes back: it says so, counts them, and goes on with what is there."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from tests.kafka.client import partitions_of
from tests.processor.stream.workers import Installation, event, late_creations, until

pytestmark = pytest.mark.partitions(1)

EVENTS = "auditstream_processor_events_total"
DELETED = "auditstream_processor_deleted_total"


def _administer(installation: Installation, what: str, *arguments: Any) -> None:
    async def call() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.kafka.bootstrap)
        await admin.start()
        try:
            await getattr(admin, what)(*arguments)
        finally:
            await admin.close()

    asyncio.run(call())


def _judged(installation: Installation) -> None:
    """Have some events judged, by a worker that ends."""
    installation.send(late_creations(["a", "b"], 3600))
    worker = installation.start()
    installation.await_committed()
    assert worker.stop() == 0


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(installation: Installation) -> None:
    _judged(installation)
    topic = installation.kafka.topics.events
    _administer(installation, "delete_topics", [topic.name])
    until(lambda: topic.name not in _listed(installation), "the topic to go")
    _administer(installation, "create_topics", [NewTopic(topic.name, 1, 1, topic_configs=dict(topic.settings))])
    asyncio.run(partitions_of(installation.kafka.bootstrap, topic.name))
    installation.send([event("patch", "a", 7200), event("delete", "b", 7200)])

    worker = installation.start()
    installation.await_committed()
    assert worker.count(EVENTS) == 2
    assert worker.count(DELETED) == 0
    told = f"{topic.name}, partition 0: it ends at 2, but was judged up to 4: it was made anew, and is read from its"
    assert worker.told().count(told) == 1
    assert worker.stop() == 0
    installation.check()


def _listed(installation: Installation) -> list[str]:
    async def ask() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.kafka.bootstrap)
        await admin.start()
        try:
            return list(await admin.list_topics())
        finally:
            await admin.close()

    return asyncio.run(ask())


def test_events_that_were_deleted_before_a_worker_came_are_counted(installation: Installation) -> None:
    _judged(installation)
    name = installation.kafka.topics.events.name
    installation.send([event("patch", f"n{number}", 7200) for number in range(6)])
    _administer(installation, "delete_records", {TopicPartition(name, 0): RecordsToDelete(before_offset=7)})
    del installation.sent[4:7]

    worker = installation.start()
    installation.await_committed()
    assert worker.count(EVENTS) == 3
    assert worker.count(DELETED) == 3
    assert worker.told().count(f"{name}, partition 0: 3 events were deleted before they could be judged") == 1
    assert worker.stop() == 0
    installation.check()


def test_events_that_are_deleted_under_a_worker_are_counted(installation: Installation) -> None:
    """It was behind when Kafka deleted: the next records that it gets do not follow on."""
    installation.send(late_creations(["a", "b"], 3600))
    held = installation.folder / "go"
    worker = installation.start(f"hold_opening={held}")
    until((installation.folder / "go.reached").exists, "the opening")
    name = installation.kafka.topics.events.name
    _administer(installation, "delete_records", {TopicPartition(name, 0): RecordsToDelete(before_offset=3)})
    del installation.sent[:3]
    held.touch()
    installation.await_committed()
    assert worker.count(EVENTS) == 1
    assert worker.count(DELETED) == 3
    assert worker.told().count(f"{name}, partition 0: 3 events were deleted before they could be judged") == 1
    assert worker.stop() == 0
    installation.check()
