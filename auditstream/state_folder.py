"""The state that `serve --state DIR` keeps, for who lists it and who imports into it.

Called by `auditstream.resources_app`. It refuses in a line, as nothing keeps such a state yet.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NoReturn, Protocol

from auditstream.usage import UsageError
from processor.inventory import State

# TODO(#8): auditstream.state_directory has both functions under these names: import them from there, and drop this.


class ReadState(Protocol):
    """What a state held at the moment at which it was opened."""

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Return its keys and values; one at a time is in memory."""
        ...


class OpenedState(State):
    """A state whose changes are durable when `commit` has returned."""

    def commit(self) -> None:
        """Make all changes since the last commit durable."""


def read_state(directory: Path) -> AbstractContextManager[ReadState]:
    """Look into the state in a folder as it is now; raise UsageError if there is none, or it cannot be read."""
    _refuse(directory)


def opened_state(directory: Path) -> AbstractContextManager[OpenedState]:
    """Have the state in a folder for this process alone; raise UsageError where another has it."""
    _refuse(directory)


def _refuse(directory: Path) -> NoReturn:
    raise UsageError(f"nothing keeps a state in {directory}: this version has no 'serve --state', leave --state out")
