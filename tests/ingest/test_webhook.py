"""The webhook over real HTTP: each damage with its answer, what is kept of it, and the good events beside it."""

import gzip
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from auditstream.local_topic import LocalTopic
from ingest.split import Split, split
from ingest.tokens import read_tokens, token_line
from wire.record import MAX_EVENT_BYTES, Reason

if TYPE_CHECKING:
    from tests.ingest.conftest import Ingest, ServeIngest

BODY = (Path(__file__).parent / "fixtures" / "webhook-body.json").read_bytes()
GOOD = b'{"auditID":"a","stage":"ResponseComplete","verb":"create","objectRef":{"resource":"pods","namespace":"shop"}}'
OTHER = GOOD.replace(b'"a"', b'"b"')
SHORT = GOOD[:-1] + b',"annotations":{"audit.k8s.io/truncated":"true"}}'

NO_PATH = "no such path: audit events are posted to /k8s_audit or /k8s_audit/{cluster}\n"
NO_CLUSTER = "no such path: a cluster's name has up to 63 of a-z, 0-9, '.' and '-', and begins with one of a-z, 0-9\n"
NO_ENCODING = "unknown Content-Encoding: gzip, once, and identity are taken\n"
NO_JSON = "expected an EventList or an Event, found no JSON; the body is kept in the dead letter\n"


def too_large(limit: int) -> str:
    return (
        f"the body is larger than {limit} bytes: let the API server send smaller batches, "
        "or raise AUDITSTREAM_INGEST_MAX_BODY_BYTES\n"
    )


