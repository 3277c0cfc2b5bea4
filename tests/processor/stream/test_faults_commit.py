"""Commits that are refused, or never come: what a marker says is not judged again."""

import signal

import pytest

from processor.stream.changelog import Cut, logged
from tests.processor.stream.workers import Installation, Worker, event, late_creations, until

EVENTS = "auditstream_processor_events_total"
LAG = "auditstream_processor_lag_records"


def _marked(installation: Installation) -> dict[int, int]:
    """Return up to where the markers say that the events are in the state."""
    cuts = {number: Cut() for number in range(installation.kafka.partitions)}
    for each in installation.changelog():
        cuts[each.partition].read(each.offset, each.key, logged(each.value, each.headers.items()))
    return {partition: cut.marker.next_offset for partition, cut in cuts.items() if cut.marker is not None}


def _await_marked(installation: Installation) -> None:
    ends = installation.ends(installation.kafka.topics.events.name)
    until(lambda: _marked(installation) == ends, f"markers at {ends}")


def _await_shared(*workers: Worker) -> None:
    """Wait until each worker has a partition."""
    until(lambda: all(worker.ask("/metrics")[1].count(f"{LAG}{{") == 1 for worker in workers), "each to have one")


@pytest.mark.partitions(1)
def test_a_commit_that_is_lost_is_made_good_by_the_marker(installation: Installation) -> None:
    records = late_creations(["a", "b"], 3600)
    installation.send(records)
    crashed = installation.start(f"end_at_commit={len(records)}")
    assert crashed.ended() == -signal.SIGKILL
    assert installation.committed().get(0, 0) < len(records)

    worker = installation.start()
    installation.await_committed()
    assert worker.count(EVENTS) == 0
    installation.send([event("delete", "a", 7200)])
    installation.await_committed()
    assert worker.count(EVENTS) == 1
    assert worker.stop() == 0
    installation.check()
    assert len(installation.alerts()) == len(installation.reference()[0]), "nothing is sent twice"


@pytest.mark.partitions(2)
def test_commits_that_are_refused_are_made_good_by_the_marker_of_a_partition_that_is_kept(
    installation: Installation,
) -> None:
    refuse = installation.folder / "refuse"
    refuse.touch()
    first = installation.start(f"refuse_commits={refuse}", session_timeout_seconds=6)
    for partition in (0, 1):
        installation.send(late_creations([f"a{partition}", f"b{partition}"], 3600), partition)
    _await_marked(installation)
    assert first.count(EVENTS) == len(installation.sent)

    second = installation.start(f"refuse_commits={refuse}", session_timeout_seconds=6)
    second.await_ready()
    _await_shared(first, second)
    for partition in (0, 1):
        installation.send([event("patch", f"a{partition}", 7200)], partition)
    _await_marked(installation)
    assert first.count(EVENTS) + second.count(EVENTS) == len(installation.sent)
    assert max(installation.committed().values(), default=0) == 0

    refuse.unlink()
    installation.await_committed()
    assert first.count(EVENTS) + second.count(EVENTS) == len(installation.sent)
    assert (second.stop(), first.stop()) == (0, 0)
    installation.check()
    assert len(installation.alerts()) == len(installation.reference()[0]), "nothing is sent twice"
