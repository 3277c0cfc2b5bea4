"""Alerts as a topic holds them, into what is printed: decoded, each once, by time. Called by `kafka_reader`.

All three keep within bounds, whatever the topic holds. No Kafka here, and no output.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

import msgspec

from processor.alert import Alert

MAX_IDS: Final = 200_000
"""So many alert ids are remembered at most, and at least the last half as many: some 25 MB. A repeat follows what it
repeats within the seconds of a restart, or the minutes in which a sender tries again."""

MAX_HELD: Final = 10_000
MAX_HELD_BYTES: Final = 16 * 1024 * 1024
"""So many alerts, and bytes of their records, wait for an earlier one to come."""

_DIGEST_BYTES: Final = 16
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", re.ASCII)

_decoder: Final = msgspec.json.Decoder(Alert)


def decode_alert(value: bytes | None) -> Alert | str:
    """Return the alert that a record holds, or why it holds none: one clause for a person."""
    if value is None:
        return "the record is empty"
    try:
        alert = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    return (
        alert if _TIME.fullmatch(alert.time) else "Expected a time such as 2026-11-23T20:34:01.258117000Z - at `$.time`"
    )


class Once:
    """Tells the first of each alert id from its repeats, as far as it remembers."""

    def __init__(self, limit: int = MAX_IDS) -> None:
        self._half: Final = limit // 2
        # Two generations: when the newer is full, the older is forgotten whole. No order needs to be kept.
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def is_first(self, alert_id: str) -> bool:
        """Tell whether an id was not seen before, and remember it."""
        digest = blake2b(alert_id.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        if digest in self._new or digest in self._old:
            return False
        if len(self._new) >= self._half:
            self._old, self._new = self._new, set()
        self._new.add(digest)
        return True


class ByTime:
    """Puts alerts that come nearly in the order of time in that order.

    It is exact for as many as are held, and for any number as long as none is later than that many others.
    """

    def __init__(self, max_held: int = MAX_HELD, max_bytes: int = MAX_HELD_BYTES) -> None:
        self._max_held: Final = max_held
        self._max_bytes: Final = max_bytes
        self._held: Final[list[tuple[str, int, int, Alert]]] = []
        self._bytes = 0
        self._count = 0

    def add(self, alert: Alert, size: int) -> Iterator[Alert]:
        """Take an alert of so many bytes, and yield those that need not be held any more."""
        self._count += 1  # which of two of the same time came first
        self._bytes += size
        heappush(self._held, (alert.time, self._count, size, alert))
        while len(self._held) > self._max_held or self._bytes > self._max_bytes:
            yield self._earliest()

    def rest(self) -> Iterator[Alert]:
        """Yield the others."""
        while self._held:
            yield self._earliest()

    def _earliest(self) -> Alert:
        _, _, size, alert = heappop(self._held)
        self._bytes -= size
        return alert
