"""Where bodies become durable: a `Publisher` that is done when Kafka has acknowledged all of a batch.

`ingest.webhook` publishes. Records go to the topic of events, rejects to the dead letter; on each partition one publish
follows the other, so that what came together stands together. What its waiters have given up goes on: the sender's
repeat joins it. `ingest.kafka_producer` does the sending.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Final, Self

import msgspec
from prometheus_client import CollectorRegistry

from ingest.kafka_producer import (
    Entry,
    LastingProducer,
    NotDeliveredError,
    TooLargeError,
    partition_of,
    size_of,
    value_of,
)
from ingest.mend import shorten
from ingest.metrics import PublisherMetrics
from ingest.publisher import Acknowledged, Unavailable, digest_apart
from ingest.split import Split
from wire.kafka_settings import KafkaSettings
from wire.record import Reason, Record, Rejected
from wire.topics import BATCH_BYTES

MAX_PENDING_BYTES: Final = 64 * 1024 * 1024

LARGE_AT_ONCE: Final = 3
"""How many records larger than a batch are sent at once. A request holds a batch for each partition of a broker, and a
broker that is asked for more than 100 MiB in one closes the connection, every time."""

STOP_SECONDS: Final = 10.0

_KEY_BYTES_AT_ONCE: Final = 50_000
"""Hashing a key takes some 0.13 microseconds a byte."""

_MAX_UNFINISHED: Final = 1_000
_KEPT_OF_TOO_LARGE: Final = BATCH_BYTES

_log: Final = logging.getLogger(__name__)

Place = tuple[str, int]
"""A topic, and the number of a partition of it."""


@dataclass(slots=True)
class _Part:
    """What a publish has for one partition."""

    place: Place
    entries: list[Entry] = field(default_factory=list)
    done: int = 0
    """So many of them, from the first on, are durable."""


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """How far a publish had come that failed, so that its repeat goes on from there."""

    unkeyed: int
    counts: Mapping[str, int]
    done: Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A batch that is not durable yet."""

    digest: bytes
    parts: list[_Part]
    """None yet while it is being divided."""
    unkeyed: int
    """The turn that decided where records without a key go."""
    counts: Mapping[str, int]
    """How many partitions its topics had when it was divided."""
    size: int
    since: float
    outcome: asyncio.Future[str | None]
    """None when it is durable, else why it is not. A value and no exception: nobody may be left who would ask."""


