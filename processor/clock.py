"""The clock of a cluster: the latest time that its events have told, in whole seconds. PURE.

Kept in the state with everything else, so that it goes on where it was; in seconds, so that it changes once in a while
and not with every event. Read by `processor.inventory` to tell what is too old to change anything, and what may be
forgotten.
"""

from typing import Final

from processor.history import SCHEMA
from processor.state import HEAD_BYTES, NEVER, State, stored
from rules.times import NANOSECONDS

AHEAD_NS: Final = 5 * 60 * NANOSECONDS
"""So far an event's time may be ahead of when it was received: one that claims more must not age all others."""

_PREFIX: Final = b"\0clock\0"
_BYTES: Final = 8
_MILLISECOND: Final = 1_000_000


class Clocks:
    """The clocks of the clusters in a state, while some records are judged."""

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._times: Final[dict[str, int]] = {}
        self._told: Final[dict[str, int]] = {}

    def advance(self, cluster: str, time_ns: int, received_ms: int) -> int:
        """Take in an event's time, and return its cluster's: nanoseconds since the epoch.

        `received_ms` is 0 where an event's own time is all there is, as in a replay.
        """
        now_ns = self._times.get(cluster)
        if now_ns is None:
            value = self._state.get(_PREFIX + cluster.encode())
            now_ns = 0 if value is None else int.from_bytes(value[HEAD_BYTES:], "big")
            self._told[cluster] = now_ns
        told_ns = min(time_ns, received_ms * _MILLISECOND + AHEAD_NS) if received_ms else time_ns
        now_ns = max(now_ns, told_ns - told_ns % NANOSECONDS)
        self._times[cluster] = now_ns
        return now_ns

    def keep(self) -> dict[str, int]:
        """Remember the clocks that went on, and return all of them by cluster."""
        for cluster, now_ns in self._times.items():
            if now_ns > self._told[cluster]:
                self._state[_PREFIX + cluster.encode()] = stored(SCHEMA, NEVER, now_ns.to_bytes(_BYTES, "big"))
                self._told[cluster] = now_ns
        return self._times
