"""The webhook: requests of the API server in, answers out. Every status code of the project stands here.

Routed to by `ingest.app`. A body is read within its limits, unpacked, split and published, in this order, and the
answer tells the sender whether to come again: the API server repeats whatever is not 2xx, so that almost nothing is
answered 4xx. Answers and log lines are in words of our own: what a client sent is never repeated in them.
"""

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from ingest.in_flight import Held, InFlight
from ingest.metrics import IngestMetrics
from ingest.publisher import Publisher, Unavailable
from ingest.settings import IngestSettings
from ingest.split import Split, split
from ingest.tokens import Tokens
from ingest.unpack import BrokenGzipError, unpack
from wire.record import CLUSTER_NAME, MAX_EVENT_BYTES, Reason, Rejected

PATHS: Final = ("/k8s_audit", "/k8s_audit/{cluster}", "/k8s-audit", "/k8s-audit/{cluster}")

AT_ONCE: Final = 2
"""How many bodies are taken apart at once. The interpreter's lock makes more of them no faster, and each needs a few
times its size; but with one alone, an ordinary body would wait for a hostile one that takes seconds."""

LINGER_SECONDS: Final = 1.0
"""How long the rest of a body is thrown away after an answer that closes the connection."""

MAX_ITEMS: Final = 100_000
"""More items than an API server could have in its buffer. A small body can hold millions of tiny ones, and each that is
rejected costs far more than its bytes."""

_PATH: Final = re.compile(rf"/k8s[_-]audit(?:/({CLUSTER_NAME}))?")

# After an answer that came before the body was read, uvicorn throws the rest away as it comes and the connection stays.
# Where the rest is too long for that, or may never come, the connection is closed.
_CLOSE: Final = {"Connection": "close"}

_BEARER: Final = {"WWW-Authenticate": "Bearer"}

