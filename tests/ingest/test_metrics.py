"""What the webhook counts: every name, with its labels, before and after."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from ingest.metrics import IngestMetrics, PublisherMetrics
from ingest.split import split
from wire.record import Reason


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def value(registry: CollectorRegistry) -> Callable[..., float | None]:
    return lambda name, **labels: registry.get_sample_value(f"auditstream_ingest_{name}", labels)


def test_these_are_all_the_names(registry: CollectorRegistry) -> None:
    IngestMetrics(registry, lambda: 0)
    assert sorted(metric.name for metric in registry.collect()) == [
        "auditstream_ingest_bodies",
        "auditstream_ingest_body_bytes",
        "auditstream_ingest_events",
        "auditstream_ingest_in_flight_bytes",
        "auditstream_ingest_publish_seconds",
        "auditstream_ingest_rejected",
    ]


def test_each_reason_is_there_before_it_happens(
    registry: CollectorRegistry, value: Callable[..., float | None]
) -> None:
    IngestMetrics(registry, lambda: 0)
    assert [value("rejected_total", reason=reason) for reason in Reason] == [0] * len(Reason)


def test_a_batch_is_counted_by_its_events_and_the_reasons_of_its_rejects(
    registry: CollectorRegistry, value: Callable[..., float | None]
) -> None:
    metrics = IngestMetrics(registry, lambda: 0)
    body = b'{"kind":"EventList","items":[{},5,{"a":1e999},6]}'
    metrics.published(split(body, cluster="prod", received_ms=0))

    assert value("events_total") == 2
    assert value("rejected_total", reason="not_an_event") == 2
    assert value("rejected_total", reason="bad_number") == 1


def test_bytes_in_flight_are_asked_for_when_they_are_shown(
    registry: CollectorRegistry, value: Callable[..., float | None]
) -> None:
    held = [5]
    IngestMetrics(registry, lambda: held[-1])
    assert value("in_flight_bytes") == 5
    held.append(7)
    assert value("in_flight_bytes") == 7


def test_these_are_all_the_names_of_a_publisher(registry: CollectorRegistry) -> None:
    PublisherMetrics(registry, lambda: 0, lambda: 0)
    assert sorted(metric.name for metric in registry.collect()) == [
        "auditstream_ingest_failed_batches",
        "auditstream_ingest_pending_batches",
        "auditstream_ingest_pending_bytes",
        "auditstream_ingest_refused_records",
        "auditstream_ingest_renewed_producers",
    ]


def test_what_is_pending_is_asked_for_when_it_is_shown_and_what_failed_is_counted(
    registry: CollectorRegistry, value: Callable[..., float | None]
) -> None:
    metrics = PublisherMetrics(registry, lambda: 5, lambda: 7)
    assert (value("pending_bytes"), value("pending_batches")) == (5, 7)
    assert (value("failed_batches_total"), value("renewed_producers_total")) == (0, 0)
    metrics.failed_batches.inc()
    metrics.renewed_producers.inc()
    assert (value("failed_batches_total"), value("renewed_producers_total")) == (1, 1)
