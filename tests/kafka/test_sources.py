"""Where a broker comes from: the order, the reasons of those that give way, the time they may take."""

import asyncio
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.broker import Broker, Deadline, Unavailable, free_ports
from tests.kafka.client import create_topics, read_topic
from tests.kafka.container import Docker
from tests.kafka.environment import Environment, RunningBroker
from tests.kafka.jars import Jars
from tests.kafka.sources import NoKafka, Supply
from wire.kafka_settings import KafkaSettings

NOWHERE = "127.0.0.1:1"


class FakeBroker:
    """A broker that only notes whether it was ended."""

    bootstrap = NOWHERE
    ended = False

    def end(self) -> None:
        self.ended = True


class FakeSource:
    """A source that does what it is told in its last step."""

    own = True

    def __init__(self, name: str, start: Callable[[Deadline], Broker]) -> None:
        self.name = name
        self.start = start
        self.asked = 0

    def check(self, deadline: Deadline) -> None:
        deadline.check()
        self.asked += 1

    def fetch(self, deadline: Deadline) -> None:
        deadline.check()


def refuse(_deadline: Deadline) -> Broker:
    raise Unavailable("closed today")


def give(_deadline: Deadline) -> Broker:
    return FakeBroker()


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a server that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_the_first_source_that_works_gives_the_broker() -> None:
    sources = FakeSource("first", refuse), FakeSource("second", give), FakeSource("third", give)
    supply = Supply(sources)
    assert isinstance(supply.obtain(), FakeBroker)
    assert supply.failed == {"first": "closed today"}
    assert supply.gave == {"second": 1}
    assert [source.asked for source in sources] == [1, 1, 0]


def test_a_source_that_gave_way_is_not_asked_again() -> None:
    sources = FakeSource("first", refuse), FakeSource("second", give)
    supply = Supply(sources)
    supply.obtain()
    supply.obtain_own()
    assert supply.gave == {"second": 2}
    assert [source.asked for source in sources] == [1, 2]


def test_a_source_that_worked_and_fails_later_is_an_error() -> None:
    source = FakeSource("only", give)
    supply = Supply([source])
    supply.obtain()
    source.start = refuse
    with pytest.raises(Unavailable, match=r"^closed today$"):
        supply.obtain()


def test_with_no_source_every_reason_is_told() -> None:
    def surprise(_deadline: Deadline) -> Broker:
        raise ValueError("what is this")

    with pytest.raises(NoKafka) as told:
        Supply([FakeSource("first", refuse), FakeSource("second", surprise)]).obtain()
    assert str(told.value) == "first: closed today\nsecond: ValueError('what is this')"


def test_a_source_that_hangs_gives_way_in_its_time_and_what_it_gives_later_is_ended() -> None:
    late = FakeBroker()

    def hang(_deadline: Deadline) -> Broker:
        time.sleep(0.3)
        return late

    supply = Supply([FakeSource("slow", hang), FakeSource("second", give)], seconds=0.1)
    assert supply.obtain() is not late
    assert supply.failed == {"slow": "not done within 0 s"}
    assert late.ended


def test_a_broker_of_ones_own_never_is_somebody_elses() -> None:
    supply = Supply([Environment(NOWHERE), FakeSource("second", give)])
    assert isinstance(supply.obtain_own(), FakeBroker)
    assert supply.failed == {}


def test_an_address_that_is_not_set_gives_way() -> None:
    with pytest.raises(NoKafka, match=r"^KAFKA_BOOTSTRAP: not set$"):
        Supply([Environment(None)]).obtain()


@pytest.mark.parametrize("address", [NOWHERE, "not an address", "[::bad"])
def test_an_address_where_nobody_answers_gives_way(address: str) -> None:
    with pytest.raises(NoKafka, match=r"^KAFKA_BOOTSTRAP: .*does not answer"):
        Supply([Environment(address)], seconds=5).obtain()


def test_an_address_that_never_answers_gives_way_in_its_time(silent: str) -> None:
    began = time.monotonic()
    with pytest.raises(NoKafka, match=r"^KAFKA_BOOTSTRAP: "):
        Supply([Environment(silent)], seconds=1).obtain()
    assert time.monotonic() - began < 7


@pytest.mark.parametrize("host", ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock", "gibberish"])
def test_docker_without_an_engine_gives_way(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(NoKafka, match=r"^Docker: no engine answers: "):
        Supply([Docker()], seconds=20).obtain()


def test_an_engine_that_hangs_gives_way_in_its_time(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{silent}")
    began = time.monotonic()
    with pytest.raises(NoKafka, match=r"^Docker: not done within 1 s$"):
        Supply([Docker()], seconds=1).obtain()
    assert time.monotonic() - began < 10


def test_jars_without_java_or_maven_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoKafka, match=r"^Maven's jars: not on PATH: java, mvn$"):
        Supply([Jars(tmp_path)]).obtain()


@pytest.mark.parametrize(
    ("java", "mvn", "reason"),
    [
        ("echo no JVM here; exit 3", "", r"`java` ended with code 3; its output ends:\nno JVM here"),
        ("", "echo no network; exit 1", r"`mvn` ended with code 1; its output ends:\nno network"),
        ("echo I am slow; exec sleep 60", "", r"`java` was not done within 1 s; its output ends:\nI am slow"),
    ],
)
def test_jars_that_cannot_be_had_or_run_give_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, java: str, mvn: str, reason: str
) -> None:
    for name, script in {"java": java, "mvn": mvn}.items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(NoKafka, match=rf"^Maven's jars: {reason}$"):
        Supply([Jars(tmp_path)], seconds=1).obtain()


def test_a_broker_that_ends_at_once_tells_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "java"
    tool.write_text('#!/bin/sh\ncase "$*" in *kafka.Kafka*) echo "port taken"; exit 1;; esac\n')
    tool.chmod(stat.S_IRWXU)
    folders = tmp_path / "folders"
    (tmp_path / "kafka-4.1.1").mkdir()
    folders.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("tempfile.tempdir", str(folders))
    reason = r"Maven's jars: the broker ended with code 1; the broker's log ends:\nport taken"
    with pytest.raises(NoKafka, match=rf"^{reason}$"):
        Supply([Jars(tmp_path)], seconds=20).obtain()
    assert list(folders.iterdir()) == []


def test_ports_are_apart_from_those_of_outgoing_connections() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_000 for port in ports)


def test_every_source_that_is_here_keeps_and_gives_records(kafka: Broker) -> None:
    """Sources that this machine does not have are no reason to skip: the fixture has shown that there is one."""
    worked = []
    for source in (Environment(kafka.bootstrap), Docker(), Jars()):
        try:
            broker = Supply([source]).obtain()
        except NoKafka as error:
            print(f"not here: {error}")  # noqa: T201 - pytest shows it when the test fails
            continue
        try:
            assert isinstance(broker, RunningBroker) == isinstance(source, Environment)
            asyncio.run(_keeps_and_gives_records(broker.bootstrap))
        finally:
            broker.end()
        worked.append(source.name)
    assert worked[0] == "KAFKA_BOOTSTRAP"


async def _keeps_and_gives_records(bootstrap: str) -> None:
    settings = KafkaSettings(bootstrap=bootstrap, topic_prefix=f"test-{time.time_ns()}.", partitions=2, replication=1)
    await create_topics(settings)
    topic = settings.topics.events.name
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, b"value", key=b"key", partition=1, headers=[("name", b"header")])
    (record,) = await read_topic(bootstrap, topic)
    assert (record.partition, record.offset, record.key, record.value) == (1, 0, b"key", b"value")
    assert record.headers == {"name": b"header"}
