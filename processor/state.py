"""What is remembered, behind one protocol: a mapping of bytes that knows which of its values have expired. PURE.

The engine of every mode reads and changes one: `MemoryState` here in a replay and in tests, the Faust table's
partitions, the database file of the one-process mode. tests/contracts/test_state.py says what all of them do.

Keys begin with the name of the cluster and a slash, or with a NUL byte for what is remembered of a cluster itself. A
value begins with the version of its schema and the second of the cluster's clock from which on it may be forgotten.
Values are assigned whole, never changed in place.
"""

import heapq
from collections.abc import Collection, Iterator
from typing import Final, Protocol

NEVER: Final = 0
"""The expiry of what is kept until something changes it."""

HEAD_BYTES: Final = 6
"""Of a value, before what it holds: a byte of schema, a NUL kept for later, four of expiry."""

_LAST_SECOND: Final = 2**32 - 1
"""The latest expiry, in the year 2106. A client can ask for a grace of centuries: no value may stop what reads it."""


def stored(schema: int, expires_s: int, body: bytes) -> bytes:
    """Return a value: `expires_s` in seconds since the epoch, NEVER for what does not expire."""
    return bytes((schema, 0)) + min(expires_s, _LAST_SECOND).to_bytes(4, "big") + body


def expiry_of(value: bytes) -> int:
    """Return the second from which on a value may be forgotten, NEVER if at no time."""
    return int.from_bytes(value[2:HEAD_BYTES], "big")


def has_expired(value: bytes, now_s: int) -> bool:
    """Tell whether a value may be forgotten by a second of its cluster's clock."""
    return NEVER < expiry_of(value) <= now_s


def cluster_of(key: bytes) -> bytes:
    """Return the name of the cluster that a key belongs to; empty for what is remembered of a cluster itself."""
    return b"" if key[:1] == b"\0" else key.partition(b"/")[0]


def parent_of(key: bytes) -> bytes:
    """Return all of a key but the last of the parts that NUL bytes set apart: with the NUL byte, or empty."""
    return key[: key.rfind(b"\0") + 1]


class State(Protocol):
    """What is remembered, by affinity key and name of the object."""

    def get(self, key: bytes, /) -> bytes | None:
        """Return what is remembered under a key, None where nothing is."""

    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...

    def __delitem__(self, key: bytes, /) -> None: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def __len__(self) -> int: ...

    def expired(self, cluster: bytes, now_s: int, limit: int) -> list[bytes]:
        """Return keys of a cluster whose values have expired by a second of its clock, at most so many.

        The earliest come first. What is not deleted then is returned again.
        """

    def below(self, parents: Collection[bytes], /) -> list[bytes]:
        """Return the keys whose `parent_of` is one of some, in no order.

        It may look at every key there is: it is for what is rare.
        """


class MemoryState(dict[bytes, bytes]):
    """State in memory: a dict, and by cluster a queue of what will expire."""

    def __init__(self) -> None:
        super().__init__()
        # (expiry, key), the earliest first; an entry whose value has changed since is passed over when it is met.
        self._queues: Final[dict[bytes, list[tuple[int, bytes]]]] = {}

    def __setitem__(self, key: bytes, value: bytes) -> None:
        super().__setitem__(key, value)
        expires_s = expiry_of(value)
        if expires_s != NEVER:
            heapq.heappush(self._queues.setdefault(cluster_of(key), []), (expires_s, key))

    def expired(self, cluster: bytes, now_s: int, limit: int) -> list[bytes]:
        """Return keys of a cluster whose values have expired by a second of its clock, at most so many."""
        queue = self._queues.get(cluster, [])
        due: list[tuple[int, bytes]] = []
        while queue and queue[0][0] <= now_s and len(due) < limit:
            entry = heapq.heappop(queue)
            value = self.get(entry[1])
            if value is not None and expiry_of(value) == entry[0] and (not due or due[-1] != entry):
                due.append(entry)
        for entry in due:
            heapq.heappush(queue, entry)
        return [key for _, key in due]

    def below(self, parents: Collection[bytes]) -> list[bytes]:
        """Return the keys whose `parent_of` is one of some; some 0.2 us for each key there is."""
        looked_for = frozenset(parents)
        return [key for key in self if key[: key.rfind(b"\0") + 1] in looked_for]
