"""What tests of several rooms share: making events, and loading rules from text."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from processor.decode import decode
from rules.document import Value
from rules.errors import LoadResult
from rules.event import Event
from rules.loader import Selection, load
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from wire.kafka_settings import KafkaSettings
from wire.record import Record

MakeEvent = Callable[..., Event]
MakeRecord = Callable[..., Record]
LoadText = Callable[..., LoadResult]
Holds = Callable[[str, Event], bool]
MakeTopics = Callable[..., KafkaSettings]
ReadTopic = Callable[[KafkaSettings, str], list[ConsumerRecord]]

_Result = TypeVar("_Result")

_EVENT = {
    "auditID": "6c1f2f0e-0000-0000-0000-000000000001",
    "stage": "ResponseComplete",
    "verb": "create",
    "requestURI": "/api/v1/namespaces/shop/pods",
    "user": {"username": "alice", "groups": ["dev", "system:authenticated"]},
    "sourceIPs": ["203.0.113.7", "10.1.2.3"],
    "objectRef": {"resource": "pods", "namespace": "shop", "name": "web", "apiVersion": "v1"},
    "responseStatus": {"metadata": {}, "code": 201},
    "stageTimestamp": "2026-11-23T20:34:01.258117Z",
}


@pytest.fixture
def make_record() -> MakeRecord:
    """Make a record of an ordinary event, some members of which are others, or missing where they are `...`."""

    def make(cluster: str = "default", **members: object) -> Record:
        event = {name: value for name, value in {**_EVENT, **members}.items() if value is not ...}
        return Record(json.dumps(event, separators=(",", ":")).encode(), None, cluster, 0)

    return make


@pytest.fixture
def make_event(make_record: MakeRecord) -> MakeEvent:
    """Make the event of such a record."""

    def make(cluster: str = "default", **members: object) -> Event:
        event = decode(make_record(cluster, **members))
        assert isinstance(event, Event)
        return event

    return make


@pytest.fixture
def load_text() -> LoadText:
    """Load rule files given as text; they are called `0.yaml`, `1.yaml`, ..."""

    def load_files(*texts: str, selection: Selection | None = None) -> LoadResult:
        files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(texts)]
        return load(files, selection or Selection())

    return load_files


@pytest.fixture
def make_ruleset(load_text: LoadText) -> Callable[..., Ruleset]:
    """Load rule files that have no errors."""

    def make(*texts: str, selection: Selection | None = None) -> Ruleset:
        result = load_text(*texts, selection=selection)
        assert result.ruleset is not None, result.to_text()
        return result.ruleset

    return make


@pytest.fixture
def holds(load_text: LoadText) -> Holds:
    """Tell whether a condition holds for an event, by way of a rule file."""

    def ask(condition: str, event: Event) -> bool:
        rule = {
            "rule": "r",
            "desc": "d",
            "condition": condition,
            "output": "o",
            "priority": "debug",
            "source": "k8s_audit",
        }
        result = load_text(json.dumps([rule]))
        assert result.ruleset is not None, result.to_text()
        verdict = result.ruleset.match(event)
        assert verdict.failures == ()
        return bool(verdict.matches)

    return ask


@pytest.fixture
def document() -> Callable[[object], Value]:
    """Make a document of JSON-ready data."""
    return lambda data: Value(json.dumps(data).encode())


# SEAM: Kafka for tests. `kafka_bootstrap`, `make_topics` and `own_kafka` are all that tests of the publisher know of
# where Kafka comes from; fixtures that also start brokers take their place here.


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """Return where Kafka is."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if not bootstrap:
        pytest.skip("KAFKA_BOOTSTRAP names no Kafka")
    return bootstrap


class OwnKafka:
    """A broker that a test may stop."""

    def __init__(self, tool: str, folder: Path) -> None:
        self._tool = tool
        self._folder = folder
        told = self._run("up")
        self.bootstrap = told.split("KAFKA_BOOTSTRAP=")[1].split()[0]

    def stop(self) -> None:
        """Stop it in order."""
        self._run("stop", "1")

    def start(self) -> None:
        """Start it again, and wait until it is ready."""
        self._run("start", "1")

    def pause(self) -> None:
        """Freeze it: its connections stay."""
        self._run("pause", "1")

    def resume(self) -> None:
        """Let it go on."""
        self._run("resume", "1")

    def down(self) -> None:
        """End it, and leave nothing."""
        self._run("down", "--reset")

    def _run(self, *words: str) -> str:
        command = [self._tool, *words, "--dir", str(self._folder)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603


@pytest.fixture(scope="session")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    """Start a broker with the tool that AUDITSTREAM_TEST_KAFKA_TOOL names: up, stop, start, pause, resume, down."""
    tool = os.environ.get("AUDITSTREAM_TEST_KAFKA_TOOL")
    if not tool:
        pytest.skip("AUDITSTREAM_TEST_KAFKA_TOOL names nothing that starts a broker")
    kafka = OwnKafka(tool, tmp_path_factory.mktemp("kafka"))
    yield kafka
    kafka.down()


@pytest.fixture
def make_topics(kafka_bootstrap: str) -> MakeTopics:
    """Make the topics of the publisher under a prefix of their own, and return how they are reached."""

    def make(partitions: int = 1, *, bootstrap: str = kafka_bootstrap, **changed: str) -> KafkaSettings:
        kafka = KafkaSettings(bootstrap=bootstrap, topic_prefix=f"test-{uuid4().hex[:12]}.", partitions=partitions)
        apart(_create_topics(kafka, changed))
        return kafka

    return make


@pytest.fixture
def read_topic() -> ReadTopic:
    """Read all that is on a topic, partition by partition."""
    return lambda kafka, topic: apart(_read(kafka, topic))


def apart(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return what comes of some work, on a loop of its own: the one of a test may be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _create_topics(kafka: KafkaSettings, changed: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(topic.name, kafka.partitions, 1, topic_configs={**topic.settings, **changed})
                for topic in (kafka.topics.events, kafka.topics.dead_letter)
            ]
        )
    finally:
        await admin.close()


async def _read(kafka: KafkaSettings, topic: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, max_partition_fetch_bytes=16 * 1024 * 1024)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            await consumer._client.set_topics([topic])  # noqa: SLF001 - a topic is known only once it is asked for
            partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records = []
        for partition in partitions:
            consumer.seek(partition, 0)
            while await consumer.position(partition) < ends[partition]:
                records.append(await consumer.getone(partition))
        return records
    finally:
        await consumer.stop()
