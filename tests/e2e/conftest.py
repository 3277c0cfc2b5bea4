"""Topics and pipelines for the scenarios here."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pipeline import Pipeline, running
from tests.kafka.broker import Broker
from tests.kafka.client import create_topics, delete_topics
from wire.kafka_settings import KafkaSettings


@pytest.fixture(scope="module")
def pipeline(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Give a pipeline around 12 partitions that the tests of a module share: they look at one story's chapters."""
    settings = KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix=f"test-{uuid.uuid4().hex[:12]}.", replication=1)
    asyncio.run(create_topics(settings))
    with running(settings, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline
    asyncio.run(delete_topics(settings))


@pytest.fixture
def outage_pipeline(own_topics: KafkaSettings, tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline around a Kafka of the test's own, `own_kafka`."""
    with running(own_topics, tmp_path) as pipeline:
        yield pipeline
