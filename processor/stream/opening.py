"""The beginning of a generation, a partition at a time: its state mended, its epoch raised, its place found.

Called by `processor.stream.checkpoint` when Faust has read the changelogs and before the first event is fetched.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Final, NamedTuple

from faust.types import TP

from processor.stream.delivery import BatchConsumer
from processor.stream.metrics import StreamMetrics
from processor.stream.state_log import StateLog
from processor.stream.state_table import StateStore

_log: Final = logging.getLogger(__name__)


class StaleStateError(Exception):
    """The changelog was not read to its end: leave, and read it again."""


class Opening:
    """What it takes to begin with some partitions."""

    def __init__(
        self, consumer: BatchConsumer, store: StateStore, state_log: StateLog, changelog: str, metrics: StreamMetrics
    ) -> None:
        self._consumer: Final = consumer
        self._store: Final = store
        self._state_log: Final = state_log
        self._changelog: Final = changelog
        self._metrics: Final = metrics

    async def open(self, sources: Collection[TP]) -> dict[TP, int]:
        """Return where to read each partition of the events from, its state being durable and mended.

        Every partition gets a new epoch and a marker under it, whether or not there is something to mend: from then on
        what a former owner writes is told from what this one does. Raises StaleStateError and what StateLog raises.
        """
        if not sources:
            return {}
        changelogs = {tp: TP(self._changelog, tp.partition) for tp in sources}
        everything = (*sources, *changelogs.values())
        first, end = await asyncio.gather(
            self._consumer.earliest_offsets(*everything), self._consumer.highwaters(*everything)
        )
        committed = await asyncio.gather(*(self._consumer.committed(tp) for tp in sources))
        begin = {}
        for tp, offset in zip(sources, committed, strict=True):
            self._check_read(changelogs[tp], first[changelogs[tp]], end[changelogs[tp]])
            begin[tp] = self._resume(tp, offset, first[tp], end[tp])
        await asyncio.gather(*(self._mend(tp.partition, offset) for tp, offset in begin.items()))
        return begin

    def _check_read(self, tp: TP, first: int, end: int) -> None:
        cut = self._store.cut(tp.partition)
        if cut.end is None and first == end:
            cut.end = end
        if cut.end != end:
            raise StaleStateError(f"{tp.topic}, partition {tp.partition}: read up to {cut.end}, but it ends at {end}")

    def _resume(self, tp: TP, committed: int | None, first: int, end: int) -> int:
        marker = self._store.cut(tp.partition).marker
        point = resume_point(None if marker is None else marker.next_offset, committed, first, end)
        if point.told:
            _log.warning("%s, partition %d: %s", tp.topic, tp.partition, point.told)
        self._metrics.deleted.inc(point.deleted)
        return point.offset

    async def _mend(self, partition: int, next_offset: int) -> None:
        cut = self._store.cut(partition)
        repairs = cut.close()
        cut.epoch += 1
        await self._state_log.write(partition, cut, repairs, next_offset)


class ResumePoint(NamedTuple):
    """Where to go on from."""

    offset: int
    deleted: int = 0
    """How many events Kafka deleted before they could be judged."""
    told: str = ""
    """What an operator should know of it."""


def resume_point(marker: int | None, committed: int | None, first: int, end: int) -> ResumePoint:
    """Return where to go on from.

    `marker` is the offset of the last marker, `committed` the group's; a partition begins at `first` and its next
    record gets `end`. An offset beyond the end is another topic's of this name, or of a log that a broker has lost the
    end of: it says nothing, so that everything there is will be read.
    """
    known = [offset for offset in (marker, committed) if offset is not None]
    valid = [offset for offset in known if offset <= end]
    if not known:
        return ResumePoint(first)
    if not valid:
        told = f"it ends at {end}, but was judged up to {max(known)}: it was made anew, and is read from its beginning"
        return ResumePoint(first, told=told)
    deleted = first - max(valid)
    if deleted > 0:
        told = f"{deleted} events were deleted before they could be judged: the topic keeps them for too short a time"
        return ResumePoint(first, deleted, told)
    return ResumePoint(max(valid))
