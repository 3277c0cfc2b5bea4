"""`auditstream ingest` on a real Kafka: where events go, what an outage costs, and how it begins and ends."""

import asyncio
import http.client
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

import pytest
import trustme
from aiokafka.partitioner import DefaultPartitioner

from auditstream import demo
from ingest.split import split
from tests import waiting
from tests.credentials import SECURED, trusting, write_certificate, write_tokens
from tests.kafka.broker import OwnBroker
from tests.kafka.client import Stored, create_topics, delete_topics, read_topic
from tests.kafka.fixtures import variables
from wire.kafka_settings import KafkaSettings

if TYPE_CHECKING:
    from tests.auditstream.conftest import Answer, Ingest, Run, Serving

MakeBody = Callable[..., bytes]

PATIENCE_SECONDS: Final = 60
until: Final = partial(waiting.until, seconds=PATIENCE_SECONDS)

MARGIN_SECONDS: Final = 3.0
"""What an answer may be late by on a machine that is busy."""

AT_ONCE_SECONDS: Final = 1.5

NOWHERE: Final = KafkaSettings(bootstrap="127.0.0.1:1")


def await_ready(service: "Serving") -> None:
    until(lambda: service.ask("GET", "/readyz").code == 200)


def stored(kafka: KafkaSettings) -> list[Stored]:
    return asyncio.run(read_topic(kafka.bootstrap, kafka.topics.events.name))


def values(records: list[Stored]) -> Counter[bytes]:
    return Counter(record.value or b"" for record in records)


def timed(service: "Serving", body: bytes) -> "tuple[Answer, float]":
    begin = time.monotonic()
    answer = service.post(body)
    return answer, time.monotonic() - begin


# --- where events go -------------------------------------------------------------------------------------------------


def test_recorded_bodies_are_on_the_topic_once_as_they_were_split(topics: KafkaSettings, ingest: "Ingest") -> None:
    bodies = list(demo.bodies())
    service = ingest(topics, "--cluster", "main")
    await_ready(service)
    begin_ms = time.time_ns() // 1_000_000
    assert {service.post(body).code for body in bodies} == {200}
    end_ms = time.time_ns() // 1_000_000

    found = stored(topics)
    batches = [split(body, cluster="main", received_ms=0) for body in bodies]
    expected = [record for batch in batches for record in batch.records]
    assert len(expected) > 500
    assert Counter((each.key, each.value) for each in found) == Counter((each.key, each.value) for each in expected)
    for each in found:
        assert {**each.headers, "received": b"0"} == dict(expected[0].headers())
        assert begin_ms <= int(each.headers["received"]) <= end_ms

    everywhere = list(range(topics.partitions))
    keyed = [each for each in found if each.key is not None]
    assert len({each.key for each in keyed}) > 2
    for each in keyed:
        assert each.partition == DefaultPartitioner()(each.key, everywhere, everywhere)
    # One batch after the other, each as a whole, from partition to partition.
    places = {each.value: each.partition for each in found if each.key is None}
    unkeyed = [[record.value for record in batch.records if record.key is None] for batch in batches]
    assert [{places[value] for value in batch} for batch in unkeyed if batch] == [
        {number % topics.partitions} for number, batch in enumerate(unkeyed) if batch
    ]
    assert set(places.values()) == set(everywhere)

    assert service.count("auditstream_ingest_events_total") == len(expected)
    assert service.count("auditstream_ingest_pending_bytes") == 0
    assert service.count("auditstream_ingest_failed_batches_total") == 0
    assert service.stop().code == 0


