"""A Kafka that stops answering in the middle of a checkpoint, an opening or a stop: nothing is lost, nobody hangs."""

import re
import signal
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.kafka.broker import OwnBroker
from tests.processor.stream.workers import Installation, Worker, event, late_creations, until
from wire.kafka_settings import KafkaSettings

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(1)]

LEFT = 70
SESSION = 3
REQUEST_SECONDS = SESSION + 10
EVENTS = "auditstream_processor_events_total"
LEASE = "auditstream_processor_lease_seconds"


@pytest.fixture
def own_installation(own_topics: KafkaSettings, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(own_topics, tmp_path)
    yield installation
    installation.end()


def _goes_on(installation: Installation, worker: Worker) -> None:
    """Hold the books, after more work; by another worker if this one was thrown out of the group meanwhile."""
    installation.send([event("delete", "a", 9000)])
    until(lambda: worker.process.poll() is not None or _is_done(installation), worker.told())
    if worker.process.poll() is None:
        assert worker.stop() == 0
    else:
        assert worker.process.returncode == LEFT
        assert "the group went on without this worker while its work was under way" in worker.told()
        worker = installation.start()
        installation.await_committed()
        assert worker.stop() == 0
    installation.check()


def _is_done(installation: Installation) -> bool:
    return installation.committed() == installation.ends(installation.kafka.topics.events.name)


def _hold_work(installation: Installation) -> Worker:
    """Start a worker, and have it hold work that is not durable, after some that is."""
    worker = installation.start(checkpoint_seconds=3, session_timeout_seconds=SESSION)
    installation.send(late_creations(["a", "b"], 3600))
    installation.await_committed()
    installation.send(late_creations(["a", "c"], 7200))
    until(lambda: worker.count(EVENTS) == len(installation.sent), "it to judge")
    return worker


def test_a_broker_that_freezes_under_a_checkpoint_for_longer_than_a_request_may_take(
    own_installation: Installation, own_kafka: OwnBroker
) -> None:
    worker = _hold_work(own_installation)
    own_kafka.pause()
    until(lambda: worker.count(LEASE) == 0, "the lease to run out")
    worker.stays(REQUEST_SECONDS + 5)
    own_kafka.resume()
    _goes_on(own_installation, worker)


def test_a_broker_that_is_away_for_a_minute_under_a_checkpoint(
    own_installation: Installation, own_kafka: OwnBroker
) -> None:
    worker = _hold_work(own_installation)
    own_kafka.kill()
    worker.stays(60)
    assert worker.ask("/readyz")[0] == HTTPStatus.SERVICE_UNAVAILABLE
    own_kafka.start()
    _goes_on(own_installation, worker)


def test_a_broker_that_is_away_under_an_opening(own_installation: Installation, own_kafka: OwnBroker) -> None:
    installation = own_installation
    installation.send(late_creations(["a", "b"], 3600))
    held = installation.folder / "go"
    worker = installation.start(f"hold_opening={held}")
    until((installation.folder / "go.reached").exists, "the opening")
    own_kafka.pause()
    held.touch()
    assert worker.ended() == LEFT
    # By what it notices first: that the broker is gone, or that its time is up.
    assert re.search(
        "leaving without a commit: (the state could not|Kafka did not .* as the state was) (be )?taken over",
        worker.told(),
    )
    own_kafka.resume()
    worker = installation.start()
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()


def test_a_stop_while_kafka_is_away_waits_for_it(own_installation: Installation, own_kafka: OwnBroker) -> None:
    worker = _hold_work(own_installation)
    own_kafka.kill()
    worker.signal(signal.SIGTERM)
    worker.stays(20)
    own_kafka.start()
    assert worker.ended() in {0, LEFT}
    worker = own_installation.start()
    own_installation.await_committed()
    assert worker.stop() == 0
    own_installation.check()


def test_a_partition_without_a_leader_for_longer_than_a_request_may_take(installation: Installation) -> None:
    hidden = installation.folder / "hidden"
    worker = installation.start(f"hide_leaders={hidden}", checkpoint_seconds=3)
    installation.send(late_creations(["a", "b"], 3600))
    until(lambda: worker.count(EVENTS) == len(installation.sent), "it to judge")
    hidden.touch()
    worker.stays(REQUEST_SECONDS + 5)
    hidden.unlink()
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()
