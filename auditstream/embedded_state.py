"""The state of the one process in a database file: `processor.state.State` over SQLite, one transaction a batch.

Opened by `auditstream.state_directory`, read and changed by the engine, committed by `auditstream.serve_command` once
the alerts of a batch are written. Used by one thread at a time. Nothing is held in memory but the changes of the batch
at hand, up to a bound, and SQLite's cache of pages.
"""

import sqlite3
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from processor.state import cluster_of, expiry_of, parent_of

# A table with rowids: values are long beside a page, and without rowids they would stand within the tree of the keys.
# That took a random look-up in 300,000 names twice as long, and as long again to load them.
TABLE: Final = """
CREATE TABLE state (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL, cluster BLOB NOT NULL, expires INTEGER NOT NULL)
"""
EXPIRY_INDEX: Final = "CREATE INDEX expiring ON state (cluster, expires, key) WHERE expires > 0"

_PUT: Final = """
INSERT INTO state (key, value, cluster, expires) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""
# 0 is `processor.state.NEVER`; it stands here as in the index, or that would not be used.
_EXPIRED: Final = """
SELECT key FROM state WHERE cluster = ? AND expires > 0 AND expires <= ? ORDER BY expires, key LIMIT ?
"""

_MAX_CHANGES: Final = 2_000
_MAX_CHANGED_BYTES: Final = 4 * 1024 * 1024
"""So much of a batch is held before it goes into the transaction; the transaction itself may grow beyond memory."""

# What passes: a full disk, a quota, a disk that fails for a moment, somebody who looks into the file with a lock on it.
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM})


# Who only reads needs them too, to say so to who writes.
_NO_RIGHT: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})

MOVE_AWAY: Final = "move its folder away to begin with nothing known, or name another with --state"


class StateUnavailable(Exception):  # noqa: N818 - named by what to do next, as ingest's is
    """The state could not be read or written now, another time it may be. The text says why."""


class StateBroken(Exception):  # noqa: N818 - the same
    """The state cannot be read or written, and will not be by itself: stop. The text says why and what to do."""


class EmbeddedState:
    """A state whose changes are durable when `commit` has returned, and undone by `rollback`.

    Every method raises StateUnavailable or StateBroken if the file cannot be read or written. Then, as after any other
    error within a batch, `rollback` is for the caller to call.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path: Final = path
        self._connection: Final = connection
        # Changed in this batch, not yet in the transaction; None where a key was deleted.
        self._changes: dict[bytes, bytes | None] = {}
        self._changed_bytes = 0

    def get(self, key: bytes, /) -> bytes | None:
        """Return what is remembered under a key, None where nothing is."""
        if key in self._changes:
            return self._changes[key]
        rows = self._ask("SELECT value FROM state WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def __setitem__(self, key: bytes, value: bytes, /) -> None:
        self._change(key, value)

    def __delitem__(self, key: bytes, /) -> None:
        if self.get(key) is None:
            raise KeyError(key)
        self._change(key, None)

    def __iter__(self) -> Iterator[bytes]:
        return self._keys("SELECT key FROM state ORDER BY key", ())

    def __len__(self) -> int:
        self._flush()
        count: int = self._ask("SELECT count(*) FROM state")[0][0]
        return count

    def expired(self, cluster: bytes, now_s: int, limit: int) -> list[bytes]:
        """Return keys of a cluster whose values have expired by a second of its clock, at most so many."""
        self._flush()
        return [key for (key,) in self._ask(_EXPIRED, (cluster, now_s, limit))]

    def below(self, parents: Collection[bytes], /) -> list[bytes]:
        """Return the keys whose `parent_of` is one of some."""
        return [key for parent in parents for key in self._beginning(parent) if parent_of(key) == parent]

    def _beginning(self, prefix: bytes) -> Iterator[bytes]:
        keys = self._keys("SELECT key FROM state WHERE key >= ? ORDER BY key", (prefix,))
        return takewhile(lambda key: key.startswith(prefix), keys)

    def commit(self) -> None:
        """Make all changes since the last commit durable: return when the disk has them."""
        self._flush()
        if self._connection.in_transaction:
            self._ask("COMMIT")

    def rollback(self) -> None:
        """Forget all changes since the last commit."""
        self._changes, self._changed_bytes = {}, 0
        # What failed may have ended the transaction.
        if self._connection.in_transaction:
            self._ask("ROLLBACK")

    def _keys(self, statement: str, values: tuple[object, ...]) -> Iterator[bytes]:
        """Yield keys as they are read: who has enough of them reads no more."""
        self._flush()
        try:
            for (key,) in self._connection.execute(statement, values):
                yield key
        except sqlite3.Error as error:
            raise told(error, self.path) from None

    def _change(self, key: bytes, value: bytes | None) -> None:
        self._changes[key] = value
        # Too much where a key changes twice: it is a bound, and no count.
        self._changed_bytes += len(key) + len(value or b"")
        if len(self._changes) >= _MAX_CHANGES or self._changed_bytes >= _MAX_CHANGED_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Put the changes into the transaction."""
        changes, self._changes, self._changed_bytes = self._changes, {}, 0
        if not changes:
            return
        try:
            self._begin()
            self._connection.executemany(
                _PUT,
                (
                    (key, value, cluster_of(key), expiry_of(value))
                    for key, value in changes.items()
                    if value is not None
                ),
            )
            self._connection.executemany(
                "DELETE FROM state WHERE key = ?", ((key,) for key, value in changes.items() if value is None)
            )
        except sqlite3.Error as error:
            raise told(error, self.path) from None

    def _ask(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            self._begin()
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise told(error, self.path) from None

    def _begin(self) -> None:
        # For reads too: a transaction for each of them would cost as much as the read.
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")


class ReadState:
    """What a state held at the moment at which it was opened. Methods raise as those of EmbeddedState do."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path: Final = path
        self._connection: Final = connection

    def get(self, key: bytes, /) -> bytes | None:
        """Return what is remembered under a key, None where nothing is."""
        rows = list(self._rows("SELECT value FROM state WHERE key = ?", (key,)))
        return rows[0][0] if rows else None

    def pairs(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Return keys that begin so, and their values, in the order of keys; one at a time is in memory."""
        for key, value in self._rows("SELECT key, value FROM state WHERE key >= ? ORDER BY key", (prefix,)):
            if not key.startswith(prefix):
                return
            yield key, value

    def _rows(self, statement: str, values: tuple[object, ...]) -> Iterator[Any]:
        try:
            yield from self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise told(error, self.path) from None


def told(error: sqlite3.Error, path: Path) -> StateUnavailable | StateBroken:
    """Return an error of SQLite as what to do next."""
    # The lower byte is the kind, the others say which of that kind. Errors of Python's own module have none.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if kind in _PASSING:
        return StateUnavailable(f"the state in {path} cannot be used now: {error}")
    way_on = "this user has to have the right to write to its folder" if kind in _NO_RIGHT else MOVE_AWAY
    return StateBroken(f"the state in {path} cannot be used: {error}; {way_on}")
