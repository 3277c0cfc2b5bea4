"""The demo: it serves, posts and shows as a user's own would, runs anywhere, and says how to go on."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from auditstream.demo import DemoError, bodies, post

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

COMMAND = str(Path(sys.executable).parent / "auditstream")


def test_the_demo_shows_alerts_for_people_even_in_a_pipe(run: "Run") -> None:
    ended = run("demo", variables={"AUDITSTREAM_RULES": "rules.yaml", "AUDITSTREAM_NO_PACK": "true"})
    assert ended.code == 0
    assert "  Warning        Pod created  pod " in ended.out
    assert "\x1b" not in ended.out


def test_the_demo_tells_what_it_does_and_how_to_go_on(run: "Run", folder: Path) -> None:
    ended = run("demo")
    assert ended.code == 0
    assert re.match(r"auditstream: listening on http://127.0.0.1:\d+, webhook ", ended.err)
    assert "\nAudit events recorded from a real API server are posted to this webhook now." in ended.err
    shown, _, after = ended.err.partition("How to go on:\n")
    assert " events read, " in shown
    assert ", none rejected\n" in shown
    assert after == (
        f"  {COMMAND} serve\n"
        "      takes what your own API server posts; in a pipe alerts are JSON lines\n"
        f"  {COMMAND} replay /var/log/kubernetes/audit.log\n"
        "      judges an audit log that you have already, .gz too\n"
        f"  {COMMAND} rules list\n"
        "      shows the rules that judged these events; add your own with --rules my.yaml: "
        "README.md has one to begin with\n"
    )
    assert [path.name for path in folder.iterdir()] == ["rules.yaml"]


def test_the_demo_tells_of_many_rules_and_of_lifetimes(run: "Run") -> None:
    ended = run("demo")
    rules = {re.split("  +", line)[1] for line in ended.err.splitlines() if re.match("suspicious|lifecycle", line)}
    assert len(rules) >= 12
    assert {"Deployment Destroyed", "ConfigMap Destroyed", "Namespace Destroyed", "Service Created"} <= rules
    lifetimes = re.findall(
        r"(\w+) destroyed \(name=\S+ .*?lifetime_seconds=(\d+) deleted_by=\S+ created_by=\w", ended.out
    )
    assert {kind for kind, _ in lifetimes} == {"ConfigMap", "Deployment", "Namespace"}
    assert any(int(seconds) > 0 for _, seconds in lifetimes)


def test_whoever_reads_the_demo_may_go_and_it_ends_quietly(folder: Path) -> None:
    process = subprocess.Popen([COMMAND, "demo"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own command
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as told:
        assert b"Traceback" not in told.read()
    assert process.wait(timeout=60) == 0


def test_a_demo_whose_bodies_are_refused_is_one_line_about_the_settings(run: "Run") -> None:
    ended = run("demo", variables={"AUDITSTREAM_INGEST_MAX_BODY_BYTES": "100"})
    assert ended.code == 2
    last = ended.err.splitlines()[-1]
    assert last.startswith("auditstream: /k8s_audit answered 413: the body is larger than 100 bytes")
    assert last.endswith("see whether a variable AUDITSTREAM_INGEST_* is set, and run it without")


def test_the_demo_stays_up_if_asked_to_until_it_is_stopped(folder: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "demo", "--keep"],
        cwd=folder,
        env={**os.environ, "AUDITSTREAM_LISTEN_PORT": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        told = next(line for line in process.stderr if line.startswith("The recording is posted."))
        found = re.search(r"http://(127.0.0.1:\d+)/k8s_audit", told)
        assert found is not None
        post(f"http://{found[1]}", next(bodies()))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        process.stderr.close()
    finally:
        process.kill()
        process.wait()


class _Moody(BaseHTTPRequestHandler):
    """Answers as it is told."""

    answers: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.answers.pop(0))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(b"in words\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def moody() -> Iterator[Callable[..., str]]:
    """Serve answers, and give the address."""
    server = HTTPServer(("127.0.0.1", 0), _Moody)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def answering(*codes: int) -> str:
        _Moody.answers = list(codes)
        return f"http://127.0.0.1:{server.server_port}"

    yield answering
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_answered_503_is_posted_again(moody: Callable[..., str]) -> None:
    post(moody(503, 503, 200), b"{}")
    assert _Moody.answers == []


def test_what_is_refused_is_told(moody: Callable[..., str]) -> None:
    with pytest.raises(DemoError, match=r"^/k8s_audit answered 400: in words$"):
        post(moody(http.client.BAD_REQUEST), b"{}")
