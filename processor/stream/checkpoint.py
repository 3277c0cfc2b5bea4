"""One checkpoint for the whole worker: alerts durable, then state durable, then offsets released to be committed.

Takes batches of records from the agent and has the engine judge them; every so often makes durable what came of them.
Whatever fails here ends the process without a commit. What an assignment begins with is `processor.stream.opening`'s.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiokafka import ConsumerRecord
from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP

from processor.engine import Engine
from processor.metrics import ProcessorMetrics
from processor.settings import ProcessorSettings
from processor.stream.delivery import BatchConsumer
from processor.stream.intake import Intake
from processor.stream.lease import LeasedProducer
from processor.stream.leave import leave
from processor.stream.metrics import StreamMetrics
from processor.stream.opening import Opening, StaleStateError
from processor.stream.outgoing import Entry, Outgoing, Place, deliver
from processor.stream.state_log import RivalError, StateLog
from processor.stream.state_table import StateStore
from wire.record import Record, read_record

_HELD_BYTES: Final = 16 * 1024 * 1024
"""Of alerts and dead letters: more is made durable before anything else is judged."""

_LOOK_SECONDS: Final = 0.1

_KEPT_SECONDS: Final = 3_000
"""So long after this worker was last known to have its partitions what it knows of them is read on. It is less than
`min.compaction.lag.ms`: nothing that others have written since can have been compacted away."""


class _Due(NamedTuple):
    """What a checkpoint makes durable: all that was judged until one moment."""

    outgoing: Mapping[Place, list[Entry]]
    next_offsets: Mapping[TP, int]
    changes: Mapping[TP, Mapping[bytes, bytes | None]]


class Parts(NamedTuple):
    """What a checkpointer works with."""

    consumer: BatchConsumer
    producer: LeasedProducer
    store: StateStore
    state_log: StateLog
    opening: Opening
    intake: Intake
    outgoing: Outgoing


class Checkpointer:
    """The work of a worker: judges what comes, and makes it durable."""

    def __init__(
        self,
        parts: Parts,
        engine: Engine,
        settings: ProcessorSettings,
        judged: ProcessorMetrics,
        metrics: StreamMetrics,
    ) -> None:
        self._parts: Final = parts
        self._engine: Final = engine
        self._settings: Final = settings
        self._judged: Final = judged
        self._metrics: Final = metrics
        # One opening or checkpoint at a time.
        self._serial: Final = asyncio.Lock()
        self._closed: int | None = None
        """The last assignment that has come to its end."""
        self._durable: dict[TP, int] = {}
        self._records = 0
        self._began: float | None = None
        self._owned_at = time.time()
        """When this worker last had its partitions for certain: by the wall clock, which no suspended machine stops."""

    # --- what the consumer asks for: `processor.stream.delivery.Work`

    async def open(self, assignment: int) -> None:
        """Begin with an assignment: mend the state, and go to where it ends."""
        try:
            async with self._serial, asyncio.timeout(self._settings.opening_seconds):
                consumer = self._parts.consumer
                if self._is_over(assignment):
                    return  # its partitions may be another worker's already: nothing may be written
                await self._parts.outgoing.look_up(self._parts.producer.client)
                positions = await self._parts.opening.open(consumer.sources())
                if self._is_over(assignment):
                    return  # it has ended before it began
                await consumer.seek_wait({ensure_aiokafka_TP(tp): offset for tp, offset in positions.items()})
                if self._is_over(assignment):
                    return
                self._durable = dict(positions)
                for tp, offset in positions.items():
                    consumer.release(tp, offset)
                self._parts.intake.begin(assignment, positions)
                self._metrics.recoveries.inc(len(positions))
                self._owned_at = time.time()
        except (RivalError, StaleStateError) as error:
            leave(str(error))
        except TimeoutError:
            leave(f"Kafka did not answer within {self._settings.opening_seconds:g} seconds as the state was taken over")
        except Exception as error:  # noqa: BLE001 - Faust would go on as if it had succeeded
            leave("the state could not be taken over", error)

    def _is_over(self, assignment: int) -> bool:
        return assignment == self._closed or assignment != self._parts.consumer.assignments

    async def close(self) -> None:
        """End with an assignment: nothing more is judged, and what was judged becomes durable."""
        self._closed = self._parts.consumer.assignments
        self._parts.intake.end()
        if self._is_due() or self._serial.locked():
            last = asyncio.ensure_future(self.checkpoint())
            while not (await asyncio.wait((last,), timeout=_LOOK_SECONDS))[0]:
                if self._parts.consumer.membership_lost():
                    leave("the group went on without this worker while its work was under way")
        self._parts.intake.next, self._durable = {}, {}
        if abs(time.time() - self._owned_at) > _KEPT_SECONDS:
            self._parts.store.forget()  # deletions that others wrote meanwhile may be gone from the changelog again

    def changelog_position(self, tp: TP) -> int:
        """Return the offset from which a partition of the changelog has to be read at the latest."""
        return max(0, self._parts.store.persisted_offset(tp))

    # --- what the agent and the clock ask for

    async def take(self, message: Any) -> None:  # noqa: ANN401 - Faust's message, with a list as its value
        """Judge a batch of records; and make durable what is held when it is much."""
        try:
            records = await self._parts.intake.accept(message)
            if not records:
                return
            self._judge(message.tp, records)
            if self._records >= self._settings.checkpoint_records or self._parts.outgoing.size >= _HELD_BYTES:
                await self.checkpoint()
        except Exception as error:  # noqa: BLE001 - Faust would commit past it
            leave("events could not be judged", error)

    def _judge(self, tp: TP, fetched: list[ConsumerRecord]) -> None:
        records = []
        unreadable = []
        for each in fetched:
            record = read_record(each.key, each.value, each.headers)
            if isinstance(record, Record):
                records.append(record)
            else:
                unreadable.append(record)
        outcome = self._engine.process(records, self._parts.store.cut(tp.partition).state)
        outcome.rejected.extend(unreadable)
        self._parts.outgoing.add(outcome, tp.partition)
        self._records += len(fetched)
        self._judged.judged(len(fetched), outcome)

    async def tick(self) -> None:
        """Make durable what is held, every so often, for ever."""
        while True:
            await asyncio.sleep(self._settings.checkpoint_seconds)
            if self._is_due():
                await self.checkpoint()

    async def checkpoint(self) -> None:
        """Return when all that was judged until now is durable, and its offsets are released."""
        try:
            async with self._serial:
                due = self._take_due()
                if due is None:
                    return
                self._began = began = time.monotonic()
                await deliver(self._parts.producer.client, due.outgoing)
                await asyncio.gather(*(self._write_state(due, tp) for tp in due.next_offsets))
                for tp, offset in due.next_offsets.items():
                    self._durable[tp] = offset
                    self._parts.consumer.release(tp, offset)
                self._began, self._owned_at = None, time.time()
                self._metrics.checkpoint_seconds.observe(time.monotonic() - began)
        except RivalError as error:
            leave(str(error))
        except Exception as error:  # noqa: BLE001 - what is durable is not known any more
            leave("a checkpoint failed", error)

    def _is_due(self) -> bool:
        return self._parts.intake.next != self._durable

    def _take_due(self) -> _Due | None:
        """Return what a checkpoint has to make durable: one moment, since nothing is awaited here."""
        if not self._is_due():
            return None
        store, next_offsets = self._parts.store, self._parts.intake.next
        advanced = {tp: offset for tp, offset in next_offsets.items() if offset != self._durable.get(tp)}
        changes = {tp: store.cut(tp.partition).state.take_changes() for tp in advanced}
        self._records = 0
        return _Due(self._parts.outgoing.take(), advanced, changes)

    async def _write_state(self, due: _Due, tp: TP) -> None:
        cut = self._parts.store.cut(tp.partition)
        await self._parts.state_log.write(tp.partition, cut, due.changes[tp], due.next_offsets[tp])

    # --- what is told of it

    def lags(self) -> dict[int, int | None]:
        """Return, by partition, how many records are in Kafka and not judged yet; None where no fetch has told yet."""
        lags: dict[int, int | None] = {}
        for tp, offset in self._parts.intake.next.items():
            with suppress(AssertionError):  # it was given away in this moment
                end: int | None = self._parts.consumer.highwater(tp)
                lags[tp.partition] = None if end is None else max(0, end - offset)
        return lags

    def pending_seconds(self) -> float:
        """Return for how long the checkpoint that is under way has not come to its end; 0 when none is."""
        return 0.0 if self._began is None else time.monotonic() - self._began
