"""The producer under `ingest.kafka`: one of aiokafka's at a time, and a new one after what that cannot recover from.

An idempotent producer tries each batch again for as long as Kafka is away, and nothing stands on a partition twice for
it. But a batch that has failed leaves a hole in the numbers by which the broker tells repeats: whatever follows it on
its partition is refused. So after any failure another producer takes its place, and the old one ends when what it
still holds has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError
from aiokafka.partitioner import murmur2
from aiokafka.protocol.admin import DescribeConfigsRequest

from wire.kafka_settings import KafkaSettings
from wire.record import Record, Rejected
from wire.topics import BATCH_BYTES, COMPRESSION, MAX_RECORD_BYTES

Entry = Record | Rejected

REQUEST_SECONDS: Final = 30.0
"""How long a broker that is connected may take to answer, before the connection is given up and the request goes over
another. How long a partition may be without a leader, too, before what is for it has failed."""

CONNECT_SECONDS: Final = 15.0
"""How long a new producer may take to be ready."""

RETRY_SECONDS: Final = 0.5
"""How long aiokafka waits before it tries again what the broker did not take or could not be asked. Each time it logs
some four lines, which the commands keep off the screen: what there is to know of an outage is `trouble`."""

_AWAY_SECONDS: Final = 0.1
"""How long it waits before it asks again where partitions are, when nobody could be asked."""

FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 5.0
"""Between producers that fail one after the other the pause doubles, from the first to the longest."""

END_SECONDS: Final = 1.0
"""How long a producer may take for its end when asked, and when pressed, before it is pressed harder."""

_KEYS_REMEMBERED: Final = 10_000

_ORIGIN: Final = "ingest"

_LIMIT: Final = "max.message.bytes"
_TOPIC: Final = 2
_NO_ERROR: Final = 0

_UNREACHED: Final = (KafkaConnectionError, KafkaTimeoutError, OSError, TimeoutError)


class NotDeliveredError(Exception):
    """A batch has failed, and it is not known whether it is on the partition. The text is for an operator."""


class TooLargeError(Exception):
    """The topic takes no record of this size. It will not take it the next time either."""


class MissingTopicError(Exception):
    """A topic that has to be there is not. The text says what to do."""


def _missing(topic: str) -> str:
    return f"there is no topic {topic}: run `auditstream topics create`"


class LastingProducer:
    """Delivers batches, one after the other on each partition, for as long as the process lives."""

    def __init__(
        self, kafka: KafkaSettings, topics: Sequence[str], *, on_renewed: Callable[[], None] = lambda: None
    ) -> None:
        """Take where Kafka is, the topics that are written to, and what is called when a producer was made anew."""
        self._kafka: Final = kafka
        self._topics: Final = topics
        self._on_renewed: Final = on_renewed
        self._producer: AIOKafkaProducer | None = None
        self._partitions: Mapping[str, int] = {}
        self._pause = FIRST_PAUSE_SECONDS
        # Set while there is a producer, and while there is none.
        self._made: Final = asyncio.Event()
        self._lost: Final = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._leaving: Final[set[asyncio.Task[None]]] = set()
        self.trouble: str | None = "Kafka has not been reached yet"
        """Why nothing can be sent now, None while a producer is there; one clause for an operator."""
        self._shrunk: tuple[str, ...] = ()
        self._limits: Mapping[str, int] = {}
        self._refusing: Final[set[str]] = set()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should look at though it is sent, each a clause; as of the last producer that was made."""
        small = (
            f"topic {topic} does not take every record: `auditstream topics create` sets its {_LIMIT} right"
            for topic in self._topics
            if topic in self._refusing or self._limits.get(topic, MAX_RECORD_BYTES) < MAX_RECORD_BYTES
        )
        return *self._shrunk, *small

    def start(self) -> None:
        """Begin to make a producer, whether Kafka is there or not."""
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End all producers, and what they still hold."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        self._lose(self._producer, "the producer is closed")
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=END_SECONDS)
        for leaving in tuple(self._leaving):
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has, none before there ever was a producer."""
        if self._producer is not None:
            # It is asked for every few minutes, so that added partitions are found.
            found = self._producer.client.cluster.partitions_for_topic(topic)
            if found:
                return len(found)
        return self._partitions.get(topic, 0)

    async def deliver(self, topic: str, partition: int, entries: Sequence[Entry]) -> int:
        """Return how many entries, from the first on, are durable now: as many as a batch holds.

        The caller has one call for a partition under way at a time. Without a producer it waits for one.
        """
        while (producer := self._producer) is None:
            await self._made.wait()
        # A body of 400 recorded events costs 3.3 ms of CPU so, and 6.0 ms when aiokafka is given one record
        # after the other: each then has a future of its own, and unkeyed ones are scattered over all partitions.
        batch = producer.create_batch()
        for entry in entries:
            if (
                batch.append(timestamp=None, key=key_of(entry), value=value_of(entry), headers=headers_of(entry))
                is None
            ):
                break
        batch.close()
        try:
            await self._check_size(producer, topic, batch.size())
            await (await producer.send_batch(batch, topic, partition=partition))
        except TooLargeError:
            raise
        except MessageSizeTooLargeError:
            self._refusing.add(topic)
            self._lose(producer, "a new producer is being made after a record that is too large for its topic")
            raise TooLargeError from None
        except Exception as error:
            kind = type(error).__name__
            self._lose(producer, f"a new producer is being made after a failure ({kind})")
            raise NotDeliveredError(f"Kafka did not take it ({kind}): a new producer is being made") from error
        self._pause = FIRST_PAUSE_SECONDS
        count: int = batch.record_count()
        return count

    async def _check_size(self, producer: AIOKafkaProducer, topic: str, size: int) -> None:
        """Raise TooLargeError where a topic is known to refuse a batch of this size, which would cost the producer."""
        if size > self._limits.get(topic, size):
            # Somebody may have set it right since.
            await self._read_limits(producer)
            if size > self._limits.get(topic, size):
                raise TooLargeError

    async def _read_limits(self, producer: AIOKafkaProducer) -> None:
        self._limits = await _limits_of(producer.client, self._topics)
        self._refusing.difference_update(self._limits)

    def _lose(self, producer: AIOKafkaProducer | None, trouble: str) -> None:
        """Put a producer aside. It ends when what it holds has ended: on other partitions nothing may be wrong."""
        if producer is None or producer is not self._producer:
            return
        self._producer = None
        self._made.clear()
        self.trouble = trouble
        self._lost.set()
        leaving = asyncio.create_task(_end(producer))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _look(self, producer: AIOKafkaProducer) -> None:
        """Put a producer aside whose topics are not what they were: called when Kafka has told of them anew.

        So none is left that knows nothing of a topic: it would ask for it by its name, see `_partitions_of`.
        """
        cluster = producer.client.cluster
        if producer is not self._producer:
            return
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in self._topics}
        for topic, count in counts.items():
            had = self._partitions[topic]
            if count < had:
                self._lose(producer, _shrunk(topic, count, had) if count else _missing(topic))
                return
        self._partitions = counts

    async def _keep(self) -> None:
        """See to it that there is a producer."""
        is_renewal = False
        while True:
            try:
                producer = await self._connect()
            except MissingTopicError as error:
                self.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, and aiokafka asserts: the next may do better
                kind = type(error).__name__
                # Whoever reads it can do something about a right that is missing, and looks for it elsewhere.
                self.trouble = (
                    "Kafka cannot be reached" if isinstance(error, _UNREACHED) else f"Kafka cannot be used ({kind})"
                )
            else:
                if is_renewal:
                    self._on_renewed()
                is_renewal = True
                self._lost.clear()
                self._producer, self.trouble = producer, None
                self._made.set()
                await self._lost.wait()
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connect(self) -> AIOKafkaProducer:
        """Return a producer that is ready to send to all topics."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka.bootstrap,
            client_id="auditstream-ingest",
            acks="all",
            enable_idempotence=True,
            compression_type=COMPRESSION,
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            retry_backoff_ms=int(RETRY_SECONDS * 1000),
        )
        client = producer.client
        client._metadata_update = _with_pause(client._metadata_update)  # noqa: SLF001 - held to be there by a test
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await producer.start()
                partitions = await _partitions_of(producer.client, self._topics)
                await self._read_limits(producer)
        except BaseException:
            await producer.stop()
            raise
        self._shrunk = tuple(
            _shrunk(topic, count, had)
            for topic, count in partitions.items()
            if (had := self._partitions.get(topic, 0)) > count
        )
        self._partitions = partitions
        producer.client.cluster.add_listener(lambda _cluster: self._look(producer))
        return producer


