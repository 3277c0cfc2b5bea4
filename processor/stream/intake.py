"""Which of the records that arrive are to be judged: each once, in order, and none left out.

The agent's batches come through here on their way to `processor.stream.checkpoint`. Positions begin where the state
ends, and a batch that does not follow on is cut or fetched again: a skipped record would be lost without a word.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import ConsumerRecord
from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP

from processor.stream.delivery import BatchConsumer
from processor.stream.metrics import StreamMetrics

_SEEKS_BEFORE_A_HOLE: Final = 3
"""So often a gap is fetched again before it is taken for what it says: offsets that hold no record."""

_log: Final = logging.getLogger(__name__)


class Intake:
    """The positions of one worker's partitions."""

    def __init__(self, consumer: BatchConsumer, metrics: StreamMetrics) -> None:
        self._consumer: Final = consumer
        self._metrics: Final = metrics
        self.assignment: int | None = None
        """The one whose records are judged; None between two of them."""
        self.next: dict[TP, int] = {}
        """By partition, the offset of the next record to be judged."""
        self._seeks: Final[Counter[TP]] = Counter()

    def begin(self, assignment: int, positions: Mapping[TP, int]) -> None:
        """Take records of a generation, from these positions on."""
        self.assignment = assignment
        self.next = dict(positions)
        self._seeks.clear()

    def end(self) -> None:
        """Take nothing more: partitions are about to go. What has been fetched of them will be fetched again."""
        self.assignment = None

    async def accept(self, message: Any) -> list[ConsumerRecord]:  # noqa: ANN401 - Faust's message, with a list as its value
        """Return the records of a batch that are to be judged now; none of another generation, nor behind a gap."""
        if message.assignment != self.assignment or self._consumer.is_outdated(message):
            return []
        records: list[ConsumerRecord] = message.value
        if records[0].offset > self.next[message.tp]:
            first = (await self._consumer.earliest_offsets(message.tp))[message.tp]
            if message.assignment != self.assignment or not await self._follows_on(
                message.tp, first, records[0].offset
            ):
                return []
        self._seeks[message.tp] = 0
        expected = self.next[message.tp]
        fresh = [record for record in records if record.offset >= expected]
        if len(fresh) < len(records):
            self._metrics.repeated.inc(len(records) - len(fresh))
        if fresh:
            self.next[message.tp] = fresh[-1].offset + 1
        return fresh

    async def _follows_on(self, tp: TP, first: int, found: int) -> bool:
        """Tell whether there is nothing before an offset that was found, given where the partition begins now."""
        expected = self.next[tp]
        if first > expected:
            deleted = min(first, found) - expected
            _log.warning("%s, partition %d: %d events were deleted before they could be judged", *tp, deleted)
            self._metrics.deleted.inc(deleted)
            expected = self.next[tp] = min(first, found)
        if found == expected:
            return True
        if self._seeks[tp] >= _SEEKS_BEFORE_A_HOLE:
            _log.warning("%s, partition %d: no records from %d to %d", *tp, expected, found - 1)
            return True
        self._seeks[tp] += 1
        self._metrics.seeks.inc()
        _log.warning("%s, partition %d: expected offset %d, got %d: reading again", *tp, expected, found)
        await self._consumer.seek_wait({ensure_aiokafka_TP(tp): expected})
        return False
