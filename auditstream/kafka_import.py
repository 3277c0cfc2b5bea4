"""Records into the topic of events, by the publisher that `ingest` has. Called by `auditstream.resources_app`.

One batch follows the other: the next is read when Kafka has acknowledged the last (acks=all, idempotent).
"""

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry

from auditstream.import_command import Batches, NotSentError
from ingest.kafka import KafkaPublisher
from ingest.publisher import Unavailable
from ingest.split import Split
from wire.kafka_settings import KafkaSettings

PATIENCE_SECONDS: Final = 15.0
"""How long Kafka may be away, before anything is sent and at each batch."""

_PAUSE_SECONDS: Final = 0.2


def send_records(kafka: KafkaSettings, batches: Batches, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Return when all batches are durable; raise NotSentError where one is not, in time."""
    asyncio.run(_send(kafka, batches, patience_seconds))


async def _send(kafka: KafkaSettings, batches: Batches, patience_seconds: float) -> None:
    publisher = KafkaPublisher(kafka, CollectorRegistry(), timeout_seconds=patience_seconds)
    try:
        async with publisher:
            # Before anything is read: files are large, and Kafka may not be there.
            await _publish(publisher, Split([], [], is_envelope=True), patience_seconds)
            if publisher.warnings:
                # A record that is refused for its size would be sent without its object, and the object is all it has.
                raise NotSentError("; ".join(publisher.warnings))
            for batch in batches:
                await _publish(publisher, Split(list(batch), [], is_envelope=True), patience_seconds)
    except Unavailable as error:
        text = f"Kafka at {kafka.bootstrap} does not take it: {error}; run this again when that is put right"
        raise NotSentError(text) from None


async def _publish(publisher: KafkaPublisher, batch: Split, patience_seconds: float) -> None:
    """Publish a batch, again and again while Kafka does not take it. A repeat sends what was not durable yet."""
    clock = asyncio.get_running_loop().time
    end = clock() + patience_seconds
    while True:
        try:
            publisher.check()
            await publisher.publish(batch)
        except Unavailable:
            if clock() >= end:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return