async def _partitions_of(client: AIOKafkaClient, topics: Sequence[str]) -> Mapping[str, int]:
    """Have a client ask for all topics, now and whenever it asks again; return how many partitions these have.

    A broker that makes topics by itself makes one that is asked for by its name, with one partition and room for 1 MiB.
    """
    if not await client.set_topics(()):
        raise KafkaConnectionError
    partitions = {topic: len(client.cluster.partitions_for_topic(topic) or ()) for topic in topics}
    for topic, count in partitions.items():
        if not count:
            raise MissingTopicError(_missing(topic))
    return partitions


async def _limits_of(client: AIOKafkaClient, topics: Sequence[str]) -> Mapping[str, int]:
    """Return how large a batch each topic takes, but for those of which Kafka does not tell this user."""
    asked = [(_TOPIC, topic, [_LIMIT]) for topic in topics]
    answer = await client.send(client.get_random_node(), DescribeConfigsRequest(asked))
    return {
        topic: int(entries[0][1])
        for code, _message, _type, topic, entries in answer.resources
        if code == _NO_ERROR and entries
    }


def _shrunk(topic: str, count: int, had: int) -> str:
    return (
        f"topic {topic} has {count} partitions, had {had}: it was deleted and made anew, see "
        "`auditstream topics create`"
    )