@pytest.mark.partitions(2)
def test_the_path_names_the_cluster_and_rejects_are_dead_letters(
    topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(topics)
    await_ready(service)
    assert service.post(body({}).replace(b'"items": [', b'"items": [7, '), "/k8s_audit/east").code == 200
    [event] = stored(topics)
    assert event.headers["cluster"] == b"east"
    [letter] = asyncio.run(read_topic(topics.bootstrap, topics.topics.dead_letter.name))
    assert (letter.value, letter.key) == (b"7", None)
    assert letter.headers == {
        **event.headers,
        "reason": b"not_an_event",
        "detail": b"item 1: expected an object, found a number",
        "judged": b"false",
        "origin": b"ingest",
    }


@pytest.mark.partitions(1)
def test_the_token_names_the_cluster_of_what_is_published(
    topics: KafkaSettings, ingest: "Ingest", body: MakeBody, folder: Path
) -> None:
    authority = trustme.CA()
    write_certificate(folder, authority)
    write_tokens(folder, east="east-token", west="west-token")
    service = ingest(topics, *SECURED, "--cluster", "of-nobody")
    service.trusts = trusting(authority)
    await_ready(service)
    tokens = (None, "west-token", "wrong")
    assert [service.post(body({"auditID": str(token)}), token=token).code for token in tokens] == [401, 200, 401]
    assert [dict(record.headers)["cluster"] for record in stored(topics)] == [b"west"]


@pytest.mark.partitions(1)
def test_a_repeat_is_answered_and_not_published_again(topics: KafkaSettings, ingest: "Ingest", body: MakeBody) -> None:
    service = ingest(topics)
    await_ready(service)
    assert [service.post(body({})).code for _ in range(3)] == [200] * 3
    assert len(stored(topics)) == 1


# --- the beginning and the end ---------------------------------------------------------------------------------------


def test_it_starts_without_kafka_and_says_what_is_wrong(ingest: "Ingest", body: MakeBody) -> None:
    service = ingest(NOWHERE)
    assert service.ask("GET", "/healthz").code == 200
    until(lambda: service.ask("GET", "/readyz").text == "Kafka cannot be reached\n")
    answer = service.post(body({}))
    assert (answer.code, answer.text, answer.headers["Retry-After"]) == (503, "Kafka cannot be reached\n", "2")
    until(lambda: "answered 503" in service.told())
    ended = service.stop()
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        f"auditstream: listening on {service.address}, webhook {service.address}/k8s_audit",
        "auditstream: events go to audit.events and rejected ones to audit.deadletter, Kafka is 127.0.0.1:1",
        "auditstream: bodies are answered 503 until Kafka at 127.0.0.1:1 takes events: Kafka cannot be reached",
    ]


@pytest.mark.partitions(1)
def test_it_waits_for_topics_that_are_missing_and_says_how_to_make_them(
    no_topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(no_topics)
    told = f"there is no topic {no_topics.topics.events.name}: run `auditstream topics create`\n"
    until(lambda: service.ask("GET", "/readyz").text == told)
    assert service.post(body({})).code == 503
    asyncio.run(create_topics(no_topics))
    await_ready(service)
    assert service.post(body({})).code == 200
    assert len(stored(no_topics)) == 1


@pytest.mark.partitions(3)
def test_a_topic_that_was_made_anew_with_fewer_partitions_is_told_once(
    topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(topics, publish_timeout_seconds="1")
    await_ready(service)
    asyncio.run(delete_topics(topics))
    # Kafka refuses it, and so tells that the topic is gone.
    assert service.post(body({})).code == 503
    asyncio.run(create_topics(topics.model_copy(update={"partitions": 1})))
    await_ready(service)
    until(lambda: "made anew" in service.told())
    assert service.post(body({})).code == 200
    ended = service.stop()
    name = topics.topics.events.name
    told = f"auditstream: topic {name} has 1 partitions, had 3: it was deleted and made anew, see "
    assert ended.err.count(told + "`auditstream topics create`\n") == 1


@pytest.mark.partitions(3)
def test_what_was_answered_200_before_a_sigterm_is_on_the_topic(
    topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(topics)
    await_ready(service)
    ends = Event()

    def post_all(sender: int) -> tuple[list[str], set[int]]:
        """Post one body after the other until nobody listens any more; return what was accepted, and the answers."""
        accepted, codes = [], set()
        for number in range(100_000):
            names = [f"{sender}-{number}-{event}" for event in range(20)]
            try:
                code = service.post(body(*({"auditID": name, "verb": "get"} for name in names))).code
            except (OSError, http.client.HTTPException):
                assert ends.is_set()
                break
            codes.add(code)
            if code == 200:
                accepted += names
        return accepted, codes

    with ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(post_all, sender) for sender in range(4)]
        until(lambda: service.count("auditstream_ingest_events_total") > 1000)
        ends.set()
        ended = service.stop()
        results = [sender.result() for sender in senders]
    assert (ended.code, len(ended.err.splitlines())) == (0, 2)
    found = Counter(json.loads(each.value or b"")["auditID"] for each in stored(topics))
    accepted = [name for names, _ in results for name in names]
    assert len(accepted) > 1000
    assert set(accepted) <= set(found)
    assert set(found.values()) == {1}
    assert {code for _, codes in results for code in codes} <= {200, 503}


@pytest.mark.partitions(1)
def test_a_body_that_is_on_its_way_at_a_sigterm_is_finished_and_no_other_begun(
    topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(topics)
    await_ready(service)
    whole = body({})
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(
            b"POST /k8s_audit HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(whole) + whole[:9]
        )
        until(lambda: service.count("auditstream_ingest_in_flight_bytes") == 9)
        service.process.send_signal(signal.SIGTERM)
        until(lambda: _refuses(host, int(port)))
        connection.sendall(whole[9:])
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")
    assert service.ended().code == 0
    assert len(stored(topics)) == 1


def _refuses(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except OSError:
        return True
    return False


def test_ctrl_c_is_told_by_the_exit_code(ingest: "Ingest") -> None:
    assert ingest(NOWHERE).stop(signal.SIGINT).code == 130


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("--bootstrap", "kafka"), {}, "--bootstrap=kafka: give host:port, several separated by commas"),
        (("--cluster", "A"), {}, "--cluster=A: string should match pattern"),
        ((), {"AUDITSTREAM_INGEST_MAX_PENDING_BYTES": "0"}, "AUDITSTREAM_INGEST_MAX_PENDING_BYTES=0: input should be"),
        ((), {"AUDITSTREAM_INGEST_MAX_PENDING": "1"}, "unknown variable AUDITSTREAM_INGEST_MAX_PENDING: "),
    ],
)
def test_what_cannot_be_is_one_line(
    run: "Run", arguments: tuple[str, ...], given: Mapping[str, str], told: str
) -> None:
    ended = run("ingest", "--port", "0", *arguments, variables=given)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"auditstream: {told}")


