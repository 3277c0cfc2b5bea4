"""What a run of pytest does with Kafka and without: in runs of its own, and with brokers that are stopped."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, UnknownTopicOrPartitionError

from tests.kafka.broker import Broker, OwnBroker, ask
from tests.kafka.client import read_topic
from tests.kafka.fixtures import variables
from wire.kafka_settings import KafkaSettings
from wire.topics import Topics

ROOT = Path(__file__).parents[2]

# The project's own settings stay out.
OPTIONS = ("-c", os.devnull, "-p", "no:cacheprovider", "-p", "tests.kafka.fixtures", "-v", "-s")

TESTS = """\
def test_that_needs_kafka(kafka):
    assert kafka.bootstrap

def test_that_stops_kafka(own_kafka):
    assert own_kafka.bootstrap

def test_that_needs_topics(topics):
    assert topics.topics.events.name

def test_that_needs_nothing():
    pass
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_pytest(tmp_path: Path) -> Iterator[Start]:
    """Start pytest on a file of tests, where there is no Kafka unless variables say otherwise."""
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "temporary").mkdir()
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **given: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name not in {"CI", "KAFKA_BOOTSTRAP"}}
        environment |= {"PYTHONPATH": str(ROOT), "DOCKER_HOST": "tcp://127.0.0.1:1", "PATH": "/nowhere"}
        environment |= {"TMPDIR": str(tmp_path / "temporary"), **given}
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-m", "pytest", *OPTIONS, f"--rootdir={tmp_path}", *(arguments or ("test_some.py",))],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


REASONS = r"""KAFKA_BOOTSTRAP: not set
.*Docker: no engine answers: .*Connection refused.*
.*Maven's jars: not on PATH: java(, mvn)?
"""


def test_without_kafka_its_tests_are_skipped_and_named(start_pytest: Start) -> None:
    process = start_pytest()
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert re.search(REASONS, told), told
    assert re.findall(r"^skipped: (.*)$", told, re.MULTILINE) == [
        "test_some.py::test_that_needs_kafka",
        "test_some.py::test_that_stops_kafka",
        "test_some.py::test_that_needs_topics",
    ]
    assert "1 passed, 3 skipped" in told


def test_without_kafka_its_tests_fail_in_ci(start_pytest: Start) -> None:
    process = start_pytest(CI="true")
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1, told
    assert re.search(rf"no Kafka, and with CI=true that is a failure\n{REASONS}", told), told
    assert "1 passed, 3 errors" in told


def test_nothing_is_started_or_said_where_no_test_needs_kafka(start_pytest: Start) -> None:
    process = start_pytest("test_some.py::test_that_needs_nothing", CI="true")
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "Kafka" not in told


def test_where_kafka_runs_its_address_is_taken(start_pytest: Start, kafka: Broker) -> None:
    process = start_pytest(KAFKA_BOOTSTRAP=kafka.bootstrap)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert "\nused: KAFKA_BOOTSTRAP, 1 broker\n" in told
    assert "\nskipped: test_some.py::test_that_stops_kafka\n" in told
    assert "3 passed, 1 skipped" in told


@pytest.mark.parametrize(
    ("ending", "variables"),
    [
        ("raise ValueError", {}),
        ("os.kill(os.getpid(), signal.SIGINT)", {}),
        # Containers outlive this one.
        ("os.kill(os.getpid(), signal.SIGKILL)", {"DOCKER_HOST": "tcp://127.0.0.1:1"}),
    ],
)
def test_a_broker_ends_with_the_run(
    start_pytest: Start, tmp_path: Path, ending: str, variables: dict[str, str]
) -> None:
    test = f"""
import os, signal
def test_that_ends_badly(kafka):
    print("began at", kafka.bootstrap, flush=True)
    {ending}
"""
    (tmp_path / "test_bad.py").write_text(test)
    outside = {"PATH": os.environ["PATH"], "DOCKER_HOST": os.environ.get("DOCKER_HOST", "")}
    process = start_pytest("test_bad.py", **(outside | variables))
    told, _ = process.communicate(timeout=120)
    if "skipped: " in told:
        pytest.skip("no Kafka can be started here")
    assert process.returncode in {1, 2, -signal.SIGKILL}, told
    bootstrap = re.search(r"began at (\S+)", told)
    assert bootstrap, told
    _await(lambda: _refuses(bootstrap[1]) and not list((tmp_path / "temporary").iterdir()))


def _refuses(bootstrap: str) -> bool:
    try:
        _connect(bootstrap)
    except OSError:
        return True
    return False


def _await(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def _connect(bootstrap: str) -> None:
    host, port = bootstrap.split(":")
    socket.create_connection((host, int(port))).close()


def test_topics_are_a_tests_own(topics: KafkaSettings, kafka: Broker) -> None:
    assert topics.bootstrap == kafka.bootstrap
    assert re.fullmatch(r"test-[0-9a-f]{12}\.", topics.topic_prefix)
    assert topics.topics == Topics(topics.topic_prefix)


def test_topics_that_are_not_made_are_not_there(no_topics: KafkaSettings, kafka: Broker) -> None:
    assert no_topics.bootstrap == kafka.bootstrap
    for topic in no_topics.topics.all:
        with pytest.raises(UnknownTopicOrPartitionError):
            asyncio.run(read_topic(kafka.bootstrap, topic.name))


@pytest.mark.partitions(1)
@pytest.mark.topic_settings({"max.message.bytes": "1000"})
def test_settings_of_topics_may_be_others(topics: KafkaSettings) -> None:
    asyncio.run(_write(topics, b"small"))
    with pytest.raises(MessageSizeTooLargeError):
        asyncio.run(_write(topics, b"x" * 2000))


def test_commands_find_the_topics_by_variables(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables(topics).items():
        monkeypatch.setenv(name, value)
    assert KafkaSettings() == topics


async def _write(settings: KafkaSettings, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.bootstrap, acks="all") as producer:
        await producer.send_and_wait(settings.topics.events.name, value)


async def _values(settings: KafkaSettings) -> list[bytes | None]:
    return [each.value for each in await read_topic(settings.bootstrap, settings.topics.events.name)]


@pytest.mark.partitions(1)
def test_a_broker_that_is_killed_or_stopped_comes_back_with_its_records(
    own_kafka: OwnBroker, own_topics: KafkaSettings
) -> None:
    asyncio.run(_write(own_topics, b"first"))
    own_kafka.kill()
    assert _refuses(own_kafka.bootstrap)
    own_kafka.start()
    assert own_kafka.bootstrap == own_topics.bootstrap
    asyncio.run(_write(own_topics, b"second"))
    own_kafka.stop()
    assert _refuses(own_kafka.bootstrap)
    own_kafka.start()
    assert asyncio.run(_values(own_topics)) == [b"first", b"second"]


@pytest.mark.partitions(1)
def test_a_broker_that_is_frozen_does_not_answer_until_it_goes_on(
    own_kafka: OwnBroker, own_topics: KafkaSettings
) -> None:
    asyncio.run(_write(own_topics, b"first"))
    own_kafka.pause()
    _connect(own_kafka.bootstrap)  # the system still takes connections
    with pytest.raises(TimeoutError):
        asyncio.run(ask(own_kafka.bootstrap, 1.0))
    own_kafka.resume()
    own_kafka.resume()
    assert asyncio.run(_values(own_topics)) == [b"first"]
