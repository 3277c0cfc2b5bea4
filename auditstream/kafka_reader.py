"""`auditstream alerts`: the alerts topic, from all partitions, each alert once.

Called by `auditstream.cli`, with settings; returns the exit code. It belongs to no consumer group and commits nothing:
any number may read, and none is in the way of another.

What is there at the start comes by time: the partitions are merged, by the times of the alerts at their heads, and what
comes out is put right within bounds (`alert_stream.ByTime`). With `--follow`, later ones come as they come.
"""

import asyncio
import errno
import os
import select
import sys
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from heapq import heappop, heappush
from signal import SIGINT, SIGTERM, Signals
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from auditstream.alert_stream import ByTime, Once, decode_alert
from auditstream.exit_codes import FINDINGS, INTERRUPTED, OK
from auditstream.kafka_away import away, quiet
from auditstream.kafka_consumer import ATTEMPT_SECONDS, MissingTopicError, all_partitions
from auditstream.replay_command import MAX_COMPLAINTS
from auditstream.screen import Screen
from processor.alert import Alert
from rules.text import escape
from wire.kafka_settings import KafkaSettings

_IDLE_SECONDS: Final = 1.0
_CHECK_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 1.0
_IDLES_A_CHECK: Final = 3
"""So many times nothing comes before Kafka is asked whether it is there."""


def read_alerts(settings: KafkaSettings, screen: Screen, *, since_ms: int | None, is_followed: bool) -> int:
    """Print the alerts, those sent since a time if one is given, and return the exit code."""
    with quiet(screen):
        return asyncio.run(_until_stopped(_Reader(settings, screen, since_ms, is_followed=is_followed).run()))


