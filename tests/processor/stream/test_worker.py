"""What a worker says of its health. Its whole life is in `test_faults_signals.py` and in tests/e2e."""

import time
from typing import Any

import pytest
from faust.types import TP
from prometheus_client import CollectorRegistry

from processor.engine import Engine
from processor.settings import ProcessorSettings
from processor.stream.app import Pipeline
from processor.stream.worker import Worker
from wire.kafka_settings import KafkaSettings

SOURCE = TP("audit.events", 3)


@pytest.fixture
def worker(engine: Engine) -> Any:
    return Worker(KafkaSettings(), ProcessorSettings(), engine, CollectorRegistry(), lambda _lacking: None)


@pytest.fixture
def working(worker: Any, pipeline: Pipeline) -> Any:
    """Make a worker whose partition is judged."""
    worker._pipeline = pipeline  # noqa: SLF001 - what its start sets
    consumer: Any = pipeline.app.consumer
    consumer.assignments = 1
    consumer.lease_until = time.monotonic() + 60
    consumer.sources = lambda: {SOURCE}
    pipeline.intake.begin(1, {SOURCE: 0})
    return worker


def test_one_that_waits_for_kafka_lives_and_is_not_ready(worker: Any) -> None:
    worker._wait("Kafka has no topic x")  # noqa: SLF001 - called while it waits
    assert worker._what_ails() is None  # noqa: SLF001 - asked by /healthz
    assert worker._what_lacks() == "Kafka has no topic x"  # noqa: SLF001 - asked by /readyz


def test_one_that_judges_is_ready(working: Any) -> None:
    assert (working._what_ails(), working._what_lacks()) == (None, None)  # noqa: SLF001 - the same


def test_one_without_partitions_stands_by_and_is_ready(working: Any, pipeline: Pipeline) -> None:
    consumer: Any = pipeline.app.consumer
    consumer.sources = set
    pipeline.intake.end()
    assert working._what_lacks() is None  # noqa: SLF001 - the same


def test_one_between_two_assignments_is_not_ready(working: Any, pipeline: Pipeline) -> None:
    pipeline.intake.end()
    assert working._what_lacks() == "partitions are being taken over"  # noqa: SLF001 - the same


def test_one_whose_lease_is_out_is_not_ready_and_after_a_minute_dead(working: Any, pipeline: Pipeline) -> None:
    pipeline.app.consumer.lease_until = time.monotonic() - 1
    assert working._what_lacks().startswith("no lease: Kafka does not answer")  # noqa: SLF001 - the same
    assert working._what_ails() is None  # noqa: SLF001 - the same
    pipeline.app.consumer.lease_until = time.monotonic() - 61
    assert working._what_ails().startswith("without a lease for 61 seconds")  # noqa: SLF001 - the same


def test_one_that_never_had_a_lease_has_lost_none(working: Any, pipeline: Pipeline) -> None:
    pipeline.app.consumer.lease_until = 0.0
    assert working._what_ails() is None  # noqa: SLF001 - the same


def test_one_whose_work_does_not_become_durable_is_not_ready(working: Any, pipeline: Pipeline) -> None:
    pipeline.checkpointer._began = time.monotonic() - 25  # noqa: SLF001 - set while a checkpoint is under way
    assert working._what_lacks() == "Kafka has not taken what was judged for 25 seconds"  # noqa: SLF001 - the same
