"""The one-process mode at work: the webhook's server at one end of a topic, a judge at the other. No Kafka.

Called by `auditstream.serve_command` with everything made and ready. Runs until it is told to stop, and then finishes
what it took: a body that was answered 200 has its alerts written, and one that was not is still with its sender.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from auditstream.local_topic import LocalTopic
from auditstream.server import Front, Stop, run_server
from ingest.split import Split

_STOPPING: Final = "auditstream is stopping"

Judge = Callable[[Split], None]
"""Judges a batch and writes what comes of it, in a thread. Raises `TryAgain` to have the batch sent again."""


class TryAgain(Exception):  # noqa: N818 - named by what to do next
    """This batch could not be written, another may be. The text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Service:
    """The parts, made and ready."""

    front: Front
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
    return run_server(service.front, lambda stop: _judging(service, stop), service.on_listening)


@asynccontextmanager
async def _judging(service: Service, stop: Stop) -> AsyncIterator[None]:
    judging = asyncio.create_task(_judge_all(service.topic, service.judge))
    judging.add_done_callback(lambda _task: stop.ask())
    yield
    service.topic.close(_STOPPING)
    await judging


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
