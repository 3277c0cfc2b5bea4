"""The consistent cut: what crashes, rivals and compaction leave of a changelog, and what stands of it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.state import NEVER, MemoryState, stored
from processor.stream.changelog import (
    MARKER_KEY,
    Cut,
    Marker,
    UnreadableError,
    body_of,
    deletion_headers,
    logged,
    marker_record,
    value_record,
)

Entry = tuple[int, bytes, bytes]


@dataclass
class Log:
    """A changelog as the broker keeps it."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    cleaned: int = 0
    """Up to where it has been compacted once: deletions before it go with the next time."""

    def write(self, key: bytes, record: bytes) -> int:
        self.entries.append((self.end, key, record))
        self.end += 1
        return self.end - 1

    def values(self, epoch: int, **values: bytes | None) -> None:
        for key, value in values.items():
            self.write(key.encode(), record_of(epoch, value))

    def mark(self, epoch: int, next_offset: int, own_offset: int | None = None) -> None:
        own = self.end if own_offset is None else own_offset
        self.write(MARKER_KEY, marker_record(epoch, Marker(next_offset, own)))

    def compacted(self, until: int | None = None) -> list[Entry]:
        """Return what compaction leaves: the last of each key before an offset; of deletions once, and then no more."""
        limit = self.end if until is None else until
        last = {key: offset for offset, key, _ in self.entries if offset < limit}
        left = [entry for entry in self.entries if entry[0] >= limit or last[entry[1]] == entry[0]]
        return [entry for entry in left if entry[0] >= self.cleaned or body_of(entry[2])]


def record_of(epoch: int, value: bytes | None) -> bytes:
    """Return the record of a value, or of its deletion, as it is read from Kafka."""
    return logged(None, deletion_headers(epoch)) if value is None else value_record(epoch, value)


def read(entries: list[Entry]) -> Cut:
    cut = Cut()
    for entry in entries:
        cut.read(*entry)
    return cut


def seen(cut: Cut) -> dict[str, bytes]:
    return {key.decode(): value for key, value in cut.state.items()}


def test_an_empty_changelog_is_an_empty_state() -> None:
    cut = read([])
    assert (cut.state, cut.epoch, cut.marker, cut.end, cut.close()) == ({}, 0, None, None, {})


def test_what_a_marker_follows_stands() -> None:
    log = Log()
    log.values(1, a=b"1", b=b"2")
    log.mark(1, 10)
    log.values(1, a=b"3", b=None)
    log.mark(1, 20)
    cut = read(log.entries)
    assert (seen(cut), cut.epoch, cut.marker, cut.end) == ({"a": b"3"}, 1, Marker(20, 5), 6)
    assert cut.close() == {}
    assert cut.state.changed == set()


def test_a_torn_checkpoint_falls_away_and_its_keys_are_to_be_written_again() -> None:
    log = Log()
    log.values(1, a=b"1", b=b"2")
    log.mark(1, 10)
    log.values(1, a=b"3", c=b"4")
    cut = read(log.entries)
    assert cut.close() == {b"a": b"1", b"c": None}
    assert (seen(cut), cut.marker) == ({"a": b"1", "b": b"2"}, Marker(10, 2))


def test_a_torn_repair_falls_away_too() -> None:
    log = Log()
    log.values(1, a=b"1", b=b"2")
    log.mark(1, 10)
    log.values(1, a=b"3", b=b"4")
    log.values(2, a=b"1")  # the repair of the next owner, who ended before its marker
    cut = read(log.entries)
    assert cut.close() == {b"a": b"1", b"b": b"2"}
    assert (seen(cut), cut.epoch) == ({"a": b"1", "b": b"2"}, 2)


def test_a_repair_makes_good_what_was_torn_for_all_who_come_later() -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10)
    log.values(1, a=b"3", c=b"4")
    log.values(2, a=b"1", c=None)
    log.mark(2, 10)
    cut = read(log.entries)
    assert (seen(cut), cut.close()) == ({"a": b"1"}, {})


def test_a_record_of_an_earlier_owner_after_its_successor_s_first_does_not_stand() -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10)
    log.values(2, a=b"2")
    log.mark(2, 20)
    log.values(1, a=b"zombie", z=b"zombie")
    cut = read(log.entries)
    assert seen(cut) == {"a": b"2"}
    assert cut.close() == {b"a": b"2", b"z": None}


def test_such_a_record_is_to_be_written_again_though_a_marker_comes_after_it() -> None:
    log = Log()
    log.values(2, a=b"2")
    log.values(1, a=b"zombie")
    log.values(2, b=b"3")
    log.mark(2, 20)
    assert read(log.entries).close() == {b"a": b"2"}


def test_a_later_record_of_the_owner_makes_it_good() -> None:
    log = Log()
    log.values(2, a=b"2")
    log.mark(2, 10)
    log.values(1, a=b"zombie")
    log.values(2, a=b"3")
    log.mark(2, 20)
    cut = read(log.entries)
    assert (seen(cut), cut.close()) == ({"a": b"3"}, {})


