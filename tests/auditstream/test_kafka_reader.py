"""`auditstream alerts` on a real Kafka: which alerts, in which order, until when."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from processor.alert import Alert
from tests.auditstream.conftest import COMMAND, Ended
from tests.kafka.broker import OwnBroker
from tests.kafka.client import create_topics
from tests.kafka.fixtures import variables
from tests.waiting import until
from wire.kafka_settings import KafkaSettings

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

HOUR_MS = 3_600_000
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.partitions(4)

Sent = tuple[Alert | bytes | None, int | None]
"""An alert, or other bytes, and the partition: None where the id decides it."""
Send = Callable[..., None]
Start = Callable[..., "Following"]


def alert(number: int, **others: str) -> Alert:
    """Make the alert of a second."""
    at = f"2026-11-23T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.{0:09}Z"
    members = {"id": f"{number:032x}", "time": at, "rule": "Pod created", "priority": "Warning", **others}
    return Alert(
        audit_id="a",
        cluster="default",
        hostname="node-1",
        output=f"00:00:00.000000000: {members['priority']} alert {number}",
        output_fields={"evt.time": number},
        ruleset="0" * 12,
        source="k8s_audit",
        tags=("pods",),
        **members,
    )


async def _send(bootstrap: str, topic: str, sent: list[Sent], timestamp_ms: int | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=9_000_000, linger_ms=20)
    await producer.start()
    try:
        waiting = []
        for what, partition in sent:
            key, value = (what.id.encode(), what.to_json()) if isinstance(what, Alert) else (b"k", what)
            waiting.append(await producer.send(topic, value, key, partition, timestamp_ms))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


def sender(kafka: KafkaSettings) -> Send:
    def send_all(*what: Alert | bytes | None, partition: int | None = None, timestamp_ms: int | None = None) -> None:
        sent = [(each, partition) for each in what]
        asyncio.run(_send(kafka.bootstrap, kafka.topics.alerts.name, sent, timestamp_ms))

    return send_all


@pytest.fixture
def send(commands_find_topics: KafkaSettings) -> Send:
    """Send to the topic of alerts that commands read."""
    return sender(commands_find_topics)


READS = "Kafka at {} has the topic {}: reading it"


class Following:
    """`auditstream alerts --follow` that runs, its output in a file."""

    def __init__(self, folder: Path, arguments: tuple[str, ...]) -> None:
        self._out = folder / "alerts.jsonl"
        self._err = folder / "stderr.txt"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen([COMMAND, "alerts", "--follow", *arguments], stdout=out, stderr=err)  # noqa: S603 - our own command

    def told(self) -> str:
        return self._err.read_text()

    def alerts(self, count: int) -> list[Alert]:
        """Wait for so many alerts, and return those that there are."""
        self._until(lambda: self._out.read_bytes().count(b"\n") >= count)
        return [msgspec.json.decode(line, type=Alert) for line in self._out.read_bytes().splitlines()]

    def await_told(self, text: str) -> None:
        """Wait until a text is told."""
        self._until(lambda: text in self.told())

    def _until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < end, self.told()
            time.sleep(0.05)

    def catches(self, number: signal.Signals) -> bool:
        """Tell whether it has a handler of its own for a signal yet."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught, 16) >> (number - 1) & 1)

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.process.wait(timeout=30), self.told()


