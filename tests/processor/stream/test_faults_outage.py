"""A Kafka that stops answering in the middle of a checkpoint, an opening or a stop: nothing is lost, nobody hangs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.broker import OwnBroker
from tests.processor.stream.workers import Installation, event, late_creations, until
from wire.kafka_settings import KafkaSettings

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(1)]

SESSION = 3
REQUEST_SECONDS = SESSION + 10
EVENTS = "auditstream_processor_events_total"
LEASE = "auditstream_processor_lease_seconds"


@pytest.fixture
def own_installation(own_topics: KafkaSettings, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(own_topics, tmp_path)
    yield installation
    installation.end()


def test_a_broker_that_freezes_under_a_checkpoint_for_longer_than_a_request_may_take(
    own_installation: Installation, own_kafka: OwnBroker
) -> None:
    installation = own_installation
    worker = installation.start(checkpoint_seconds=3)
    installation.send(late_creations(["a", "b"], 3600))
    installation.await_committed()
    installation.send(late_creations(["a", "c"], 7200))
    until(lambda: worker.count(EVENTS) == len(installation.sent), "it to judge")
    own_kafka.pause()
    until(lambda: worker.count(LEASE) == 0, "the lease to run out")
    # Requests of the checkpoint time out after 13 seconds, and are sent again.
    worker.stays(20)
    own_kafka.resume()
    installation.await_committed()
    installation.send([event("delete", "a", 9000)])
    installation.await_committed()
    print(worker.told())
    assert worker.stop() == 0
    installation.check()


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_broker_that_is_away_for_a_minute_under_a_checkpoint(
    own_installation: Installation, own_kafka: OwnBroker, *, is_killed: bool
) -> None:
    installation = own_installation
    worker = installation.start(checkpoint_seconds=3)
    installation.send(late_creations(["a", "b"], 3600))
    installation.await_committed()
    installation.send(late_creations(["a", "c"], 7200))
    until(lambda: worker.count(EVENTS) == len(installation.sent), "it to judge")
    (own_kafka.kill if is_killed else own_kafka.stop)()
    worker.stays(60)
    print(worker.told(), worker.ask("/readyz"), worker.ask("/healthz"))
    own_kafka.start()
    installation.await_committed()
    installation.send([event("delete", "a", 9000)])
    installation.await_committed()
    print(worker.told())
    assert worker.stop() == 0
    installation.check()


def test_a_broker_that_is_away_under_an_opening(own_installation: Installation, own_kafka: OwnBroker) -> None:
    installation = own_installation
    installation.send(late_creations(["a", "b"], 3600))
    held = installation.folder / "go"
    worker = installation.start(f"hold_opening={held}")
    until((installation.folder / "go.reached").exists, "the opening")
    own_kafka.pause()
    held.touch()
    code = worker.ended()
    print(worker.told())
    assert code == 70
    own_kafka.resume()
    worker = installation.start()
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()


def test_sigterm_while_kafka_is_away_and_work_is_held(own_installation: Installation, own_kafka: OwnBroker) -> None:
    installation = own_installation
    worker = installation.start(checkpoint_seconds=3)
    installation.send(late_creations(["a", "b"], 3600))
    until(lambda: worker.count(EVENTS) == len(installation.sent), "it to judge")
    own_kafka.kill()
    import signal
    import time

    worker.signal(signal.SIGTERM)
    time.sleep(20)
    print(worker.process.poll(), worker.told())
    own_kafka.start()
    code = worker.ended()
    print(code, worker.told())
    worker = installation.start()
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()


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
