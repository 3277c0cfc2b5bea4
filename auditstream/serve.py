"""The one-process mode at work: the webhook's server at one end of a topic, a judge at the other. No Kafka.

Called by `auditstream.serve_command` with everything made and ready. Runs until it is told to stop, and then finishes
what it took: a body that was answered 200 has its alerts written, and one that was not is still with its sender.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import uvicorn
from fastapi import FastAPI

from auditstream.local_topic import LocalTopic
from ingest.split import Split

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the API server waits between two batches (30 s by default), so that it need not connect for each."""

_GRACE_SECONDS: Final = 30
"""How long a body that is on its way may take when the server stops: as long as its sender would wait."""

_STOPPING: Final = "auditstream is stopping"

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

Judge = Callable[[Split], None]
"""Judges a batch and writes what comes of it, in a thread. Raises `TryAgain` to have the batch sent again."""


class TryAgain(Exception):  # noqa: N818 - named by what to do next
    """This batch could not be written, another may be. The text says why and what to do."""


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


@dataclass(frozen=True, slots=True)
class Service:
    """The parts, made and ready."""

    listener: socket.socket
    app: FastAPI
    """Publishes to the topic."""
    topic: LocalTopic
    judge: Judge
    """Gets the topic's batches."""
    on_listening: Callable[[Stop], None]
    """Called when posts are taken and signals heard, with what ends the service."""


def serve(service: Service) -> signal.Signals | None:
    """Serve until the end, and return the signal that asked for it, if one did.

    Raises what the judge raised, other than TryAgain: then nothing more is taken, and what waits is answered 503.
    """
    stop = Stop()
    asyncio.run(_serve(service, stop))
    return stop.signal


async def _serve(service: Service, stop: Stop) -> None:
    config = uvicorn.Config(
        service.app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    stop.watch(asyncio.get_running_loop(), server)
    judging = asyncio.create_task(_judge_all(service.topic, service.judge))
    judging.add_done_callback(lambda _task: _stop_taking(server))
    service.on_listening(stop)
    await server.serve(sockets=[service.listener])
    service.topic.close(_STOPPING)
    await judging


def _stop_taking(server: uvicorn.Server) -> None:
    server.should_exit = True


async def _judge_all(topic: LocalTopic, judge: Judge) -> None:
    try:
        async for taken in topic:
            try:
                await asyncio.to_thread(judge, taken.batch)
            except TryAgain as error:
                taken.failed(str(error))
            else:
                taken.done()
    except BaseException:
        topic.abort(_STOPPING)
        raise
