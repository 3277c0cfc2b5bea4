"""The whole pipeline, webhook to alerts, in three chapters around the same topics.

Two workers, started before there are topics; all of them stopped and started again; one that joins and one that leaves.
Each chapter posts the recorded bodies as another cluster's, one after another.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event

import pytest

from tests.e2e import topics
from tests.e2e.pipeline import Answer, Ingest, Pipeline, Worker, share_partitions, stop_all, until
from tests.e2e.recorded import BODIES, Alert, in_one_process, judged_alone, records_of, replayed

FIRST, AFTER_RESTART = "first", "after-restart"
PAUSE_SECONDS = 0.05
"""Between two bodies that are posted while something else happens: they are to meet all of it."""


@dataclass(frozen=True)
class TwoWorkers:
    """The first chapter, when all is judged."""

    ingest: Ingest
    workers: list[Worker]
    without_topics: list[tuple[str, Answer]]
    """What each told, and answered, before there were topics."""
    judged: list[int]
    """Events that each has judged."""
    seeks: float
    alerts: dict[str, Alert]
    keyed_partitions: set[int]
    dead_letters: int


@dataclass(frozen=True)
class Restarted:
    """The second: all workers stopped, started again, and more posted."""

    ingest: Ingest
    workers: list[Worker]
    exit_codes: list[int]
    before: dict[bytes, bytes]
    """The inventory when they were stopped."""
    after: dict[bytes, bytes]
    """The inventory when they had taken over again, before anything was posted."""
    judged: int
    """Events that were judged since."""


@dataclass(frozen=True)
class Scaled:
    """The third: while bodies are posted a worker joins and another one leaves."""

    clusters: list[str]
    """Whose bodies were posted meanwhile."""
    shares: list[int]
    """How many partitions each of the three had while there were three."""
    left: int
    """The exit code of the one that left."""
    exit_codes: list[int]
    """Of the others when they were stopped at the end, the webhook's last."""


@contextmanager
def posting(ingest: Ingest) -> Iterator[Future[list[str]]]:
    """Post the bodies meanwhile, as one cluster's after another's; the result names those that were posted whole."""
    is_over = Event()

    def post() -> list[str]:
        clusters: list[str] = []
        while not is_over.is_set():
            clusters.append(f"meanwhile-{len(clusters)}")
            for body in BODIES:
                ingest.post(body, clusters[-1])
                is_over.wait(PAUSE_SECONDS)
        return clusters

    with ThreadPoolExecutor(1) as pool:
        posted = pool.submit(post)
        try:
            yield posted
        finally:
            is_over.set()


def share(story: Pipeline, workers: list[Worker]) -> None:
    until(lambda: share_partitions(workers, story.kafka.partitions), "the workers share all partitions")


def settle(story: Pipeline) -> None:
    until(lambda: topics.is_all_committed(story.kafka), "everything is judged and committed")


@pytest.fixture(scope="module")
def two_workers(story: Pipeline) -> TwoWorkers:
    workers = story.workers(2)
    without_topics = [(worker.awaited(), worker.ask("/readyz")) for worker in workers]
    story.create_topics()
    ingest = story.ingest()
    share(story, workers)
    for body in BODIES:
        ingest.post(body, FIRST)
    settle(story)
    kafka = story.kafka
    return TwoWorkers(
        ingest,
        workers,
        without_topics,
        judged=[worker.judged() for worker in workers],
        seeks=sum(worker.count("auditstream_processor_seeks_total") for worker in workers),
        alerts=topics.alerts(kafka),
        keyed_partitions=topics.keyed_partitions(kafka),
        dead_letters=len(topics.dead_letters(kafka)),
    )


@pytest.fixture(scope="module")
def restarted(story: Pipeline, two_workers: TwoWorkers) -> Restarted:
    exit_codes = stop_all(two_workers.workers)
    before = topics.inventory(story.kafka)
    workers = story.workers(2)
    share(story, workers)
    after = topics.inventory(story.kafka)
    for body in BODIES:
        two_workers.ingest.post(body, AFTER_RESTART)
    settle(story)
    judged = sum(worker.judged() for worker in workers)
    return Restarted(two_workers.ingest, workers, exit_codes, before, after, judged)


