"""`auditstream topics create` on a real Kafka: what it makes, mends, and refuses."""

import asyncio
import subprocess
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.auditstream.conftest import COMMAND, Ended
from tests.kafka.client import delete_topics
from wire.kafka_settings import KafkaSettings
from wire.topics import Topics

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

NOBODY = "127.0.0.1:1"


@pytest.fixture
def unmade(commands_find_no_topics: KafkaSettings) -> KafkaSettings:
    """Name topics that commands use and that are not there."""
    return commands_find_no_topics


async def _describe(bootstrap: str, names: list[str]) -> dict[str, tuple[int, int, dict[str, str]]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = {topic["topic"]: topic for topic in await admin.describe_topics(None)}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names if name in found]
        answers = await admin.describe_configs(asked) if asked else []
        return {
            name: (
                len(found[name]["partitions"]),
                len(found[name]["partitions"][0]["replicas"]),
                {entry[0]: entry[1] for entry in entries},
            )
            for answer in answers
            for _, _, _, name, entries in answer.resources
        }
    finally:
        await admin.close()


def described(settings: KafkaSettings) -> dict[str, tuple[int, int, dict[str, str]]]:
    return asyncio.run(_describe(settings.bootstrap, [topic.name for topic in settings.topics.all]))


async def _make(bootstrap: str, name: str, partitions: int, settings: Mapping[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dict(settings))])
    finally:
        await admin.close()


def lines(topics: Topics, **told: str) -> str:
    others = told.pop("others")
    return "".join(f"{topic.name}: {told.get(topic.name, others)}\n" for topic in topics.all)


CREATED = "created, partitions 12, replication 1"


def test_all_topics_are_made_once_with_their_settings(run: "Run", unmade: KafkaSettings) -> None:
    assert run("topics", "create") == Ended(0, lines(unmade.topics, others=CREATED), "")
    assert run("topics", "create") == Ended(0, lines(unmade.topics, others="is there"), "")
    found = described(unmade)
    assert {name: each[:2] for name, each in found.items()} == {topic.name: (12, 1) for topic in unmade.topics.all}
    for topic in unmade.topics.all:
        wanted = {**topic.settings, "min.insync.replicas": "1"}
        assert {key: found[topic.name][2][key] for key in wanted} == wanted


def test_options_win_over_variables(run: "Run", unmade: KafkaSettings) -> None:
    other = KafkaSettings(bootstrap=unmade.bootstrap, topic_prefix=f"{unmade.topic_prefix}b-")
    given = ("--bootstrap", other.bootstrap, "--partitions", "3", "--topic-prefix", other.topic_prefix)
    variables = {"AUDITSTREAM_KAFKA_BOOTSTRAP": NOBODY, "AUDITSTREAM_KAFKA_PARTITIONS": "5"}
    ended = run("topics", "create", *given, variables=variables)
    assert ended == Ended(0, lines(other.topics, others="created, partitions 3, replication 1"), "")
    asyncio.run(delete_topics(other))


def test_settings_that_differ_are_set_right_and_those_of_others_stay(run: "Run", unmade: KafkaSettings) -> None:
    name = unmade.topics.alerts.name
    theirs = {**unmade.topics.alerts.settings, "retention.ms": "1000", "segment.ms": "7000000"}
    asyncio.run(_make(unmade.bootstrap, name, 12, theirs))
    ended = run("topics", "create")
    told = {name: "settings changed: retention.ms 1000 -> 2592000000"}
    assert ended == Ended(0, lines(unmade.topics, others=CREATED, **told), "")
    ends = time.monotonic() + 30
    # The controller has taken it; the broker that is asked learns of it a moment later.
    while (settings := described(unmade)[name][2])["retention.ms"] == "1000":
        assert time.monotonic() < ends
    assert (settings["retention.ms"], settings["segment.ms"]) == ("2592000000", "7000000")
    assert run("topics", "create") == Ended(0, lines(unmade.topics, others="is there"), "")


def test_partitions_are_never_changed(run: "Run", unmade: KafkaSettings) -> None:
    assert run("topics", "create", "--partitions", "2").code == 0
    before = described(unmade)
    ended = run("topics", "create", "--partitions", "4")
    has = ", ".join(f"{topic.name} has 2" for topic in unmade.topics.all)
    assert ended == Ended(
        1,
        "",
        f"auditstream: partitions are not changed from what is there to 4 ({has}): state would be looked for where it "
        "is not; give --partitions 2, or start anew under another --topic-prefix\n",
    )
    assert described(unmade) == before


