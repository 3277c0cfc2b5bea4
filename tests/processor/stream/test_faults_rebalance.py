"""Rebalances one upon another, while much state is read: what is read is whole."""

import random
import signal
import time

import pytest

from tests.processor.stream.workers import Installation, event, late_creations

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(3)]


@pytest.mark.parametrize("slow", [0, 5, 20, 50])
def test_rebalances_while_the_state_is_read(installation: Installation, slow: int) -> None:
    for partition in range(3):
        names = [f"n{number}" for number in range(4000)]
        installation.send(late_creations(names, 3600, cluster=f"p{partition}"), partition)
    first = installation.start()
    installation.await_committed()
    assert first.stop() == 0
    assert len(installation.changelog()) > 12_000
    chance = random.Random(slow)  # noqa: S311 - not a secret
    running = [installation.start(f"check_reading,slow_reading={slow}")]
    limit = time.monotonic() + 60
    codes = []
    while time.monotonic() < limit:
        time.sleep(chance.uniform(0.3, 1.6))
        if len(running) < 3:
            running.append(installation.start(f"check_reading,slow_reading={slow}"))
        else:
            worker = running.pop(chance.randrange(len(running)))
            worker.signal(chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGTERM]))
        for worker in running[:]:
            if worker.process.poll() is not None:
                running.remove(worker)
    for worker in installation.workers:
        if worker in running:
            worker.signal(signal.SIGTERM)
        worker.ended()
        codes.append(worker.process.returncode)
    print(codes)
    for worker in installation.workers:
        if worker.process.returncode not in (0, -9, -15):
            print(worker.process.returncode, worker.told())
    last = installation.start("check_reading")
    for partition in range(3):
        installation.send(
            [event("delete", f"n{number}", 7200, cluster=f"p{partition}") for number in range(0, 4000, 7)], partition
        )
    installation.await_committed()
    assert last.stop() == 0
    installation.check()