_log: Final = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may post, and whose events they are."""

    default: str
    """The cluster of bodies whose path names none, where no token is asked for."""
    tokens: Callable[[], Tokens] | None = None
    """Returns the tokens that are valid now; None where whoever reaches the webhook may post."""


class Webhook:
    """The endpoints that say what became of a body."""

    def __init__(
        self,
        settings: IngestSettings,
        publisher: Publisher,
        metrics: IngestMetrics,
        in_flight: InFlight,
        callers: Callers,
    ) -> None:
        self._settings: Final = settings
        self._publisher: Final = publisher
        self._metrics: Final = metrics
        self._in_flight: Final = in_flight
        self._callers: Final = callers
        self._turns: Final = asyncio.Semaphore(AT_ONCE)

    async def post(self, request: Request) -> Response:
        """Answer a post of the API server, and count the answer."""
        answer = await self._answer(self._take, request)
        self._metrics.bodies.labels(answer.status_code).inc()
        return answer

    async def ready(self, request: Request) -> Response:
        """Answer whether bodies are taken now, for Kubernetes' readiness probe."""
        return await self._answer(self._check, request)

    def for_callers(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint that answers only who may post: metrics tell what was noticed."""

        async def checked(request: Request) -> Response:
            self._caller(request)
            return await endpoint(request)

        async def answer(request: Request) -> Response:
            return await self._answer(checked, request)

        return answer

    async def refuse(self, _request: Request, error: HTTPException) -> Response:
        """Answer a request that no route takes."""
        methods = (error.headers or {}).get("Allow")
        if methods is None:
            return _line(404, "no such path: audit events are posted to /k8s_audit or /k8s_audit/{cluster}")
        allow = ", ".join(sorted(methods.split(", ")))
        return _line(405, f"this path takes {allow} only", {"Allow": allow})

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Return an endpoint's answer, or the one that fits its error."""
        try:
            return await endpoint(request)
        except Unavailable as error:
            return _line(503, str(error), {"Retry-After": str(self._settings.retry_after_seconds)})
        except HTTPException as error:
            return _line(error.status_code, error.detail, error.headers)
        except Exception as error:  # noqa: BLE001 - the last line of defence, which keeps the place
            # The error's own text is left out: it may repeat what a client sent.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("answered 500: %s at %s:%s", type(error).__name__, frame.filename, frame.lineno)
            return _line(500, "internal error: the server's log names the place")

    async def _check(self, _request: Request) -> Response:
        self._publisher.check()
        return _line(200, "ready")

    async def _take(self, request: Request) -> Response:
        """Return the answer to a body that became durable; anything else is raised."""
        cluster = self._cluster_of(request)
        is_gzip = _is_gzip(request)
        with Held(self._in_flight) as held:
            batch = await self._sort(await self._read(request, held), held, cluster, is_gzip=is_gzip)
            with self._metrics.publish_seconds.time():
                await self._publisher.publish(batch)
        self._metrics.published(batch)
        if batch.is_envelope:
            return Response()
        return _line(400, f"{batch.rejected[0].detail}; the body is kept in the dead letter")

    def _cluster_of(self, request: Request) -> str:
        """Return the cluster whose events a body holds; raise what is answered to one that may not post them."""
        # The router's own match would pass a line break at the end.
        path = _PATH.fullmatch(request.scope["path"])
        caller = self._caller(request)
        if path is None:
            raise HTTPException(
                404,
                "no such path: a cluster's name has up to 63 of a-z, 0-9, '.' and '-', and begins with one of a-z, 0-9",
            )
        if caller is not None and path[1] not in {None, caller}:
            raise HTTPException(403, f"this token is of the cluster {caller}, and posts for no other", _CLOSE)
        return path[1] or caller or self._callers.default

    def _caller(self, request: Request) -> str | None:
        """Return the cluster of the token that a request bears, None where none is asked for.

        Raises what is answered to a request without a token that is known.
        """
        if self._callers.tokens is None:
            return None
        given = request.headers.getlist("authorization")
        cluster = self._callers.tokens().cluster_of(given[0]) if len(given) == 1 else None
        if cluster is None:
            raise HTTPException(
                401, "a token that is known here is needed: Authorization: Bearer TOKEN", _CLOSE | _BEARER
            )
        return cluster

    async def _read(self, request: Request, held: Held) -> bytes:
        """Return the body as it came, once all of it is there."""
        # The server has refused what is no number before it came here.
        declared = int(request.headers.get("content-length", 0))
        self._check_size(declared, _CLOSE)
        self._in_flight.check(declared)
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.read_timeout_seconds), aclosing(request.stream()) as pieces:
                async for piece in pieces:
                    self._check_size(len(body) + len(piece), _CLOSE)
                    held.take(len(piece))
                    body += piece
        except TimeoutError:
            seconds = f"{self._settings.read_timeout_seconds:g}"
            raise HTTPException(408, f"the body was not complete after {seconds} seconds", _CLOSE) from None
        except ClientDisconnect:
            # The connection ended before the body did, so that nobody reads this answer; it is counted. uvicorn closes
            # its side as soon as the other is closed. A broken chunk it answers 400 by itself, and tells us the same.
            raise HTTPException(400, "the body breaks off: nothing of it was taken") from None
        finally:
            self._metrics.body_bytes.inc(len(body))
        return bytes(body)

    async def _sort(self, body: bytes, held: Held, cluster: str, *, is_gzip: bool) -> Split:
        """Return what is in a body. In a thread: a hostile one takes seconds."""
        received_ms = time.time_ns() // 1_000_000
        # Whoever waits for a turn holds its bytes, so that few can.
        async with self._turns:
            if is_gzip:
                packed = body
                try:
                    body = await self._unpack(packed, held)
                except BrokenGzipError as error:
                    detail = f"expected an EventList or an Event, found {error}"
                    return Split([], [_broken(packed, detail, cluster, received_ms)], is_envelope=False)
                del packed
            return await asyncio.to_thread(split, body, cluster=cluster, received_ms=received_ms, max_items=MAX_ITEMS)

    async def _unpack(self, packed: bytes, held: Held) -> bytes:
        body = bytearray()
        pieces = unpack(packed)
        while piece := await asyncio.to_thread(next, pieces, b""):
            self._check_size(len(body) + len(piece))
            held.take(len(piece))
            body += piece
        return bytes(body)

    def _check_size(self, size: int, headers: Mapping[str, str] | None = None) -> None:
        limit = self._settings.max_body_bytes
        if size > limit:
            raise HTTPException(
                413,
                f"the body is larger than {limit} bytes: let the API server send smaller batches, "
                "or raise AUDITSTREAM_INGEST_MAX_BODY_BYTES",
                headers,
            )


def _broken(packed: bytes, detail: str, cluster: str, received_ms: int) -> Rejected:
    """Return the reject of a body that cannot be unpacked, cut to what the dead letter takes."""
    whole_bytes = len(packed) if len(packed) > MAX_EVENT_BYTES else None
    kept = packed[:MAX_EVENT_BYTES]
    return Rejected(kept, Reason.NOT_JSON, detail, cluster, received_ms, whole_bytes=whole_bytes)


def _is_gzip(request: Request) -> bool:
    """Tell whether the body is packed; raise what is answered to a packing that is not known."""
    named = [name.strip().lower() for value in request.headers.getlist("content-encoding") for name in value.split(",")]
    packings = [name for name in named if name not in {"", "identity"}]
    if not packings:
        return False
    if len(packings) == 1 and packings[0] in {"gzip", "x-gzip"}:
        return True
    raise HTTPException(
        415, "unknown Content-Encoding: gzip, once, and identity are taken", {"Accept-Encoding": "gzip, identity"}
    )


class _LastAnswer(PlainTextResponse):
    """An answer after which the connection is closed, whatever is still to come on it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's order
        """Send it, and close a moment later.

        Where unread bytes meet a closed connection, a reset follows and can overtake the answer: Go's client, and so
        the API server, then tells of a broken connection about every other time, and not of the answer.
        """
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _line(code: int, text: str, headers: Mapping[str, str] | None = None) -> PlainTextResponse:
    """Return an answer of one line, whatever is in the text."""
    kind = _LastAnswer if headers is not None and "Connection" in headers else PlainTextResponse
    return kind(text.encode("unicode_escape") + b"\n", code, headers)
