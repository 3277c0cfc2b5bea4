"""Crashes in the middle of a checkpoint, and of its repair: the next worker knows nothing of what no marker ended."""

import re
import signal

import pytest

from processor.engine import Engine
from processor.state import MemoryState
from rules.loader import load
from rules.reader import RuleFile
from rules.selection import Selection
from tests.processor.stream.workers import Installation, Worker, epoch_of, is_marker, late_creations

pytestmark = pytest.mark.partitions(1)

NAMES = [f"n{number}" for number in range(400)]
# State remembers 512 characters of a user, so that the state of all names does not fit one batch.
LONG = "u" * 500


def _begin(installation: Installation) -> int:
    """Have a whole checkpoint of half of the names, and return how many records the changelog has then."""
    installation.send(late_creations(NAMES[::2], 3600, user=LONG))
    first = installation.start()
    installation.await_committed()
    assert first.stop() == 0
    return len(installation.changelog())


def _work(installation: Installation) -> int:
    """Send what one checkpoint will hold, and return how many records it is."""
    records = late_creations(NAMES, 7200, user=LONG)
    installation.send(records)
    return len(records)


def _crashed(installation: Installation, batches: int) -> Worker:
    """Have a worker crash when it has written so many batches, its marker of taking over included."""
    records = _work(installation)
    worker = installation.start(f"end_after={batches}", checkpoint_seconds=60, checkpoint_records=records)
    assert worker.ended() == -signal.SIGKILL, worker.told()
    return worker


def _future_shows(installation: Installation) -> bool:
    """Tell whether a worker that knows what comes later would send other alerts: else nothing is proven here."""
    loaded = load([RuleFile("rules.yaml", installation.rules.read_bytes())], Selection())
    assert loaded.ruleset is not None
    engine = Engine(loaded.ruleset, "")
    records = [record for _, record in installation.sent]
    state = MemoryState()
    once, again = (engine.process(records, state).alerts for _ in range(2))
    return once != again


@pytest.mark.parametrize(
    "is_whole",
    [
        pytest.param(False, id="between two batches"),
        pytest.param(True, id="before the marker", marks=pytest.mark.chaos),
    ],
)
def test_a_torn_checkpoint_is_not_seen_and_is_mended_first(installation: Installation, *, is_whole: bool) -> None:
    stood = _begin(installation)
    _crashed(installation, batches=4 if is_whole else 2)
    torn = installation.changelog()[stood + 1 :]
    assert not any(map(is_marker, torn))
    everything = len(NAMES) + 1  # the cluster's clock too
    assert (len(torn) == everything) is is_whole
    assert _future_shows(installation)

    worker = installation.start("trace")
    installation.await_committed()
    assert worker.stop() == 0
    installation.check()

    # The torn keys, and no others, are written again under a higher epoch, and marked, before anything is judged.
    after = installation.changelog()[stood + 1 + len(torn) :]
    repair = after[: len(torn)]
    assert {each.key for each in repair} == {each.key for each in torn}
    assert is_marker(after[len(torn)])
    assert {epoch_of(each) for each in after} == {epoch_of(torn[0]) + 1}
    trace = re.findall(r"^trace: (\w+) .*?(\d+)$", worker.told(), re.MULTILINE)
    begins = [what for what, _ in trace].index("judges")
    assert trace[begins - 1] == ("wrote", str(after[len(torn)].offset + 1))


def test_a_torn_repair_is_not_seen_either(installation: Installation) -> None:
    _begin(installation)
    _crashed(installation, batches=4)
    torn = len(installation.changelog())
    # The repair of names that were there takes more than one batch.
    mender = installation.start("trace,end_after=1")
    assert mender.ended() == -signal.SIGKILL
    assert "judges" not in mender.told()
    repair = installation.changelog()[torn:]
    assert repair
    assert not any(map(is_marker, repair))

    last = installation.start()
    installation.await_committed()
    assert last.stop() == 0
    installation.check()
    assert {epoch_of(each) for each in installation.changelog()[torn + len(repair) :]} == {epoch_of(repair[0]) + 1}
