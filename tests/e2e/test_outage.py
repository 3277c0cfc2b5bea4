"""Kafka is away under everything: nobody is restarted, and when it is back nothing is missing.

A sender goes on as the API server does: it sends a body again until it is taken, and only then the next one.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tests.e2e import topics
from tests.e2e.pipeline import Answer, Ingest, Pipeline, running, share_partitions, stop_all, until
from tests.e2e.recorded import BODIES, in_one_process
from tests.kafka.broker import OwnBroker
from wire.kafka_settings import KafkaSettings

PAUSE_SECONDS: Final = 0.1
"""Between two bodies."""


@pytest.fixture
def pipeline(own_topics: KafkaSettings, tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline around a Kafka of the test's own."""
    with running(own_topics, tmp_path) as pipeline:
        yield pipeline


class Sender:
    """Sends the recorded bodies in a thread, as one cluster's after another's, until it is told that it is enough."""

    def __init__(self, ingest: Ingest) -> None:
        self.clusters: list[str] = []
        """Whose bodies were taken, whole once it has ended."""
        self.refusals: list[Answer] = []
        self.enough: Final = Event()
        self._ingest: Final = ingest

    def send(self) -> None:
        while not self.enough.is_set():
            self.clusters.append(f"cluster-{len(self.clusters)}")
            for body in BODIES:
                for refusal in self._ingest.send(body, self.clusters[-1]):
                    self.refusals.append(refusal)
                self.enough.wait(PAUSE_SECONDS)


def outlast(pipeline: Pipeline, broker: OwnBroker, seconds: float, end: Callable[[], None]) -> None:
    """Have Kafka end in one way or another, and come back after so many seconds; everything else is to heal."""
    kafka = pipeline.kafka
    workers = pipeline.workers(2)
    ingest = pipeline.ingest()
    until(lambda: share_partitions(workers, kafka.partitions), "the workers share all partitions")
    sender = Sender(ingest)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send)
        try:
            until(lambda: all(worker.judged() for worker in workers), "events are judged")
            end()
            back_at = time.monotonic() + seconds
            until(
                lambda: not any(service.is_ready() for service in (ingest, *workers)), "all say that they cannot work"
            )
            until(lambda: sender.refusals or sent.done(), "the sender is told to come again")
            start_and_stop_without_kafka(pipeline)
            time.sleep(max(0.0, back_at - time.monotonic()))
            broker.start()
            until(lambda: all(service.is_ready() for service in (ingest, *workers)), "all are ready again")
        finally:
            sender.enough.set()
    sent.result()
    until(lambda: topics.is_all_committed(kafka), "everything is judged and committed")
    assert all(answer.headers["Retry-After"] for answer in sender.refusals)

    histories = dict.fromkeys(sender.clusters, BODIES)
    expected = in_one_process(histories)
    on_topic = topics.events(kafka)
    assert on_topic.keys() == expected.events
    assert max(on_topic.values()) <= 2
    assert topics.alerts(kafka) == expected.alerts
    assert topics.inventory(kafka) == expected.state
    assert stop_all([*workers, ingest]) == [0, 0, 0]


def start_and_stop_without_kafka(pipeline: Pipeline) -> None:
    """Start a worker while Kafka is away: it says so in a line and waits, and ends when it is told to."""
    (worker,) = pipeline.workers(1)
    reason = worker.awaited()
    assert reason.startswith(f"Kafka does not answer at {pipeline.kafka.bootstrap}: ")
    ready, alive = worker.ask("/readyz"), worker.ask("/healthz")
    assert (ready.code, ready.text, alive.code) == (503, f"{reason}\n", 200)
    assert worker.stop() == 0
    assert worker.told().count("\n") == 3  # where it answers, which rules wait for a list, and why nothing is judged


def test_an_outage_costs_nothing(pipeline: Pipeline, own_kafka: OwnBroker) -> None:
    # Some 20 seconds with its start: longer than a session, and than any request may take.
    outlast(pipeline, own_kafka, 16, own_kafka.kill)


@pytest.mark.chaos
@pytest.mark.parametrize("way", ["kill", "stop"])
def test_a_long_outage_costs_nothing(pipeline: Pipeline, own_kafka: OwnBroker, way: str) -> None:
    outlast(pipeline, own_kafka, 90, {"kill": own_kafka.kill, "stop": own_kafka.stop}[way])
