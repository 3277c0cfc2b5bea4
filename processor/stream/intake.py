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
        self.generation: int | None = None
        """The one whose records are judged; None between two of them."""
        self.next: dict[TP, int] = {}
        """By partition, the offset of the next record to be judged."""
        self._seeks: Final[Counter[TP]] = Counter()

    def begin(self, generation: int, positions: Mapping[TP, int]) -> None:
        """Take records of a generation, from these positions on."""
        self.generation = generation
        self.next = dict(positions)
        self._seeks.clear()

    def end(self) -> None:
        """Take nothing more: partitions are about to go. What has been fetched of them will be fetched again."""
        self.generation = None

    async def accept(self, message: Any) -> list[ConsumerRecord]:  # noqa: ANN401 - Faust's message, with a list as its value
        """Return the records of a batch that are to be judged now; none of another generation, nor behind a gap."""
        if message.generation_id != self.generation:
            return []
        records: list[ConsumerRecord] = message.value
        expected = self.next[message.tp]
        if records[0].offset > expected:
            expected = await self._after_gap(message.tp, expected, records[0].offset)
            if message.generation_id != self.generation or expected < records[0].offset:
                return []
        fresh = [record for record in records if record.offset >= expected]
        self._seeks[message.tp] = 0
        if len(fresh) < len(records):
            self._metrics.repeated.inc(len(records) - len(fresh))
        if fresh:
            self.next[message.tp] = fresh[-1].offset + 1
        return fresh

    async def _after_gap(self, tp: TP, expected: int, found: int) -> int:
        """Return the offset that is due, given that none is left before it; seek to it if it was skipped."""
        first = (await self._consumer.earliest_offsets(tp))[tp]
        if first > expected:
            lost = min(first, found) - expected
            _log.warning("%s, partition %d: %d events were deleted before they could be judged", *tp, lost)
            self._metrics.deleted.inc(lost)
            expected = min(first, found)
        if found > expected:
            if self._seeks[tp] >= _SEEKS_BEFORE_A_HOLE:
                _log.warning("%s, partition %d: no records from %d to %d", *tp, expected, found - 1)
                return found
            self._seeks[tp] += 1
            self._metrics.seeks.inc()
            _log.warning("%s, partition %d: expected offset %d, got %d: reading again", *tp, expected, found)
            await self._consumer.seek_wait({ensure_aiokafka_TP(tp): expected})
        return expected
