"""Where what `split` made of a body goes: the protocol of every publisher, and what tells a repeat of a batch.

Called by `ingest.webhook`, which answers 200 only when `publish` has returned. Implemented by `ingest.kafka` and, for
the one-process mode, by `auditstream.local_topic`; `tests/contracts/test_publisher.py` holds both to what stands here.
"""

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, Protocol

from ingest.split import Split

_DIGEST_BYTES: Final = 16

# It takes some 2 microseconds an event, and 1 ms a MiB.
_EVENTS_AT_ONCE: Final = 1_000
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024


class Unavailable(Exception):  # noqa: N818 - named by what to do next: try again later
    """It cannot be taken now; the same may be sent again. The text tells an operator why, in words of our own."""


class Publisher(Protocol):
    """Makes batches durable. Called from one event loop."""

    async def publish(self, batch: Split) -> None:
        """Return when all records and rejects of a batch are durable; raise Unavailable when that fails or takes long.

        - Durable means: not lost when this process ends. Where there is nothing to keep it in, as in the one-process
          mode: its alerts are sent and its rejects are in the dead letter.
        - A batch stays together and in its order, and follows the batches whose publish had returned before its own
          began.
        - What it raised for may still become durable. Nothing is undone, and a repeat is safe.
        - A repeat, which is a batch of the same digest, joins the publish of its first copy while that is pending, and
          is not published twice. It shares the outcome and waits no longer than any other. It is taken even where
          nothing new is.
        - A repeat of a batch that this publisher made durable in the last five minutes returns at once, whatever the
          state: its sender had given up waiting for the answer, or the answer was lost.
        - Whoever waits may be cancelled. The batch goes on, and so do others who wait for it.
        - Nothing new is taken, and at once, when there is no room for it, and while an earlier batch is overdue: has
          been pending for longer than a publish may take.
        - A batch without records and rejects returns at once, whatever the state.
        """
        ...

    def check(self) -> None:
        """Raise Unavailable if a small batch would be refused now. Called for each `/readyz`; does not wait."""
        ...


class Acknowledged:
    """Digests of batches that became durable lately: so that a repeat of one is not published again.

    It matters most under load: a batch that becomes durable just after its sender's patience ended comes again, and
    would be late again, each time.
    """

    KEPT_SECONDS: Final = 300
    """Longer than the API server tries one batch: five attempts within some 100 seconds of waiting."""

    MAX_KEPT: Final = 100_000
    """The oldest go first. Some 15 MB: five minutes of thirty API servers at their limit of ten batches a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the clock that tells how old a digest is: seconds that only grow."""
        self._clock: Final = clock
        # In the order of their coming, so that the oldest are at the front.
        self._since: Final[dict[bytes, float]] = {}

    def add(self, key: bytes) -> None:
        """Keep the digest of a batch that is durable now."""
        self._since.pop(key, None)
        self._since[key] = self._clock()
        self._forget()

    def __contains__(self, key: object) -> bool:
        self._forget()
        return key in self._since

    def __len__(self) -> int:
        return len(self._since)

    def _forget(self) -> None:
        oldest = self._clock() - self.KEPT_SECONDS
        while self._since:
            key, since = next(iter(self._since.items()))
            if since > oldest and len(self._since) <= self.MAX_KEPT:
                return
            del self._since[key]


def digest(batch: Split) -> bytes:
    """Return what tells a repeat of a batch from another: all of it but when it was received."""
    # About 1 ms a MiB: a batch is usually smaller.
    hasher = blake2b(digest_size=_DIGEST_BYTES)
    for record in batch.records:
        key = b"" if record.key is None else b"=" + record.key
        _add(hasher, b"record", record.cluster.encode(), key, record.value)
    for rejected in batch.rejected:
        told = (rejected.reason.encode(), rejected.detail.encode(), b"%d" % rejected.is_judged)
        _add(hasher, b"rejected", rejected.cluster.encode(), *told, rejected.value)
    return hasher.digest()


async def digest_apart(batch: Split) -> bytes:
    """Return the digest of a batch, in a thread where it takes so long that everything else on the loop would wait."""
    values = [record.value for record in batch.records] + [rejected.value for rejected in batch.rejected]
    if len(values) <= _EVENTS_AT_ONCE and sum(map(len, values)) <= _BYTES_AT_ONCE:
        return digest(batch)
    return await asyncio.to_thread(digest, batch)


def _add(hasher: blake2b, *parts: bytes) -> None:
    # The lengths stand before the parts, so that no two batches read the same.
    for part in parts:
        hasher.update(b"%d:" % len(part))
        hasher.update(part)
