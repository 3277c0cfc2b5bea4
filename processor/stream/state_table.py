"""The state as a Faust table: a mapping for each partition, recovered by Faust from the changelog.

Faust reads the changelog when partitions are assigned and hands batches of its records to the store here;
`processor.stream.changelog` tells which of them stand. `processor.stream.checkpoint` changes it and writes it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

import faust
from faust.stores.base import Store
from faust.types import TP, EventT

from processor.history import UnknownSchemaError, check_schema
from processor.stream.changelog import MARKER_KEY, Cut, UnreadableError, body_of, logged
from processor.stream.delivery import BatchSchema
from processor.stream.leave import leave


class StateStore(Store[bytes, bytes]):
    """What stands of each partition, and up to where its changelog is known."""

    def __init__(self, url: Any, app: faust.App, table: Any, **options: Any) -> None:  # noqa: ANN401 - Faust's signature
        super().__init__(url, app, table, **options)
        self._changelog: Final = table.changelog_topic_name
        self.cuts: Final[dict[int, Cut]] = {}
        self.read = 0
        """Records that were read, of all changelogs."""

    def cut(self, partition: int) -> Cut:
        """Return what is known of a partition."""
        return self.cuts.setdefault(partition, Cut())

    def forget(self) -> None:
        """Have everything read anew with the next assignment."""
        self.cuts.clear()

    def persisted_offset(self, tp: TP) -> int:
        """Return the last offset that is known, for Faust to read on from; -1 where there is none.

        Never None: Faust would then go on from where another assignment of the partition had left off.
        """
        end = self.cut(tp.partition).end
        return -1 if end is None else end - 1

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Faust's word on it is not needed."""

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]], to_key: object, to_value: object) -> None:  # noqa: ARG002 - Faust's signature
        """Take in records of the changelog: the value of each of Faust's events is a list of them."""
        consumer: Any = self.app.consumer
        for event in batch:
            message: Any = event.message
            if message.assignment == consumer.assignments:  # else it will be read again
                self._check_follows(message)
                self._read(message.topic, message.partition, message.value)

    def _check_follows(self, batch: Any) -> None:  # noqa: ANN401 - Faust's message, which is a batch of ours
        """Leave if there was something between a batch and the one before it: Faust drops what it takes for repeats."""
        end = self.cut(batch.partition).end or 0
        if batch.follows > end:
            place = f"{batch.topic}, partition {batch.partition}"
            leave(f"{place}: read up to {end}, but the next batch is from {batch.follows}")

    def _read(self, topic: str, partition: int, records: Iterable[Any]) -> None:
        cut = self.cut(partition)
        for record in records:
            self.read += 1
            try:
                value = logged(record.value, record.headers)
                cut.read(record.offset, record.key, value)
                if record.key != MARKER_KEY:
                    check_schema(body_of(value))
            except (UnreadableError, UnknownSchemaError) as error:
                leave(f"{topic}, partition {partition}, offset {record.offset}: {error}")
            except Exception as error:  # noqa: BLE001 - Faust would log it and go on without the record
                leave(f"{topic}, partition {partition}, offset {record.offset} cannot be read", error)

    async def on_rebalance(
        self,
        assigned: set[TP],  # noqa: ARG002 - Faust's signature
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,  # noqa: ARG002 - the same
    ) -> None:
        """Forget what has gone to others, or comes from them. What was kept is read on from where it is."""
        for tp in revoked | newly_assigned:
            if tp.topic == self._changelog:
                self.cuts.pop(tp.partition, None)

    # What Faust may ask of a store, and is not needed here.

    def reset_state(self) -> None:
        """Keep everything: what is read twice is passed over."""

    async def backup_partition(self, tp: object, flush: bool = True, purge: bool = False, keep: int = 1) -> None:  # noqa: FBT001, FBT002 - Faust's signature
        """Do nothing: the changelog is the copy."""

    def restore_backup(self, tp: object, latest: bool = True, backup_id: int = 0) -> None:  # noqa: FBT001, FBT002 - the same
        """Do nothing: the changelog is the copy."""

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("state is read and changed by partition: cut(partition).state")

    __getitem__ = __setitem__ = __delitem__ = _refuse

    def __iter__(self) -> Iterator[bytes]:
        return (key for cut in self.cuts.values() for key in cut.state)

    def __len__(self) -> int:
        return sum(len(cut.state) for cut in self.cuts.values())


class StateTable(faust.Table[bytes, bytes]):
    """The table around the store; Faust knows by it which partitions of the changelog belong to which of the events."""

    data: StateStore

    def __init__(self, app: faust.App, *, name: str, partitions: int) -> None:
        # With a buffer of 1 Faust would go on reading, after the recovery, what this worker itself writes.
        super().__init__(app, name=name, partitions=partitions, schema=BatchSchema(), recovery_buffer_size=4)

    def _new_store_by_url(self, url: Any) -> StateStore:  # noqa: ANN401 - Faust's signature
        app: Any = self.app
        return StateStore(url, app, self, table_name=self.name, loop=self.loop)
