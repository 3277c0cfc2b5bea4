"""Telling an operator that nothing can be published to Kafka, and when it can again. Called by `ingest_command`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from auditstream.looks import Looks
from auditstream.screen import Screen
from ingest.kafka import KafkaPublisher
from ingest.publisher import Unavailable
from rules.text import escape

LOOK_SECONDS: Final = 1.0


@asynccontextmanager
async def watched(publisher: KafkaPublisher, bootstrap: str, screen: Screen) -> AsyncIterator[None]:
    """Let a publisher reach Kafka while it lasts, and tell how that goes."""
    looks = Looks(
        ill=f"bodies are answered 503 until Kafka at {bootstrap} takes events",
        well=f"Kafka at {bootstrap} takes events: bodies are taken again",
    )
    async with publisher:
        watching = asyncio.create_task(_watch(publisher, looks, screen))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _watch(publisher: KafkaPublisher, looks: Looks, screen: Screen) -> None:
    told: tuple[str, ...] = ()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            publisher.check()
        except Unavailable as error:
            line = looks.look(str(error))
        else:
            line = looks.look(None)
        warnings = publisher.warnings
        lines = [] if line is None else [line]
        lines += [warning for warning in warnings if warning not in told]
        told = warnings
        screen.note([f"auditstream: {escape(line)}" for line in lines])