class KafkaPublisher:
    """Makes batches durable in Kafka. Used as a context manager, or between `start` and `stop`.

    Its metrics are made on the registry.
    A publish waits for `timeout_seconds`. All that is pending holds no more than `max_pending_bytes`; a batch that is
    larger by itself is taken when nothing else is pending.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        registry: CollectorRegistry,
        *,
        timeout_seconds: float = 10.0,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        acknowledged: Acknowledged | None = None,
    ) -> None:
        self._timeout_seconds: Final = timeout_seconds
        self._max_pending_bytes: Final = max_pending_bytes
        self._acknowledged: Final = Acknowledged(time.monotonic) if acknowledged is None else acknowledged
        self._events: Final = kafka.topics.events.name
        self._dead_letter: Final = kafka.topics.dead_letter.name
        self._metrics: Final = PublisherMetrics(registry, lambda: self._pending_bytes, lambda: len(self._pending))
        renewed = self._metrics.renewed_producers.inc
        self._producer: Final = LastingProducer(kafka, (self._events, self._dead_letter), on_renewed=renewed)
        # All that is pending, by digest, the oldest first.
        self._pending: Final[dict[bytes, _Pending]] = {}
        self._pending_bytes = 0
        self._unfinished: Final[dict[bytes, _Unfinished]] = {}
        # A lock lets in who came first.
        self._lanes: Final[defaultdict[Place, asyncio.Lock]] = defaultdict(asyncio.Lock)
        self._large: Final = asyncio.Semaphore(LARGE_AT_ONCE)
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._turn = 0
        self._waiters = 0
        self._nobody_waits: Final = asyncio.Event()
        self._nobody_waits.set()
        self._closed: str | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to reach Kafka. Until it is there everything is refused."""
        self._producer.start()

    def close(self, reason: str) -> None:
        """Take nothing new; what is pending goes on."""
        self._closed = reason

    async def stop(self, reason: str = "it stops", seconds: float = STOP_SECONDS) -> None:
        """Take nothing new, give what somebody waits for some seconds to become durable, and leave Kafka.

        The others that are pending were answered already, as not durable: their senders come again.
        """
        self.close(reason)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nobody_waits.wait(), seconds)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._producer.stop()

    async def publish(self, batch: Split) -> None:
        """Return when Kafka has acknowledged all of a batch; raise Unavailable if it was not taken, failed, or is late.

        See `ingest.publisher.Publisher.publish`.
        """
        if not batch.records and not batch.rejected:
            return
        key = await digest_apart(batch)
        if key in self._acknowledged:
            return
        pending = self._pending.get(key) or self._admit(batch, key)
        await self._wait_for(pending.outcome)
        if not pending.outcome.done():
            raise Unavailable(f"Kafka has not acknowledged it within {self._timeout_seconds:g} seconds")
        reason = pending.outcome.result()
        if reason is not None:
            raise Unavailable(reason)

    async def _wait_for(self, outcome: asyncio.Future[str | None]) -> None:
        self._waiters += 1
        self._nobody_waits.clear()
        try:
            # Unlike `wait_for`, `wait` leaves the future alone when late or cancelled: others may wait for it too.
            await asyncio.wait((outcome,), timeout=self._timeout_seconds)
        finally:
            self._waiters -= 1
            if not self._waiters:
                self._nobody_waits.set()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should look at though batches are taken, each a clause."""
        return self._producer.warnings

    def check(self) -> None:
        """Raise Unavailable if a small batch would be refused now."""
        self._check_room(1)

    def _check_room(self, size: int) -> None:
        if self._closed is not None:
            raise Unavailable(self._closed)
        if self._producer.trouble is not None:
            raise Unavailable(self._producer.trouble)
        if not self._pending:
            return
        oldest = next(iter(self._pending.values()))
        if asyncio.get_running_loop().time() - oldest.since >= self._timeout_seconds:
            raise Unavailable(f"Kafka has not acknowledged a batch for more than {self._timeout_seconds:g} seconds")
        if self._pending_bytes + size > self._max_pending_bytes:
            raise Unavailable(
                f"too much waits for Kafka: {self._pending_bytes} of at most {self._max_pending_bytes} bytes"
            )

    def _admit(self, batch: Split, key: bytes) -> _Pending:
        size = sum(map(size_of, batch.records)) + sum(map(size_of, batch.rejected))
        self._check_room(size)
        loop = asyncio.get_running_loop()
        counts = {topic: self._producer.partitions(topic) for topic in (self._events, self._dead_letter)}
        before = self._unfinished.pop(key, None)
        if before is None or before.counts != counts:
            before = _Unfinished(self._turn, counts, {})
            self._turn += 1
        pending = _Pending(key, [], before.unkeyed, counts, size, loop.time(), loop.create_future())
        self._pending[key] = pending
        self._pending_bytes += size
        task = loop.create_task(self._deliver(pending, batch, before.done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return pending

    def _divide(self, batch: Split, counts: Mapping[str, int], unkeyed: int) -> list[_Part]:
        """Return a batch by partitions: all without a key on one, those of the next batch on the next.

        So large batches are made, which compress well and cost little; and no client can aim at a partition.
        """
        parts: dict[Place, _Part] = {}
        for topic, entries in ((self._events, batch.records), (self._dead_letter, batch.rejected)):
            count = counts[topic]
            for entry in entries:
                key = entry.key if isinstance(entry, Record) else None
                place = (topic, unkeyed % count if key is None else partition_of(key, count))
                part = parts.get(place)
                if part is None:
                    part = parts[place] = _Part(place)
                part.entries.append(entry)
        return list(parts.values())

    async def _divide_apart(self, batch: Split, counts: Mapping[str, int], unkeyed: int) -> list[_Part]:
        """Divide a batch, in a thread where hashing its keys takes so long that everything else on the loop waits."""
        if sum(len(record.key) for record in batch.records if record.key is not None) <= _KEY_BYTES_AT_ONCE:
            return self._divide(batch, counts, unkeyed)
        return await asyncio.to_thread(self._divide, batch, counts, unkeyed)

    async def _deliver(self, pending: _Pending, batch: Split, done: Mapping[Place, int]) -> None:
        """Bring all of a batch to its end, whoever waits for it."""
        reason: str | None = "it ended before Kafka had acknowledged it"
        try:
            pending.parts.extend(await self._divide_apart(batch, pending.counts, pending.unkeyed))
            for part in pending.parts:
                part.done = done.get(part.place, 0)
            outcomes = await asyncio.gather(*map(self._send, pending.parts), return_exceptions=True)
            reason = next((_told(outcome) for outcome in outcomes if outcome is not None), None)
        finally:
            self._end(pending, reason)

    async def _send(self, part: _Part) -> None:
        """Make durable what a publish has for a partition, when those before it have done so."""
        async with self._lanes[part.place]:
            # The next batch is made when the last is acknowledged: aiokafka has one under way for a partition anyway.
            # So it is known how far a part has come, and no producer holds a batch that follows one that failed.
            while part.done < len(part.entries):
                rest = part.entries[part.done :] if part.done else part.entries
                try:
                    part.done += await self._deliver_some(part.place, rest)
                except TooLargeError:
                    await self._send_less(part.place, rest[0])
                    part.done += 1

    async def _deliver_some(self, place: Place, entries: Sequence[Entry]) -> int:
        """Return how many entries, from the first on, are durable now. Called by who has the partition's lock."""
        if size_of(entries[0]) <= BATCH_BYTES:
            return await self._producer.deliver(*place, entries)
        async with self._large:
            return await self._producer.deliver(*place, entries)

    async def _send_less(self, place: Place, entry: Entry) -> None:
        """Send what can be sent of what its topic refuses for its size, so that the rest of its batch can go on.

        Of an event that is a copy without its objects, so that the rules see who did what, and the beginning of the
        original for the dead letter; of a reject its beginning.
        """
        value = value_of(entry)
        kept = value[:_KEPT_OF_TOO_LARGE]
        if isinstance(entry, Rejected):
            whole_bytes = len(entry.value) if entry.whole_bytes is None else entry.whole_bytes
            cut = msgspec.structs.replace(entry, value=kept, whole_bytes=whole_bytes)
            is_sent = len(kept) < len(value) and await self._is_taken(place, cut)
        else:
            # In a thread: of a hostile one it takes long.
            short = await asyncio.to_thread(shorten, value)
            copy = msgspec.structs.replace(entry, value=short)
            is_judged = len(short) < len(value) and await self._is_taken(place, copy)
            is_sent = is_judged or len(kept) < len(value)
            if is_sent:
                await self._set_aside(place, entry, kept, is_judged=is_judged)
        if not is_sent:
            raise NotDeliveredError("a topic takes no record of this size: run `auditstream topics create`")
        self._metrics.refused_records.inc()

    async def _is_taken(self, place: Place, entry: Entry) -> bool:
        """Send an entry, and tell whether its topic takes one of its size."""
        try:
            await self._deliver_some(place, [entry])
        except TooLargeError:
            return False
        return True

    async def _set_aside(self, place: Place, record: Record, kept: bytes, *, is_judged: bool) -> None:
        """Put what is kept of an event into the dead letter."""
        whole_bytes = len(record.value)
        detail = f"{whole_bytes} bytes, more than its topic takes"
        came = record.cluster, record.received_ms
        reject = Rejected(kept, Reason.TOO_LARGE, detail, *came, is_judged, whole_bytes=whole_bytes)
        number = place[1] % self._producer.partitions(self._dead_letter)
        await self._send(_Part((self._dead_letter, number), [reject]))

    def _end(self, pending: _Pending, reason: str | None) -> None:
        pending.outcome.set_result(reason)
        del self._pending[pending.digest]
        self._pending_bytes -= pending.size
        if reason is None:
            self._acknowledged.add(pending.digest)
            return
        self._metrics.failed_batches.inc()
        done = {part.place: part.done for part in pending.parts}
        self._unfinished[pending.digest] = _Unfinished(pending.unkeyed, pending.counts, done)
        for key in tuple(islice(self._unfinished, max(0, len(self._unfinished) - _MAX_UNFINISHED))):
            del self._unfinished[key]


def _told(error: BaseException) -> str:
    """Return the clause that tells of a failure."""
    if isinstance(error, NotDeliveredError):
        return str(error)
    # Not its own text, which may repeat what a client sent.
    _log.error("a publish ended: %s", type(error).__name__)
    return "it could not be published: the server's log has more"
