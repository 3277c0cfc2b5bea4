"""The real command in a process of its own, and small audit logs and rule files for it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import pytest

from auditstream import cli
from tests.kafka.fixtures import variables
from wire.kafka_settings import KafkaSettings

if TYPE_CHECKING:
    import ssl

COMMAND = str(Path(sys.executable).with_name("auditstream"))

RULES = """\
- rule: Pod created
  desc: A pod was created.
  condition: ka.verb = create and ka.target.resource = pods
  output: pod %ka.target.name created by %ka.user.name (agent=%ka.useragent)
  priority: WARNING
  source: k8s_audit
  tags: [class_suspicious, pods]
- rule: Everything
  desc: Any event.
  condition: ka.verb exists
  output: "%ka.verb by %ka.user.name"
  priority: INFO
  source: k8s_audit
  enabled: false
  tags: [class_every_event]
"""


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str
    """With the seconds and events a second of the summary left out."""


@dataclass(frozen=True)
class Answer:
    """What the webhook answered."""

    code: int
    text: str
    headers: Message


class Serving:
    """A service that runs: `auditstream serve` or `ingest` on a port of its own, its alerts in a file."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path, dead_letter: Path) -> None:
        self.process = process
        self.out = out
        self.err = err
        self.dead_letter = dead_letter
        self.address = ""
        self.trusts: ssl.SSLContext | None = None
        """What a client has to trust, where the service speaks TLS."""
        self.token: str | None = None
        """What its metrics are asked with."""
        self._await_address()

    def _await_address(self) -> None:
        while (found := re.search(r"listening on (https?://\S+:\d+)", self.told())) is None:
            assert self.process.poll() is None, self.told()
            time.sleep(0.02)
        self.address = found[1]

    @property
    def place(self) -> tuple[str, int]:
        """Where it listens: host and port."""
        target = urlsplit(self.address)
        assert target.hostname is not None
        assert target.port is not None
        return target.hostname, target.port

    def told(self) -> str:
        """Return what was told on standard error until now."""
        return self.err.read_text()

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request on a connection of its own."""
        connection = (
            http.client.HTTPSConnection(*self.place, timeout=60, context=self.trusts)
            if self.address.startswith("https:")
            else http.client.HTTPConnection(*self.place, timeout=60)
        )
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(), answer.headers)
        finally:
            connection.close()

    def post(self, body: bytes, path: str = "/k8s_audit", token: str | None = None) -> Answer:
        """Post a body."""
        bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.ask("POST", path, body, {"Content-Type": "application/json", **bearer})

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts written until now."""
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Return the rejects written until now."""
        return [json.loads(line) for line in self.dead_letter.read_bytes().splitlines()]

    def count(self, metric: str) -> float:
        """Return the sum of a counter over its labels."""
        bearer = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        lines = self.ask("GET", "/metrics", headers=bearer).text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{metric}(\{{| )", line))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Ask it to end and wait until it has."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> Ended:
        """Wait until it has ended."""
        code = self.process.wait(timeout=60)
        return Ended(code, self.out.read_text() if self.out.is_file() else "", self.told())


Run = Callable[..., Ended]
Line = Callable[..., bytes]
Serve = Callable[..., Serving]
Ingest = Callable[..., Serving]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep variables of whoever runs the tests away from the commands."""
    for name in os.environ:
        if name.upper().startswith("AUDITSTREAM_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AUDITSTREAM_HOSTNAME", "node-1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder in which commands run, with `rules.yaml` in it."""
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command to its end; in its input, and with variables of its own."""

    def run_command(*arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Ended:
        ended = subprocess.run(  # noqa: S603 - our own command
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), without_time(ended.stderr.decode()))

    return run_command


@pytest.fixture
def run_here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command to its end in this process: a process of its own takes longer to start than most commands."""
    assert Path.cwd() == folder

    def run_command(*arguments: str, variables: Mapping[str, str] | None = None) -> Ended:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["auditstream", *arguments])
            for name, value in (variables or {}).items():
                patch.setenv(name, value)
            code = cli.main()
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run_command


@pytest.fixture
def replay(run: Run) -> Run:
    """Run `auditstream replay` with the rules of the folder alone."""

    def run_replay(*arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Ended:
        given = ("replay", "--no-pack", "--rules", "rules.yaml", *arguments)
        return run(*given, stdin=stdin, variables=variables)

    return run_replay


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Run `auditstream serve` with the rules of the folder alone, unless told otherwise, until the test ends."""
    with ExitStack() as stack:

        def run_serve(
            *arguments: str,
            rules: tuple[str, ...] = ("--no-pack", "--rules", "rules.yaml"),
            out: Path | None = None,
            variables: Mapping[str, str] | None = None,
        ) -> Serving:
            out = out or folder / "alerts.jsonl"
            return stack.enter_context(_running(folder, ("serve", "--port", "0", *rules, *arguments), out, variables))

        yield run_serve


@pytest.fixture
def ingest(folder: Path) -> Iterator[Ingest]:
    """Run `auditstream ingest` on some topics until the test ends."""
    with ExitStack() as stack:

        def run_ingest(kafka: KafkaSettings, *arguments: str, **others: str) -> Serving:
            given = {
                **variables(kafka),
                **{f"AUDITSTREAM_INGEST_{name.upper()}": value for name, value in others.items()},
            }
            return stack.enter_context(
                _running(folder, ("ingest", "--port", "0", *arguments), folder / "stdout.txt", given)
            )

        yield run_ingest


@contextmanager
def _running(
    folder: Path, arguments: tuple[str, ...], out: Path, variables: Mapping[str, str] | None
) -> Iterator[Serving]:
    err = folder / "stderr.txt"
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out_file,
            stderr=err_file,
            cwd=folder,
            env={**os.environ, **(variables or {})},
        )
    try:
        yield Serving(process, out, err, folder / "auditstream-dead-letter.jsonl")
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def body(make_record: Callable[..., object]) -> Callable[..., bytes]:
    """Make a body of events, each given by the members in which it differs."""

    def make(*events: Mapping[str, object]) -> bytes:
        items = [json.loads(cast("Any", make_record(**members)).value) for members in events]
        return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}).encode()

    return make


@pytest.fixture
def line(make_record: Callable[..., object]) -> Line:
    """Make a line of an audit log, some members of which are others."""

    def make(**members: object) -> bytes:
        value = make_record(**members).value  # type: ignore[attr-defined]  # a Record
        return b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",' + bytes(value[1:]) + b"\n"

    return make


def without_time(text: str) -> str:
    return re.sub(r"\d+\.\d\d s, [\d,]+ events/s", "TIME", text)


@pytest.fixture
def commands_find_topics(topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """Create all topics, and have commands find them."""
    return _found_by_commands(topics, monkeypatch)


@pytest.fixture
def commands_find_no_topics(no_topics: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    """Have commands find Kafka, and none of the topics."""
    return _found_by_commands(no_topics, monkeypatch)


def _found_by_commands(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)
    return settings
