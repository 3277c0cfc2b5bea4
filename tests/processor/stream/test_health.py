"""Health and metrics over HTTP, from the loop of whoever asks for them to be served."""

import asyncio
import socket
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from processor.stream.health import HealthServer, create_health_app


def _get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - of our own server
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["Content-Type"]


def _served(path: str, *, alive: str | None = None, ready: str | None = None) -> tuple[int, str, str]:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    app = create_health_app(registry, alive=lambda: alive, ready=lambda: ready)

    async def work(listener: socket.socket) -> tuple[int, str, str]:
        server = HealthServer(app, listener)
        server.start()
        try:
            return await asyncio.to_thread(_get, f"http://127.0.0.1:{listener.getsockname()[1]}{path}")
        finally:
            await server.stop()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return asyncio.run(work(listener))


@pytest.mark.parametrize(("path", "text"), [("/healthz", "alive\n"), ("/readyz", "ready\n")])
def test_all_is_well(path: str, text: str) -> None:
    assert _served(path) == (200, text, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_what_is_wrong_is_said(path: str) -> None:
    code, text, _ = _served(path, alive="it hangs", ready="it waits")
    assert code == 503
    assert text == ("it hangs\n" if path == "/healthz" else "it waits\n")


def test_metrics_are_those_of_the_registry() -> None:
    code, text, kind = _served("/metrics")
    assert (code, kind.partition(";")[0]) == (200, "text/plain")
    assert "things_total 1.0\n" in text


def test_nothing_else_is_served() -> None:
    assert _served("/docs")[0] == 404


def test_one_that_was_not_started_can_be_stopped() -> None:
    registry = CollectorRegistry()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HealthServer(create_health_app(registry, alive=lambda: None, ready=lambda: None), listener)
        asyncio.run(server.stop())
