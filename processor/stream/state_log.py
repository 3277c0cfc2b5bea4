"""How the state of a partition becomes durable: the values that changed, and when they are there, their marker.

`processor.stream.opening` and `processor.stream.checkpoint` write with it; docs/decisions/0005 says why it is so.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from processor.stream.changelog import MARKER_KEY, Cut, Marker, deletion_headers, marker_record, value_record
from processor.stream.lease import LeasedProducer
from processor.stream.outgoing import Entry, write


class RivalError(Exception):
    """Somebody else has written to the changelog of a partition that is ours: leave, and read it again."""


class StateLog:
    """The changelog of the state, as its owner writes it."""

    def __init__(self, producer: LeasedProducer, topic: str) -> None:
        self._producer: Final = producer
        self._topic: Final = topic

    async def write(self, partition: int, cut: Cut, changes: Mapping[bytes, bytes | None], next_offset: int) -> None:
        """Write changes and then a marker, under the epoch of the cut, and return when all is durable.

        `next_offset` is the first of the events that is not in the state then. Raises RivalError, and what aiokafka
        raises.
        """
        epoch = cut.epoch
        values = (_entry(epoch, key, value) for key, value in changes.items())
        await self._append(partition, cut, values)
        marker = Marker(next_offset, cut.end or 0)
        await self._append(partition, cut, (Entry(MARKER_KEY, marker_record(epoch, marker), []),))
        cut.marker = marker

    async def _append(self, partition: int, cut: Cut, entries: Iterable[Entry]) -> None:
        for span in await write(self._producer.client, (self._topic, partition), entries):
            expected = cut.end or 0
            if span.begin != expected:
                raise RivalError(
                    f"{self._topic}, partition {partition}: another worker has written there: expected offset "
                    f"{expected}, got {span.begin}"
                )
            cut.end = span.end


def _entry(epoch: int, key: bytes, value: bytes | None) -> Entry:
    if value is None:
        return Entry(key, None, deletion_headers(epoch))
    return Entry(key, value_record(epoch, value), [])
