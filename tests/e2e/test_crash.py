"""A worker that is killed in the middle of its work: the other one takes over, and nothing is missing in the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e import topics
from tests.e2e.pipeline import QUICK_SESSION, Pipeline, running, until
from tests.e2e.recorded import BODIES, in_one_process, merged
from wire.kafka_settings import KafkaSettings

CLUSTERS: Final = [f"cluster-{number}" for number in range(24)]
"""So many histories of the bodies keep two workers busy for some seconds."""

OFTEN_DURABLE: Final = {**QUICK_SESSION, "AUDITSTREAM_PROCESSOR_CHECKPOINT_RECORDS": "1"}
"""A checkpoint after every batch: so a crash comes in the middle of one as often as not, and the work takes longer."""

EARLIEST, LATEST = 0.3, 0.7
"""Between these shares of the work the crash comes."""


@pytest.fixture
def pipeline(topics: KafkaSettings, tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline around topics of the test's own."""
    with running(topics, tmp_path) as pipeline:
        yield pipeline


def test_a_worker_that_is_killed_costs_nothing(pipeline: Pipeline) -> None:
    kafka = pipeline.kafka
    ingest = pipeline.ingest()
    histories = dict.fromkeys(CLUSTERS, merged(BODIES, into=3))
    # All of it is there before there is a worker: so the crash comes upon a lag.
    for cluster, bodies in histories.items():
        for body in bodies:
            ingest.post(body, cluster)
    ends = topics.ends(kafka)
    everything = sum(ends.values())

    staying, victim = (pipeline.worker("--port", "0", others=OFTEN_DURABLE) for _ in range(2))

    def is_in_the_middle() -> bool:
        """Tell whether both have made something durable, and enough together."""
        committed = topics.committed(kafka)
        own = sum(committed[partition] for partition in victim.partitions())
        return sum(committed.values()) >= EARLIEST * everything and own > 0

    until(is_in_the_middle, "a part is judged and committed, by both")
    partitions = victim.partitions()
    victim.kill()
    committed = topics.committed(kafka)
    lag = {partition: ends[partition] - committed[partition] for partition in partitions}
    assert EARLIEST <= sum(committed.values()) / everything <= LATEST
    assert sum(lag.values()) > 0

    expected = in_one_process(histories)  # while the group waits for the one that is gone
    until(lambda: topics.is_all_committed(kafka), "the other worker has judged and committed the rest")
    assert staying.partitions() == frozenset(range(kafka.partitions))
    assert staying.stop() == 0
    assert topics.alerts(kafka) == expected.alerts
    assert topics.inventory(kafka) == expected.state
    assert topics.dead_letters(kafka) == []
    assert topics.alerting_hosts(kafka).keys() == {staying.name, victim.name}