async def _until_stopped(work: Awaitable[int]) -> int:
    """Return what the work returns, or the exit code of the signal that ended it; a second one ends it at once."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    ended_by: list[Signals] = []

    def stop(number: Signals) -> None:
        ended_by.append(number)
        for each in (SIGTERM, SIGINT):
            loop.remove_signal_handler(each)
        task.cancel()

    for number in (SIGTERM, SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return INTERRUPTED if ended_by[0] is SIGINT else OK


class _Reader:
    """Reads the topic from where it is told, and again from where it was when Kafka was away."""

    def __init__(self, settings: KafkaSettings, screen: Screen, since_ms: int | None, *, is_followed: bool) -> None:
        self._settings: Final = settings
        self._topic: Final = settings.topics.alerts.name
        self._screen: Final = screen
        self._since_ms: Final = since_ms
        self._is_followed: Final = is_followed
        self._once: Final = Once()
        self._next: Final[dict[TopicPartition, int]] = {}
        """The offsets to go on from: all before them was printed or passed over, or is held."""
        self._not_alerts = 0

    async def run(self) -> int:
        """Read to the end, or for ever, and return the exit code."""
        ends: dict[TopicPartition, int] | None = None
        # What is told once until it is over: that Kafka is away, and that the topic is missing.
        told: set[bool] = set()
        while True:
            problem, is_missing = "", False
            try:
                async with all_partitions(self._settings, self._topic, "auditstream-alerts") as consumer:
                    if ends is None:
                        ends = await self._begin(consumer)
                    self._seek(consumer)
                    if told:
                        self._note(f"Kafka at {self._settings.bootstrap} has the topic {self._topic}: reading it")
                        told.clear()
                    await self._to_the_ends(consumer, ends)
                    if not self._is_followed:
                        return FINDINGS if self._not_alerts else OK
                    await self._follow(consumer)
            except MissingTopicError as error:
                is_missing = True
                problem = str(error)
            except (KafkaError, TimeoutError) as error:  # not every OSError: that may be the output's
                problem = away(self._settings, error)
            if not self._is_followed:
                self._note(problem)
                return FINDINGS
            if is_missing not in told:
                self._note(f"{problem}; going on when that is done")
                told.add(is_missing)
            _check_reader()
            await asyncio.sleep(_PAUSE_SECONDS)

    # --- the beginning -----------------------------------------------------------------------------------------------

    async def _begin(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
        """Find where to begin; return where the partitions end now."""
        partitions = list(consumer.assignment())
        async with asyncio.timeout(ATTEMPT_SECONDS):
            ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            if self._since_ms is None:
                self._next.update(await consumer.beginning_offsets(partitions))
            else:
                found = await consumer.offsets_for_times(dict.fromkeys(partitions, self._since_ms))
                self._next.update({tp: ends[tp] if at is None else at.offset for tp, at in found.items()})
        return ends

    def _seek(self, consumer: AIOKafkaConsumer) -> None:
        for partition in consumer.assignment():
            # One that was not there before is read whole.
            consumer.seek(partition, self._next.setdefault(partition, 0))

    # --- what is there -----------------------------------------------------------------------------------------------

    async def _to_the_ends(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        """Print what lies before the ends, merging the partitions by the times of their first alerts."""
        queues: dict[TopicPartition, deque[ConsumerRecord]] = {
            partition: deque() for partition, end in ends.items() if self._next[partition] < end
        }
        by_time = ByTime()
        try:
            await self._merge(consumer, ends, queues, by_time)
        finally:
            # Also when Kafka goes away meanwhile, or the command is ended: these would not be read again.
            self._screen.alerts(list(by_time.rest()))

    async def _merge(
        self,
        consumer: AIOKafkaConsumer,
        ends: Mapping[TopicPartition, int],
        queues: Mapping[TopicPartition, deque[ConsumerRecord]],
        by_time: ByTime,
    ) -> None:
        heads: list[tuple[str, TopicPartition, Alert, ConsumerRecord]] = []
        headless = set(queues)
        out: list[Alert] = []
        while headless or heads:
            while headless:
                for partition in tuple(headless):
                    if (head := self._head(queues[partition], ends[partition])) is not None:
                        heappush(heads, (head[0].time, partition, *head))
                        headless.discard(partition)
                    elif await self._is_read(consumer, partition, ends[partition]):
                        headless.discard(partition)
                if headless:
                    self._screen.alerts(out)
                    out.clear()
                    for partition, records in (await self._more(consumer, *headless)).items():
                        queues[partition].extend(records)
            if heads:
                _, partition, alert, record = heappop(heads)
                headless.add(partition)
                self._next[partition] = record.offset + 1
                if self._once.is_first(alert.id):
                    out.extend(by_time.add(alert, len(record.value)))
        self._screen.alerts(out)

    def _head(self, queue: deque[ConsumerRecord], end: int) -> tuple[Alert, ConsumerRecord] | None:
        """Take the first alert off a queue; None if there is none before the end."""
        while queue and queue[0].offset < end:
            record = queue.popleft()
            if (alert := self._decoded(record)) is not None:
                return alert, record
        return None

    async def _is_read(self, consumer: AIOKafkaConsumer, partition: TopicPartition, end: int) -> bool:
        # Not by the offset of the last record: what is deleted or compacted leaves gaps, at the end too.
        async with asyncio.timeout(ATTEMPT_SECONDS):
            if await consumer.position(partition) < end:
                return False
        self._next[partition] = max(end, self._next[partition])
        consumer.pause(partition)
        return True

    # --- what comes --------------------------------------------------------------------------------------------------

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        """Print what comes, for ever."""
        self._seek(consumer)
        consumer.resume(*consumer.assignment())
        while True:
            alerts = []
            for partition, records in (await self._more(consumer)).items():
                for record in records:
                    alert = self._decoded(record)
                    if alert is not None and self._once.is_first(alert.id):
                        alerts.append(alert)
                self._next[partition] = records[-1].offset + 1
            self._screen.alerts(sorted(alerts, key=lambda alert: alert.time))

    async def _more(
        self, consumer: AIOKafkaConsumer, *partitions: TopicPartition
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """Return what comes next, of these partitions or all; raise what Kafka says when nothing comes for long."""
        idles = 0
        while True:
            records: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
                *partitions, timeout_ms=round(_IDLE_SECONDS * 1000)
            )
            if records:
                return records
            _check_reader()
            idles += 1
            if idles % _IDLES_A_CHECK == 0:
                # The consumer tries again for ever, and says nothing.
                async with asyncio.timeout(_CHECK_SECONDS):
                    await consumer.end_offsets(list(consumer.assignment()))
            elif partitions:
                return records  # by position, a partition may be read although nothing came

    def _decoded(self, record: ConsumerRecord) -> Alert | None:
        found = decode_alert(record.value)
        if isinstance(found, Alert):
            return found
        self._not_alerts += 1
        if self._not_alerts <= MAX_COMPLAINTS:
            self._note(f"no alert at offset {record.offset} of {self._topic}, partition {record.partition}: {found}")
        if self._not_alerts == MAX_COMPLAINTS:
            self._note("further records that are no alerts are passed over in silence")
        return None

    def _note(self, text: str) -> None:
        self._screen.note([f"auditstream: {escape(text)}"])


def _check_reader() -> None:
    """Raise BrokenPipeError if who read our output is gone, as `head` is: nothing else tells while nothing comes."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if any(event & select.POLLERR for _, event in poll.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
