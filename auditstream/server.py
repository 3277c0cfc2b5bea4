"""The webhook's HTTP server: a socket that listens, a server that runs until it is told to stop, and what tells it.

Called by `auditstream.serve` and `auditstream.ingest_command` with an application made and ready. What stands behind
the application begins before posts are taken, and ends when the last of them is answered.
"""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

import uvicorn
from fastapi import FastAPI

from auditstream.access import Access
from auditstream.connections import BoundedLoop, BoundedProtocol, allow_open_files
from auditstream.usage import UsageError
from rules.text import escape

_BACKLOG: Final = 128

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the API server waits between two batches (30 s by default), so that it need not connect for each."""

_GRACE_SECONDS: Final = 30
"""How long a body that is on its way may take when the server stops: as long as its sender would wait."""

_LOOK_SECONDS: Final = 1.0
"""How often it is looked whether certificate and tokens have changed."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Told once that it is over, by a signal or from another thread."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The signal that asked for it, if one did."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None

    def ask(self) -> None:
        """Ask for the end, from any thread; without effect once it is over."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended in this moment
                self._loop.call_soon_threadsafe(self._end)

    def watch(self, loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
        """Take SIGTERM and Ctrl-C for the end of a server. A second one ends the process there and then."""
        self._loop, self._server = loop, server
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        self.signal = number
        # What is finished now may take long, or for ever, if nobody reads the alerts.
        for other in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(other)
            signal.signal(other, signal.SIG_DFL)
        self._end()

    def _end(self) -> None:
        assert self._server is not None  # noqa: S101 - watched before it is asked
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, which end the process by the signal when all is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


Behind = Callable[[Stop], AbstractAsyncContextManager[object]]
"""What takes the posts that the application publishes, while the server runs; it may ask for the end."""


@dataclass(frozen=True, slots=True)
class Front:
    """What is served, and where."""

    listener: socket.socket
    access: Access
    app: FastAPI

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        return address_of(self.listener, self.access.scheme)


def run_server(front: Front, behind: Behind, on_listening: Callable[[Stop], None]) -> signal.Signals | None:
    """Serve until the end, and return the signal that asked for it, if one did.

    `on_listening` is called when posts are taken and signals heard, with what ends the service.
    """
    stop = Stop()
    allow_open_files()
    with asyncio.Runner(loop_factory=BoundedLoop) as runner:
        runner.run(_run(front, behind, on_listening, stop))
    return stop.signal


async def _run(front: Front, behind: Behind, on_listening: Callable[[Stop], None], stop: Stop) -> None:
    tls = front.access.tls()
    config = uvicorn.Config(
        front.app,
        # uvicorn's own would not let a certificate be renewed.
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        http=BoundedProtocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        # asyncio tries to take so many connections at once, and when no file is left fails as often: 2,048 by default.
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    stop.watch(asyncio.get_running_loop(), server)
    async with behind(stop):
        on_listening(stop)
        with _looking(front.access):
            await server.serve(sockets=[front.listener])


@contextmanager
def _looking(access: Access) -> Iterator[None]:
    """Look after the files while it lasts: in a thread of its own, since a disk that hangs must hold up nothing."""
    ended = Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            access.look()

    Thread(target=look, name="look", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise UsageError if it cannot."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except UnicodeError:
        raise UsageError(
            f"cannot listen on {escape(host)}: that is no name of a host; give an address of this machine with --host"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot listen on port {port} of {host}: {_way_on(error)}") from None


def _way_on(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "it is in use; give another with --port, or 0 for any that is free"
        case errno.EACCES:
            return "that takes more rights; give a port above 1023 with --port"
    # A name that is not resolved has an error of its own; else Python adds to the system's text.
    reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
    return f"{reason}; give an address of this machine with --host, such as 127.0.0.1"


def address_of(listener: socket.socket, scheme: str = "http") -> str:
    """Return where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
