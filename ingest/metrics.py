"""What the webhook and its publisher count, for Prometheus. Made by `ingest.app` and `ingest.kafka`.

Counted per body or batch, never per event. No label takes a value that a client can choose.
"""

import collections
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ingest.split import Split
from wire.record import Reason


class IngestMetrics:
    """The metrics of one webhook, on a registry of the caller's choice."""

    def __init__(self, registry: CollectorRegistry, in_flight_bytes: Callable[[], int]) -> None:
        self.bodies: Final = Counter(
            "auditstream_ingest_bodies", "Bodies posted, by the code of the answer.", ["code"], registry=registry
        )
        self.body_bytes: Final = Counter(
            "auditstream_ingest_body_bytes", "Bytes of bodies read, as they came.", registry=registry
        )
        self.publish_seconds: Final = Histogram(
            "auditstream_ingest_publish_seconds",
            "How long bodies waited until they were durable, or were known not to be.",
            registry=registry,
        )
        self._events: Final = Counter(
            "auditstream_ingest_events",
            "Events of bodies that were answered 200; a repeat counts again.",
            registry=registry,
        )
        self._rejected: Final = Counter(
            "auditstream_ingest_rejected", "What went to the dead letter, by reason.", ["reason"], registry=registry
        )
        for reason in Reason:
            self._rejected.labels(reason.value)
        Gauge(
            "auditstream_ingest_in_flight_bytes",
            "Bytes of bodies held: being read, unpacked or waiting to be published.",
            registry=registry,
        ).set_function(in_flight_bytes)

    def published(self, batch: Split) -> None:
        """Count a batch that is durable."""
        self._events.inc(len(batch.records))
        by_reason = collections.Counter(rejected.reason for rejected in batch.rejected)
        for reason, count in by_reason.items():
            self._rejected.labels(reason.value).inc(count)


class PublisherMetrics:
    """The metrics of one publisher to Kafka, on a registry of the caller's choice."""

    def __init__(
        self, registry: CollectorRegistry, pending_bytes: Callable[[], int], pending_batches: Callable[[], int]
    ) -> None:
        Gauge(
            "auditstream_ingest_pending_bytes",
            "Bytes of batches that Kafka has not acknowledged yet.",
            registry=registry,
        ).set_function(pending_bytes)
        Gauge(
            "auditstream_ingest_pending_batches", "Batches that Kafka has not acknowledged yet.", registry=registry
        ).set_function(pending_batches)
        self.failed_batches: Final = Counter(
            "auditstream_ingest_failed_batches",
            "Batches of which something failed, so that they have to come again; late ones are not among them.",
            registry=registry,
        )
        self.refused_records: Final = Counter(
            "auditstream_ingest_refused_records",
            "Records that Kafka refused for their size, so that less was sent of them: standard error says what to do.",
            registry=registry,
        )
        self.renewed_producers: Final = Counter(
            "auditstream_ingest_renewed_producers", "Producers made anew after one had failed.", registry=registry
        )
