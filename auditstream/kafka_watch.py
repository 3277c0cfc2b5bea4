"""Telling an operator that nothing can be published to Kafka, and when it can again. Called by `ingest_command`.

What is told is what has held for two looks, and once: an outage is two lines, however long it is, and what comes and
goes in between is for `/readyz` and the metrics.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from auditstream.screen import Screen
from ingest.kafka import KafkaPublisher
from ingest.publisher import Unavailable
from rules.text import escape

LOOK_SECONDS: Final = 1.0


@asynccontextmanager
async def watched(publisher: KafkaPublisher, bootstrap: str, screen: Screen) -> AsyncIterator[None]:
    """Let a publisher reach Kafka while it lasts, and tell how that goes."""
    async with publisher:
        watching = asyncio.create_task(_watch(publisher, Looks(bootstrap), screen))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def _watch(publisher: KafkaPublisher, looks: "Looks", screen: Screen) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            publisher.check()
        except Unavailable as error:
            line = looks.look(str(error))
        else:
            line = looks.look(None)
        if line is not None:
            screen.note([f"auditstream: {escape(line)}"])


class Looks:
    """Makes lines of what was seen."""

    def __init__(self, bootstrap: str) -> None:
        """Take where Kafka is. Until something else is told, all is well."""
        self._bootstrap: Final = bootstrap
        self._seen: str | None = None
        self._told: str | None = None

    def look(self, trouble: str | None) -> str | None:
        """Return the line that is due now, if one is, with why nothing can be published, None where it can."""
        # In figures alone one trouble does not differ from another.
        kind = None if trouble is None else re.sub(r"\d+", "", trouble)
        has_held = kind == self._seen
        self._seen = kind
        if not has_held or kind == self._told:
            return None
        self._told = kind
        if trouble is None:
            return f"Kafka at {self._bootstrap} takes events: bodies are taken again"
        return f"bodies are answered 503 until Kafka at {self._bootstrap} takes events: {trouble}"
