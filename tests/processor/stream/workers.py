"""Workers as processes of their own on a real Kafka, what they read and write there, and what they should have written.

The tests of faults use it. What stands in the topics is read by plain clients; what should stand there comes from the
engine in one process, over the same records in the same order.
"""

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from aiokafka import AIOKafkaProducer

from processor.engine import Engine
from processor.rule_files import load_rules
from processor.state import MemoryState
from processor.stream.changelog import MARKER_KEY, Cut, body_of, logged
from rules.selection import Selection
from tests import waiting
from tests.kafka.client import Stored, committed_offsets, end_offsets, read_topic
from tests.kafka.fixtures import variables
from wire.kafka_settings import KafkaSettings
from wire.record import Record

COMMAND: Final = str(Path(sys.executable).with_name("auditstream"))
FAULTY: Final = str(Path(__file__).with_name("faulty_worker.py"))
SECONDS: Final = 90.0
"""What anything that is waited for may take: a machine under load is no failure."""
until: Final = partial(waiting.until, seconds=SECONDS)

RULES: Final = """\
- rule: Seen
  desc: Whatever happens to a tracked resource, with what is known of it.
  condition: ka.stage = ResponseComplete and ka.target.resource in (configmaps, deployments)
  output: >
    seen (name=%ka.target.name verb=%ka.verb existed_before=%resource.before.exists exists=%resource.exists
    created_by=%resource.created.user created=%resource.created.time deleted_by=%resource.deleted.user
    lifetime_seconds=%resource.lifetime_seconds)
  priority: INFO
  source: k8s_audit
- rule: Destroyed
  desc: A resource exists no more.
  condition: resource.exists = false and not resource.before.exists = false
  output: gone (name=%ka.target.name lifetime_seconds=%resource.lifetime_seconds created_by=%resource.created.user)
  priority: NOTICE
  source: k8s_audit
"""


class Worker:
    """A worker that runs, and what it tells."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], err: Path) -> None:
        self._err = err
        with err.open("wb") as err_file:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=err_file,
                stderr=err_file,
                env={**environment, "PYTHONFAULTHANDLER": "1"},
            )

    def told(self) -> str:
        """Return what it has told until now."""
        return self._err.read_text()

    def await_told(self, text: str) -> None:
        """Wait until it has told something."""
        until(lambda: text in self.told() or self.process.poll() is not None, f"{text} in: {self.told()}")
        assert text in self.told(), self.told()

    def stays(self, seconds: float) -> None:
        """Have it run for some time without ending."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        assert self.process.returncode is None, self.told()

    def ask(self, path: str) -> tuple[int, str]:
        """Ask its HTTP server."""
        self.await_told("health and metrics on ")
        found = re.search(r"health and metrics on (http://\S+:\d+)", self.told())
        assert found is not None
        target = urlsplit(found[1])
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def count(self, metric: str) -> float:
        """Return the sum of a metric over its labels."""
        found = re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", self.ask("/metrics")[1], re.MULTILINE)
        return sum(map(float, found))

    def await_ready(self) -> None:
        """Wait until it judges."""
        until(lambda: self.ask("/readyz")[0] == http.client.OK, f"ready: {self.told()}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended, and return its exit code."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end: {self.told()}") from None

    def stop(self) -> int:
        """Ask it to end, and wait until it has."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def await_frozen(self) -> None:
        """Wait until it has frozen itself."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", f"frozen: {self.told()}")


