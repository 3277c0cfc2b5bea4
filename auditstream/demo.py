"""`auditstream demo`: bodies that ship posted to a webhook, as an API server does. Called by `auditstream.cli`.

The webhook is that of a service which runs meanwhile, the posts coming from a thread; or, with `--to`, one that runs
already, somewhere.
"""

import gzip
import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from auditstream.exit_codes import FINDINGS, OK
from auditstream.screen import Screen
from auditstream.serve_command import run_serve
from auditstream.server import Stop
from auditstream.settings import ServeSettings
from auditstream.terminal import counted
from auditstream.usage import UsageError
from ingest.settings import IngestSettings
from rules.text import escape

PATH: Final = "/k8s_audit"

_BEFORE: Final = """\
Audit events recorded from a real API server are posted to this webhook now. Every line is an alert.
"""
_KEPT: Final = """
The recording is posted. The webhook stays up until Ctrl-C: {address}{path}"""
_AFTER: Final = """
How to go on:
  {command} serve
      takes what your own API server posts; in a pipe alerts are JSON lines
  {command} replay /var/log/kubernetes/audit.log
      judges an audit log that you have already, .gz too
  {command} rules list
      shows the rules that judged these events; add your own with --rules my.yaml: README.md has one to begin with"""

_POSTED: Final = """\
auditstream: {events}, recorded from a real API server, were posted to {url} and taken, in {bodies}
auditstream: the alerts are where that service sends them: 'auditstream alerts' prints those in Kafka; what is posted \
again within five minutes is taken for a repeat, and alerts no more"""

_TIMEOUT_SECONDS: Final = 30
"""As long as the API server waits for an answer."""

_PATIENCE_SECONDS: Final = 60.0
"""So long a webhook that runs already may tell to come later, before something is wrong with it."""

_SHOWN_CHARACTERS: Final = 300
"""Of an answer: whatever server it is may answer with a page."""


class DemoError(Exception):
    """The webhook did not take what the demonstration posted."""


def run_demo(settings: ServeSettings, ingest: IngestSettings, *, is_kept: bool) -> int:
    """Serve, post the bodies that ship, and return the exit code; stay up after it if so asked."""
    # Alerts are for a person here, wherever the output goes.
    screen = Screen(is_human=True)
    poster: Poster | None = None

    def begin(address: str, stop: Stop) -> None:
        nonlocal poster
        screen.note([_BEFORE])
        poster = Poster(address, stop, screen, is_kept=is_kept)
        poster.thread.start()

    with _temporary_folder() as folder:
        # It posts to itself, and has neither the token nor the authority.
        # What it posts never happened, and is not to be remembered.
        own: dict[str, object] = {"tls_certificate": None, "tls_key": None, "tokens": None, "state": None}
        if not is_kept:
            own |= {"listen_port": 0, "dead_letter": Path(folder) / "dead-letter.jsonl"}
        code = run_serve(settings.model_copy(update=own), ingest, screen, begin)
    if poster is not None:
        poster.thread.join()
        if isinstance(poster.error, DemoError):
            raise UsageError(f"{poster.error}; see whether a variable AUDITSTREAM_INGEST_* is set, and run it without")
        if poster.error is not None:
            raise poster.error
        # As it was called: in a checkout the command is not on the PATH.
        screen.note([_AFTER.format(command=escape(sys.argv[0]))])
    return code


def _temporary_folder() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="auditstream-demo-")
    except OSError as error:
        raise UsageError(
            f"no folder for temporary files: {error.strerror}; name one that can be written with TMPDIR, or give a "
            "container one with --tmpfs /tmp"
        ) from None


class Poster:
    """Posts the bodies, one after the other, in a thread of its own."""

    def __init__(self, address: str, stop: Stop, screen: Screen, *, is_kept: bool) -> None:
        self.thread: Final = Thread(target=self._post_all, name="poster", daemon=True)
        self.error: BaseException | None = None
        """What went wrong, once it has ended."""
        self._address: Final = address
        self._stop: Final = stop
        self._screen: Final = screen
        self._is_kept: Final = is_kept

    def _post_all(self) -> None:
        """Post until all is taken or the service is stopped; then stop it, unless it is to stay."""
        try:
            for body in bodies():
                post(self._address, body)
        except (OSError, http.client.HTTPException, DemoError) as error:
            if self._stop.signal is None:
                self.error = error
        if self._is_kept and self.error is None:
            self._screen.note([_KEPT.format(address=self._address, path=PATH)])
        else:
            self._stop.ask()


def bodies() -> Iterator[bytes]:
    """Return the recorded bodies, in their order."""
    packed = (files("auditstream") / "samples" / "webhook-bodies.jsonl.gz").read_bytes()
    yield from gzip.decompress(packed).splitlines()


def run_demo_to(url: str, screen: Screen, patience_seconds: float = _PATIENCE_SECONDS) -> int:
    """Post the bodies that ship to a webhook that runs already, and return the exit code."""
    _check(url)
    events = posted = 0
    try:
        for body in bodies():
            post(url, body, patience_seconds)
            events += len(json.loads(body)["items"])
            posted += 1
    except (OSError, UnicodeError, http.client.HTTPException, DemoError) as error:
        screen.note([f"auditstream: {escape(_not_taken(url, error))}"])
        return FINDINGS
    told = _POSTED.format(events=counted(events, "event"), url=url, bodies=counted(posted, "request"))
    screen.note([escape(line) for line in told.splitlines()])
    return OK


def _check(url: str) -> None:
    """Raise UsageError for what is no address of a webhook."""
    try:
        target = urlsplit(url)
        is_good = target.scheme in _CONNECTIONS and bool(target.hostname) and target.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(f"--to={url}: give the address of a webhook, such as http://127.0.0.1:8765{PATH}")


def _not_taken(url: str, error: Exception) -> str:
    """Return what went wrong and what to do next."""
    match error:
        case DemoError():
            return f"{error}; see what that service tells, and whether {url} is its webhook"
        case TimeoutError():
            return f"{url} does not answer within {_TIMEOUT_SECONDS} s; see what that service tells"
        case ConnectionRefusedError():
            reason = "nobody listens there"
        case socket.gaierror() | UnicodeError():
            reason = "there is no host of that name"
        case OSError():
            reason = error.strerror or type(error).__name__
        case _:
            reason = (
                "what answers there speaks no HTTP; where the webhook has TLS and tokens, the demo cannot post to it"
            )
    return f"cannot post to {url}: {reason}; start 'auditstream ingest' or 'serve', or give another address with --to"


_CONNECTIONS: Final = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


def post(url: str, body: bytes, patience_seconds: float = float("inf")) -> None:
    """Post a body; again, as an API server would, while the answer is to come later.

    Raise DemoError for a refusal, and when it is told to come later for longer than that.
    """
    target = urlsplit(url)
    path = target.path.rstrip("/") or PATH
    end = time.monotonic() + patience_seconds
    while True:
        connection = _CONNECTIONS[target.scheme](target.hostname or "", target.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace").strip()[:_SHOWN_CHARACTERS]
        finally:
            connection.close()
        if answer.status == http.client.OK:
            return
        if answer.status != http.client.SERVICE_UNAVAILABLE:
            raise DemoError(f"{path} answered {answer.status}: {text}")
        pause = _seconds(answer.headers["Retry-After"])
        if time.monotonic() + pause > end:
            raise DemoError(f"{path} answered {answer.status} for {patience_seconds:g} s: {text}")
        time.sleep(pause)


def _seconds(retry_after: str | None) -> float:
    """Return what a webhook tells to wait; a server that is none may tell it otherwise."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 1.0
