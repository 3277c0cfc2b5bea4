"""How records reach the agent and how offsets are committed: the parts of Faust that this project replaces.

Stock Faust makes an event of each record, which costs forty times as much as fetching it, resumes partitions before it
has sought their positions, and commits what was acknowledged rather than what is durable. Here an event is a list of
records of one partition, and only what a checkpoint released is committed. `processor.stream.app` puts it together;
the work itself is `processor.stream.checkpoint`'s, which is asked through `Work`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message

from processor.stream.lease import LeasedProducer, LeaseThread
from processor.stream.leave import leave

BATCH_RECORDS: Final = 100
"""Records in one event: the loop does nothing else while they are judged, some 30 ms."""

_FETCH_SECONDS: Final = 0.2
"""How long a fetch may wait for records, and so a seek for a fetch."""


class Work(Protocol):
    """What is done with the partitions of a worker, from one assignment of them to the next."""

    async def open(self, assignment: int) -> None:
        """Begin with an assignment: recovery is over, and partitions are to be read from where their state ends."""
        ...

    async def close(self) -> None:
        """End with an assignment: make durable what is under way. Nothing of it is judged afterwards."""
        ...

    def changelog_position(self, tp: TP) -> int:
        """Return the offset from which a partition of the changelog has to be read at the latest."""
        ...


class Fetched(NamedTuple):
    """How things stood when a fetch began."""

    assignment: int
    generation: int | None
    """The group's, by which Faust drops what is of another one."""
    seeks: Mapping[TP, int]
    """How often each partition had been sought."""
    positions: Mapping[TP, int]
    """From where each partition was fetched."""


class Batch(ConsumerMessage):
    """A message whose value is a list of records of one partition."""

    __slots__ = ("assignment", "follows", "seeks")

    def __init__(self, tp: TP, records: Any, fetched: "Fetched", follows: int) -> None:  # noqa: ANN401 - Faust says bytes
        last = records[-1]
        super().__init__(
            topic=tp.topic,
            partition=tp.partition,
            offset=last.offset,
            timestamp=last.timestamp / 1000.0,
            timestamp_type=last.timestamp_type,
            headers=None,
            key=None,
            value=records,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=fetched.generation,
        )
        self.assignment: Final = fetched.assignment
        self.seeks: Final = fetched.seeks.get(tp, 0)
        self.follows: Final = follows
        """The offset from which they were fetched: nothing that is there lies between it and the first of them."""