class Installation:
    """The topics of a test and its workers."""

    with_pack = False
    """Whether the rules that ship are judged too."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka: Final = kafka
        self.folder: Final = folder
        self.workers: Final[list[Worker]] = []
        self.sent: Final[list[tuple[int, Record]]] = []
        """Everything that was sent as a record, with its partition, in order."""
        self.rules: Final = folder / "rules.yaml"
        self.rules.write_text(RULES)

    # --- workers

    def start(self, faults: str = "", /, **settings: object) -> Worker:
        """Start a worker, with faults at points that `faulty_worker` knows, and settings in which it differs."""
        command = (sys.executable, FAULTY, faults) if faults else (COMMAND,)
        given = {"listen_port": 0, "session_timeout_seconds": 3, "heartbeat_seconds": 0.5, **settings}
        environment = {
            **os.environ,
            **variables(self.kafka),
            **{f"AUDITSTREAM_PROCESSOR_{name.upper()}": str(value) for name, value in given.items()},
            "AUDITSTREAM_HOSTNAME": f"worker-{len(self.workers)}",
        }
        pack = () if self.with_pack else ("--no-pack",)
        arguments = (*command, "process", *pack, "--rules", str(self.rules))
        worker = Worker(arguments, environment, self.folder / f"worker-{len(self.workers)}.txt")
        self.workers.append(worker)
        return worker

    def end(self) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    # --- what goes in

    def send(self, records: Iterable[Record], partition: int = 0) -> None:
        """Send records to a partition of the events."""
        found = list(records)
        self.sent.extend((partition, record) for record in found)
        entries = [(partition, each.key, each.value, each.headers()) for each in found]
        self.append(self.kafka.topics.events.name, entries)

    def append(
        self, topic: str, entries: Iterable[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]]
    ) -> None:
        """Append anything to a topic: partition, key, value and headers of each record."""

        async def produce() -> None:
            async with self._producer() as producer:
                futures = [
                    await producer.send(topic, value, key=key, partition=partition, headers=headers)
                    for partition, key, value, headers in entries
                ]
                await asyncio.gather(*futures)

        asyncio.run(produce())

    def send_slowly(self, records: Sequence[tuple[Record, int]], seconds: float) -> None:
        """Send records to their partitions, spread over some time, whatever becomes of the broker meanwhile."""

        async def produce() -> None:
            began, futures = time.monotonic(), []
            async with self._producer() as producer:
                for index, (record, partition) in enumerate(records):
                    await asyncio.sleep(max(0.0, began + seconds * index / len(records) - time.monotonic()))
                    self.sent.append((partition, record))
                    futures.append(
                        await producer.send(
                            self.kafka.topics.events.name,
                            record.value,
                            key=record.key,
                            partition=partition,
                            headers=record.headers(),
                        )
                    )
                await asyncio.gather(*futures)

        asyncio.run(produce())

    def _producer(self) -> Any:
        return AIOKafkaProducer(
            bootstrap_servers=self.kafka.bootstrap,
            enable_idempotence=True,
            max_request_size=10 * 1024 * 1024,
            linger_ms=5,
            request_timeout_ms=600_000,
        )

    # --- what came out

    def read(self, topic: str) -> list[Stored]:
        """Return everything in a topic."""
        return asyncio.run(read_topic(self.kafka.bootstrap, topic, SECONDS))

    def ends(self, topic: str) -> dict[int, int]:
        """Return where the partitions of a topic end."""
        return asyncio.run(end_offsets(self.kafka.bootstrap, topic))

    def committed(self) -> dict[int, int]:
        """Return what the workers have committed."""
        topics = self.kafka.topics
        return asyncio.run(committed_offsets(self.kafka.bootstrap, topics.group, topics.events.name))

    def await_committed(self) -> None:
        """Wait until everything there is has been judged, and is committed."""
        ends = {partition: end for partition, end in self.ends(self.kafka.topics.events.name).items() if end}
        until(lambda: {k: v for k, v in self.committed().items() if v} == ends, f"committed {ends}: {self._told()}")

    def _told(self) -> str:
        return "\n".join(worker.told()[-2000:] for worker in self.workers)

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert, repeats included, without the name of its worker."""
        return [_unhosted(each.value or b"") for each in self.read(self.kafka.topics.alerts.name)]

    def changelog(self) -> list[Stored]:
        """Return everything in the changelog."""
        return self.read(self.kafka.topics.changelog.name)

    # --- what should have come out

    def reference(self) -> tuple[dict[str, dict[str, Any]], dict[int, dict[bytes, bytes]]]:
        """Return the alerts by id, and the state of each partition: what one engine makes of what was sent."""
        loaded = load_rules((self.rules,), with_pack=self.with_pack, selection=Selection())
        assert loaded.ruleset is not None, loaded.to_text()
        engine = Engine(loaded.ruleset, "reference")
        alerts: dict[str, dict[str, Any]] = {}
        memories = {number: MemoryState() for number in range(self.kafka.partitions)}
        for partition, record in self.sent:
            for alert in engine.process([record], memories[partition]).alerts:
                alerts[alert.id] = _unhosted(alert.to_json())
        return alerts, dict(memories)

    def check(self) -> tuple[dict[str, dict[str, Any]], dict[int, dict[bytes, bytes]]]:
        """Hold all alerts and the state against the reference, which is returned, once everything is committed."""
        alerts, states = self.reference()
        self.check_alerts(alerts)
        changelog = self.changelog()
        assert standing(changelog, self.kafka.partitions) == states
        assert last_values(changelog, self.kafka.partitions) == states, "compaction would leave something else"
        return alerts, states

    def check_alerts(self, alerts: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold every alert, repeats too, against what it should be; none may be missing, and none be there besides."""
        found = self.alerts()
        assert {alert["id"] for alert in found} == set(alerts)
        wrong = [(alert, alerts[alert["id"]]) for alert in found if alert != alerts[alert["id"]]]
        assert not wrong, f"{len(wrong)} of {len(found)}, such as {wrong[0]}"


def _unhosted(alert: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(alert).items() if name != "hostname"}


def standing(changelog: Iterable[Stored], partitions: int) -> dict[int, dict[bytes, bytes]]:
    """Return the state of each partition as the next owner would recover it."""
    cuts = {number: Cut() for number in range(partitions)}
    for each in changelog:
        cuts[each.partition].read(each.offset, each.key, _logged(each))
    return {partition: dict(cut.state) for partition, cut in cuts.items()}


def last_values(changelog: Iterable[Stored], partitions: int) -> dict[int, dict[bytes, bytes]]:
    """Return what the last record of each key says, whoever wrote it: what compaction leaves in the end."""
    states: dict[int, dict[bytes, bytes]] = {number: {} for number in range(partitions)}
    for each in changelog:
        states[each.partition][each.key or b""] = body_of(_logged(each))
    return {
        partition: {key: value for key, value in state.items() if value and key != MARKER_KEY}
        for partition, state in states.items()
    }


def epoch_of(stored: Stored) -> int:
    """Return the epoch of a record of the changelog."""
    return int.from_bytes(_logged(stored)[:8], "big")


def _logged(stored: Stored) -> bytes:
    return logged(stored.value, stored.headers.items())


def is_marker(stored: Stored) -> bool:
    """Tell whether a record of the changelog is a marker."""
    return stored.key == MARKER_KEY


# --- events -----------------------------------------------------------------------------------------------------------

_KINDS: Final = {"configmaps": None, "deployments": "apps"}
_CODES: Final = {"create": 201, "patch": 200, "delete": 200}


def event(  # noqa: PLR0913 - the parts of an event
    verb: str, name: str, second: int, *, user: str = "alice", resource: str = "configmaps", cluster: str = "c"
) -> Record:
    """Make the record of a request that succeeded, at a second of some ordinary days."""
    stamp = f"2026-11-{25 + second // 86_400}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"
    reference = {"resource": resource, "namespace": "shop", "name": name, "apiGroup": _KINDS[resource]}
    body = {
        "auditID": f"{verb}-{name}-{second}",
        "stage": "ResponseComplete",
        "verb": verb,
        "requestURI": f"/{resource}/{name}",
        "user": {"username": user},
        "sourceIPs": ["203.0.113.7"],
        "objectRef": {key: value for key, value in reference.items() if value},
        "responseStatus": {"code": _CODES[verb]},
        "requestReceivedTimestamp": stamp,
        "stageTimestamp": stamp,
    }
    value = json.dumps(body, separators=(",", ":")).encode()
    return Record(value, f"{cluster}/shop".encode(), cluster, 1_800_000_000_000)


def late_creations(names: Iterable[str], second: int, *, user: str = "alice", cluster: str = "c") -> list[Record]:
    """Make changes of objects that nothing is known of yet, and then, out of order, their creations.

    Who judges them with what comes later in mind shows in the alerts of the changes who created what: the future.
    """
    found = list(names)
    changes = [event("patch", name, second + 60, user=f"bob{user}", cluster=cluster) for name in found]
    return [*changes, *(event("create", name, second, user=user, cluster=cluster) for name in found)]
