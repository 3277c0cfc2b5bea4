"""The demo: it serves, posts and shows as a user's own would, or posts to what runs, and says how to go on."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from auditstream.demo import DemoError, bodies, post, run_demo, run_demo_to
from auditstream.exit_codes import FINDINGS
from auditstream.screen import Screen
from auditstream.settings import ServeSettings
from auditstream.usage import UsageError
from ingest.settings import IngestSettings

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run, Serve

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


def test_what_the_demo_posts_is_not_remembered(run: "Run", folder: Path) -> None:
    variables = {"AUDITSTREAM_RULES": "rules.yaml", "AUDITSTREAM_NO_PACK": "true", "AUDITSTREAM_STATE": "known"}
    assert run("demo", variables=variables).code == 0
    assert [path.name for path in folder.iterdir()] == ["rules.yaml"]


def test_the_demo_tells_of_many_rules_and_of_lifetimes(run: "Run") -> None:
    ended = run("demo")
    rules = {re.split("  +", line)[1] for line in ended.err.splitlines() if re.match("suspicious|lifecycle", line)}
    assert len(rules) >= 12
    assert {"Deployment Destroyed", "ConfigMap Destroyed", "Namespace Destroyed", "Service Created"} <= rules
    lifetimes = re.findall(
        r"(\w+) destroyed \(name=\S+ .*?lifetime_seconds=(\d+) deleted_by=\S+ created_by=\w", ended.out
    )
    assert {kind for kind, _ in lifetimes} >= {"ConfigMap", "Deployment", "Namespace"}
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


def test_without_a_folder_to_write_to_the_demo_says_how_to_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(
        UsageError,
        match=r"^no folder for temporary files: No such file or directory; name one that can be written with TMPDIR, "
        r"or give a container one with --tmpfs /tmp$",
    ):
        run_demo(ServeSettings(), IngestSettings(), is_kept=False)


class _Moody(BaseHTTPRequestHandler):
    """Answers as it is told."""

    answers: ClassVar[list[int]] = []
    retry_after: ClassVar[str | None] = "0"
    paths: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.paths.append(self.path)
        self.send_response(self.answers.pop(0))
        if self.retry_after is not None:
            self.send_header("Retry-After", self.retry_after)
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

    def answering(*codes: int, retry_after: str | None = "0") -> str:
        _Moody.answers = list(codes)
        _Moody.retry_after = retry_after
        _Moody.paths = []
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


# Posted to a webhook that runs already


def test_the_demo_posts_to_what_runs_and_tells_it(run: "Run", serve: "Serve") -> None:
    service = serve()
    url = f"{service.address}/k8s_audit/elsewhere"
    ended = run("demo", "--to", url)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == (
        f"auditstream: 525 events, recorded from a real API server, were posted to {url} and taken, in 21 requests\n"
        "auditstream: the alerts are where that service sends them: 'auditstream alerts' prints those in Kafka; what "
        "is posted again within five minutes is taken for a repeat, and alerts no more\n"
    )
    alerts = service.alerts()
    assert {alert["cluster"] for alert in alerts} == {"elsewhere"}
    assert len(alerts) > 5
    assert run("demo", "--to", url).code == 0
    assert service.alerts() == alerts


def test_an_address_without_a_path_means_the_webhooks_own(moody: Callable[..., str]) -> None:
    post(moody(200), b"{}")
    assert _Moody.paths == ["/k8s_audit"]
    post(f"{moody(200)}/k8s_audit/other", b"{}")
    assert _Moody.paths == ["/k8s_audit/other"]


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        ("http://127.0.0.1:1/k8s_audit", "nobody listens there"),
        ("http://no-such-host.invalid", "there is no host of that name"),
        (f"http://{'a' * 70}.invalid", "there is no host of that name"),
    ],
)
def test_where_nobody_listens_the_demo_says_what_to_do(run: "Run", to: str, problem: str) -> None:
    ended = run("demo", "--to", to)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"auditstream: cannot post to {to}: {problem}; start 'auditstream ingest' or 'serve', or give another address "
        "with --to\n"
    )


def test_what_is_refused_ends_the_demo_in_one_line(run: "Run", moody: Callable[..., str]) -> None:
    url = moody(http.client.OK, http.client.UNAUTHORIZED)
    ended = run("demo", "--to", url)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "auditstream: /k8s_audit answered 401: in words; see what that service tells, and whether "
        f"{url} is its webhook\n"
    )


def test_what_is_no_webhook_is_told(run: "Run") -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def chatter() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        chattering = pool.submit(chatter)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended = run("demo", "--to", url)
        chattering.result()
    assert ended.code == 1
    assert ended.err.startswith(f"auditstream: cannot post to {url}: what answers there speaks no HTTP; ")
    assert ended.err.count("\n") == 1


def test_a_webhook_that_tells_to_come_later_is_given_up_in_the_end(
    moody: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    url = moody(*[http.client.SERVICE_UNAVAILABLE] * 3, retry_after="1")
    assert run_demo_to(url, Screen(), patience_seconds=1.5) == FINDINGS
    assert capsys.readouterr().err == (
        "auditstream: /k8s_audit answered 503 for 1.5 s: in words; see what that service tells, and whether "
        f"{url} is its webhook\n"
    )
    assert len(_Moody.answers) == 1


@pytest.mark.parametrize("retry_after", [None, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_whoever_does_not_say_in_seconds_when_to_come_is_asked_again_soon(
    moody: Callable[..., str], retry_after: str | None
) -> None:
    post(moody(503, 200, retry_after=retry_after), b"{}")
    assert _Moody.answers == []


@pytest.mark.parametrize("to", ["ingest:8765", "ftp://ingest", "http://", "http://ingest:port", "http://[::bad"])
def test_what_is_no_address_is_told_with_one_that_is(run: "Run", to: str) -> None:
    ended = run("demo", "--to", to)
    assert (ended.code, ended.out) == (2, "")
    expected = f"--to={to}: give the address of a webhook, such as http://127.0.0.1:8765/k8s_audit"
    assert ended.err == f"auditstream: {expected}\n"


def test_the_demo_keeps_no_service_up_that_is_not_its_own(run: "Run") -> None:
    ended = run("demo", "--keep", "--to", "http://127.0.0.1:8765")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "auditstream: --keep is for a service of the demo's own: leave it out, or --to\n"
