"""The folder of an embedded state: made if it is not there, locked for one process, its database opened and checked.

Called by `auditstream.serve_command` to go on with what is remembered, and by commands that only look. The folder holds
names of users: what is made here is for its owner alone. The files are `state.db`, SQLite's own beside it, and `lock`.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from auditstream.embedded_state import (
    EXPIRY_INDEX,
    MOVE_AWAY,
    TABLE,
    EmbeddedState,
    ReadState,
    StateBroken,
    StateUnavailable,
    told,
)
from auditstream.usage import UsageError

DATABASE: Final = "state.db"
LOCK: Final = "lock"

VERSION: Final = 1
"""Of the tables, in `PRAGMA user_version`. What values hold has a version of its own, in each of them."""

_APPLICATION: Final = int.from_bytes(b"AudS", "big")
"""What says that a database is ours, in `PRAGMA application_id`; 0 is nobody's."""

_CACHE_KIB: Final = 16 * 1024

_KEPT_LOG_BYTES: Final = 64 * 1024 * 1024
"""What is left of the write-ahead log when somebody who looked for long has let it grow."""

_WAIT_SECONDS: Final = 5.0
"""How long somebody who looks into the file may hold up what is written, or the other way round."""

_ELSEWHERE: Final = "name another folder with --state"


@contextmanager
def opened_state(directory: Path) -> Iterator[EmbeddedState]:
    """Have the state in a folder for this process alone; changes that are not committed at the end are lost.

    Raises UsageError if another process has it, or if it cannot be read or written, now or while it is open.
    """
    path = directory / DATABASE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _open(directory / LOCK)
    except OSError as error:
        raise _cannot_keep(directory, error) from None
    try:
        _take(lock, directory)
        _make_file(path)
        with _one_line(path), closing(_connect(path, "rw")) as connection:
            _ready_to_write(connection, path)
            yield EmbeddedState(connection, path)
    finally:
        os.close(lock)


@contextmanager
def read_state(directory: Path) -> Iterator[ReadState]:
    """Look into the state in a folder as it is now, whether or not a process has it; none of it is changed.

    Raises UsageError if there is none, or if it cannot be read.
    """
    path = directory / DATABASE
    nothing = f"no state is in {directory}: name the folder in which 'auditstream serve --state' keeps one"
    try:
        # Not opened: who closes a file loses all locks on it, and SQLite may have some for others in this process.
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(nothing) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; read it as the user who keeps it") from None
    with _one_line(path), closing(_connect(path, "ro")) as connection:
        if _is_new(connection, path):
            raise UsageError(nothing)
        # One transaction, so that all that is read is of one moment, and the first read is what begins it.
        connection.execute("BEGIN")
        connection.execute("SELECT key FROM state LIMIT 1").fetchone()
        yield ReadState(connection, path)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _take(lock: int, directory: Path) -> None:
    """Lock, until the process ends in whatever way; raise UsageError if another has done so."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        in_use = f"the state in {directory} is in use by another process; end that one, or {_ELSEWHERE}"
        raise UsageError(in_use) from None
    except OSError as error:
        raise _cannot_keep(directory, error) from None


def _make_file(path: Path) -> None:
    """Make the database's file for its owner alone: what SQLite makes beside it gets the same rights."""
    try:
        os.close(_open(path))
    except OSError as error:
        raise _cannot_keep(path, error) from None


def _cannot_keep(path: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot keep the state in {path}: {error.strerror}; {_ELSEWHERE}")


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Raise UsageError for whatever is wrong with a state."""
    try:
        yield
    except sqlite3.Error as error:
        raise UsageError(str(told(error, path))) from None
    except (StateBroken, StateUnavailable) as error:
        raise UsageError(str(error)) from None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_WAIT_SECONDS,
        # Transactions begin and end where we say.
        isolation_level=None,
        # Batches are judged one after the other, but not always by the same thread.
        check_same_thread=False,
    )


def _ready_to_write(connection: sqlite3.Connection, path: Path) -> None:
    """Look whose a database is, and make it ours if it is new. Raises UsageError, or sqlite3.Error."""
    is_new = _is_new(connection, path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise UsageError(f"cannot keep the state in {path}: it takes a disk of this machine; {_ELSEWHERE}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {_KEPT_LOG_BYTES}")
    if is_new:
        _make_tables(connection)


def _make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables and say whose they are, all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in (TABLE, EXPIRY_INDEX):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether nothing is in a database yet; raise UsageError if what is in it is not for us."""
    ((application,), (version,), (tables,)) = (
        connection.execute(asked).fetchone()
        for asked in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if (application, version, tables) == (0, 0, 0):
        return True
    if application != _APPLICATION:
        raise UsageError(f"{path} is a database of something else; {_ELSEWHERE}")
    if version != VERSION:
        raise UsageError(
            f"the state in {path} has version {version}, this auditstream knows {VERSION}: run the version that wrote "
            f"it, or {MOVE_AWAY}"
        )
    return False
