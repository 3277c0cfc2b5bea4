"""What every source of a Kafka broker shares: what a broker is, whether it answers, and how long it is waited for.

Each source (`environment`, `container`, `jars`) is a `Source`; `sources` asks one after another, `fixtures` hands the
broker to tests.
"""

import asyncio
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

VERSION: Final = "4.1.1"

# What both kinds of own brokers are told: small, quick to start, quick to join a group, and quick to compact. They make
# topics that are asked for, as Kafka does by default: what asks too early is found out.
SETTINGS: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.num.partitions": "3",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A broker that was killed is let in again when it counts as gone.
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.backoff.ms": "200",
    "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
}
HEAP: Final = ("-Xms96m", "-Xmx512m")
JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

_PROBE_SECONDS: Final = 5.0


class Unavailable(Exception):  # noqa: N818 - not an error: the next source is asked
    """A source has no broker to give; the text says why."""


class Broker(Protocol):
    """A Kafka to test with. What it may not be used for is stopping it: others use it too."""

    @property
    def bootstrap(self) -> str:
        """Its address, as `AUDITSTREAM_KAFKA_BOOTSTRAP` takes it."""
        ...

    def end(self) -> None:
        """Give it back: what was started ends, and what it wrote goes."""
        ...


class OwnBroker(Broker, Protocol):
    """A Kafka of one test's own, to be stopped, killed and frozen. Its address and data outlive all of that."""

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        ...

    def stop(self) -> None:
        """End it in order, as a restart for maintenance does."""
        ...

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        ...

    def pause(self) -> None:
        """Freeze it: connections stay, nothing is answered."""
        ...

    def resume(self) -> None:
        """Let it go on; where it does, nothing happens."""
        ...


class Deadline:
    """A moment by which something has to be done; whoever waits looks here, and may be told to give up before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = time.monotonic() + seconds
        self._given_up = threading.Event()

    def left(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self._ends - time.monotonic())

    def give_up(self) -> None:
        """Tell whoever works under this deadline to stop."""
        self._given_up.set()

    def check(self) -> None:
        """Raise `Unavailable` if it is over."""
        if self._given_up.is_set() or not self.left():
            raise Unavailable(f"not done within {self._seconds:.0f} s")

    def pause(self, seconds: float = 0.1) -> None:
        """Wait a little, as long as there is time."""
        self.check()
        self._given_up.wait(min(seconds, self.left()))


class Source(Protocol):
    """Where a broker may come from. Each step raises when there is none to be had, and says why."""

    @property
    def name(self) -> str:
        """What it is called in the report."""
        ...

    @property
    def own(self) -> bool:
        """Whether its brokers are `OwnBroker`s."""
        ...

    def check(self, deadline: Deadline) -> None:
        """See whether what it needs is here."""
        ...

    def fetch(self, deadline: Deadline) -> None:
        """Download what is not here yet: once a machine, and so with a longer time allowed."""
        ...

    def start(self, deadline: Deadline) -> Broker:
        """Start a broker, or reach the one that runs, and wait until it answers."""
        ...


def await_answer(bootstrap: str, deadline: Deadline, check_alive: Callable[[], None]) -> None:
    """Wait until a broker lists its topics; `check_alive` raises when there is nothing left to wait for."""
    host, port = bootstrap.split(":")
    while True:
        check_alive()
        deadline.check()
        try:
            socket.create_connection((host, int(port)), timeout=_PROBE_SECONDS).close()  # less to do than a client has
            return asyncio.run(ask(bootstrap, min(_PROBE_SECONDS, deadline.left())))
        except (KafkaError, OSError):
            deadline.pause()


async def ask(bootstrap: str, seconds: float) -> None:
    """Connect, and have brokers and topics listed, as a client does before anything else."""
    async with asyncio.timeout(seconds):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(seconds * 1000) + 1)
        try:
            await admin.start()
            if not (await admin.describe_cluster())["brokers"]:
                raise KafkaError("no broker is ready")
            await admin.list_topics()
        finally:
            await admin.close()


def free_ports(count: int) -> list[int]:
    """Choose free ports of loopback that no outgoing connection can take while a broker is down for a moment.

    The system gives those of outgoing connections from 32768 on (Linux) or 49152 (elsewhere). A client that keeps
    asking for a port in that range may even get connected to itself, and then holds it.
    """
    chosen: list[int] = []
    chance = random.Random(os.urandom(8))  # noqa: S311 - not a secret; apart from tests that seed the shared one
    while len(chosen) < count:
        port = chance.randrange(20_000, 32_000)
        with closing(socket.socket()) as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in chosen:
            chosen.append(port)
    return chosen


def tail(log: Path, lines: int = 15) -> str:
    """Return the end of a log, for a message."""
    text = log.read_text(errors="replace") if log.is_file() else ""
    return "\n".join(text.splitlines()[-lines:]) or "(nothing was logged)"
