"""A webhook on a real server for the tests of the edge; and property tests run without a deadline.

A busy machine is no defect of the code under test.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import TYPE_CHECKING, Any, Final

import pytest
import uvicorn
from hypothesis import settings
from prometheus_client import CollectorRegistry

from auditstream.local_topic import LocalTopic
from ingest.app import create_app
from ingest.publisher import Acknowledged, Publisher
from ingest.settings import IngestSettings
from ingest.tokens import Tokens
from ingest.webhook import Callers

if TYPE_CHECKING:
    from wire.record import Record, Rejected

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

MIB: Final = 1024 * 1024
PATIENCE_SECONDS: Final = 25
"""For what takes a second or two on a machine that has nothing else to do; less than the webhook waits for a body."""


@dataclass(frozen=True)
class Answer:
    """What a client reads."""

    code: int
    text: str
    headers: Mapping[str, str]


class Ingest:
    """A webhook that listens on loopback, and the consumer at the other end, which keeps what arrives."""

    def __init__(
        self,
        settings: IngestSettings,
        topic: LocalTopic,
        publisher: Publisher,
        tokens: Callable[[], Tokens] | None = None,
    ) -> None:
        self.topic: Final = topic
        self.records: list[Record] = []
        self.rejected: list[Rejected] = []
        self.failure: str | None = None
        """What the consumer says of each batch, if it fails."""
        self.registry: Final = CollectorRegistry()
        self.app: Final = create_app(settings, publisher, self.registry, Callers("prod", tokens))
        # As small as a server that has nothing else to do: no log of its own, no WebSockets.
        config = uvicorn.Config(self.app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none")
        self.server: Final = uvicorn.Server(config)
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._goes_on: Final = asyncio.Event()
        self._goes_on.set()

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    @contextmanager
    def running(self) -> Iterator["Ingest"]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            self.wait_until(lambda: self.server.started)
            yield self
            self.release()
            self.wait_until(lambda: self.metric("in_flight_bytes") == 0)
        finally:
            self.release()
            self.server.should_exit = True
            thread.join()

    def _run(self) -> None:
        async def serve() -> None:
            consumer = asyncio.create_task(self._consume())
            await self.server.serve()
            self.topic.close("the server stops")
            await consumer

        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(serve())

    async def _consume(self) -> None:
        async for taken in self.topic:
            await self._goes_on.wait()
            if self.failure is not None:
                taken.failed(self.failure)
                continue
            self.records += taken.batch.records
            self.rejected += taken.batch.rejected
            taken.done()

    def hold(self) -> None:
        """Let the consumer wait from now on."""
        self.loop.call_soon_threadsafe(self._goes_on.clear)

    def release(self) -> None:
        """Let the consumer go on."""
        self.loop.call_soon_threadsafe(self._goes_on.set)

    def clear(self) -> None:
        self.failure = None
        self.records = []
        self.rejected = []

    def connection(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def request(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request on a connection of its own. A body that is an iterator goes out in chunks."""
        connection = self.connection()
        try:
            connection.request(method, path, body, dict(headers or {}))
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, body: Any, path: str = "/k8s_audit", headers: Mapping[str, str] | None = None) -> Answer:
        return self.request("POST", path, body, headers)

    def socket(self, *sent: bytes) -> socket.socket:
        """Open a connection and send bytes as they are."""
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        for part in sent:
            raw.sendall(part)
        return raw

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"auditstream_ingest_{name}", labels)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.005)


ServeIngest = Callable[..., Ingest]


def read_answer(response: HTTPResponse) -> Answer:
    return Answer(
        response.status, response.read().decode(), {key.lower(): value for key, value in response.getheaders()}
    )


@pytest.fixture
def serve() -> Iterator[ServeIngest]:
    """Run webhooks with settings of their own."""
    with ExitStack() as stack:

        def run(
            topic: LocalTopic | None = None,
            publisher: Publisher | None = None,
            tokens: Callable[[], Tokens] | None = None,
            **given: Any,
        ) -> Ingest:
            topic = topic or LocalTopic()
            return stack.enter_context(Ingest(IngestSettings(**given), topic, publisher or topic, tokens).running())

        yield run


_tests_begun = 0


@pytest.fixture(scope="session")
def _shared_ingest() -> Iterator[Ingest]:
    settings = IngestSettings(max_body_bytes=9 * MIB, max_in_flight_bytes=18 * MIB)
    topic = LocalTopic(acknowledged=Acknowledged(lambda: _tests_begun * Acknowledged.KEPT_SECONDS))
    with Ingest(settings, topic, topic).running() as ingest:
        yield ingest


@pytest.fixture
def ingest(_shared_ingest: Ingest) -> Iterator[Ingest]:
    """Use a webhook for bodies up to 9 MiB that many tests share, one after the other."""
    global _tests_begun  # noqa: PLW0603 - what one test posted is forgotten by the time of the next
    _tests_begun += 1
    _shared_ingest.clear()
    yield _shared_ingest
    # Whatever a test did, nothing of it is held when it is over.
    _shared_ingest.wait_until(lambda: _shared_ingest.metric("in_flight_bytes") == 0)
    assert _shared_ingest.topic.events == 0
