"""What a worker counts, as Prometheus reads it."""

from prometheus_client import CollectorRegistry, generate_latest

from processor.stream.metrics import Gauges, StreamMetrics


def test_everything_is_there_from_the_start() -> None:
    registry = CollectorRegistry()
    StreamMetrics(registry)
    told = generate_latest(registry).decode()
    for name in ("checkpoint_seconds_count", "recoveries_total", "repeated_total", "seeks_total", "deleted_total"):
        assert f"auditstream_processor_{name} 0.0\n" in told


def test_lag_and_lease_are_asked_when_somebody_looks() -> None:
    registry, lags, lease = CollectorRegistry(), {10: 3, 2: 0, 4: None}, [2.5]
    registry.register(Gauges(lambda: lags, lambda: lease[0], lambda: 7.5))
    told = generate_latest(registry).decode()
    lines = [line for line in told.splitlines() if not line.startswith("#")]
    assert lines == [
        "auditstream_processor_partitions 3.0",
        'auditstream_processor_lag_records{partition="2"} 0.0',
        'auditstream_processor_lag_records{partition="10"} 3.0',
        "auditstream_processor_checkpoint_pending_seconds 7.5",
        "auditstream_processor_lease_seconds 2.5",
    ]
    lags.clear()
    lease[0] = -1e9
    told = generate_latest(registry).decode()
    assert "auditstream_processor_partitions 0.0\n" in told
    assert "partition=" not in told, "a partition that was given away has no lag of ours"
    assert "auditstream_processor_lease_seconds 0.0\n" in told
