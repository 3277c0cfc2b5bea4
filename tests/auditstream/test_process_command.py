"""`auditstream process` besides its judging: how it begins, what it waits for, how it ends.

What it judges is under test in `tests/e2e`, and with it what it does before there are topics, and without Kafka.
"""

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from auditstream import cli
from tests.e2e.pipeline import Pipeline, running, until
from wire.kafka_settings import KafkaSettings

Command = Callable[..., tuple[int, str]]

GREETING: Final = (
    r"auditstream: health and metrics on http://127\.0\.0\.1:\d+; \d+ rules\n"
    r"auditstream: \d rules are off and wait for a list of yours \(docs/rules\.md\): '.+\)\n"
)

BROKEN: Final = """\
- rule: Broken
  desc: A field that does not exist.
  condition: ka.verbs = create
  output: o
  priority: INFO
  source: k8s_audit
"""


@pytest.fixture
def beside_topics(topics: KafkaSettings, tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline whose topics are there."""
    with running(topics, tmp_path) as pipeline:
        yield pipeline


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Give what runs the command in this process, which is for commands that end at once."""

    def run_command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["auditstream", *arguments])
        return cli.main(), capsys.readouterr().err

    return run_command


@pytest.mark.partitions(2)
def test_topics_that_do_not_fit_together_are_refused_in_a_line(beside_topics: Pipeline) -> None:
    topics = beside_topics.kafka.topics

    async def add_a_partition() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=beside_topics.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({topics.changelog.name: NewPartitions(3)})
        finally:
            await admin.close()

    asyncio.run(add_a_partition())
    worker = beside_topics.worker("--port", "0")
    assert worker.ended() == 1
    counts = ", ".join(f"{topic.name} {2 + (topic == topics.changelog)}" for topic in sorted(topics.all, key=str))
    expected = (
        f"auditstream: the topics have different numbers of partitions ({counts}): state and events of a partition "
        "belong together; see 'auditstream topics create --help'\n"
    )
    assert re.sub(GREETING, "", worker.told()) == expected


@pytest.mark.partitions(1)
def test_a_worker_more_than_there_are_partitions_stands_by(beside_topics: Pipeline) -> None:
    workers = beside_topics.workers(2)

    def is_settled() -> bool:
        shares = sorted(len(worker.partitions()) for worker in workers)
        return all(worker.is_ready() for worker in workers) and shares == [0, 1]

    until(is_settled, "one of them judges the one partition, and both are ready")


def test_a_broken_rule_file_is_told_and_nothing_is_judged(folder: Path, command: Command) -> None:
    (folder / "broken.yaml").write_text(BROKEN)
    code, err = command("process", "--port", "0", "--rules", "broken.yaml")
    assert code == 1
    assert err == (
        "error: there is no field 'ka.verbs' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> broken.yaml:3:14, in rule Broken, condition\n"
        "    3 |   condition: ka.verbs = create\n"
        "      |              ^\n"
        "  hint: did you mean 'ka.verb'?\n"
        "auditstream: nothing is judged: correct what is told above, see 'auditstream rules check --help'\n"
    )


def test_a_port_in_use_is_one_line_and_2(command: Command) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        told = command("process", "--port", str(port))
    expected = (
        f"auditstream: cannot listen on port {port} of 127.0.0.1: it is in use; give another with --port, or 0 for any "
        "that is free\n"
    )
    assert told == (2, expected)
