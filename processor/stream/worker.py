"""A worker from its start to its end: waits for Kafka, runs the Faust app, answers for its health, obeys signals.

Called by the command that processes, which has read rules and settings and listens already.
"""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvloop
from prometheus_client import CollectorRegistry

from processor.engine import Engine
from processor.settings import ProcessorSettings
from processor.stream.app import Pipeline, create_pipeline
from processor.stream.health import HealthServer, create_health_app
from processor.stream.lease import lease_left
from processor.stream.leave import end, leave
from processor.stream.ready import await_topics
from wire.kafka_settings import KafkaSettings

_LOST_SECONDS: Final = 60.0
"""After so long without a lease a worker counts as dead: another may have its partitions long since."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_EXIT_CODES: Final = {signal.SIGINT: 130, signal.SIGTERM: 0}
"""Those of the command, for the case that the process ends here."""

Look = Callable[[str | None], None]
"""Takes why no events are judged, None when they are: once a second."""

_LOOK_SECONDS: Final = 1.0

_STANDSTILL_SECONDS: Final = 120.0
"""So long a worker may have partitions and neither judge nor read anything of their state, while Kafka answers: twice
what the slowest member of a rebalance may take."""

_PENDING_SECONDS: Final = 10.0
"""A checkpoint that takes so long is worth a word: alerts do not come."""

_TAKEN_OVER: Final = "partitions are being taken over"


class Worker:
    """A worker. It runs once."""

    def __init__(
        self, kafka: KafkaSettings, settings: ProcessorSettings, engine: Engine, registry: CollectorRegistry, look: Look
    ) -> None:
        self._kafka: Final = kafka
        self._settings: Final = settings
        self._engine: Final = engine
        self._registry: Final = registry
        self._look: Final = look
        self._waits_for = "the worker starts"
        self._pipeline: Pipeline | None = None
        self._ended_by: signal.Signals | None = None

    def run(self, listener: socket.socket) -> signal.Signals | None:
        """Work until SIGTERM or Ctrl-C, and return the signal; answer for its health meanwhile. Raises UnevenError.

        A second signal ends the process there and then.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._run(listener))
        return self._ended_by

    async def _run(self, listener: socket.socket) -> None:
        app = create_health_app(self._registry, alive=self._what_ails, ready=self._what_lacks)
        health = HealthServer(app, listener)
        health.start()
        watching = asyncio.ensure_future(self._watch())
        working = asyncio.ensure_future(self._work())
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number, working)
        try:
            await working
        except asyncio.CancelledError:
            if self._ended_by is None:
                raise
        finally:
            watching.cancel()
            await health.stop()
        if self._ended_by is not None and threading.active_count() > 1:
            # A stop that comes while the consumer's thread begins leaves it behind. Python would wait for its end, and
            # it must not find this loop closed.
            end(_EXIT_CODES[self._ended_by])

    def _signalled(self, number: signal.Signals, working: asyncio.Task[None]) -> None:
        self._ended_by = number
        loop = asyncio.get_running_loop()
        for other in _SIGNALS:
            loop.remove_signal_handler(other)
            signal.signal(other, signal.SIG_DFL)
        working.cancel()

    async def _work(self) -> None:
        looking = asyncio.ensure_future(await_topics(self._kafka, self._wait))
        try:
            # Until Python 3.12 `asyncio.wait_for`, of which Kafka's client is full, may swallow a cancellation.
            partitions = await asyncio.shield(looking)
        finally:
            looking.cancel()
        # What was asked for is what `topics create` made; what is there decides.
        kafka = self._kafka.model_copy(update={"partitions": partitions})
        self._pipeline = create_pipeline(kafka, self._settings, self._engine, self._registry)
        app = self._pipeline.app
        app.in_worker = True
        starting = asyncio.ensure_future(app.start())
        try:
            try:
                await asyncio.shield(starting)
            except Exception as error:  # noqa: BLE001 - whatever it is, another process may have more luck
                leave("Faust could not start", error)
            await app.wait_until_stopped()
        finally:
            try:
                await app.stop()
            except Exception as error:  # noqa: BLE001 - parts of Faust that have not begun cannot be stopped
                if starting.done():
                    leave("Faust could not stop", error)
            starting.cancel()
            with suppress(asyncio.CancelledError, Exception):  # what it failed with was told, or came of the stop
                await starting

    def _wait(self, reason: str) -> None:
        self._waits_for = reason

    async def _watch(self) -> None:
        seen, since = None, time.monotonic()
        while True:
            lacking = self._what_lacks()
            self._look(lacking)
            if lacking != _TAKEN_OVER or seen != self._progress():
                seen, since = self._progress(), time.monotonic()
            elif time.monotonic() - since > _STANDSTILL_SECONDS:
                leave(f"nothing of the state was read for {_STANDSTILL_SECONDS:g} seconds, and nothing is judged")
            await asyncio.sleep(_LOOK_SECONDS)

    def _progress(self) -> object:
        """Return what changes while partitions are taken over."""
        if self._pipeline is None:
            return None
        return self._pipeline.app.consumer.assignments, self._pipeline.store.read

    # --- health, and what is told of it

    def _what_ails(self) -> str | None:
        """Return why this worker cannot be helped but by a restart."""
        if self._pipeline is None:
            return None
        lost = -lease_left(self._pipeline.app.consumer)
        # Before the first lease there is none to lose.
        if self._pipeline.app.consumer.lease_until and lost > _LOST_SECONDS:
            return f"without a lease for {lost:.0f} seconds: Kafka does not answer, or the group went on without us"
        return None

    def _what_lacks(self) -> str | None:
        """Return why no events are judged now."""
        if self._pipeline is None:
            return self._waits_for
        app, intake = self._pipeline.app, self._pipeline.intake
        if lease_left(app.consumer) <= 0:
            return "no lease: Kafka does not answer, or the group has not taken this worker in yet"
        if intake.assignment != app.consumer.assignments and app.consumer.sources():
            return _TAKEN_OVER
        pending = self._pipeline.checkpointer.pending_seconds()
        if pending > _PENDING_SECONDS:
            return f"Kafka has not taken what was judged for {pending:.0f} seconds"
        return None
