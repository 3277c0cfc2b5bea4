"""The dead-letter file: whole lines only, every byte of them, for its owner alone."""

import base64
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auditstream.dead_letter import DeadLetterFile
from wire.record import Reason, Rejected


def _reject(value: bytes, *, is_judged: bool = False) -> Rejected:
    return Rejected(value, Reason.NOT_JSON, "item 3: expected an object", "east", 1_700_000_000_123, is_judged)


def test_a_reject_is_a_line_with_its_bytes(tmp_path: Path) -> None:
    file = DeadLetterFile(tmp_path / "dead.jsonl")
    file.append([_reject(b'not json "\n'), _reject(b"\xff\x00", is_judged=True)])
    file.append([])
    file.append([_reject(b"")])
    lines = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_bytes().splitlines()]
    assert lines[0] == {
        "received_ms": 1_700_000_000_123,
        "cluster": "east",
        "reason": "not_json",
        "detail": "item 3: expected an object",
        "is_judged": False,
        "value": 'not json "\n',
    }
    assert (base64.b64decode(lines[1]["value_base64"]), lines[1]["is_judged"]) == (b"\xff\x00", True)
    assert (lines[2]["value"], len(lines)) == ("", 3)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    DeadLetterFile(tmp_path / "dead.jsonl")
    assert stat.S_IMODE((tmp_path / "dead.jsonl").stat().st_mode) == 0o600


def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    file = DeadLetterFile(path)
    file.append([_reject(b"a")])
    path.rename(tmp_path / "old.jsonl")
    file.append([_reject(b"b")])
    assert [json.loads(name.read_text())["value"] for name in (tmp_path / "old.jsonl", path)] == ["a", "b"]


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        DeadLetterFile(tmp_path)


def test_a_full_disk_is_told_and_leaves_no_half_line(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        DeadLetterFile(Path("/dev/full")).append([_reject(b"a")])
    # A limit on the size of files, in a process of its own, stands in for a disk that fills up in the middle of a line.
    path = tmp_path / "dead.jsonl"
    DeadLetterFile(path).append([_reject(b"first")])
    size = path.stat().st_size
    _append_under_limit(path, size + 100)
    assert path.stat().st_size == size


def _append_under_limit(path: Path, limit: int) -> None:
    code = f"""
import resource, signal
from pathlib import Path
from auditstream.dead_letter import DeadLetterFile
from wire.record import Reason, Rejected
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    DeadLetterFile(Path({str(path)!r})).append([Rejected(b"x" * 1000, Reason.NOT_JSON, "", "c", 0)])
except OSError as error:
    print(error.strerror)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert ended.stdout == "File too large\n", ended.stderr
