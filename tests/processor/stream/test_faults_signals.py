"""SIGTERM at any moment: the worker ends in order, and what it leaves is mended. A second one ends it at once."""

import signal

import pytest

from tests.processor.stream.workers import Installation, event, late_creations, until

pytestmark = pytest.mark.partitions(1)


def _judged(installation: Installation) -> None:
    """Have a changelog of some thousand records: more than Faust's buffers hold."""
    installation.send(late_creations([f"n{number}" for number in range(1800)], 3600))
    worker = installation.start()
    installation.await_committed()
    assert worker.stop() == 0


def _goes_on(installation: Installation) -> None:
    worker = installation.start()
    installation.send([event("delete", "n1", 7200)])
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()


def test_it_ends_while_the_state_is_read(installation: Installation) -> None:
    _judged(installation)
    end = installation.ends(installation.kafka.topics.changelog.name)
    worker = installation.start("trace,slow_reading=100")
    worker.await_told("trace: reads")
    assert worker.stop() == 0
    assert "judges" not in worker.told()
    assert installation.ends(installation.kafka.topics.changelog.name) == end
    _goes_on(installation)


def test_it_ends_when_it_has_taken_over_and_not_before(installation: Installation) -> None:
    installation.send(late_creations(["n1", "n2"], 3600))
    held = installation.folder / "go"
    worker = installation.start(f"trace,hold_opening={held}")
    until((installation.folder / "go.reached").exists, "the opening")
    worker.signal(signal.SIGTERM)
    held.touch()
    assert worker.ended() == 0, worker.told()
    assert "judges" not in worker.told()
    _goes_on(installation)


def test_a_second_signal_ends_it_at_once(installation: Installation) -> None:
    installation.send(late_creations(["n1", "n2"], 3600))
    worker = installation.start(f"hold_opening={installation.folder / 'never'}")
    until((installation.folder / "never.reached").exists, "the opening")
    worker.signal(signal.SIGTERM)
    until(lambda: _handles(worker.process.pid, signal.SIGTERM) is False, "the first signal to be taken")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == -signal.SIGTERM
    _goes_on(installation)


def _handles(process: int, number: signal.Signals) -> bool:
    """Tell whether a process has a handler for a signal."""
    with open(f"/proc/{process}/status") as status:  # noqa: PTH123 - no file that a path is made for
        caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_it_ends_while_it_waits_for_kafka(installation: Installation) -> None:
    installation.kafka = installation.kafka.model_copy(update={"bootstrap": "127.0.0.1:1"})  # type: ignore[misc]
    worker = installation.start()
    worker.await_told("Kafka does not answer at 127.0.0.1:1")
    assert worker.stop() == 0
    assert worker.told().count("\n") == 2
