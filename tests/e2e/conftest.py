"""A pipeline whose tests look at one story's chapters."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.pipeline import Pipeline, running
from tests.kafka.broker import Broker
from tests.kafka.client import delete_topics
from wire.kafka_settings import KafkaSettings


@pytest.fixture(scope="module")
def story(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Give a pipeline around topics that are not there yet, for the tests of a module to share."""
    settings = KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix=f"test-{uuid.uuid4().hex[:12]}.", replication=1)
    with running(settings, tmp_path_factory.mktemp("pipeline")) as pipeline:
        yield pipeline
    asyncio.run(delete_topics(settings))
