"""What a worker counts besides what judging counts, for Prometheus. Fed by `processor.stream`, once a checkpoint.

Lag and lease are asked when somebody looks.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class StreamMetrics:
    """The metrics of one worker, on a registry of the caller's choice."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.checkpoint_seconds: Final = Histogram(
            "auditstream_processor_checkpoint_seconds",
            "How long checkpoints took: alerts and state durable, offsets released.",
            registry=registry,
        )
        self.recoveries: Final = Counter(
            "auditstream_processor_recoveries",
            "Assignments of partitions whose state was read and mended.",
            registry=registry,
        )
        self.repeated: Final = Counter(
            "auditstream_processor_repeated",
            "Records that were delivered again and passed over: their alerts and state are durable.",
            registry=registry,
        )
        self.seeks: Final = Counter(
            "auditstream_processor_seeks",
            "Batches that did not follow on and were fetched again: a defect of auditstream, without loss.",
            registry=registry,
        )
        self.deleted: Final = Counter(
            "auditstream_processor_deleted",
            "Events that Kafka deleted before they could be judged: the topic keeps them for too short a time.",
            registry=registry,
        )


class Gauges(Collector):
    """What is asked when somebody looks."""

    def __init__(
        self,
        lags: Callable[[], Mapping[int, int | None]],
        lease_seconds: Callable[[], float],
        pending_seconds: Callable[[], float],
    ) -> None:
        self._lags: Final = lags
        self._lease_seconds: Final = lease_seconds
        self._pending_seconds: Final = pending_seconds

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges as they are now."""
        lags = self._lags()
        yield GaugeMetricFamily(
            "auditstream_processor_partitions",
            "Partitions that this worker judges; all workers together have each of them once.",
            value=len(lags),
        )
        lag = GaugeMetricFamily(
            "auditstream_processor_lag_records",
            "Records that are in Kafka and not judged yet, by partition.",
            labels=["partition"],
        )
        for partition, records in sorted(lags.items()):
            if records is not None:
                lag.add_metric([str(partition)], records)
        yield lag
        yield GaugeMetricFamily(
            "auditstream_processor_checkpoint_pending_seconds",
            "For how long the checkpoint under way has not come to its end: Kafka does not take what was judged.",
            value=self._pending_seconds(),
        )
        yield GaugeMetricFamily(
            "auditstream_processor_lease_seconds",
            "For how long this worker may still write without another heartbeat; 0 when it may not.",
            value=max(0.0, self._lease_seconds()),
        )