def test_a_port_in_use_is_one_line_with_the_next_step(run: "Run", ingest: "Ingest") -> None:
    port = ingest(NOWHERE).address.rsplit(":", 1)[1]
    ended = run("ingest", "--port", port, variables=variables(NOWHERE))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "it is in use; give another with --port" in ended.err


# --- Kafka away ------------------------------------------------------------------------------------------------------


def send_as_an_api_server(service: "Serving", body: bytes) -> int:
    """Post a body until it is taken, as the API server does, and return how often that was.

    A call takes 30 seconds at most, repeats after `Retry-After` within it included; five calls, with longer and longer
    waits between them. Then an API server gives the batch up: here that is a failure.
    """
    posts = 0
    for wait in (10.0, 15.0, 22.5, 33.75, 0.0):
        end = time.monotonic() + 30
        for _ in range(11):
            posts += 1
            answer = service.post(body)
            if answer.code == 200:
                return posts
            assert answer.code == 503
            pause = float(answer.headers["Retry-After"])
            if time.monotonic() + pause > end:
                break
            time.sleep(pause)
        time.sleep(wait)
    raise AssertionError("an API server would have given it up")


@pytest.mark.partitions(3)
def test_while_kafka_is_away_bodies_are_answered_503_and_all_of_it_heals(
    own_kafka: OwnBroker, own_topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    # What `make chaos` does takes longer.
    _outage(own_kafka, own_topics, ingest(own_topics, publish_timeout_seconds="3"), body, seconds=15, timeout=3)


@pytest.mark.chaos
@pytest.mark.partitions(12)
def test_while_kafka_is_away_for_long_nothing_is_lost(
    own_kafka: OwnBroker, own_topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    _outage(own_kafka, own_topics, ingest(own_topics), body, seconds=90, timeout=10)


@pytest.mark.chaos
@pytest.mark.partitions(3)
def test_while_kafka_is_killed_and_frozen_again_and_again_under_load_nothing_is_lost(
    own_kafka: OwnBroker, own_topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(own_topics, publish_timeout_seconds="3")
    await_ready(service)
    ends = Event()

    def send_all(sender: int) -> list[str]:
        sent: list[str] = []
        while not ends.is_set():
            names = [f"{sender}-{len(sent)}-{event}" for event in range(20)]
            send_as_an_api_server(service, body(*({"auditID": name} for name in names)))
            sent += names
        return sent

    with ThreadPoolExecutor(4) as pool:
        senders = [pool.submit(send_all, sender) for sender in range(4)]
        for seconds in (5, 1, 8):
            time.sleep(4)
            own_kafka.kill()
            time.sleep(seconds)
            own_kafka.start()
            time.sleep(4)
            with _frozen(own_kafka):
                time.sleep(seconds * 2)
        # Longer than a request may take.
        with _frozen(own_kafka):
            time.sleep(35)
        time.sleep(4)
        ends.set()
        sent = [name for sender in senders for name in sender.result()]
    found = Counter(json.loads(each.value or b"")["auditID"] for each in stored(own_topics))
    print(f"{len(sent)} events, {found.total()} on the topic")  # noqa: T201 - a figure for who asks for it
    assert set(found) == set(sent)
    assert max(found.values()) <= 2
    assert service.stop().code == 0


def _outage(  # noqa: PLR0913 - the parts of a story
    kafka: OwnBroker, topics: KafkaSettings, service: "Serving", make: MakeBody, *, seconds: float, timeout: int
) -> None:
    bodies = [
        make(*({"auditID": f"{number}-{event}", "verb": "create" if event % 4 else "get"} for event in range(50)))
        for number in range(12)
    ]
    await_ready(service)
    assert service.post(bodies[0]).code == 200
    kafka.stop()
    gone = time.monotonic()

    with ThreadPoolExecutor(len(bodies)) as pool:
        for answer, took in pool.map(lambda each: timed(service, each), bodies[1:4]):
            assert (answer.code, answer.headers["Retry-After"]) == (503, "2")
            assert took < timeout + MARGIN_SECONDS
        # A repeat joins what is pending, and waits for it; what is new is refused.
        answer, took = timed(service, bodies[1])
        assert answer.text == f"Kafka has not acknowledged it within {timeout} seconds\n"
        assert timeout * 0.9 < took < timeout + MARGIN_SECONDS
        for each in bodies[4:6]:
            answer, took = timed(service, each)
            assert (answer.code, answer.headers["Retry-After"]) == (503, "2")
            assert took < AT_ONCE_SECONDS
        why = f"Kafka has not acknowledged a batch for more than {timeout} seconds\n"
        ready = service.ask("GET", "/readyz")
        assert (ready.code, ready.text) == (503, why)
        assert service.ask("GET", "/healthz").code == 200
        assert service.count("auditstream_ingest_pending_batches") == 3

        senders = [pool.submit(send_as_an_api_server, service, each) for each in bodies]
        time.sleep(max(0.0, gone + seconds - time.monotonic()))
        kafka.start()
        posts = [sender.result() for sender in senders]
    await_ready(service)
    healed = time.monotonic() - gone
    until(lambda: service.told().endswith("bodies are taken again\n"))
    assert service.process.poll() is None

    found = values(stored(topics))
    expected = {record.value for each in bodies for record in split(each, cluster="default", received_ms=0).records}
    assert set(found) == expected
    assert max(found.values()) <= 2
    # Figures for who asks for them.
    print(f"healed {healed:.1f} s after it began; posts a body: {posts}")  # noqa: T201
    print(f"{len(expected)} events, {found.total()} on the topic")  # noqa: T201
    away, back = service.stop().err.splitlines()[2:]
    assert away == f"auditstream: bodies are answered 503 until Kafka at {topics.bootstrap} takes events: {why.strip()}"
    assert back == f"auditstream: Kafka at {topics.bootstrap} takes events: bodies are taken again"


@pytest.mark.partitions(1)
def test_a_frozen_kafka_is_no_reason_not_to_end(
    own_kafka: OwnBroker, own_topics: KafkaSettings, ingest: "Ingest", body: MakeBody
) -> None:
    service = ingest(own_topics, publish_timeout_seconds="2")
    await_ready(service)
    with _frozen(own_kafka), ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(service.post, body({}))
        until(lambda: service.count("auditstream_ingest_pending_batches") == 1)
        begin = time.monotonic()
        ended = service.stop()
        assert time.monotonic() - begin < 45
        assert under_way.result().code == 503
    assert ended.code == 0
    assert "Traceback" not in ended.err


@contextmanager
def _frozen(kafka: OwnBroker) -> Iterator[None]:
    kafka.pause()
    try:
        yield
    finally:
        kafka.resume()
