"""The in-process topic of the one-process mode: a `Publisher` at one end, batches for one consumer at the other.

`ingest.webhook` publishes; the consumer takes batches with `async for`, judges them and says for each what became of
it, and only then the waiting publish returns. All of it lives on one event loop. Nothing is kept on disk: what is lost
with the process was never answered 200, so that its sender repeats it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ingest.publisher import Acknowledged, Unavailable, digest_apart
from ingest.split import Split


class Taken:
    """A batch that is with the consumer. Only the first word on it counts, and none does after an abort."""

    def __init__(self, batch: Split, end: Callable[[str | None], None]) -> None:
        self.batch: Final = batch
        self._end: Final = end

    def done(self) -> None:
        """Say that its alerts are written and its rejects are in the dead letter: its publish returns."""
        self._end(None)

    def failed(self, reason: str) -> None:
        """Say that it was not done and will not be: its publish raises Unavailable with this reason."""
        self._end(reason)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A batch whose publish has not ended: it waits, or is with the consumer."""

    batch: Split
    digest: bytes
    since: float
    outcome: asyncio.Future[str | None]
    """None when it is durable, else why it is not. A value and no exception: nobody may be left who would ask."""

    @property
    def events(self) -> int:
        return len(self.batch.records) + len(self.batch.rejected)


class LocalTopic:
    """Batches on their way from publish to the consumer, first in, first out.

    It holds no more than `max_events` records and rejects, those with the consumer included; a batch that is larger by
    itself is taken when nothing else is pending. A publish waits for `timeout_seconds`.
    """

    def __init__(
        self, *, max_events: int = 10_000, timeout_seconds: float = 10.0, acknowledged: Acknowledged | None = None
    ) -> None:
        self._max_events: Final = max_events
        self._timeout_seconds: Final = timeout_seconds
        self._waiting: Final[deque[_Pending]] = deque()
        # All that is pending, by digest, the oldest first.
        self._pending: Final[dict[bytes, _Pending]] = {}
        self._events = 0
        self._acknowledged: Final = Acknowledged(time.monotonic) if acknowledged is None else acknowledged
        self._changed: Final = asyncio.Event()
        self._closed: str | None = None

    @property
    def events(self) -> int:
        """How many records and rejects are pending."""
        return self._events

    async def publish(self, batch: Split) -> None:
        """Return when the consumer is done with a batch; raise Unavailable if it cannot be taken, failed, or is late.

        See `ingest.publisher.Publisher.publish`.
        """
        if not batch.records and not batch.rejected:
            return
        key = await digest_apart(batch)
        if key in self._acknowledged:
            return
        pending = self._pending.get(key) or self._admit(batch, key)
        # Unlike `wait_for`, `wait` leaves the future alone when it is late or cancelled: others may wait for it too.
        await asyncio.wait((pending.outcome,), timeout=self._timeout_seconds)
        if not pending.outcome.done():
            raise Unavailable(f"not judged within {self._timeout_seconds:g} seconds")
        reason = pending.outcome.result()
        if reason is not None:
            raise Unavailable(reason)

    def check(self) -> None:
        """Raise Unavailable if a batch of one event would be refused now."""
        self._check_room(1)

    def close(self, reason: str) -> None:
        """Take nothing new; the consumer's loop ends when it has had all that waits."""
        self._closed = reason
        self._changed.set()

    def abort(self, reason: str) -> None:
        """Give up what is pending: there is no consumer any more. Every publish raises Unavailable with this reason."""
        for pending in tuple(self._pending.values()):
            self._end(pending, reason)
        self._waiting.clear()
        self.close(reason)

    def __aiter__(self) -> "LocalTopic":
        return self

    async def __anext__(self) -> Taken:
        while not self._waiting:
            if self._closed is not None:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        pending = self._waiting.popleft()
        return Taken(pending.batch, lambda reason: self._end(pending, reason))

    def _admit(self, batch: Split, key: bytes) -> _Pending:
        loop = asyncio.get_running_loop()
        pending = _Pending(batch, key, loop.time(), loop.create_future())
        self._check_room(pending.events)
        self._pending[key] = pending
        self._events += pending.events
        self._waiting.append(pending)
        self._changed.set()
        return pending

    def _check_room(self, events: int) -> None:
        if self._closed is not None:
            raise Unavailable(self._closed)
        if not self._pending:
            return
        oldest = next(iter(self._pending.values()))
        if asyncio.get_running_loop().time() - oldest.since >= self._timeout_seconds:
            raise Unavailable(f"a batch has not been judged for more than {self._timeout_seconds:g} seconds")
        if self._events + events > self._max_events:
            raise Unavailable(f"too much waits to be judged: {self._events} of at most {self._max_events} events")

    def _end(self, pending: _Pending, reason: str | None) -> None:
        if not pending.outcome.done():
            pending.outcome.set_result(reason)
            del self._pending[pending.digest]
            self._events -= pending.events
            if reason is None:
                self._acknowledged.add(pending.digest)
