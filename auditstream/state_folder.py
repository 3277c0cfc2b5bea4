"""The state that `serve --state DIR` keeps, for who lists it and who imports into it while no `serve` runs.

Called by `auditstream.resources_app` and `auditstream.import_command`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from auditstream.usage import UsageError
from processor.inventory import State

_NOT_YET = "--state is for the state that serve --state keeps, which this version does not: leave it out"


def stored_pairs(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    """Return all keys and values of the state in a folder, read as of now; raise UsageError if there is none."""
    # TODO(#8): return auditstream.embedded_state's own, which reads while `serve` writes.
    raise UsageError(f"{_NOT_YET} ({folder})")


def opened_state(folder: Path) -> AbstractContextManager[State]:
    """Open the state in a folder to change it; what was changed is durable when it is closed without an error.

    Raises UsageError where it cannot be made, and where a `serve` has it.
    """
    # TODO(#8): return auditstream.embedded_state's own.
    raise UsageError(f"{_NOT_YET} ({folder})")
