"""Two workers that both take a partition for theirs: who was frozen, or what it wrote, changes nothing in the end."""

import signal

import pytest

from processor.stream.changelog import MARKER_KEY, Marker, deletion_headers, marker_record, value_record
from tests.processor.stream.workers import Installation, epoch_of, event, is_marker, late_creations, until

pytestmark = pytest.mark.partitions(1)

LINE = "auditstream: leaving without a commit: "


def _rounds(installation: Installation, count: int, **settings: object) -> None:
    """Have so many owners, one after another, each with work of its own."""
    for _ in range(count):
        second = 3600 + 600 * len(installation.workers)
        installation.send(late_creations(["a", "b", f"only-{second}"], second))
        worker = installation.start(**settings)
        installation.await_committed()
        assert worker.stop() == 0


def _write_as(installation: Installation, epoch: int, *, is_whole: bool = True) -> int:
    """Write what a former owner would: an older value, a deletion, a key of its own, and a marker; return how much."""
    log = installation.changelog()
    old = next(each for each in log if not is_marker(each) and epoch_of(each) == 1)
    end = log[-1].offset + 1
    other = next(each for each in log if not is_marker(each) and each.key != old.key)
    entries: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
        (0, old.key, value_record(epoch, (old.value or b"")[8:]), []),
        (0, other.key, None, deletion_headers(epoch)),
        (0, b"c/shop\0zombie", value_record(epoch, (old.value or b"")[8:]), []),
        (0, MARKER_KEY, marker_record(epoch, Marker(1, end + 3)), []),
    ][: 4 if is_whole else 3]
    installation.append(installation.kafka.topics.changelog.name, entries)
    return len(entries)


def test_a_former_owner_writes_before_its_successor_opens_and_after(installation: Installation) -> None:
    _rounds(installation, 2)
    written = _write_as(installation, epoch=1)
    zombie = installation.changelog()[-written:]

    # Before: what it wrote is written over at once.
    owner = installation.start()
    owner.await_ready()
    repair = installation.changelog()[zombie[-1].offset + 1 :]
    assert {each.key for each in repair} == {each.key for each in zombie}
    assert {epoch_of(each) for each in repair} == {3}
    assert is_marker(repair[-1])

    # After: the owner learns of it at its next checkpoint.
    _write_as(installation, epoch=1)
    installation.send([event("delete", "a", 7200)])
    assert owner.ended() == 70
    (line,) = [line for line in owner.told().splitlines() if line.startswith(LINE)]
    assert "another worker has written there: expected offset " in line

    last = installation.start()
    installation.await_committed()
    assert last.stop() == 0
    installation.check()


@pytest.mark.chaos
def test_the_last_owner_writes_after_its_successor_has_read_and_before_it_writes(installation: Installation) -> None:
    _rounds(installation, 2)
    held = installation.folder / "go"
    owner = installation.start(f"hold_opening={held}")
    until((installation.folder / "go.reached").exists, "the opening")
    # No higher epoch comes before these records: only the place of the successor's marker tells.
    _write_as(installation, epoch=2, is_whole=False)
    held.touch()
    assert owner.ended() == 70
    assert f"{LINE}{installation.kafka.topics.changelog.name}, partition 0: another worker" in owner.told()

    last = installation.start()
    installation.send([event("delete", "a", 7200)])
    installation.await_committed()
    assert last.stop() == 0
    installation.check()


def test_a_worker_that_was_frozen_with_work_writes_nothing_when_it_wakes(installation: Installation) -> None:
    patient = {"session_timeout_seconds": 6, "heartbeat_seconds": 1}
    frozen = installation.start(**patient, checkpoint_seconds=4)
    installation.send(late_creations(["a", "b"], 3600))
    installation.await_committed()
    installation.send(late_creations(["a", "c"], 7200))
    until(lambda: frozen.count("auditstream_processor_events_total") == len(installation.sent), "it to judge")
    before = installation.changelog()
    assert len(before) == before[-1].offset + 1
    frozen.signal(signal.SIGSTOP)

    owner = installation.start(**patient)
    owner.await_ready()
    installation.send(late_creations(["b", "d"], 9000))
    installation.await_committed()
    topics = installation.kafka.topics
    ends = [installation.ends(topic.name) for topic in (topics.changelog, topics.alerts)]
    frozen.signal(signal.SIGCONT)
    assert frozen.ended() == 70
    (line,) = [line for line in frozen.told().splitlines() if line.startswith(LINE)]
    assert line == f"{LINE}the group went on without this worker while its work was under way"
    assert [installation.ends(topic.name) for topic in (topics.changelog, topics.alerts)] == ends

    installation.send([event("delete", "a", 10_000)])
    installation.await_committed()
    assert owner.stop() == 0
    epochs = [epoch_of(each) for each in installation.changelog()[len(before) :]]
    assert set(epochs) == {epoch_of(before[-1]) + 1}, "the frozen one wrote nothing after it was frozen"

    third = installation.start()
    installation.send([event("delete", "b", 10_100)])
    installation.await_committed()
    assert third.stop() == 0
    installation.check()


@pytest.mark.chaos
def test_a_worker_that_was_frozen_past_its_lease_check_is_told_from_the_owner(installation: Installation) -> None:
    """What the lease leaves: frozen when the lease has been looked at and the request has not left."""
    installation.send(late_creations(["a", "b"], 3600))
    frozen = installation.start("freeze_at=2", checkpoint_seconds=1)  # the first is that of taking over
    frozen.await_frozen()
    owner = installation.start()
    owner.await_ready()
    installation.send(late_creations(["b", "c"], 7200))
    installation.await_committed()
    end = installation.changelog()[-1].offset + 1
    frozen.signal(signal.SIGCONT)
    assert frozen.ended() == 70
    assert {epoch_of(each) for each in installation.changelog()[end:]} == {1}, "it did write"

    installation.send([event("delete", "a", 9000)])
    assert owner.ended() == 70
    assert "another worker has written there" in owner.told()

    third = installation.start()
    installation.await_committed()
    assert third.stop() == 0
    installation.check()
