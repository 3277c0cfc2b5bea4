"""What a file says, read anew when the file changes. Used by `auditstream.access` for certificates and tokens.

At the start what is wrong is raised. Later a broken file changes nothing: the value that was read before stays.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

MAX_BYTES: Final = 1024 * 1024

Value = TypeVar("Value")

_Signature = tuple[tuple[int, ...] | None, ...]


class BrokenFileError(Exception):
    """A file cannot be used as it is. The text names it and says what to do."""


class FileValue(Generic[Value]):
    """The value of a file, or of several that belong together."""

    def __init__(
        self,
        what: str,
        paths: Sequence[Path],
        read: Callable[[], Value],
        describe: Callable[[Value], str] = lambda _: "",
    ) -> None:
        """Read it for the first time. Raises BrokenFileError.

        `what` is its name in lines for an operator, `describe` says what was read.
        """
        self._what: Final = what
        self._paths: Final = paths
        self._read: Final = read
        self._describe: Final = describe
        # Before the reading: what changes meanwhile is seen later.
        self._read_as = self._seen = self._sign()
        self.value = read()

    def look(self) -> str | None:
        """Read it anew if it has changed, and return the line that is due then.

        A change counts when the files have stayed so since the last look: a file is not written at once, nor are two.
        """
        before, self._seen = self._seen, self._sign()
        if self._seen != before or self._seen == self._read_as:
            return None
        self._read_as = self._seen
        try:
            self.value = self._read()
        except BrokenFileError as error:
            return f"{self._what} stay as they were: {error}"
        told = self._describe(self.value)
        return f"{self._what} were read anew{told and f': {told}'}"

    def _sign(self) -> _Signature:
        return tuple(_signed(path) for path in self._paths)


def _signed(path: Path) -> tuple[int, ...] | None:
    """Return what differs when a file is another: with its inode, since Kubernetes puts another in its place."""
    try:
        stat = path.stat()
    except OSError:
        return None
    # The time of change is that of its permissions too: a file that could not be read is tried again.
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def read_file(path: Path) -> bytes:
    """Return what is in a small file; raise BrokenFileError."""
    try:
        # A pipe would be waited for, and holds nothing the second time.
        if path.exists() and not path.is_file():
            raise BrokenFileError(f"{path} is no file: give one that can be read again when it changes")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except PermissionError:
        raise BrokenFileError(
            f"cannot read {path}: permission denied; let the user that runs this command read it"
        ) from None
    except OSError as error:
        raise BrokenFileError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise BrokenFileError(f"{path} has more than {MAX_BYTES} bytes: that is another file")
    return content