def test_a_record_of_an_earlier_owner_before_its_successor_s_first_does_not_stand() -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10)
    log.values(1, a=b"zombie")
    log.mark(2, 10, own_offset=2)  # the successor had read up to 2, and ends when it learns that this became 3
    cut = read(log.entries)
    assert (seen(cut), cut.marker, cut.epoch) == ({"a": b"1"}, Marker(10, 1), 2)
    assert cut.close() == {b"a": b"1"}


def test_a_marker_that_stands_elsewhere_than_it_says_ends_nothing() -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10, own_offset=0)
    cut = read(log.entries)
    assert (cut.state, cut.marker, cut.close()) == ({}, None, {b"a": None})


def test_a_marker_of_an_earlier_owner_does_not_stand() -> None:
    log = Log()
    log.values(2, a=b"2")
    log.mark(1, 99)
    cut = read(log.entries)
    assert (cut.state, cut.marker, cut.close()) == ({}, None, {b"a": None})


def test_a_kept_partition_reads_on_where_it_was() -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10)
    cut = read(log.entries)
    assert cut.close() == {}
    log.values(2, a=b"2")
    log.mark(2, 20)
    for entry in log.entries[1:]:  # the last one read is read again
        cut.read(*entry)
    assert (seen(cut), cut.marker, cut.end) == ({"a": b"2"}, Marker(20, 3), 4)


def test_what_is_assigned_or_deleted_is_a_change_until_a_checkpoint_takes_it() -> None:
    state = Cut().state
    state[b"a"], state[b"b"] = b"1", b"2"
    del state[b"b"]
    assert (state, state.changed) == ({b"a": b"1"}, {b"a", b"b"})
    assert state.take_changes() == {b"a": b"1", b"b": None}
    assert state.take_changes() == {}


def test_what_is_read_expires_as_it_did_where_it_was_written() -> None:
    log = Log()
    first, later, never = (stored(1, expires_s, b"") for expires_s in (50, 70, NEVER))
    log.values(1, **{"c/kept": later, "c/revived": first, "c/gone": first, "d/other": first})
    log.mark(1, 10)
    log.values(1, **{"c/kept": first, "c/revived": never, "c/gone": None})
    log.mark(1, 20)
    log.values(1, **{"c/torn": first, "c/revived": first})
    state = read(log.entries).state
    assert state.expired(b"c", 49, 9) == []
    assert state.expired(b"c", 99, 9) == [b"c/kept"]
    assert state.expired(b"d", 50, 9) == [b"d/other"]
    assert state.changed == set()


def test_a_clock_is_as_old_as_the_state_that_it_belongs_to() -> None:
    log = Log()
    clock = "\0clock\0c"
    log.values(1, **{clock: b"10", "c/a": b"1"})
    log.mark(1, 10)
    log.values(1, **{clock: b"20"})
    cut = read(log.entries)
    assert seen(cut) == {clock: b"10", "c/a": b"1"}
    assert cut.close() == {clock.encode(): b"10"}


def test_what_was_deleted_is_gone_from_the_log_in_the_end_and_means_the_same() -> None:
    log = Log()
    log.values(1, a=b"1", b=b"2")
    log.mark(1, 10)
    log.values(1, a=None)
    log.mark(1, 20)
    log.entries = log.compacted()
    assert [key for _, key, _ in log.entries] == [b"b", b"a", MARKER_KEY]
    assert (seen(read(log.entries)), read(log.entries).close()) == ({"b": b"2"}, {})
    log.cleaned = log.end
    log.entries = log.compacted()
    assert [key for _, key, _ in log.entries] == [b"b", MARKER_KEY]
    assert (seen(read(log.entries)), read(log.entries).close()) == ({"b": b"2"}, {})


@pytest.mark.parametrize("headers", [[], [("epoch", b"7")]], ids=["no header", "another's header"])
def test_a_deletion_that_no_checkpoint_wrote_does_not_stand(headers: list[tuple[str, bytes]]) -> None:
    log = Log()
    log.values(1, a=b"1")
    log.mark(1, 10)
    log.write(b"a", logged(None, headers))
    log.mark(1, 20)
    cut = read(log.entries)
    assert (seen(cut), cut.close()) == ({"a": b"1"}, {b"a": b"1"})


def test_a_deletion_of_a_former_owner_does_not_stand_and_a_torn_one_neither() -> None:
    log = Log()
    log.values(2, a=b"1", b=b"2")
    log.mark(2, 10)
    log.values(1, a=None)
    log.values(2, b=None)
    cut = read(log.entries)
    assert (seen(cut), cut.close()) == ({"a": b"1", "b": b"2"}, {b"a": b"1", b"b": b"2"})


