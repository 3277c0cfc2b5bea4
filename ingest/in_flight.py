"""How many bytes of bodies are held at once, and the bound of it.

Asked by `ingest.webhook` for each request and each piece that comes in. What a request holds is given back when its
`with` ends, however that is. Used from one event loop.
"""

from types import TracebackType
from typing import Final, Self

from ingest.publisher import Unavailable


class InFlight:
    """The bytes that all requests hold."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes: Final = max_bytes
        self.bytes = 0

    def check(self, more: int) -> None:
        """Raise Unavailable if so many bytes more would not fit."""
        if self.bytes + more > self._max_bytes:
            raise Unavailable(f"the bodies in flight would be more than {self._max_bytes} bytes")


class Held:
    """The bytes that one request holds: a context manager around all that is done with its body."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight: Final = in_flight
        self.bytes = 0

    def take(self, more: int) -> None:
        """Hold so many bytes more; raise Unavailable, and hold no more than before, where they do not fit."""
        self._in_flight.check(more)
        self._in_flight.bytes += more
        self.bytes += more

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_flight.bytes -= self.bytes
        self.bytes = 0
