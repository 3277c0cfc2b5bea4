"""Health and metrics of a worker over HTTP, in the worker's own loop: a loop that hangs does not answer.

Made by `processor.stream.worker`.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_UNAVAILABLE: Final = 503
_KEEP_ALIVE_SECONDS: Final = 5
_GRACE_SECONDS: Final = 1

Ask = Callable[[], str | None]
"""Returns what is wrong, None if nothing is."""


def create_health_app(registry: CollectorRegistry, *, alive: Ask, ready: Ask) -> FastAPI:
    """Return the application: /healthz, /readyz and /metrics."""

    async def healthz(_request: Request) -> Response:
        return _answer(alive(), "alive")

    async def readyz(_request: Request) -> Response:
        return _answer(ready(), "ready")

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        routes=[
            Route("/healthz", healthz, methods=["GET"]),
            Route("/readyz", readyz, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
    )


def _answer(wrong: str | None, right: str) -> Response:
    return PlainTextResponse(f"{right}\n") if wrong is None else PlainTextResponse(f"{wrong}\n", _UNAVAILABLE)


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the worker has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HealthServer:
    """Serves an application on a socket, in the loop that runs."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        self._listener: Final = listener
        self._server: Final = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._listener]))

    async def stop(self) -> None:
        """Answer nothing more."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
