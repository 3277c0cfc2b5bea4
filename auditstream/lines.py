"""Lines into a file, whole or not at all: what is torn would spoil the line that comes next.

Called by `auditstream.screen` for alerts and by `auditstream.dead_letter` for rejects, with a file descriptor: Python's
own unbuffered streams (`PYTHONUNBUFFERED`) pass over a write that was short.
"""

import os
import select
import stat
from contextlib import suppress


def write_lines(file: int, lines: bytes) -> None:
    """Write all of some lines; raise OSError if that fails, and take back what a regular file got of them."""
    written = 0
    try:
        while written < len(lines):
            written += _write_some(file, memoryview(lines)[written:])
    except OSError:
        # Where even this fails the disk is beyond help.
        with suppress(OSError):
            _take_back(file, written)
        raise


def _write_some(file: int, part: memoryview) -> int:
    try:
        return os.write(file, part)
    except BlockingIOError:
        # Whoever gave us this file made it so; a reader that is slow is waited for all the same.
        select.select([], [file], [])
        return 0


def _take_back(file: int, written: int) -> None:
    if written and stat.S_ISREG(os.fstat(file).st_mode):
        end = os.lseek(file, 0, os.SEEK_CUR)
        # If the file goes on behind us, others write to it too: theirs is not ours to cut.
        if end == os.fstat(file).st_size:
            os.ftruncate(file, end - written)
            os.lseek(file, end - written, os.SEEK_SET)
