"""The changelog of one partition, read as a consistent cut: what stands, and what a crash or a rival left. PURE.

`processor.stream.state_table` reads with it what the checkpoints wrote.
Why it is so: docs/decisions/0005.

A partition has one owner at a time, and each owner an epoch, higher than all before it. An owner writes its state in
checkpoints: first the values that changed, and when all of them are durable, a marker that says up to where the events
are in them. What no marker follows is torn: its owner ended in the middle of a checkpoint. What has a lower epoch than
a record before it comes from an owner that had lost the partition and did not know it yet. Neither is applied, but
compaction may have left nothing else of its key, or may do so soon: such keys have to be written again, at once.

The epoch stands before a value. Of what is deleted there is none: its record has no value at all, so that compaction
takes it out of the changelog in the end, and the epoch is in a header (docs/decisions/0008).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from processor.state import MemoryState

MARKER_KEY: Final = b"\0marker"
"""No key of state begins so: they begin with a cluster's name, or `\\0clock\\0` (`processor.clock`)."""

EPOCH_HEADER: Final = "epoch"
"""Of a record with no value."""

_EPOCH_BYTES: Final = 8


class UnreadableError(Exception):
    """The changelog holds what this version did not write: stop. The text says where."""


class Marker(msgspec.Struct, frozen=True, array_like=True):
    """The end of a checkpoint."""

    next_offset: int
    """Of the events: the first that is not in the state."""
    own_offset: int
    """Of the changelog: where this marker was to be written. Another place means that a rival wrote in between."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Marker).decode


def value_record(epoch: int, value: bytes) -> bytes:
    """Return a state value as it stands in the changelog."""
    return epoch.to_bytes(_EPOCH_BYTES, "big") + value


def deletion_headers(epoch: int) -> list[tuple[str, bytes]]:
    """Return the headers of the record with no value that says that there is none."""
    return [(EPOCH_HEADER, epoch.to_bytes(_EPOCH_BYTES, "big"))]


def logged(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a record as `Cut` reads it: a deletion as its epoch and nothing behind it.

    A deletion that no checkpoint wrote has no epoch, and counts as of the lowest: it falls away, and is repaired.
    """
    if value is not None:
        return value
    epoch = dict(headers).get(EPOCH_HEADER, b"")
    return epoch if len(epoch) == _EPOCH_BYTES else bytes(_EPOCH_BYTES)


def marker_record(epoch: int, marker: Marker) -> bytes:
    """Return a marker as it stands in the changelog."""
    return epoch.to_bytes(_EPOCH_BYTES, "big") + _encode(marker)


def body_of(record: bytes) -> bytes:
    """Return what stands in a record behind the epoch: a value, empty where there is none, or a marker."""
    return record[_EPOCH_BYTES:]


class PartitionState(MemoryState):
    """The state of one partition, and which of its keys have changed since the last checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: Final[set[bytes]] = set()

    def __setitem__(self, key: bytes, value: bytes) -> None:
        super().__setitem__(key, value)
        self.changed.add(key)

    def __delitem__(self, key: bytes) -> None:
        super().__delitem__(key)
        self.changed.add(key)

    def restore(self, key: bytes, value: bytes) -> None:
        """Set what was read from the changelog, which is no change; empty is none."""
        if value:
            super().__setitem__(key, value)
        else:
            self.pop(key, None)

    def take_changes(self) -> dict[bytes, bytes | None]:
        """Return what has changed since the last call, for a checkpoint to write; None for what was deleted."""
        changes = {key: self.get(key) for key in self.changed}
        self.changed.clear()
        return changes


class Cut:
    """What stands of one partition's changelog, as far as it has been read or written."""

    def __init__(self) -> None:
        self.state: Final = PartitionState()
        self.epoch = 0
        """The highest that was seen."""
        self.marker: Marker | None = None
        """The last that is valid."""
        self.end: int | None = None
        """The offset after the last record that was read or written; None as long as there is none."""
        # What no marker has followed yet, in order: offset, key, value.
        self._staged: Final[list[tuple[int, bytes, bytes]]] = []
        # Keys whose last record does not stand, with its offset.
        self._noted: Final[dict[bytes, int]] = {}

    def read(self, offset: int, key: bytes | None, record: bytes) -> None:
        """Take in a record, as `logged` gives it; they come in the order of their offsets. Raises UnreadableError.

        One that was read already is passed over: a reader begins again with the last one it had.
        """
        if self.end is not None and offset < self.end:
            return
        if key is None or len(record) < _EPOCH_BYTES:
            raise UnreadableError(f"offset {offset} holds no record of a checkpoint")
        self.end = offset + 1
        epoch, body = int.from_bytes(record[:_EPOCH_BYTES], "big"), body_of(record)
        if epoch < self.epoch:
            self._noted[key] = offset
            return
        self.epoch = epoch
        if key == MARKER_KEY:
            self._mark(offset, body)
        else:
            self._staged.append((offset, key, body))

    def _mark(self, offset: int, body: bytes) -> None:
        try:
            marker = _decode(body)
        except msgspec.DecodeError:
            raise UnreadableError(f"offset {offset} holds no marker that this version knows") from None
        if marker.own_offset != offset:
            # Someone wrote between the values and their marker. Its writer will have seen that and have ended.
            return
        self.marker = marker
        for staged_offset, key, value in self._staged:
            self.state.restore(key, value)
            if self._noted.get(key, staged_offset) < staged_offset:
                del self._noted[key]
        self._staged.clear()

    def close(self) -> dict[bytes, bytes | None]:
        """Say that the end is reached, and return what has to be written again: the keys whose last record falls away.

        The values are those that stand, None where none does. Call it once an owner has read everything; the next
        record to be written has the epoch after `epoch`.
        """
        self._noted.update((key, offset) for offset, key, _ in self._staged)
        self._staged.clear()
        self._noted.pop(MARKER_KEY, None)
        repairs = {key: self.state.get(key) for key in self._noted}
        self._noted.clear()
        return repairs
