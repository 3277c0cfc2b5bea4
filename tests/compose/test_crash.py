"""What ends while bodies are posted: processors come and go; then processor, webhook and Kafka crash in turn.

The sender goes on as the API server does. In the end every body that it was told is taken is on the topic and judged.
"""

import http.client
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Final, NamedTuple

import pytest

from tests.compose.stack import PATIENCE_SECONDS, Stack, asked, crash, inspected, succeed, until
from tests.e2e import topics
from tests.e2e.recorded import BODIES, in_one_process

pytestmark = pytest.mark.e2e

PAUSE_SECONDS: Final = 0.1
"""Between two bodies."""

CRASHING: Final = ("processor", "ingest", "kafka")


class Sender:
    """Sends the recorded bodies in a thread, as one cluster's after another's, until it is told that it is enough."""

    def __init__(self, stack: Stack) -> None:
        self.taken: Final[dict[str, list[bytes]]] = {}
        """The bodies that were answered 200, by cluster."""
        self.failures = 0
        """How often it was told to come again, or not answered."""
        self.enough: Final = Event()
        self._stack: Final = stack

    def count(self) -> int:
        """Return how many bodies were taken."""
        return sum(map(len, self.taken.values()))

    def send(self) -> None:
        while not self.enough.is_set():
            cluster = f"cluster-{len(self.taken)}"
            self.taken[cluster] = []
            for body in BODIES:
                if self.enough.is_set():
                    break
                self._send(body, cluster)
                self.taken[cluster].append(body)
                self.enough.wait(PAUSE_SECONDS)

    def _send(self, body: bytes, cluster: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            pause = PAUSE_SECONDS
            try:
                code, retry_after = self._stack.offer(body, cluster)
                if code == http.client.OK:
                    return
                assert code == http.client.SERVICE_UNAVAILABLE
                pause = float(retry_after)
            except (OSError, http.client.HTTPException):
                pass
            self.failures += 1
            assert time.monotonic() < end, "nothing is taken any more"
            time.sleep(pause)


class Crashed(NamedTuple):
    """What came of it."""

    shares: list[int]
    """How many partitions each processor had when there were three."""
    restarts: dict[str, int]
    """How often the engine started a container again."""
    sender: Sender


def _partitions(container: str) -> set[int]:
    metrics = asked(container, "http://127.0.0.1:8766/metrics")
    return {
        int(number)
        for number in re.findall(r'^auditstream_processor_lag_records\{partition="(\d+)"\}', metrics, re.MULTILINE)
    }


def _shared(stack: Stack, count: int) -> list[int]:
    """Return the shares of so many processors once they have all partitions among them; empty until then."""
    containers = stack.containers("processor")
    if len(containers) != count or not stack.is_healthy("processor"):
        return []
    shares = [_partitions(container) for container in containers]
    is_whole = sorted(number for share in shares for number in share) == list(range(stack.kafka.partitions))
    return [len(share) for share in shares] if is_whole and all(shares) else []


@contextmanager
def _sending(stack: Stack) -> Iterator[Sender]:
    sender = Sender(stack)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(sender.send)
        try:
            yield sender
        finally:
            sender.enough.set()
    sent.result()


def _goes_on(sender: Sender) -> None:
    taken = sender.count()
    until(lambda: sender.count() >= taken + 5, "bodies are taken")


def _outlast(stack: Stack, service: str) -> None:
    container = stack.container(service)
    crash(container)
    until(lambda: inspected(container, ".RestartCount") == 1, f"{service} is started again")
    until(lambda: stack.is_healthy(service), f"{service} is healthy again")


@pytest.fixture(scope="module")
def crashed(stack: Stack) -> Crashed:
    stack.up()
    with _sending(stack) as sender:
        _goes_on(sender)
        succeed(stack.compose("scale", "processor=3"))
        until(lambda: _shared(stack, 3), "three processors share the partitions")
        shares = _shared(stack, 3)
        _goes_on(sender)
        succeed(stack.compose("scale", "processor=1"))
        until(lambda: _shared(stack, 1), "one processor has all partitions")
        _goes_on(sender)
        for service in CRASHING:
            _outlast(stack, service)
            _goes_on(sender)
    until(lambda: _is_settled(stack), "everything is judged and committed")
    restarts = {service: inspected(stack.container(service), ".RestartCount") for service in CRASHING}
    return Crashed(shares, restarts, sender)


def _is_settled(stack: Stack) -> bool:
    return stack.is_healthy("processor") and topics.is_all_committed(stack.kafka)


def test_three_processors_share_the_partitions(crashed: Crashed) -> None:
    assert crashed.shares == [4, 4, 4]


def test_what_crashes_is_started_again_and_nothing_else_is(stack: Stack, crashed: Crashed) -> None:
    told = stack.told("processor")
    # Where Kafka was away for longer than the session, a worker with work under way ends by itself, to be restarted.
    left = told.count("auditstream: leaving without a commit: the group went on without this worker while its work was")
    assert left <= 1
    assert crashed.restarts == {"processor": 1 + left, "ingest": 1, "kafka": 1}, told
    assert crashed.sender.failures > 0


def test_every_event_that_was_taken_is_on_the_topic(stack: Stack, crashed: Crashed) -> None:
    expected = in_one_process(crashed.sender.taken)
    assert topics.events(stack.kafka).keys() == expected.events
    assert topics.dead_letters(stack.kafka) == []


def test_alerts_and_inventory_are_those_of_one_process(stack: Stack, crashed: Crashed) -> None:
    expected = in_one_process(crashed.sender.taken)
    assert topics.alerts(stack.kafka) == expected.alerts
    assert stack.printed_alerts() == expected.alerts
    assert topics.inventory(stack.kafka) == expected.state