@pytest.fixture(scope="module")
def scaled(story: Pipeline, restarted: Restarted) -> Scaled:
    ingest, (leaving, staying) = restarted.ingest, restarted.workers
    with posting(ingest) as posted:
        (joining,) = story.workers(1)
        share(story, [leaving, staying, joining])
        shares = [len(worker.partitions()) for worker in (leaving, staying, joining)]
        left = leaving.stop()
        share(story, [staying, joining])
    clusters = posted.result()
    settle(story)
    exit_codes = stop_all([staying, joining, ingest])
    return Scaled(clusters, shares, left, exit_codes)


# Two workers


def test_without_topics_workers_say_what_makes_them_and_wait(story: Pipeline, two_workers: TwoWorkers) -> None:
    names = ", ".join(topic.name for topic in story.kafka.topics.all)
    expected = f"Kafka has no topic {names}: run 'auditstream topics create'"
    for told, answer in two_workers.without_topics:
        assert told == expected
        assert (answer.code, answer.text) == (503, f"{expected}\n")


def test_alerts_are_those_of_a_replay(story: Pipeline, two_workers: TwoWorkers) -> None:
    assert two_workers.alerts == replayed(BODIES, FIRST, story.folder)


def test_each_worker_judges_its_share_and_each_event_once(two_workers: TwoWorkers) -> None:
    posted = len(records_of(BODIES, FIRST))
    assert sum(two_workers.judged) == posted
    assert min(two_workers.judged) >= posted / 5
    assert two_workers.seeks == 0


def test_state_is_spread_over_partitions(two_workers: TwoWorkers) -> None:
    assert len(two_workers.keyed_partitions) >= 3
    assert two_workers.dead_letters == 0


def test_alerts_know_what_was_written_with_earlier_bodies(two_workers: TwoWorkers) -> None:
    """Judged with no memory of the bodies before its own, such an alert would not know who had made what is gone."""
    alone = judged_alone(BODIES, FIRST)
    told = [alert for id_, alert in two_workers.alerts.items() if alone[id_] != alert]
    assert {alert["rule"] for alert in told} >= {"ConfigMap Destroyed", "Namespace Destroyed"}
    assert all(alert["output_fields"]["resource.created.user"] for alert in told)
    for alert in told:
        if alert["rule"].endswith("Destroyed"):
            assert alone[alert["id"]]["output_fields"].get("resource.created.user") is None


# All of them started again


def test_workers_that_are_stopped_end_well(restarted: Restarted) -> None:
    assert restarted.exit_codes == [0, 0]


def test_a_restart_recovers_the_inventory(restarted: Restarted) -> None:
    assert restarted.before == in_one_process({FIRST: BODIES}).state
    assert restarted.after == restarted.before


def test_after_a_restart_only_what_was_posted_since_is_judged(restarted: Restarted) -> None:
    assert restarted.judged == len(records_of(BODIES, AFTER_RESTART))


# One joins, one leaves


def test_a_worker_that_joins_gets_its_share(scaled: Scaled) -> None:
    assert scaled.shares == [4, 4, 4]


def test_a_worker_that_leaves_ends_well(scaled: Scaled) -> None:
    assert (scaled.left, scaled.exit_codes) == (0, [0, 0, 0])


def test_alerts_and_inventory_are_those_of_one_process_whoever_judged_them(story: Pipeline, scaled: Scaled) -> None:
    expected = in_one_process(dict.fromkeys((FIRST, AFTER_RESTART, *scaled.clusters), BODIES))
    assert topics.alerts(story.kafka) == expected.alerts
    assert topics.inventory(story.kafka) == expected.state
    assert topics.dead_letters(story.kafka) == []
