"""The one-process mode at work: the server, the topic and the judge between them."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry

from auditstream.access import Access
from auditstream.local_topic import LocalTopic
from auditstream.screen import Screen
from auditstream.serve import Judge, Service, TryAgain, serve
from auditstream.server import Front, Stop
from auditstream.settings import ListenSettings
from ingest.app import create_app
from ingest.settings import IngestSettings
from ingest.split import Split

MakeBody = Callable[..., bytes]
Answers = list[tuple[int, str]]


class Client(threading.Thread):
    """Posts bodies one after the other, and then asks for the end if it is to."""

    def __init__(self, port: int, bodies: list[bytes], stop: Stop | None) -> None:
        super().__init__()
        self.answers: Answers = []
        self._port = port
        self._bodies = bodies
        self._asked = stop

    def run(self) -> None:
        """Post."""
        for number, body in enumerate(self._bodies):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            connection.request("POST", f"/k8s_audit/c{number}", body)
            answer = connection.getresponse()
            self.answers.append((answer.status, answer.read().decode().strip()))
            connection.close()
        if self._asked is not None:
            self._asked.ask()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def _serve(listener: socket.socket, judge: Judge, bodies: list[bytes], *, asks: bool = True) -> tuple[Answers, object]:
    """Serve until the bodies are posted; return the answers, and what ended it: a signal, None, or an error."""
    clients: list[Client] = []
    topic = LocalTopic()

    def begin(stop: Stop) -> None:
        clients.append(Client(listener.getsockname()[1], bodies, stop if asks else None))
        clients[0].start()

    access = Access(ListenSettings(), Screen())
    front = Front(listener, access, create_app(IngestSettings(), topic, CollectorRegistry(), access.callers))
    try:
        ended: object = serve(Service(front, topic, judge, begin))
    except RuntimeError as error:
        ended = error
    clients[0].join()
    return clients[0].answers, ended


def test_batches_reach_the_judge_one_after_the_other_and_then_are_answered(
    listener: socket.socket, body: MakeBody
) -> None:
    judged: list[str] = []
    answers, ended = _serve(listener, lambda batch: judged.append(batch.records[0].cluster), [body({})] * 3)
    assert judged == ["c0", "c1", "c2"]
    assert answers == [(200, "")] * 3
    assert ended is None


def test_a_batch_that_is_to_come_again_is_answered_503_and_the_next_goes_on(
    listener: socket.socket, body: MakeBody
) -> None:
    def judge(batch: Split) -> None:
        if batch.records[0].cluster == "c0":
            raise TryAgain("the disk is full")

    answers, _ = _serve(listener, judge, [body({})] * 2)
    assert answers == [(503, "the disk is full"), (200, "")]


def test_a_judge_that_fails_ends_the_service_and_what_waits_is_with_its_sender(
    listener: socket.socket, body: MakeBody
) -> None:
    def judge(_batch: Split) -> None:
        raise RuntimeError("no more")

    answers, ended = _serve(listener, judge, [body({})], asks=False)
    assert answers == [(503, "auditstream is stopping")]
    assert repr(ended) == "RuntimeError('no more')"
