"""What bounds strangers at the webhook's port: time for a handshake and for a request's head, and open files.

Used by `auditstream.server`. uvicorn bounds a connection only once a request is answered, and the event loop tells of
each connection that it cannot take, thousands of times a second.
"""

import asyncio
import errno
import logging
import resource
import time
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS: Final = 10.0
"""How long a connection may stay without a whole head of a request: at its start, and once the next one has begun. A
connection that waits between two requests may stay longer, as uvicorn is told."""

HANDSHAKE_SECONDS = 10.0
"""How long a handshake of TLS may take: as long as Go's client, and so the API server, gives it."""

_TELL_SECONDS: Final = 60.0
_FULL: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_log: Final = logging.getLogger(__name__)


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol, which ends a connection whose head of a request does not come."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Wait until a head is there, and again when the next one begins."""
        super().data_received(data)
        if self._is_without_request:
            self._wait_for_head()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the rest of a head that came with the request before."""
        super().on_response_complete()
        if self._is_without_request and self.conn.trailing_data[0]:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_without_request(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        return cycle is None or cycle.response_complete

    def _wait_for_head(self) -> None:
        # Not begun anew with each byte, or one that trickles would be waited for for ever.
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self._end)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self) -> None:
        self._late = None
        if self._is_without_request:
            # Not `close`: whoever reads nothing, or speaks half of TLS, would be waited for.
            self.transport.abort()


class BoundedLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers wait a bounded time for handshakes, and which tells once a minute that it is full."""

    def __init__(self) -> None:
        super().__init__()
        self._told = float("-inf")

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:  # noqa: ANN401 - handed on
        """Make a server; with TLS it waits for handshakes no longer than that."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*arguments, **options)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Log what went wrong, but for a connection that cannot be taken: that is told once a minute."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _FULL and "accept" in str(context.get("message"))):
            super().call_exception_handler(context)
        elif time.monotonic() - self._told > _TELL_SECONDS:
            self._told = time.monotonic()
            _log.error(
                "no further connection can be taken (%s): see who has so many, and raise the limit of open files",
                error.strerror,
            )


def allow_open_files() -> None:
    """Let this process have as many files and connections open as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
