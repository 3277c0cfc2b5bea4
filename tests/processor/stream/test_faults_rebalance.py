"""Rebalances one upon another, while much state is read: what is read is whole."""

import random
import signal
import time

import pytest

from tests.processor.stream.workers import Installation, event, late_creations

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(3)]

NAMES = [f"n{number}" for number in range(4000)]
SECONDS = 60
LEFT = 70
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM)


@pytest.mark.parametrize("milliseconds", [0, 20])
def test_rebalances_while_the_state_is_read(installation: Installation, milliseconds: int) -> None:
    for partition in range(3):
        installation.send(late_creations(NAMES, 3600, cluster=f"p{partition}"), partition)
    first = installation.start()
    installation.await_committed()
    assert first.stop() == 0

    # `check_reading` ends a worker with another code when it reads a changelog with a hole in it.
    faults = f"check_reading,slow_reading={milliseconds}"
    chance = random.Random(milliseconds)  # noqa: S311 - not a secret
    running = [installation.start(faults)]
    limit = time.monotonic() + SECONDS
    while time.monotonic() < limit:
        time.sleep(chance.uniform(0.3, 1.6))
        if len(running) < installation.kafka.partitions:
            running.append(installation.start(faults))
        else:
            running.pop(chance.randrange(len(running))).signal(chance.choice(SIGNALS))
        running = [worker for worker in running if worker.process.poll() is None]
    for worker in running:
        worker.signal(signal.SIGTERM)
    codes = {worker.ended(): worker for worker in installation.workers}
    unexpected = set(codes) - {0, LEFT, -signal.SIGKILL, -signal.SIGTERM}
    assert not unexpected, [codes[code].told() for code in unexpected]

    last = installation.start("check_reading")
    for partition in range(3):
        deletions = [event("delete", name, 7200, cluster=f"p{partition}") for name in NAMES[::7]]
        installation.send(deletions, partition)
    installation.await_committed()
    assert last.stop() == 0
    installation.check()