@pytest.mark.parametrize("entry", [(0, None, value_record(1, b"x")), (0, b"a", b"short")])
def test_a_record_that_no_checkpoint_wrote_is_refused(entry: Entry) -> None:
    with pytest.raises(UnreadableError, match=r"^offset 0 holds no record of a checkpoint$"):
        Cut().read(*entry)


def test_a_marker_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UnreadableError, match=r"^offset 0 holds no marker that this version knows$"):
        Cut().read(0, MARKER_KEY, value_record(1, b"\xc1"))


# --- any history of owners, crashes and rivals ------------------------------------------------------------------------


class _Owner:
    """An owner as `checkpoint` is: repairs first, then checkpoints, and ends at the first offset it did not expect."""

    def __init__(self, log: Log, compacted: list[Entry]) -> None:
        self.log = log
        self.cut = read(compacted)
        self.is_alive = True
        self.end = self.cut.end or 0
        repairs = self.cut.close()
        self.epoch = self.cut.epoch + 1
        self.next_offset = self.cut.marker.next_offset if self.cut.marker else 0
        self.todo = list(repairs.items())

    def write(self, key: bytes, value: bytes | None) -> None:
        if self.log.write(key, record_of(self.epoch, value)) != self.end:
            self.is_alive = False
        self.end += 1

    def mark(self) -> bool:
        """Write a marker, and tell whether it holds."""
        offset = self.log.write(MARKER_KEY, marker_record(self.epoch, Marker(self.next_offset, self.end)))
        self.is_alive = offset == self.end
        self.end += 1
        return self.is_alive


_Changes = list[tuple[bytes, bytes | None]]

_KEYS = (b"c/a", b"c/b", b"d/a", b"\0clock\0c")
_VALUES = (stored(1, NEVER, b"1"), stored(1, 50, b"2"), stored(1, 60, b"3"), None)


class _Story:
    """Owners one after another, and what their last whole checkpoint said."""

    def __init__(self) -> None:
        self.log = Log()
        self.truth: dict[bytes, bytes] = {}
        self.truth_at = 0
        self.owner = _Owner(self.log, [])
        self.former: _Owner | None = None
        self.owner.mark()
        self.repaired = self.log.end

    def zombie(self, changes: _Changes) -> None:
        if self.former is not None:
            for key, value in changes:
                self.log.write(key, record_of(self.former.epoch, value and stored(1, 40, b"zombie")))

    def compact(self, _changes: _Changes) -> None:
        # Kafka leaves what is younger than an hour alone, and repairs come at once: before them it may compact.
        self.log.entries = self.log.compacted(until=self.repaired)
        self.log.cleaned = self.repaired

    def torn_repair(self, _changes: _Changes) -> None:
        self._succeed()
        for key, value in self.owner.todo[: len(self.owner.todo) // 2]:
            self.owner.write(key, value)
        self.owner.is_alive = False

    def successor(self, changes: _Changes) -> None:
        self.owner.is_alive = False
        self.checkpoint(changes)

    def torn(self, changes: _Changes) -> None:
        self._work(changes)
        self.owner.is_alive = False

    def checkpoint(self, changes: _Changes) -> None:
        wanted = self._work(changes)
        if not self.owner.is_alive:
            return
        self.owner.next_offset += 1
        if self.owner.mark():
            self.truth, self.truth_at = wanted, self.owner.next_offset

    def _work(self, changes: _Changes) -> dict[bytes, bytes]:
        if not self.owner.is_alive:
            self._succeed()
            for key, value in self.owner.todo:
                self.owner.write(key, value)
            assert self.owner.mark()
            self.repaired = self.log.end
        wanted = dict(self.truth)
        for key, value in changes:
            self.owner.write(key, value)
            if value is None:
                wanted.pop(key, None)
            else:
                wanted[key] = value
        return wanted

    def _succeed(self) -> None:
        self.former = self.owner
        self.owner = _Owner(self.log, self.log.entries)
        self.check()

    def check(self) -> None:
        seen_now = _Owner(self.log, self.log.entries)
        assert dict(seen_now.cut.state) == self.truth
        undisturbed = MemoryState()
        for key, value in self.truth.items():
            undisturbed[key] = value
        for cluster in (b"c", b"d"):
            assert seen_now.cut.state.expired(cluster, 99, 9) == undisturbed.expired(cluster, 99, 9)
        assert seen_now.next_offset == self.truth_at


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["checkpoint", "checkpoint", "torn", "torn_repair", "zombie", "successor", "compact"]),
            st.lists(st.tuples(st.sampled_from(_KEYS), st.sampled_from(_VALUES)), max_size=3),
        ),
        max_size=30,
    )
)
def test_whatever_happens_the_state_is_that_of_the_last_whole_checkpoint(steps: list[tuple[str, _Changes]]) -> None:
    story = _Story()
    for what, changes in steps:
        getattr(story, what)(changes)
    story.check()