async def _end(producer: AIOKafkaProducer) -> None:
    """End a producer when what it holds has ended; when cancelled, as soon as it can be."""
    stopping = asyncio.create_task(producer.stop())
    try:
        await asyncio.shield(stopping)
    except asyncio.CancelledError:
        # It waits until what it holds is sent, or until its sender has ended. That waits for the requests under way
        # when it is cancelled, and drops them when it is cancelled again.
        for _ in range(2):
            producer._sender.sender_task.cancel()  # noqa: SLF001 - nothing public ends it while Kafka is away
            await asyncio.wait((stopping,), timeout=END_SECONDS)
        raise


# What stands on the topics.


@lru_cache(_KEYS_REMEMBERED)
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as Kafka's clients compute it. The hash is pure Python, hence the cache."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


def key_of(entry: Entry) -> bytes | None:
    """Return the key under which it is kept; rejects have none."""
    return entry.key if isinstance(entry, Record) else None


def value_of(entry: Entry) -> bytes:
    """Return what is kept of it."""
    return entry.value if isinstance(entry, Record) else entry.kept


def headers_of(entry: Entry) -> list[tuple[str, bytes]]:
    """Return the headers of a record, or those by which a reject tells why it is in the dead letter."""
    return entry.headers() if isinstance(entry, Record) else entry.headers(_ORIGIN)


def size_of(entry: Entry) -> int:
    """Return about how much room it takes."""
    return len(value_of(entry)) + len(key_of(entry) or b"") + _OVERHEAD_BYTES


_OVERHEAD_BYTES: Final = 256


def _with_pause(update: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    """Return what asks for the cluster's metadata, and takes its time when it gets none.

    While a partition has no leader aiokafka's sender asks again as soon as it was answered. With a broker that was
    stopped the answer is a refused connection, and what waits to be sent would keep a core busy until it is back.
    """

    async def update_with_pause(*args: Any) -> bool:  # noqa: ANN401 - aiokafka has no types
        is_updated = await update(*args)
        if not is_updated:
            await asyncio.sleep(_AWAY_SECONDS)
        return is_updated

    return update_with_pause
