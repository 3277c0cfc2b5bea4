"""Workers that are killed, frozen, stopped and started at random, under a broker that goes away: then the books.

Not part of the default suite: `make chaos`. CHAOS_SEED chooses the course of it, CHAOS_SECONDS how long it takes.
"""

import gzip
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from aiokafka.partitioner import murmur2

from ingest.split import split
from tests.kafka.broker import OwnBroker
from tests.processor.stream.workers import Installation, Worker, late_creations
from wire.kafka_settings import KafkaSettings
from wire.record import Record

pytestmark = [pytest.mark.chaos, pytest.mark.partitions(6)]

WORKERS = 3
CLUSTERS = 12
SESSION = 6.0
SETTLED_SECONDS = 240.0
# Who has just begun has no handler for SIGTERM yet.
EXPECTED = {-signal.SIGKILL: "killed", 0: "stopped", 70: "left", -signal.SIGTERM: "stopped early"}

RULES = """\
- rule: Every event
  desc: Every event, with what is known of its target.
  condition: ka.stage exists
  output: >
    event (verb=%ka.verb name=%ka.target.name existed_before=%resource.before.exists exists=%resource.exists
    created_by=%resource.created.user created=%resource.created.time deleted_by=%resource.deleted.user
    lifetime_seconds=%resource.lifetime_seconds)
  priority: INFO
  source: k8s_audit
"""


@pytest.fixture
def own_installation(own_topics: KafkaSettings, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(own_topics, tmp_path)
    installation.rules.write_text(RULES)
    yield installation
    installation.end()


def _recorded() -> list[tuple[Record, int]]:
    """Return recorded events of several clusters, with the partition of each."""
    text = (files("auditstream") / "samples" / "webhook-bodies.jsonl.gz").read_bytes()
    lines = gzip.decompress(text).splitlines()
    clusters = (f"cluster-{number}" for number in range(CLUSTERS))
    taken = [split(line, cluster=cluster, received_ms=0).records for cluster in clusters for line in lines]
    return [
        (record, (index if record.key is None else murmur2(record.key) & 0x7FFFFFFF) % 6)
        for index, batch in enumerate(taken)
        for record in batch
    ]


class Chaos:
    """What is done to workers and broker."""

    def __init__(self, installation: Installation, broker: OwnBroker, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - not a secret
        self.installation = installation
        self.broker = broker
        self.done: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.running: list[Worker] = []
        self.frozen: dict[Worker, float] = {}
        self.broker_until = 0.0

    def start(self) -> None:
        # The longer a worker holds its work, the more of it is under way when something happens.
        settings = {"session_timeout_seconds": SESSION, "checkpoint_seconds": self.chance.choice([0.25, 1, 3])}
        self.running.append(self.installation.start("check_reading", heartbeat_seconds=1, **settings))

    def step(self) -> None:
        """Wake what has been frozen for long enough, bring back what has ended, and do something at random."""
        now = time.monotonic()
        self._wake(now)
        if self.broker_until and now > self.broker_until:
            self.broker.start()
            self.broker_until = 0.0
        self._reap()
        awake = [worker for worker in self.running if worker not in self.frozen]
        kinds = ["kill", "freeze", "terminate", "start", "broker"]
        kind = self.chance.choices(kinds, [4, 4, 3, 2, 1])[0]
        if kind == "broker" and not self.broker_until:
            (self.broker.kill if self.chance.random() < 0.5 else self.broker.stop)()
            self.broker_until = time.monotonic() + self.chance.uniform(1, 15)
        elif kind == "start" and len(self.running) < WORKERS + 2:
            self.start()
        elif awake and kind in {"kill", "freeze", "terminate"}:
            self._hurt(kind, self.chance.choice(awake))
        self.done[kind] += 1

    def _hurt(self, kind: str, worker: Worker) -> None:
        if kind == "freeze":
            self.frozen[worker] = time.monotonic() + self.chance.uniform(8, 15)
        signals = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP, "terminate": signal.SIGTERM}
        worker.signal(signals[kind])

    def _wake(self, now: float) -> None:
        for worker, until in list(self.frozen.items()):
            if now > until:
                worker.signal(signal.SIGCONT)
                del self.frozen[worker]

    def _reap(self) -> None:
        for worker in self.running[:]:
            if (code := worker.process.poll()) is not None:
                assert code in EXPECTED, f"exit code {code}: {worker.told()}"
                self.done[EXPECTED[code]] += 1
                self.reasons += [line for line in worker.told().splitlines() if "leaving without a commit" in line]
                self.running.remove(worker)
        while len(self.running) < WORKERS:
            self.start()

    def settle(self) -> None:
        """Wake and start everything."""
        self._wake(float("inf"))
        if self.broker_until:
            self.broker.start()
            self.broker_until = 0.0
        self._reap()


def test_whatever_happens_to_workers_and_broker_every_alert_and_the_state_are_right(
    own_installation: Installation, own_kafka: OwnBroker
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10_000))  # noqa: S311 - not a secret
    seconds = float(os.environ.get("CHAOS_SECONDS") or 180)
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - so that it can be run again
    installation = own_installation
    chaos = Chaos(installation, own_kafka, seed)
    # A state whose changelog does not fit the buffers between Kafka and the table.
    for partition in range(6):
        names = [f"n{number}" for number in range(1500)]
        installation.send(late_creations(names, 3600, cluster=f"p{partition}"), partition)
    for _ in range(WORKERS):
        chaos.start()
    sender = threading.Thread(target=installation.send_slowly, args=(_recorded(), seconds * 0.9), daemon=True)
    sender.start()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        chaos.step()
        time.sleep(chaos.chance.uniform(1, 6))
    chaos.settle()
    sender.join(SETTLED_SECONDS)
    assert not sender.is_alive()
    _await_settled(chaos)
    for worker in chaos.running:
        worker.signal(signal.SIGTERM)
    codes = [worker.ended() for worker in chaos.running]
    print(f"seed {seed}: {dict(chaos.done)}, at the end {codes}, {len(installation.sent)} records")  # noqa: T201
    print(*chaos.reasons, sep="\n")  # noqa: T201
    assert set(codes) <= {0, -signal.SIGTERM}
    installation.check()
    print(f"repeated alerts: {len(installation.alerts()) - len(installation.reference()[0])}")  # noqa: T201


def _await_settled(chaos: Chaos) -> None:
    """Wait until everything is judged; workers that end are started again meanwhile."""
    installation = chaos.installation
    ends = installation.ends(installation.kafka.topics.events.name)
    limit = time.monotonic() + SETTLED_SECONDS
    while (committed := installation.committed()) != ends:
        assert time.monotonic() < limit, f"{committed} of {ends}: " + "\n".join(
            f"{worker.process.pid} {worker.ask('/readyz')} {worker.told()[-1500:]}" for worker in chaos.running
        )
        chaos.settle()
        time.sleep(0.5)
