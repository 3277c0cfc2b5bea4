"""The dead-letter file: rejected bytes, one JSON object a line, so that nothing that was accepted is lost.

Written by `auditstream.serve_command`. What could not be read could not be redacted either: the file may hold secrets,
and only its owner may read it.
"""

import base64
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from auditstream.lines import write_lines
from wire.record import Rejected

_OWNER_ONLY: Final = 0o600


class DeadLetterFile:
    """A file that grows, and is created if it is not there. It may be moved away at any time."""

    def __init__(self, path: Path) -> None:
        """Raise OSError if the file cannot be written."""
        self.path: Final = path
        os.close(self._open())

    def append(self, rejected: Iterable[Rejected]) -> None:
        """Write rejects, all of them or none; raise OSError if they cannot be written."""
        lines = b"".join(_line(reject) for reject in rejected)
        if not lines:
            return
        file = self._open()
        try:
            write_lines(file, lines)
        finally:
            os.close(file)

    def _open(self) -> int:
        # Without O_NONBLOCK a pipe that nobody reads would be waited for here, before anything is told.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(self.path, flags, _OWNER_ONLY)


def _line(rejected: Rejected) -> bytes:
    """Return a reject as a line: `value` is its text, or `value_base64` its bytes where they are none."""
    members = {
        "received_ms": rejected.received_ms,
        "cluster": rejected.cluster,
        "reason": rejected.reason.value,
        "detail": rejected.detail,
        "is_judged": rejected.is_judged,
    }
    try:
        value = {"value": rejected.value.decode()}
    except UnicodeDecodeError:
        value = {"value_base64": base64.b64encode(rejected.value).decode()}
    return msgspec.json.encode(members | value) + b"\n"
