"""Lines are written whole or not at all, whatever is under them."""

import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auditstream.lines import write_lines


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: a disk that fills up in the middle of a line."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("flags", [0, os.O_APPEND])
def test_what_does_not_fit_leaves_nothing_and_the_next_line_is_whole(tmp_path: Path, flags: int) -> None:
    path = tmp_path / "out"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | flags)
    write_lines(file, b"first\n")
    with limited(10), pytest.raises(OSError, match="File too large"):
        write_lines(file, b"second\n")
    assert path.read_bytes() == b"first\n"
    write_lines(file, b"third\n")
    os.close(file)
    assert path.read_bytes() == b"first\nthird\n"


def test_what_others_wrote_behind_it_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"theirs" * 3)
    file = os.open(path, os.O_WRONLY)
    with limited(4), pytest.raises(OSError, match="File too large"):
        write_lines(file, b"second\n")
    os.close(file)
    assert path.read_bytes() == b"secors" + b"theirs" * 2


def test_a_disk_without_any_room_is_told() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        write_lines(file, b"line\n")
    os.close(file)


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_everything() -> None:
    outer, inner = os.pipe()
    os.set_blocking(inner, False)
    lines = b"line\n" * 100_000
    got: list[bytes] = []

    def read() -> None:
        with open(outer, "rb") as reader:  # noqa: PTH123 - a descriptor
            got.append(reader.read())

    thread = threading.Thread(target=read)
    threading.Timer(0.2, thread.start).start()
    write_lines(inner, lines)
    os.close(inner)
    while not got:
        thread.join(0.1)
    assert got == [lines]
