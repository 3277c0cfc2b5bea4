"""The pipeline's commands as processes: `auditstream ingest` and `auditstream process` around the topics of a test.

Started in order, asked over HTTP, ended by signals. What they tell on standard error is kept, and printed at the end
so that a test that fails shows it.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from tests import waiting
from tests.kafka.fixtures import variables
from wire.kafka_settings import KafkaSettings

COMMAND: Final = str(Path(sys.executable).with_name("auditstream"))

PATIENCE_SECONDS: Final = 120.0
"""For anything that takes seconds at most on a machine that has nothing else to do."""
until: Final = partial(waiting.until, seconds=PATIENCE_SECONDS)

QUICK_SESSION: Final = {
    "AUDITSTREAM_PROCESSOR_SESSION_TIMEOUT_SECONDS": "6",
    "AUDITSTREAM_PROCESSOR_HEARTBEAT_SECONDS": "1",
}
"""For workers of a test that waits until the group notices a crash."""

_POLL_SECONDS: Final = 0.05
_ANSWER_SECONDS: Final = 60.0
_ADDRESS: Final = re.compile(r"(?:listening|health and metrics) on (http://\S+:\d+)")


class Answer(NamedTuple):
    """What a service answered."""

    code: int
    text: str
    headers: Message


class Service:
    """A command that runs and answers over HTTP."""

    def __init__(self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._err = folder / f"{name}.txt"
        with self._err.open("wb") as err:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                cwd=folder,
                env=dict(environment),
            )
        self._address = ""

    def told(self) -> str:
        """Return what it has told on standard error until now."""
        return self._err.read_text()

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def address(self) -> str:
        """Where it listens; it is waited for until it does."""
        if not self._address:
            until(lambda: not self.runs or _ADDRESS.search(self.told()), f"{self.name} listens")
            found = _ADDRESS.search(self.told())
            assert found is not None, self.told()
            self._address = found[1]
        return self._address

    def ask(self, path: str, body: bytes | None = None) -> Answer:
        """Send a request on a connection of its own: GET, or POST of a body."""
        target = urlsplit(self.address)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_ANSWER_SECONDS)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), answer.headers)
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Tell whether it says that it is; one that has ended is an error."""
        assert self.runs, self.told()
        return self.ask("/readyz").code == http.client.OK

    def samples(self, metric: str) -> dict[str, float]:
        """Return the values of a metric by its labels, as they are written."""
        lines = self.ask("/metrics").text.splitlines()
        found = (re.fullmatch(rf"{metric}(?:\{{(.*)\}})? (\S+)", line) for line in lines)
        return {match[1] or "": float(match[2]) for match in found if match}

    def count(self, metric: str) -> float:
        """Return the sum of a metric over its labels."""
        return sum(self.samples(metric).values())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended, and return its exit code."""
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """Ask it to end, wait until it has, and return its exit code."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()


class Ingest(Service):
    """A webhook."""

    def offer(self, body: bytes, cluster: str) -> Answer:
        """Post a body once, and return the answer."""
        return self.ask(f"/k8s_audit/{cluster}", body)

    def post(self, body: bytes, cluster: str) -> None:
        """Post a body, which has to be taken."""
        answer = self.offer(body, cluster)
        assert answer.code == http.client.OK, answer.text

    def send(self, body: bytes, cluster: str) -> Iterator[Answer]:
        """Post a body as the API server does: again, and after the time it is told, until it is taken.

        Yields the answers that tell it to come again, as they come.
        """
        end = time.monotonic() + 2 * PATIENCE_SECONDS
        while (answer := self.offer(body, cluster)).code != http.client.OK:
            assert answer.code == http.client.SERVICE_UNAVAILABLE, answer.text
            assert time.monotonic() < end, "nothing is taken any more"
            yield answer
            time.sleep(float(answer.headers["Retry-After"]))


class Worker(Service):
    """A worker of the processor."""

    def judged(self) -> int:
        """Return how many events it has judged."""
        return round(self.count("auditstream_processor_events_total"))

    def awaited(self) -> str:
        """Return why it does not judge, once it has said so in a line."""
        line = re.compile(r"^auditstream: nothing of \S+ is judged: (.*)$", re.MULTILINE)
        until(lambda: not self.runs or line.search(self.told()), f"{self.name} says what it waits for")
        found = line.search(self.told())
        assert found is not None, self.told()
        return found[1]

    def partitions(self) -> frozenset[int]:
        """Return the partitions that it judges now."""
        return frozenset(int(re.sub(r"\D", "", label)) for label in self.samples("auditstream_processor_lag_records"))


class Pipeline:
    """What runs around the topics of a test."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.services: list[Service] = []
        # Variables of whoever runs the tests are none of the commands' business.
        inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("AUDITSTREAM_")}
        self._environment = {**inherited, **variables(kafka)}

    def ingest(self) -> Ingest:
        """Start a webhook, and wait until it takes bodies."""
        service = Ingest(self._name("ingest"), ("ingest", "--port", "0"), self._environment, self.folder)
        self.services.append(service)
        until(service.is_ready, "the webhook is ready")
        return service

    def workers(self, count: int) -> list[Worker]:
        """Start workers, all at once, that notice quickly what becomes of each other."""
        return [self.worker("--port", "0", others=QUICK_SESSION) for _ in range(count)]

    def worker(self, *arguments: str, others: Mapping[str, str] = {}) -> Worker:
        """Start a worker with arguments and variables of its own; its alerts have its name for hostname."""
        name = self._name("worker")
        environment = {**self._environment, "AUDITSTREAM_HOSTNAME": name, **others}
        service = Worker(name, ("process", *arguments), environment, self.folder)
        self.services.append(service)
        return service

    def create_topics(self) -> None:
        """Run `auditstream topics create`."""
        command = [COMMAND, "topics", "create"]
        subprocess.run(command, env=self._environment, capture_output=True, timeout=PATIENCE_SECONDS, check=True)  # noqa: S603 - our own command

    def _name(self, kind: str) -> str:
        return f"{kind}-{sum(service.name.startswith(kind) for service in self.services) + 1}"

    def end(self) -> None:
        """End what still runs, and print what was told."""
        for service in self.services:
            if service.runs:
                service.kill()
            print(f"--- {service.name}: exit code {service.process.returncode}\n{service.told()}")  # noqa: T201 - pytest shows it when a test fails


@contextmanager
def running(kafka: KafkaSettings, folder: Path) -> Iterator[Pipeline]:
    """Give a pipeline, and end what runs of it."""
    pipeline = Pipeline(kafka, folder)
    try:
        yield pipeline
    finally:
        pipeline.end()


def stop_all(services: Sequence[Service]) -> list[int]:
    """Ask services to end, all at once, wait until they have, and return their exit codes."""
    for service in services:
        service.signal(signal.SIGTERM)
    return [service.ended() for service in services]


def share_partitions(workers: list[Worker], partitions: int) -> bool:
    """Tell whether workers have all the partitions among them, each some, and are ready to judge them."""
    if not all(worker.is_ready() for worker in workers):
        return False
    shares = [worker.partitions() for worker in workers]
    return all(shares) and sorted(number for share in shares for number in share) == list(range(partitions))


def decoded(value: bytes | None) -> dict[str, Any]:
    """Return the JSON object of a record."""
    found = json.loads(value or b"")
    assert isinstance(found, dict)
    return found
