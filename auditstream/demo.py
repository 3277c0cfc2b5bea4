"""`auditstream demo`: the service as it is, and bodies that ship posted to its webhook. Called by `auditstream.cli`.

A thread posts as an API server does, over HTTP, while the service runs in the main thread.
"""

import gzip
import http.client
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from auditstream.screen import Screen
from auditstream.serve_command import run_serve
from auditstream.server import Stop
from auditstream.settings import ServeSettings
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

_TIMEOUT_SECONDS: Final = 30
"""As long as the API server waits for an answer."""


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

    with TemporaryDirectory(prefix="auditstream-demo-") as folder:
        own = {"listen_port": 0, "dead_letter": Path(folder) / "dead-letter.jsonl"}
        code = run_serve(settings if is_kept else settings.model_copy(update=own), ingest, screen, begin)
    if poster is not None:
        poster.thread.join()
        if isinstance(poster.error, DemoError):
            raise UsageError(f"{poster.error}; see whether a variable AUDITSTREAM_INGEST_* is set, and run it without")
        if poster.error is not None:
            raise poster.error
        # As it was called: in a checkout the command is not on the PATH.
        screen.note([_AFTER.format(command=escape(sys.argv[0]))])
    return code


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


def post(address: str, body: bytes) -> None:
    """Post a body; again, as an API server would, while the answer is to come later. Raise DemoError for a refusal."""
    target = urlsplit(address)
    while True:
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace").strip()
        finally:
            connection.close()
        if answer.status == http.client.OK:
            return
        if answer.status != http.client.SERVICE_UNAVAILABLE:
            raise DemoError(f"{PATH} answered {answer.status}: {text}")
        time.sleep(float(answer.headers["Retry-After"]))