def event_list(*items: bytes) -> bytes:
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[' + b",".join(items) + b"]}\n"


def with_request(request: bytes) -> bytes:
    return GOOD[:-1] + b',"requestObject":' + request + b"}"


def head(*lines: str, path: str = "/k8s_audit") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def read_all(raw: socket.socket) -> bytes:
    """Return what a server sends until it closes."""
    answer = b""
    while part := raw.recv(65536):
        answer += part
    return answer


@dataclass(frozen=True)
class Case:
    """A request, its answer, and what arrives at the other end."""

    name: str
    body: object
    code: int
    text: str
    arrived: tuple[bytes, ...] = ()
    dead: tuple[tuple[Reason, bool, bytes], ...] = ()
    path: str = "/k8s_audit"
    headers: dict[str, str] = field(default_factory=dict)


GZIP: Final = {"Content-Encoding": "gzip"}
LARGE = with_request(b'"' + b"x" * MAX_EVENT_BYTES + b'"')
DEEP = with_request(b"[" * 2_000 + b"]" * 2_000)
PACKED = gzip.compress(event_list(GOOD, OTHER))
BOMB = gzip.compress(bytes(64 * 1024 * 1024)) * 130  # 8 GiB
CROWDED = event_list(*[b"5"] * 100_001)
LIMIT = 9 * 1024 * 1024
PATIENCE_SECONDS: Final = 10


def kept(*, found: str) -> str:
    return f"expected an EventList or an Event, found {found}; the body is kept in the dead letter\n"


def chunks(*parts: bytes) -> Iterator[bytes]:
    yield from parts


CASES = [
    # What arrives
    Case("an event list", event_list(GOOD, OTHER), 200, "", (GOOD, OTHER)),
    Case("one event", b'{"kind":"Event",' + GOOD[1:], 200, "", (b'{"kind":"Event",' + GOOD[1:],)),
    Case("chunks", lambda: chunks(event_list(GOOD)[:50], event_list(GOOD)[50:]), 200, "", (GOOD,)),
    Case("empty items", event_list(), 200, ""),
    Case("a query", event_list(GOOD), 200, "", (GOOD,), path="/k8s_audit?timeout=30s"),
    Case("the other path", event_list(GOOD), 200, "", (GOOD,), path="/k8s-audit"),
    Case("an escape in the path", event_list(GOOD), 200, "", (GOOD,), path="/k8s%5Faudit"),
    # Damaged items: the answer is 200, since a repeat would not mend them
    Case(
        "a broken item among good ones",
        event_list(GOOD, b'{"a":tru}', OTHER),
        200,
        "",
        (GOOD, OTHER),
        ((Reason.NOT_JSON, False, b'{"a":tru}'),),
    ),
    Case("an item that is none", event_list(GOOD, b"5"), 200, "", (GOOD,), ((Reason.NOT_AN_EVENT, False, b"5"),)),
    Case(
        "an item that is too large",
        event_list(LARGE, GOOD),
        200,
        "",
        (SHORT, GOOD),
        ((Reason.TOO_LARGE, True, LARGE[:MAX_EVENT_BYTES]),),
    ),
    Case("deep nesting", event_list(GOOD, DEEP), 200, "", (GOOD, SHORT), ((Reason.TOO_DEEP, True, DEEP),)),
    Case(
        "invalid UTF-8",
        event_list(with_request(b'"\xff"'), GOOD),
        200,
        "",
        (with_request(b'"\xef\xbf\xbd"'), GOOD),
        ((Reason.NOT_UTF8, True, with_request(b'"\xff"')),),
    ),
    Case(
        "a number out of range",
        event_list(with_request(b"1e999")),
        200,
        "",
        (with_request(b"1e308"),),
        ((Reason.BAD_NUMBER, True, with_request(b"1e999")),),
    ),
    # Bodies that are none
    Case("not JSON", b"hello", 400, NO_JSON, (), ((Reason.NOT_JSON, False, b"hello"),)),
    Case("a header in the body", b"\r\nX: 1", 400, NO_JSON, (), ((Reason.NOT_JSON, False, b"\r\nX: 1"),)),
    Case("JSON that is cut off", BODY[:-9], 400, NO_JSON, (), ((Reason.NOT_JSON, False, BODY[:-9]),)),
    Case("nesting without end", b"[" * 100_000, 400, NO_JSON, (), ((Reason.NOT_JSON, False, b"[" * 100_000),)),
    Case("an empty body", b"", 400, NO_JSON, (), ((Reason.NOT_JSON, False, b""),)),
    Case(
        "too many items",
        CROWDED,
        400,
        "more than 100000 items; the body is kept in the dead letter\n",
        (),
        ((Reason.TOO_MANY, False, CROWDED),),
    ),
    Case(
        "another kind",
        b'{"kind":"Pod"}',
        400,
        kept(found="an object"),
        (),
        ((Reason.NOT_AN_ENVELOPE, False, b'{"kind":"Pod"}'),),
    ),
    # Packed bodies
    Case("gzip", PACKED, 200, "", (GOOD, OTHER), headers=GZIP),
    Case("gzip by its old name", PACKED, 200, "", (GOOD, OTHER), headers={"Content-Encoding": "X-GZip, identity"}),
    Case("gzip in chunks", lambda: chunks(PACKED[:9], PACKED[9:]), 200, "", (GOOD, OTHER), headers=GZIP),
    Case(
        "gzip of several members",
        gzip.compress(event_list(GOOD)[:40]) + gzip.compress(event_list(GOOD)[40:]),
        200,
        "",
        (GOOD,),
        headers=GZIP,
    ),
    Case("no packing", event_list(GOOD), 200, "", (GOOD,), headers={"Content-Encoding": " Identity"}),
    Case("an empty packing", event_list(GOOD), 200, "", (GOOD,), headers={"Content-Encoding": ""}),
    Case(
        "gzip of something else",
        gzip.compress(b"hello"),
        400,
        NO_JSON,
        (),
        ((Reason.NOT_JSON, False, b"hello"),),
        headers=GZIP,
    ),
    Case("a gzip bomb", BOMB, 413, too_large(LIMIT), headers=GZIP),
    Case(
        "gzip that is none",
        event_list(GOOD),
        400,
        kept(found="damaged gzip: incorrect header check"),
        (),
        ((Reason.NOT_JSON, False, event_list(GOOD)),),
        headers=GZIP,
    ),
    Case(
        "gzip that breaks off",
        PACKED[:-1],
        400,
        kept(found="gzip that breaks off"),
        (),
        ((Reason.NOT_JSON, False, PACKED[:-1]),),
        headers=GZIP,
    ),
    Case(
        "damaged gzip, too large for the dead letter",
        b"\0" * (MAX_EVENT_BYTES + 1),
        400,
        kept(found="damaged gzip: incorrect header check"),
        (),
        ((Reason.NOT_JSON, False, b"\0" * MAX_EVENT_BYTES),),
        headers=GZIP,
    ),
    Case("gzip twice", gzip.compress(PACKED), 415, NO_ENCODING, headers={"Content-Encoding": "gzip, gzip"}),
    Case("another packing", zlib.compress(event_list(GOOD)), 415, NO_ENCODING, headers={"Content-Encoding": "deflate"}),
    # Paths
    Case("an unknown path", event_list(GOOD), 404, NO_PATH, path="/"),
    Case("a trailing slash", event_list(GOOD), 404, NO_PATH, path="/k8s_audit/"),
    Case("a trailing slash after the cluster", event_list(GOOD), 404, NO_PATH, path="/k8s_audit/a/"),
    Case("two slashes", event_list(GOOD), 404, NO_PATH, path="//k8s_audit"),
    Case("a slash in the cluster", event_list(GOOD), 404, NO_PATH, path="/k8s_audit/a%2Fb"),
    Case("a line break after the path", event_list(GOOD), 404, NO_CLUSTER, path="/k8s_audit%0A"),
    Case("the documentation", event_list(GOOD), 404, NO_PATH, path="/docs"),
    *(
        Case(f"the cluster {name[:9]}", event_list(GOOD), 404, NO_CLUSTER, path=f"/k8s_audit/{name}")
        for name in ("-a", "Prod", "a_b", "a" * 64, "%C3%A9", "a%0A", "a%20", ".")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_damage_has_its_answer_and_costs_nothing_else(case: Case, ingest: "Ingest") -> None:
    body = case.body() if callable(case.body) else case.body
    answer = ingest.post(body, case.path, case.headers)

    assert (answer.code, answer.text) == (case.code, case.text)
    assert tuple(record.value for record in ingest.records) == case.arrived
    assert tuple((dead.reason, dead.is_judged, dead.value) for dead in ingest.rejected) == case.dead
    assert answer.headers.get("content-type") == ("text/plain; charset=utf-8" if case.text else None)


def test_a_batch_of_an_api_server_arrives_byte_for_byte_and_in_its_order(ingest: "Ingest") -> None:
    before = time.time_ns() // 1_000_000
    answer = ingest.post(BODY, headers={"Content-Type": "application/json"})
    after = time.time_ns() // 1_000_000

    assert (answer.code, answer.text, answer.headers["content-length"]) == (200, "", "0")
    expected = split(BODY, cluster="prod", received_ms=0).records  # two of the four are Secrets, and redacted
    assert [(one.value, one.key) for one in ingest.records] == [(one.value, one.key) for one in expected]
    assert [BODY.find(record.value) > 0 for record in ingest.records] == [True, True, True, False]
    assert all(before <= record.received_ms <= after for record in ingest.records)


@pytest.mark.parametrize(
    ("path", "cluster"),
    [("/k8s_audit", "prod"), ("/k8s_audit/eu-1.shop", "eu-1.shop"), ("/k8s-audit/" + "a" * 63, "a" * 63)],
)
def test_the_cluster_is_that_of_the_path_or_the_one_that_is_set(path: str, cluster: str, ingest: "Ingest") -> None:
    assert ingest.post(event_list(GOOD, b"5"), path).code == 200
    assert ingest.post(PACKED[:-1], path, GZIP).code == 400
    assert [record.cluster for record in ingest.records] == [cluster]
    assert [dead.cluster for dead in ingest.rejected] == [cluster, cluster]
    assert ingest.rejected[1].received_ms >= ingest.records[0].received_ms > 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_another_method_is_told_which_one_is_taken(method: str, ingest: "Ingest") -> None:
    answer = ingest.request(method, "/k8s_audit/prod", event_list(GOOD))

    text = "" if method == "HEAD" else "this path takes POST only\n"
    assert (answer.code, answer.text, answer.headers["allow"]) == (405, text, "POST")
    assert ingest.records == []


def test_posting_to_what_is_read_is_told_so(ingest: "Ingest") -> None:
    answer = ingest.post(event_list(GOOD), "/healthz")

    assert (answer.code, answer.text, answer.headers["allow"]) == (405, "this path takes GET, HEAD only\n", "GET, HEAD")


def test_an_unknown_encoding_is_told_which_are_known(ingest: "Ingest") -> None:
    assert ingest.post(PACKED, headers={"Content-Encoding": "br"}).headers["accept-encoding"] == "gzip, identity"


# Bodies that are too large or never end


def test_a_body_that_is_declared_too_large_is_refused_before_it_is_read(ingest: "Ingest") -> None:
    with ingest.socket(head(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")) as raw:
        answer = read_all(raw)

    assert answer.startswith(b"HTTP/1.1 413 ")  # and no 100 before it
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.endswith(too_large(LIMIT).encode())


def test_a_packed_body_that_is_too_large_keeps_its_connection(ingest: "Ingest") -> None:
    connection = ingest.connection()
    for _ in range(3):
        connection.request("POST", "/k8s_audit", gzip.compress(bytes(LIMIT + 1)), GZIP)
        response = connection.getresponse()
        assert (response.status, response.getheader("Connection"), response.read()) == (
            413,
            None,
            too_large(LIMIT).encode(),
        )
    connection.close()


def test_a_body_of_the_largest_size_is_taken(ingest: "Ingest") -> None:
    body = event_list(GOOD)

    assert ingest.post(body + b" " * (LIMIT - len(body))).code == 200
    assert ingest.post(gzip.compress(body + b" " * (LIMIT - len(body))), headers=GZIP).code == 200
    assert ingest.post(gzip.compress(body + b" " * (LIMIT - len(body) + 1)), headers=GZIP).code == 413


def test_a_body_in_chunks_that_grows_too_large_is_read_no_further(serve: "ServeIngest") -> None:
    ingest = serve(max_body_bytes=1000)

    def send_without_end(raw: socket.socket) -> None:
        with suppress(OSError):
            while True:
                raw.sendall(chunk(bytes(1000)))

    with ingest.socket(head("Transfer-Encoding: chunked")) as raw, ThreadPoolExecutor() as threads:
        sending = threads.submit(send_without_end, raw)
        answer = b""
        while not answer.endswith(b"BYTES\n"):
            answer += raw.recv(1000)
        sending.result(timeout=PATIENCE_SECONDS)  # the connection is closed, though the sender goes on

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.endswith(b"\r\n\r\n" + too_large(1000).encode())
    assert (ingest.metric("body_bytes_total") or 0) <= 1000
    assert ingest.metric("in_flight_bytes") == 0


def test_a_sender_of_too_much_sees_the_answer_and_not_a_broken_connection(ingest: "Ingest") -> None:
    for size in (LIMIT + 1, 3 * LIMIT):
        answer = ingest.post(bytes(size))
        assert (answer.code, answer.text) == (413, too_large(LIMIT))
    assert ingest.post(chunks(*[bytes(LIMIT)] * 3)).code == 413


def test_a_sender_that_trickles_is_given_up(serve: "ServeIngest") -> None:
    ingest = serve(read_timeout_seconds=0.2)
    with ingest.socket(head("Content-Length: 50"), b"{") as raw:
        ingest.wait_until(lambda: ingest.metric("in_flight_bytes") == 1)
        answer = read_all(raw)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.endswith(b"\r\n\r\nthe body was not complete after 0.2 seconds\n")


# Bodies that break off


@pytest.mark.parametrize(
    "sent",
    [
        head(f"Content-Length: {len(BODY)}") + BODY[:-1],
        head("Transfer-Encoding: chunked") + chunk(BODY[:500]) + b"400\r\n" + BODY[500:600],
        head("Transfer-Encoding: chunked") + chunk(BODY),  # all of it, but not the last chunk
    ],
    ids=["by length", "within a chunk", "between chunks"],
)
@pytest.mark.parametrize("is_half_closed", [False, True])
def test_nothing_of_a_body_that_breaks_off_is_taken(
    sent: bytes,
    is_half_closed: bool,  # noqa: FBT001 - a parameter of the test
    ingest: "Ingest",
) -> None:
    before = ingest.metric("bodies_total", code="400") or 0
    with ingest.socket(sent) as raw:
        ingest.wait_until(lambda: ingest.metric("in_flight_bytes") != 0)
        if is_half_closed:
            raw.shutdown(socket.SHUT_WR)
            assert read_all(raw) == b""
    ingest.wait_until(lambda: ingest.metric("bodies_total", code="400") == before + 1)

    assert ingest.post(event_list(GOOD)).code == 200  # the server goes on
    assert [record.value for record in ingest.records] == [GOOD]
    assert ingest.rejected == []


def test_nothing_of_a_body_with_a_broken_chunk_is_taken(ingest: "Ingest") -> None:
    with ingest.socket(head("Transfer-Encoding: chunked"), chunk(BODY), b"zz\r\n") as raw:
        answer = read_all(raw)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert ingest.post(event_list(GOOD)).code == 200
    assert [record.value for record in ingest.records] == [GOOD]
    assert ingest.rejected == []


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: abc",),
        ("Content-Length: -1",),
        ("Content-Length: " + "9" * 30,),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Transfer-Encoding: gzip",),
    ],
)
def test_a_length_that_is_none_is_refused_by_the_server_itself(lines: tuple[str, ...], ingest: "Ingest") -> None:
    with ingest.socket(head(*lines)) as raw:
        answer = read_all(raw)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert ingest.post(event_list(GOOD)).code == 200


def test_what_was_taken_stays_taken_when_the_sender_goes_away(ingest: "Ingest") -> None:
    ingest.hold()
    with ingest.socket(head(f"Content-Length: {len(event_list(GOOD))}"), event_list(GOOD)):
        ingest.wait_until(lambda: ingest.topic.events == 1)
    ingest.release()
    ingest.wait_until(lambda: ingest.topic.events == 0)

    assert [record.value for record in ingest.records] == [GOOD]


# Back-pressure


def test_a_publisher_that_is_full_lets_the_sender_come_again(serve: "ServeIngest") -> None:
    ingest = serve(LocalTopic(max_events=1))
    ingest.hold()
    with ThreadPoolExecutor() as threads:
        first = threads.submit(ingest.post, event_list(GOOD))
        ingest.wait_until(lambda: ingest.topic.events == 1)
        answer = ingest.post(event_list(OTHER))
        assert (answer.code, answer.headers["retry-after"]) == (503, "2")
        assert answer.text == "too much waits to be judged: 1 of at most 1 events\n"
        ready = ingest.request("GET", "/readyz")
        assert (ready.code, ready.text) == (503, answer.text)
        ingest.release()
        assert first.result().code == 200
    assert ingest.post(event_list(OTHER)).code == 200
    assert [record.value for record in ingest.records] == [GOOD, OTHER]


def test_a_consumer_that_fails_lets_the_sender_come_again(serve: "ServeIngest") -> None:
    ingest = serve(retry_after_seconds=7)
    ingest.failure = "disk\r\nfull \u2028\xe9"
    answer = ingest.post(event_list(GOOD))

    assert (answer.code, answer.text) == (503, "disk\\r\\nfull \\u2028\\xe9\n")
    assert answer.headers["retry-after"] == "7"
    assert ingest.post(b"hello").code == 503  # its reject could not be kept, so that it must come again too
    ingest.failure = None
    assert ingest.post(event_list(GOOD)).code == 200
    assert ingest.post(b"hello").code == 400


class Counting:
    """The in-process topic, and how often it was given a batch."""

    def __init__(self, topic: LocalTopic) -> None:
        self.topic: Final = topic
        self.begun = 0

    async def publish(self, batch: Split) -> None:
        self.begun += 1
        await self.topic.publish(batch)

    def check(self) -> None:
        self.topic.check()


def test_a_late_consumer_lets_the_sender_come_again_and_the_repeat_is_not_taken_twice(serve: "ServeIngest") -> None:
    topic = LocalTopic(timeout_seconds=0.5)
    publisher = Counting(topic)
    ingest = serve(topic, publisher)
    ingest.hold()
    answer = ingest.post(event_list(GOOD))
    assert (answer.code, answer.text) == (503, "not judged within 0.5 seconds\n")
    with ThreadPoolExecutor() as threads:
        repeat = threads.submit(ingest.post, event_list(GOOD))
        ingest.wait_until(lambda: publisher.begun == 2)
        ingest.release()
        assert repeat.result().code == 200
    assert [record.value for record in ingest.records] == [GOOD]


def test_a_body_that_would_be_too_much_in_flight_is_refused_before_it_is_read(serve: "ServeIngest") -> None:
    ingest = serve(max_body_bytes=1000, max_in_flight_bytes=1000)
    with ingest.socket(head("Content-Length: 600"), bytes(500)):
        ingest.wait_until(lambda: ingest.metric("in_flight_bytes") == 500)
        connection = ingest.connection()
        connection.putrequest("POST", "/k8s_audit")
        connection.putheader("Content-Length", "501")
        connection.endheaders()
        response = connection.getresponse()  # no byte of the body was sent
        assert (response.status, response.getheader("Retry-After")) == (503, "2")
        assert response.read() == b"the bodies in flight would be more than 1000 bytes\n"
        # The connection stays: the sender may be in the middle of its body, and shall see the answer.
        connection.send(bytes(501))
        connection.request("POST", "/k8s_audit", event_list(GOOD))
        assert connection.getresponse().status == 200
        connection.close()


def test_a_body_that_grows_to_too_much_in_flight_is_refused(serve: "ServeIngest") -> None:
    ingest = serve(max_body_bytes=1000, max_in_flight_bytes=1000)
    with ingest.socket(head("Content-Length: 600"), bytes(500)):
        ingest.wait_until(lambda: ingest.metric("in_flight_bytes") == 500)
        answer = ingest.post(chunks(bytes(400), bytes(101)))
        assert (answer.code, answer.headers["retry-after"]) == (503, "2")
        assert ingest.metric("in_flight_bytes") == 500
        packed = ingest.post(gzip.compress(bytes(500)), headers=GZIP)
        assert (packed.code, packed.headers["retry-after"]) == (503, "2")


# Connections


def test_many_posts_share_a_connection(ingest: "Ingest") -> None:
    connection = ingest.connection()
    for number in range(50):
        event = GOOD.replace(b'"a"', b'"%d"' % number)
        packed = gzip.compress(event_list(event, event))
        body = (event_list(event), b"hello %d" % number, packed)[number % 3]
        connection.request("POST", "/k8s_audit", body, GZIP if body is packed else {})
        response = connection.getresponse()
        response.read()
        assert response.status == (200, 400, 200)[number % 3]
    connection.close()
    assert (len(ingest.records), len(ingest.rejected)) == (17 + 2 * 16, 17)


def test_posts_that_do_not_wait_for_each_other_are_answered_in_their_order(ingest: "Ingest") -> None:
    bodies = [event_list(GOOD), b"hello", event_list(OTHER)]
    sent = [head(f"Content-Length: {len(body)}") + body for body in bodies]
    last = head("Content-Length: 0", "Connection: close", path="/nowhere")
    with ingest.socket(b"".join(sent) + last) as raw:
        answer = read_all(raw)

    assert re.findall(rb"HTTP/1.1 (\d+) ", answer) == [b"200", b"400", b"200", b"404"]
    assert [record.value for record in ingest.records] == [GOOD, OTHER]


def test_a_sender_that_asks_first_is_told_to_go_on(ingest: "Ingest") -> None:
    body = event_list(GOOD)
    with ingest.socket(head(f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close")) as raw:
        asked = raw.recv(1000)
        raw.sendall(body)
        answer = read_all(raw)

    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_fifty_posts_at_once_all_arrive(ingest: "Ingest") -> None:
    items = [GOOD.replace(b'"a"', b'"%d"' % number) for number in range(50)]
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda item: ingest.post(event_list(item)).code, items))

    assert answers == [200] * 50
    assert sorted(record.value for record in ingest.records) == sorted(items)


def test_a_slow_body_does_not_hold_others_up(ingest: "Ingest") -> None:
    # Brackets are what takes longest to take apart; this body takes a second or so.
    slow = event_list(*[b'{"a":[[[[[]]]]],"b":tru}'] * 100_000)
    thread = threading.Thread(target=ingest.post, args=(slow,))
    thread.start()
    ingest.wait_until(lambda: ingest.metric("in_flight_bytes") == len(slow))
    answers = [ingest.post(event_list(GOOD)).code for _ in range(3)]
    is_over = ingest.metric("in_flight_bytes") == 0
    thread.join()

    assert answers == [200, 200, 200]
    assert not is_over


# Failures of ours


class Failing:
    """A publisher with a defect. The text of its error is a client's."""

    async def publish(self, batch: Split) -> None:
        raise RuntimeError(batch.records[0].value.decode())

    def check(self) -> None:
        raise RuntimeError


def test_a_defect_is_answered_and_logged_in_one_line(serve: "ServeIngest", caplog: pytest.LogCaptureFixture) -> None:
    ingest = serve(publisher=Failing())
    answer = ingest.post(event_list(GOOD))
    ready = ingest.request("GET", "/readyz")

    text = "internal error: the server's log names the place\n"
    assert [(answer.code, answer.text), (ready.code, ready.text)] == [(500, text), (500, text)]
    told = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(told) == 2
    for record in told:
        assert re.fullmatch(r"answered 500: RuntimeError at \S+/test_webhook\.py:\d+", record.getMessage())
        assert record.exc_info is None
    assert ingest.metric("bodies_total", code="500") == 1
    assert ingest.metric("in_flight_bytes") == 0


def test_nothing_is_held_when_a_request_is_cancelled(ingest: "Ingest") -> None:
    ingest.hold()
    body = event_list(GOOD)
    with ingest.socket(head(f"Content-Length: {len(body)}"), body) as raw:
        ingest.wait_until(lambda: ingest.topic.events == 1)
        assert ingest.metric("in_flight_bytes") == len(body)
        for task in tuple(ingest.server.server_state.tasks):  # as uvicorn does when it may not wait any longer
            ingest.loop.call_soon_threadsafe(task.cancel)
        assert raw.recv(100).startswith(b"HTTP/1.1 500 ")
        assert ingest.metric("in_flight_bytes") == 0
    assert ingest.topic.events == 1  # what was published goes on
    ingest.release()
    ingest.wait_until(lambda: ingest.topic.events == 0)


def test_an_ordinary_body_leaves_no_log(ingest: "Ingest", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for body in (event_list(GOOD), event_list(GOOD, b"5"), b"hello"):
        ingest.post(body)
    ingest.post(b"", "/k8s_audit/%0aX")

    # pytest listens to uvicorn's log of requests too, which is off.
    assert [record for record in caplog.records if record.name != "uvicorn.access"] == []


# Who may post

TOKENS = read_tokens(token_line("east", "east-token") + token_line("west", "west-token"))
UNKNOWN = "a token that is known here is needed: Authorization: Bearer TOKEN\n"


@pytest.mark.parametrize(
    ("path", "token", "cluster"),
    [
        ("/k8s_audit", "Bearer east-token", "east"),
        ("/k8s-audit", "bearer west-token", "west"),
        ("/k8s_audit/west", "Bearer west-token", "west"),
    ],
)
def test_a_token_names_the_cluster(serve: "ServeIngest", path: str, token: str, cluster: str) -> None:
    ingest = serve(tokens=lambda: TOKENS)
    assert ingest.post(event_list(GOOD), path, {"Authorization": token}).code == 200
    assert [record.cluster for record in ingest.records] == [cluster]


@pytest.mark.parametrize(
    ("path", "headers", "code", "text"),
    [
        ("/k8s_audit", {}, 401, UNKNOWN),
        ("/k8s_audit/east", {"Authorization": "Bearer east-tokeN"}, 401, UNKNOWN),
        ("/k8s_audit/East", {}, 401, UNKNOWN),
        ("/k8s_audit/East", {"Authorization": "Bearer east-token"}, 404, NO_CLUSTER),
        (
            "/k8s_audit/east",
            {"Authorization": "Bearer west-token"},
            403,
            "this token is of the cluster west, and posts for no other\n",
        ),
    ],
)
def test_who_may_not_post_is_told_so_and_nothing_is_taken(
    serve: "ServeIngest", path: str, headers: dict[str, str], code: int, text: str
) -> None:
    ingest = serve(tokens=lambda: TOKENS)
    answer = ingest.post(event_list(GOOD), path, headers)
    assert (answer.code, answer.text) == (code, text)
    assert answer.headers.get("www-authenticate") == ("Bearer" if code == 401 else None)
    assert (ingest.records, ingest.rejected, ingest.metric("body_bytes_total")) == ([], [], 0)
    assert ingest.metric("bodies_total", code=str(code)) == 1


def test_two_tokens_at_once_are_none(serve: "ServeIngest") -> None:
    ingest = serve(tokens=lambda: TOKENS)
    request = head("Authorization: Bearer east-token", "Authorization: Bearer west-token", "Content-Length: 5")
    with ingest.socket(request) as raw:
        assert raw.recv(100).startswith(b"HTTP/1.1 401 ")


def test_the_tokens_of_the_moment_are_asked(serve: "ServeIngest") -> None:
    valid = [TOKENS]
    ingest = serve(tokens=lambda: valid[-1])
    bearer = {"Authorization": "Bearer east-token"}
    assert ingest.post(event_list(GOOD), headers=bearer).code == 200
    valid.append(read_tokens(""))
    assert ingest.post(event_list(OTHER), headers=bearer).code == 401


def test_metrics_are_for_callers_and_health_is_for_all(serve: "ServeIngest") -> None:
    ingest = serve(tokens=lambda: TOKENS)
    assert [ingest.request("GET", path).code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 401]
    answer = ingest.request("GET", "/metrics", headers={"Authorization": "Bearer west-token"})
    assert answer.code == 200
    assert "auditstream_ingest_body_bytes_total" in answer.text
