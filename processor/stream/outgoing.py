"""What leaves a worker besides its state: alerts and dead letters, held until a checkpoint makes them durable.

They are sent in batches a partition, which costs a tenth of sending them one by one. `processor.stream.checkpoint` is
the caller.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka.partitioner import murmur2

from processor.engine import Outcome
from wire.topics import BATCH_BYTES, Topics

_LARGE_AT_ONCE: Final = 3
_ORIGIN: Final = "processor"

Place = tuple[str, int]
"""A topic, and the number of a partition of it."""


class Entry(NamedTuple):
    """A record to be sent."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Span(NamedTuple):
    """Where a batch was written: from one offset to before another."""

    begin: int
    end: int


class Outgoing:
    """Alerts and dead letters by the partition that they go to."""

    def __init__(self, topics: Topics, partitions: int) -> None:
        self._alerts: Final = topics.alerts.name
        self._dead_letter: Final = topics.dead_letter.name
        self._partitions: Final = partitions
        self._held: dict[Place, list[Entry]] = defaultdict(list)
        self.size = 0
        """Bytes held."""

    async def look_up(self, producer: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        """Have a producer learn of the topics. One that it first met while Kafka is away it would give up on."""
        await asyncio.gather(*(producer.partitions_for(topic) for topic in (self._alerts, self._dead_letter)))

    def add(self, outcome: Outcome, source: int) -> None:
        """Hold what came of records of a partition of the events."""
        for alert in outcome.alerts:
            key = alert.id.encode()
            # Where Kafka's own clients put this key, so that a topic that is joined with this one fits.
            place = (self._alerts, (murmur2(key) & 0x7FFFFFFF) % self._partitions)
            self._hold(place, key, alert.to_json(), [])
        for reject in outcome.rejected:
            self._hold((self._dead_letter, source), None, reject.kept, reject.headers(_ORIGIN))

    def take(self) -> Mapping[Place, list[Entry]]:
        """Return what is held, and hold nothing."""
        held, self._held, self.size = self._held, defaultdict(list), 0
        return held

    def _hold(self, place: Place, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self._held[place].append(Entry(key, value, headers))
        self.size += len(value)


async def deliver(producer: Any, held: Mapping[Place, list[Entry]]) -> None:  # noqa: ANN401 - aiokafka has no types
    """Return when all is durable. Raises what aiokafka raises: then it is not known which is."""
    # A request holds a batch for each partition of a broker, and one of more than 100 MiB is never taken.
    large = asyncio.Semaphore(_LARGE_AT_ONCE)
    await asyncio.gather(*(_deliver_to(producer, place, entries, large) for place, entries in held.items()))


async def _deliver_to(producer: Any, place: Place, entries: list[Entry], large: asyncio.Semaphore) -> None:  # noqa: ANN401 - the same
    if any(len(entry.value or b"") > BATCH_BYTES for entry in entries):
        async with large:
            await write(producer, place, entries)
    else:
        await write(producer, place, entries)


async def write(producer: Any, place: Place, entries: Iterable[Entry]) -> list[Span]:  # noqa: ANN401 - the same
    """Write records to a partition in whole batches and return where they are. Raises what aiokafka raises.

    A batch is sent when the one before it is acknowledged: aiokafka has one under way for a partition anyway, and waits
    no longer than its request timeout to take another.
    """
    topic, partition = place
    spans = []
    batch = producer.create_batch()
    for key, value, headers in entries:
        if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
            spans.append(await _send(producer, batch, topic, partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
    if batch.record_count():
        spans.append(await _send(producer, batch, topic, partition))
    return spans


async def _send(producer: Any, batch: Any, topic: str, partition: int) -> Span:  # noqa: ANN401 - the same
    count = batch.record_count()
    batch.close()
    acknowledged = await (await producer.send_batch(batch, topic, partition=partition))
    return Span(acknowledged.offset, acknowledged.offset + count)
