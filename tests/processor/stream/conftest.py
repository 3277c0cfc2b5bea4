"""A pipeline that has not been started, a producer of aiokafka, and workers: what tests of the stream are made with."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from processor.engine import Engine
from processor.settings import ProcessorSettings
from processor.stream.app import Pipeline, create_pipeline
from rules.ruleset import Ruleset
from tests.processor.stream.workers import Installation
from wire.kafka_settings import KafkaSettings
from wire.topics import BATCH_BYTES, MAX_RECORD_BYTES

ANY_EVENT = """\
- rule: Any
  desc: d
  condition: ka.verb exists
  output: "%ka.verb"
  priority: INFO
  source: k8s_audit
"""

MakeRuleset = Callable[..., Ruleset]
Producing = Callable[[KafkaSettings], AbstractAsyncContextManager[Any]]


class OpenProducer:
    """aiokafka's producer where the product has one that needs a lease."""

    def __init__(self, client: AIOKafkaProducer) -> None:
        self.client = client


@pytest.fixture
def producing() -> Producing:
    """Give what opens a producer as the worker's is, but for the lease."""

    @asynccontextmanager
    async def open_producer(kafka: KafkaSettings) -> AsyncIterator[OpenProducer]:
        async with AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
        ) as client:
            yield OpenProducer(client)

    return open_producer


@pytest.fixture
def engine(make_ruleset: MakeRuleset) -> Engine:
    """Make an engine whose one rule matches every event."""
    return Engine(make_ruleset(ANY_EVENT), "host")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def pipeline(engine: Engine, registry: CollectorRegistry) -> Iterator[Pipeline]:
    """Make a pipeline that reaches no Kafka."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # else Faust makes one, and nobody closes it
    pipeline = create_pipeline(KafkaSettings(bootstrap="127.0.0.1:1"), ProcessorSettings(), engine, registry)
    yield pipeline
    pipeline.app.consumer._thread.thread_loop.close()  # noqa: SLF001 - the thread that would close it never starts
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def installation(topics: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Give topics of the test's own in the Kafka that tests share, and workers; what still runs is ended with it."""
    for name in os.environ:
        if name.upper().startswith("AUDITSTREAM_"):
            monkeypatch.delenv(name)
    installation = Installation(topics, tmp_path)
    yield installation
    installation.end()