def test_one_odd_topic_is_told_and_nothing_is_made(run: "Run", unmade: KafkaSettings) -> None:
    # As Kafka makes one by itself, where that is not switched off, when somebody posts to it.
    asyncio.run(_make(unmade.bootstrap, unmade.topics.events.name, 1, {}))
    asyncio.run(_make(unmade.bootstrap, unmade.topics.alerts.name, 12, {}))
    ended = run("topics", "create")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert f"({unmade.topics.events.name} has 1): " in ended.err
    assert "delete the odd one with kafka-topics.sh if it holds nothing yet" in ended.err
    assert set(described(unmade)) == {unmade.topics.events.name, unmade.topics.alerts.name}


def test_replication_is_never_changed(run: "Run", unmade: KafkaSettings) -> None:
    assert run("topics", "create", "--partitions", "1").code == 0
    ended = run("topics", "create", "--partitions", "1", "--replication", "3")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert ended.err.endswith("change it with kafka-reassign-partitions.sh, or give --replication 1\n")
    # With two of one broker to be in sync, nothing could be written any more.
    assert described(unmade)[unmade.topics.events.name][2]["min.insync.replicas"] == "1"


def test_more_replicas_than_brokers_are_told_once(run: "Run", unmade: KafkaSettings) -> None:
    told = f"auditstream: {unmade.topics.events.name} cannot be kept on 99 brokers, Kafka has "
    ended = run("topics", "create", "--replication", "99", "--wait", "1")
    assert (ended.code, ended.out) == (1, "")
    first, second = ended.err.splitlines()
    assert first.startswith(told)
    assert first.endswith("; waiting up to 1 s for that")
    assert second == "auditstream: gave up after 1 s"
    ended = run("topics", "create", "--replication", "99", "--wait", "0")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert ended.err.startswith(told)
    assert ": start the others, or give --replication " in ended.err
    assert described(unmade) == {}


def test_runs_at_once_all_succeed(unmade: KafkaSettings) -> None:
    processes = [
        subprocess.Popen([COMMAND, "topics", "create"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own command
        for _ in range(4)
    ]
    ended: list[Any] = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert [(err, code) for (_, err), code in ended] == [(b"", 0)] * 4
    # Each topic was made by exactly one of them.
    told = b"".join(out for (out, _), _ in ended).decode().splitlines()
    assert sorted(told) == sorted(
        line for topic in unmade.topics.all for line in [f"{topic.name}: {CREATED}"] + [f"{topic.name}: is there"] * 3
    )
    assert len(described(unmade)) == 4


@pytest.mark.parametrize("at", [NOBODY, f"{NOBODY},127.0.0.1:2", "no-such-host.invalid:9092"])
def test_no_kafka_is_one_line_with_the_next_step(run: "Run", at: str) -> None:
    ended = run("topics", "create", "--bootstrap", at, "--wait", "0")
    told = f"auditstream: cannot reach Kafka at {at}: start it, or give its address with --bootstrap or "
    assert ended == Ended(1, "", told + "AUDITSTREAM_KAFKA_BOOTSTRAP\n")


def test_it_waits_for_kafka_and_says_so_once(run: "Run") -> None:
    begin = time.monotonic()
    ended = run("topics", "create", "--bootstrap", NOBODY, "--wait", "3")
    assert 2 < time.monotonic() - begin < 15
    assert ended.code == 1
    first, second = ended.err.splitlines()
    assert first == f"auditstream: waiting up to 3 s for Kafka at {NOBODY}"
    assert second.startswith(f"auditstream: cannot reach Kafka at {NOBODY}: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--bootstrap", "kafka"), "--bootstrap=kafka: give host:port, several separated by commas\n"),
        (("--bootstrap", "a:99999"), "--bootstrap=a:99999: give host:port, several separated by commas, with ports"),
        (("--topic-prefix", "a b"), "--topic-prefix=a b: string should match pattern"),
        (("--partitions", "0"), "Invalid value for '--partitions'"),
        (("--wait", "-1"), "Invalid value for '--wait'"),
    ],
)
def test_what_cannot_be_is_one_line(run: "Run", arguments: tuple[str, ...], told: str) -> None:
    ended = run("topics", "create", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"auditstream: {told}")
