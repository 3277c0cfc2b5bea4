"""The fixtures `kafka`, `own_kafka`, `topics`, `no_topics`, `own_topics`, and what a run says at its end about Kafka.

A plugin of pytest, loaded by `tests/conftest.py`. Without any Kafka the tests that ask for one are skipped and named
at the end, with the reason of each source; under `CI=true` they fail.
"""

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import pytest

from tests.kafka.broker import Broker, OwnBroker
from tests.kafka.client import create_topics, delete_topics
from tests.kafka.sources import NoKafka, Supply, all_sources
from wire.kafka_settings import KafkaSettings
from wire.topics import DEFAULT_PARTITIONS

_NO_KAFKA: Final = "no Kafka"

_SUPPLY: Final = pytest.StashKey[Supply]()

_B = TypeVar("_B", bound=Broker)


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker is for."""
    config.addinivalue_line("markers", "partitions(count): how many partitions the topics of this test have")
    config.addinivalue_line("markers", "topic_settings(others): settings in which the topics of this test differ")
    config.stash[_SUPPLY] = Supply(all_sources())


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """Give a Kafka that all tests share. It is not theirs to stop."""
    with _ended(pytestconfig.stash[_SUPPLY].obtain) as broker:
        yield broker


@pytest.fixture
def own_kafka(pytestconfig: pytest.Config) -> Iterator[OwnBroker]:
    """Start a Kafka for this test alone, which may kill, stop and freeze it. It takes some five seconds."""
    with _ended(pytestconfig.stash[_SUPPLY].obtain_own) as broker:
        yield broker


@pytest.fixture
def topics(kafka: Broker, request: pytest.FixtureRequest) -> Iterator[KafkaSettings]:
    """Create all topics, empty and under a prefix of this test alone, in the Kafka that tests share."""
    settings = _fresh_topics(kafka, request)
    yield settings
    asyncio.run(delete_topics(settings))


@pytest.fixture
def no_topics(kafka: Broker, request: pytest.FixtureRequest) -> Iterator[KafkaSettings]:
    """Give a prefix of this test alone in the Kafka that tests share; what the test makes under it is deleted."""
    settings = _fresh_settings(kafka, request)
    yield settings
    asyncio.run(delete_topics(settings))


@pytest.fixture
def own_topics(own_kafka: OwnBroker, request: pytest.FixtureRequest) -> KafkaSettings:
    """Create all topics in this test's own Kafka; they go with it."""
    return _fresh_topics(own_kafka, request)


def _fresh_topics(broker: Broker, request: pytest.FixtureRequest) -> KafkaSettings:
    settings = _fresh_settings(broker, request)
    marker = request.node.get_closest_marker("topic_settings")
    asyncio.run(create_topics(settings, marker.args[0] if marker else {}))
    return settings


def _fresh_settings(broker: Broker, request: pytest.FixtureRequest) -> KafkaSettings:
    marker = request.node.get_closest_marker("partitions")
    return KafkaSettings(
        bootstrap=broker.bootstrap,
        topic_prefix=f"test-{uuid.uuid4().hex[:12]}.",
        partitions=marker.args[0] if marker else DEFAULT_PARTITIONS,
        replication=1,
    )


def variables(settings: KafkaSettings) -> dict[str, str]:
    """Return what a command is to find in its environment in order to use these topics."""
    return {f"AUDITSTREAM_KAFKA_{name.upper()}": str(value) for name, value in settings.model_dump(mode="json").items()}


@contextmanager
def _ended(obtain: Callable[[], _B]) -> Iterator[_B]:
    try:
        broker = obtain()
    except NoKafka as error:
        _refuse(str(error))
    try:
        yield broker
    finally:
        broker.end()


def _refuse(reasons: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{_NO_KAFKA}, and with CI=true that is a failure\n{reasons}", pytrace=False)
    pytest.skip(f"{_NO_KAFKA}: the reasons stand at the end")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process of pytest-xdist, give what is known of Kafka to the one that tells it."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        supply = session.config.stash[_SUPPLY]
        output["kafka"] = supply.failed, supply.gave


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - xdist's signature
    """Take what such a process knew; nothing comes of one that was ended by force."""
    failed, gave = getattr(node, "workeroutput", {}).get("kafka", ({}, {}))
    supply = node.config.stash[_SUPPLY]
    supply.failed.update(failed)
    for name, count in gave.items():
        supply.gave[name] = supply.gave.get(name, 0) + count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where Kafka came from, which sources gave way and why, and which tests were skipped for want of it."""
    supply = config.stash[_SUPPLY]
    if not supply.gave and not supply.failed:
        return
    terminalreporter.section("Kafka")
    for name, reason in supply.failed.items():
        terminalreporter.write_line(f"gave way: {name}: {reason}")
    for name, count in supply.gave.items():
        terminalreporter.write_line(f"used: {name}, {count} broker{'s' * (count > 1)}")
    for report in terminalreporter.stats.get("skipped", ()):
        if isinstance(report.longrepr, tuple) and report.longrepr[2].startswith(f"Skipped: {_NO_KAFKA}:"):
            terminalreporter.write_line(f"skipped: {report.nodeid}")
