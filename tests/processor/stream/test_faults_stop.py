"""A stop at any moment of a start: the worker ends."""

import random
import signal
import subprocess
from contextlib import suppress

import pytest

from tests.processor.stream.workers import Installation, late_creations

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(3)]

ROUNDS = 60
# A start, from the first handler of the signal to the first partition.
MOMENTS = (0.5, 1.6)


def test_a_worker_that_is_stopped_while_it_starts_ends(installation: Installation) -> None:
    for partition in range(3):
        names = [f"n{number}" for number in range(1500)]
        installation.send(late_creations(names, 3600, cluster=f"p{partition}"), partition)
    steady = installation.start()
    installation.await_committed()
    chance = random.Random(5)  # noqa: S311 - not a secret
    for _ in range(ROUNDS):
        worker = installation.start("slow_reading=20")
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(chance.uniform(*MOMENTS))
        worker.signal(signal.SIGTERM)
        # Who has just begun has no handler for the signal yet.
        assert worker.ended() in {0, -signal.SIGTERM}, worker.told()
    assert steady.stop() == 0
    installation.check()