@pytest.fixture
def follow(folder: Path) -> Iterator[Start]:
    """Run `auditstream alerts --follow` until the test ends."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Following:
            following = Following(folder, arguments)
            stack.callback(following.process.wait)
            stack.callback(following.process.kill)
            return following

        yield start


def shown(ended: Ended) -> list[Alert]:
    return [msgspec.json.decode(line, type=Alert) for line in ended.out.splitlines()]


# --- which, and in which order ---------------------------------------------------------------------------------------


def test_nothing_is_there_yet(run: "Run", send: Send) -> None:
    send()
    assert run("alerts") == Ended(0, "", "")


def test_alerts_of_all_partitions_come_by_time(run: "Run", send: Send) -> None:
    everything = [alert(number) for number in range(200)]
    for partition in range(4):
        send(*everything[3 - partition :: 4], partition=partition)
    ended = run("alerts")
    assert (ended.code, ended.err) == (0, "")
    assert shown(ended) == everything


def test_more_than_are_held_come_by_time_too_where_partitions_do(run: "Run", send: Send) -> None:
    everything = [alert(number) for number in range(30_000)]
    # One partition lies behind by more than what is held.
    send(*everything[:20_000], partition=0)
    for partition in (1, 2, 3):
        send(*everything[20_000 + partition - 1 :: 3], partition=partition)
    assert shown(run("alerts")) == everything


def test_a_repeat_is_dropped_wherever_it_stands(run: "Run", send: Send) -> None:
    send(alert(1), alert(2), alert(1), partition=0)
    send(alert(2), alert(3), partition=1)
    assert shown(run("alerts")) == [alert(1), alert(2), alert(3)]


def test_what_is_no_alert_is_told_and_passed_over(run: "Run", send: Send, commands_find_topics: KafkaSettings) -> None:
    send(b"[]", None, alert(1), b"\x1b", partition=2)
    ended = run("alerts")
    place = f"of {commands_find_topics.topics.alerts.name}, partition 2"
    assert (ended.code, shown(ended)) == (1, [alert(1)])
    assert ended.err.splitlines() == [
        f"auditstream: no alert at offset 0 {place}: Expected `object`, got `array`",
        f"auditstream: no alert at offset 1 {place}: the record is empty",
        f"auditstream: no alert at offset 3 {place}: JSON is malformed: invalid character (byte 0)",
    ]


def test_only_the_first_that_are_no_alerts_are_told(run: "Run", send: Send) -> None:
    send(*[b"{}"] * 50, alert(1))
    ended = run("alerts")
    assert (ended.code, shown(ended), ended.err.count("no alert at")) == (1, [alert(1)], 20)
    assert ended.err.endswith("auditstream: further records that are no alerts are passed over in silence\n")


def test_since_counts_from_when_alerts_were_sent(run: "Run", send: Send) -> None:
    now = round(time.time() * 1000)
    send(alert(1), partition=0, timestamp_ms=now - 3 * HOUR_MS)
    send(alert(2), partition=0, timestamp_ms=now - HOUR_MS)
    send(alert(3), partition=1, timestamp_ms=now - 2 * HOUR_MS)
    assert shown(run("alerts", "--since", "90m")) == [alert(2)]
    assert shown(run("alerts", "--since", "150m")) == [alert(2), alert(3)]
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now / 1000 - 2 * 3600 - 60))
    assert shown(run("alerts", "--since", moment)) == [alert(2), alert(3)]
    assert shown(run("alerts", "--since", "2999-01-01T00:00:00Z")) == []
    assert len(shown(run("alerts", "--since", "9d"))) == 3


def test_reading_changes_nothing_for_whoever_reads_next(run: "Run", send: Send) -> None:
    send(alert(1))
    assert run("alerts") == run("alerts") == Ended(0, alert(1).to_json().decode() + "\n", "")


def test_a_record_larger_than_what_is_fetched_at_once_is_read(run: "Run", send: Send) -> None:
    large = alert(1, rule="r" * 4_000_000)
    send(large, alert(2))
    assert shown(run("alerts")) == [large, alert(2)]


# --- how it looks ----------------------------------------------------------------------------------------------------


def test_lines_are_escaped(run: "Run", send: Send) -> None:
    hostile = alert(1, rule="\x1b[2J\u202e", priority="\x1b[1m")
    send(hostile)
    out = run("alerts").out
    assert json.loads(out)["rule"] == hostile.rule
    assert out.strip().isprintable()


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_terminal_gets_lines_unless_told_otherwise(send: Send, arguments: tuple[str, ...]) -> None:
    send(alert(1), alert(2, rule="\x1b[2J"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "alerts", *arguments], stdout=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        out = b""
        with os.fdopen(ours, "rb") as terminal:
            try:
                while got := terminal.read1(65536):
                    out += got
            except OSError:
                pass  # its other end is closed
    assert process.returncode == 0
    first, second = out.splitlines()
    if arguments:
        assert json.loads(first)["id"] == alert(1).id
    else:
        assert first == (
            b"\x1b[2m2026-11-23T00:00:01.000Z\x1b[0m  \x1b[33mWarning      \x1b[0m  \x1b[1mPod created\x1b[0m  alert 1"
        )
    assert b"\x1b[2J" not in second


# --- when it goes on -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_goes_on_until_it_is_told_to_end(send: Send, follow: Start, number: signal.Signals, code: int) -> None:
    send(alert(2), partition=0)
    send(alert(1), partition=1)
    following = follow()
    assert following.alerts(2) == [alert(1), alert(2)]
    send(alert(4), alert(1), alert(3))
    assert {each.id for each in following.alerts(4)} == {alert(each).id for each in (1, 2, 3, 4)}
    send(b"{", alert(5))
    assert following.alerts(5)[-1] == alert(5)
    ended, told = following.stop(number)
    assert ended == code
    assert told.startswith("auditstream: no alert at offset ")
    assert told.count("\n") == 1


def test_it_goes_on_after_kafka_was_away(
    own_kafka: OwnBroker, own_topics: KafkaSettings, follow: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables(own_topics).items():
        monkeypatch.setenv(name, value)
    send = sender(own_topics)
    send(alert(1), alert(2))
    following = follow()
    assert following.alerts(2) == [alert(1), alert(2)]
    own_kafka.stop()
    following.await_told("going on when that is done\n")
    own_kafka.start()
    send(alert(2), alert(3))
    assert following.alerts(3) == [alert(1), alert(2), alert(3)]
    code, told = following.stop(signal.SIGTERM)
    assert code == 0
    away, back = told.splitlines()
    assert away.endswith("; going on when that is done")
    assert back == f"auditstream: {READS.format(own_topics.bootstrap, own_topics.topics.alerts.name)}"


def test_it_ends_quietly_before_anything_came(send: Send, follow: Start) -> None:
    send()
    following = follow("--since", "1m")
    until(lambda: following.catches(signal.SIGTERM), "it is ready to be ended", seconds=60)
    time.sleep(1)  # it asks for what is there, and waits
    assert following.stop(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("--follow",)])
def test_whoever_reads_may_go_and_it_ends_quietly(send: Send, arguments: tuple[str, ...]) -> None:
    send(*(alert(number) for number in range(5000)))
    with subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "alerts", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"] == alert(0).id
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == b""


def test_whoever_goes_when_nothing_comes_ends_it_too(send: Send) -> None:
    send(alert(1))
    with subprocess.Popen([COMMAND, "alerts", "--follow"], stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["id"] == alert(1).id
        process.stdout.close()
        assert process.wait(timeout=30) == 0


def test_output_that_cannot_be_written_is_one_line(send: Send) -> None:
    send(alert(1))
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([COMMAND, "alerts"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)  # noqa: S603 - our own command
    assert ended.returncode == 1
    assert ended.stderr == (
        b"auditstream: cannot write the output: No space left on device; make room and run it again\n"
    )


def test_the_name_of_the_client_library_that_is_not_public_is_there() -> None:
    async def close() -> None:
        consumer = AIOKafkaConsumer()
        assert asyncio.iscoroutinefunction(consumer._client.close)  # noqa: SLF001 - what is used, and may be gone one day
        await consumer.stop()

    asyncio.run(close())


# --- what is not there -----------------------------------------------------------------------------------------------


def test_without_the_topic_it_says_how_to_make_it_and_makes_none(
    run: "Run", commands_find_no_topics: KafkaSettings
) -> None:
    for _ in range(2):
        ended = run("alerts")
        name = commands_find_no_topics.topics.alerts.name
        told = f"auditstream: there is no topic {name}: make it with 'auditstream topics create'\n"
        assert ended == Ended(1, "", told)


def test_no_kafka_is_one_line_with_the_next_step(run: "Run") -> None:
    begin = time.monotonic()
    ended = run("alerts", "--bootstrap", "127.0.0.1:1")
    told = "auditstream: cannot reach Kafka at 127.0.0.1:1: start it, or give its address with --bootstrap or "
    assert ended == Ended(1, "", told + "AUDITSTREAM_KAFKA_BOOTSTRAP\n")
    assert time.monotonic() - begin < 15


def test_whoever_follows_waits_for_kafka_and_the_topic_and_is_told_once_what_for(
    own_kafka: OwnBroker, follow: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = KafkaSettings(bootstrap=own_kafka.bootstrap, partitions=4)
    name = kafka.topics.alerts.name
    for variable, value in variables(kafka).items():
        monkeypatch.setenv(variable, value)
    own_kafka.stop()
    following = follow()
    following.await_told("cannot reach Kafka")
    own_kafka.start()
    following.await_told("there is no topic")
    time.sleep(3)
    asyncio.run(create_topics(kafka))
    following.await_told("reading it\n")
    sender(kafka)(alert(1))
    assert following.alerts(1) == [alert(1)]
    code, told = following.stop(signal.SIGTERM)
    assert code == 0
    first, second, third = told.splitlines()
    assert first.startswith(f"auditstream: cannot reach Kafka at {kafka.bootstrap}: start it, or give its address ")
    assert first.endswith("; going on when that is done")
    assert second == (
        f"auditstream: there is no topic {name}: make it with 'auditstream topics create'; going on when that is done"
    )
    assert third == f"auditstream: {READS.format(kafka.bootstrap, name)}"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_whoever_waits_for_kafka_may_be_told_to_end(follow: Start, number: signal.Signals, code: int) -> None:
    following = follow("--bootstrap", "127.0.0.1:1")
    following.await_told("going on when that is done\n")
    assert following.stop(number)[0] == code


def test_whoever_waits_for_kafka_ends_when_nobody_reads(folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "alerts", "--follow", "--bootstrap", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0


def test_a_bad_time_is_one_line(run: "Run") -> None:
    ended = run("alerts", "--since", "soon")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("auditstream: --since=soon: give how long ago (90s, 10m, 2h, 3d) or a time of RFC 3339")