class BatchSchema(faust.Schema[Any, Any]):
    """Hands on raw records. A record that Faust could not decode would be lost."""

    def compile(self, app: Any, **_: Any) -> Callable[..., Awaitable[Any]]:  # noqa: ANN401 - Faust's signature
        """Return what makes an event of a message whose value is a list of records."""

        async def decode(message: ConsumerMessage, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001 - the same
            return app.create_event(None, message.value, (), message)

        return decode


class BatchConsumer(driver.Consumer):
    """A consumer that delivers batches, and commits what it is told to."""

    app: "BatchApp"
    _thread: LeaseThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's own
        self._released: dict[TP, int] = {}
        self._committed: dict[TP, int] = {}
        self._has_room = asyncio.Event()
        self._to_resume: set[TP] = set()
        # A fetch and a seek exclude each other. In stock Faust a fetch that is under way moves the position after the
        # seek, or delivers records from before it.
        self._fetching = asyncio.Lock()
        self._seeks: Counter[TP] = Counter()
        self._positions: dict[TP, int] = {}
        self._at_fetch = Fetched(0, None, {}, {})
        self.assignments = 0
        """How many there were. The group's generation does not tell them apart: it may begin anew."""
        self.lease_until = 0.0
        """Until then, by the monotonic clock, no broker can have given our partitions to others."""
        super().__init__(*args, **kwargs)

    # --- delivery

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """Yield what was fetched, in batches; nothing that a seek or a rebalance has outdated since."""
        fetched, active = await self._wait_next_records(timeout)
        began = self._at_fetch  # stock Faust looks only now, when it may be another assignment
        if self.should_stop or not self.flow_active:
            return
        for tp, records in fetched.items():
            if (tp not in active and tp not in self._buffered_partitions) or tp in self._paused_partitions:
                continue
            for begin in range(0, len(records), BATCH_RECORDS):
                if not self.flow_active or self.assignments != began.assignment:  # type: ignore[redundant-expr]  # it changes while this waits
                    return
                if self._seeks[tp] != began.seeks.get(tp, 0):
                    break
                self._read_offset[tp] = None  # no bookkeeping of gaps: whoever takes the records knows their order
                follows = records[begin - 1].offset + 1 if begin else began.positions.get(tp, records[0].offset)
                yield tp, Batch(tp, records[begin : begin + BATCH_RECORDS], began, follows)

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, list[Any]], set[TP]]:  # noqa: ASYNC109 - Faust's signature
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # mode's types know its own events only
        # A copy: the fetcher would see later changes, and take none at all for all of them.
        active = set(self._get_active_partitions())
        if active:
            async with self._fetching:
                generation = self.app.consumer_generation_id
                self._at_fetch = Fetched(self.assignments, generation, dict(self._seeks), dict(self._positions))
                fetched = await self._getmany(active, min(timeout, _FETCH_SECONDS))
                self._positions.update((tp, records[-1].offset + 1) for tp, records in fetched.items() if records)
                return fetched, active
        self._has_room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_room.wait(), timeout)  # stock Faust sleeps for a second instead
        return {}, active

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch a partition again, unless it has been paused since its buffer was full."""
        if tp in self._paused_partitions:
            self._buffered_partitions.discard(tp)
        else:
            super().on_buffer_drop(tp)
            self._has_room.set()

    # --- positions

    async def perform_seek(self) -> None:
        """Go to where the state ends, not to what was committed. Faust calls it when recovery is over."""
        assignment = self.assignments
        async with self._fetching:
            self._seeks.update(tp for tp in self.assignment() if not self._is_changelog_tp(tp))
        # Faust cancels this when another rebalance comes; what has begun to write must come to its end all the same.
        await asyncio.shield(asyncio.ensure_future(self.app.work.open(assignment)))

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Seek, with no fetch under way."""
        async with self._fetching:
            self._seeks.update(partitions.keys())
            checked = {tp: self._checked(tp, offset) for tp, offset in partitions.items()}
            self._positions.update(checked)
            await super().seek_wait(checked)

    def _checked(self, tp: TP, offset: int) -> int:
        # A batch of an earlier assignment may have moved Faust's own idea of how far a changelog was read.
        return min(offset, self.app.work.changelog_position(tp)) if self._is_changelog_tp(tp) else offset

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume changelogs now and sources with the flow: stock Faust resumes them before it seeks."""
        changelogs = {tp for tp in tps if self._is_changelog_tp(tp)}
        self._to_resume |= set(tps) - changelogs
        super().resume_partitions(changelogs)
        self._has_room.set()

    def resume_flow(self) -> None:
        """Let records flow again."""
        super().resume_partitions(self._to_resume)
        self._to_resume = set()
        super().resume_flow()
        self._has_room.set()

    def is_outdated(self, batch: "Batch") -> bool:
        """Tell whether a seek or a rebalance came after a batch was fetched: its records will be delivered again."""
        return batch.seeks != self._seeks[batch.tp] or batch.assignment != self.assignments

    def sources(self) -> set[TP]:
        """Return the partitions of events that are assigned."""
        return {tp for tp in self.assignment() if not self._is_changelog_tp(tp)}

    async def committed(self, tp: TP) -> int | None:
        """Return what the group has committed of a partition."""
        client = self._thread._ensure_consumer()  # noqa: SLF001 - held to be there by a test
        offset: int | None = await self._thread.call_thread(client.committed, driver.ensure_aiokafka_TP(tp))
        return offset

    # --- commit

    def release(self, tp: TP, offset: int) -> None:
        """Have an offset committed with the next commit: all before it is durable."""
        self._released[tp] = offset

    def ack(self, message: Message) -> bool:
        """Forget a message: what is committed does not hang on it."""
        message.acked = True
        self._unacked_messages.discard(message)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401 - Faust's signature
        return iter([tp for tp in self._released if topics is None or tp in topics or tp.topic in topics])

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        return {tp: self._released[tp] for tp in tps if self._released[tp] != self._committed.get(tp)}

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        is_done = await super()._commit(offsets)
        if is_done:
            self._committed.update(offsets)
        return is_done

    # --- assignments

    async def wait_empty(self) -> None:
        """Bring the work to an end. A rebalance and a stop come through here, when nothing flows any more."""
        await self.app.work.close()
        self._unacked_messages.clear()
        if not self.membership_lost():
            await self.commit_and_end_transactions()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin anew: what was released and committed before is another assignment's."""
        self.assignments += 1
        self._released.clear()
        self._committed.clear()
        self._to_resume.clear()
        self._buffered_partitions.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Look for nothing: stock Faust takes a changelog that is not read after its recovery for one that hangs."""

    def membership_lost(self) -> bool:
        """Tell whether the group has gone on without this worker."""
        client = self._thread._consumer  # noqa: SLF001 - held to be there by a test
        # A stop may come before the group was joined, or even the client made.
        coordinator = None if client is None else client._coordinator  # noqa: SLF001 - the same
        return coordinator is None or bool(coordinator.generation != self.app.consumer_generation_id)

    def _new_consumer_thread(self) -> LeaseThread:
        return LeaseThread(self, loop=self.loop, beacon=self.beacon)


class Transport(driver.Transport):
    """aiokafka's clients as this project uses them."""

    Consumer = BatchConsumer
    Producer = LeasedProducer


class BatchApp(faust.App):
    """A Faust app over this transport. `work` has to be given before it starts."""

    work: Work
    consumer: BatchConsumer
    producer: LeasedProducer

    def _crash(self, reason: BaseException) -> None:
        # Every service of Faust that fails comes through here. What it would do next is not ours to trust.
        leave("Faust has failed", reason)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)
