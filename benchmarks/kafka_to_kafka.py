"""What an event costs on its way from Kafka to Kafka: one worker at full load, beside a bare consumer in the same run.

`make bench` runs it. Recorded events, many times over under the names of as many clusters, wait in the topic before a
worker starts, as after an outage. CPU is user and system time of the process; wall time says more of what else runs on
the machine. What a start costs is left out: counting begins when the first events have been judged.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry

from benchmarks.machine import heading
from ingest.kafka import KafkaPublisher
from ingest.publisher import Unavailable
from ingest.split import split
from processor.engine import Engine
from processor.rule_files import load_rules
from processor.state import MemoryState
from processor.stream.delivery import BATCH_RECORDS
from rules.errors import LoadResult
from rules.selection import Selection
from tests.e2e import topics
from tests.e2e.pipeline import Pipeline, running, until
from tests.e2e.recorded import BODIES, merged, records_of
from tests.kafka.client import create_topics
from tests.kafka.sources import Supply, all_sources
from wire.kafka_settings import KafkaSettings

EVENTS: Final = 50_400
BODIES_A_CLUSTER: Final = 2
"""The recording in bodies of some 260 events: the API server makes them of up to 400."""

NEVER: Final = """\
- rule: Never
  desc: What no event is, so that only the way to the rules is paid for.
  condition: ka.verb = never
  output: never
  priority: INFO
  source: k8s_audit
"""

_PATIENCE_SECONDS: Final = 300.0
_CLUSTERS_ALONE: Final = 16
_LOOK_SECONDS: Final = 0.5
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What one of the runs took."""

    name: str
    events: int
    cpu_seconds: float
    wall_seconds: float | None = None

    @property
    def micros(self) -> float:
        """Microseconds of CPU an event."""
        return self.cpu_seconds / self.events * 1e6


def main() -> None:
    """Run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--result", type=Path, help="also write it there")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    broker = Supply(all_sources()).obtain()
    try:
        with tempfile.TemporaryDirectory() as folder:
            text = report(measure(broker.bootstrap, Path(folder), options.events), load)
    finally:
        broker.end()
    print(text, end="")
    if options.result is not None:
        options.result.write_text(text)


def measure(bootstrap: str, folder: Path, events: int) -> list[Cost]:
    """Return what the consumer and the worker cost, the worker with the rules that ship and with one that says no."""
    kafka = KafkaSettings(bootstrap=bootstrap, topic_prefix="bench.", replication=1)
    asyncio.run(create_topics(kafka))
    asyncio.run(publish(kafka, events))
    never = folder / "never.yaml"
    never.write_text(NEVER)
    before = bare(kafka, "aiokafka, getmany")
    alone = judge(load_rules((), with_pack=True, selection=Selection()), "the engine alone, the rules that ship")
    idle = judge(
        load_rules((never,), with_pack=False, selection=Selection()), "the engine alone, one rule that never matches"
    )
    with running(kafka, folder) as pipeline:
        full = work(pipeline, "worker, the rules that ship")
        asyncio.run(forget(kafka))
        without = work(pipeline, "worker, one rule that never matches", "--no-pack", "--rules", str(never))
    return [before, full, without, alone, idle, bare(kafka, "aiokafka, getmany, again")]


async def publish(kafka: KafkaSettings, events: int) -> None:
    """Put so many recorded events at least into the topic, as `auditstream ingest` does."""
    bodies = merged(BODIES, into=BODIES_A_CLUSTER)
    async with KafkaPublisher(kafka, CollectorRegistry()) as publisher:
        published = number = 0
        while published < events:
            for body in bodies:
                parts = split(body, cluster=f"cluster-{number}", received_ms=time.time_ns() // 1_000_000)
                while True:
                    try:
                        await publisher.publish(parts)
                        break
                    except Unavailable:  # it has only just been started
                        await asyncio.sleep(0.1)
                published += len(parts.records)
            number += 1


async def forget(kafka: KafkaSettings) -> None:
    """Have the next worker find the events as if there had been none before it: no state, nothing committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    changelog = kafka.topics.changelog
    try:
        await admin.delete_topics([changelog.name])
        made = False
        while not made:  # for a moment after it is deleted it is still there
            await asyncio.sleep(0.2)
            new = NewTopic(changelog.name, kafka.partitions, 1, topic_configs=dict(changelog.settings))
            made = not any(code for _, code, *_ in (await admin.create_topics([new])).topic_errors)
    finally:
        await admin.close()
    events = kafka.topics.events.name
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=kafka.topics.group, enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(events, number) for number in range(kafka.partitions)]
        consumer.assign(partitions)
        await consumer.commit(dict.fromkeys(partitions, 0))
    finally:
        await consumer.stop()


def bare(kafka: KafkaSettings, name: str) -> Cost:
    """Return what reading the topic costs."""
    command = [sys.executable, "-m", "benchmarks.bare_consumer", kafka.bootstrap, kafka.topics.events.name]
    ended = subprocess.run(  # noqa: S603 - our own program
        [*command, str(kafka.partitions)], capture_output=True, timeout=_PATIENCE_SECONDS, check=True
    )
    found: dict[str, Any] = json.loads(ended.stdout)
    return Cost(name, int(found["events"]), found["cpu_seconds"])


def work(pipeline: Pipeline, name: str, *arguments: str) -> Cost:
    """Return what a worker costs that judges all there is."""
    kafka = pipeline.kafka
    worker = pipeline.worker("--port", "0", *arguments)
    until(lambda: worker.judged() > 0, "the first events are judged", seconds=_PATIENCE_SECONDS)
    judged, cpu, begin = worker.judged(), cpu_seconds(worker.process.pid), time.monotonic()
    # Not asked of the worker, which would pay for the answers.
    while not topics.is_all_committed(kafka):
        assert worker.runs, worker.told()
        assert time.monotonic() < begin + _PATIENCE_SECONDS
        time.sleep(_LOOK_SECONDS)
    cost = Cost(
        name,
        sum(topics.ends(kafka).values()) - judged,
        cpu_seconds(worker.process.pid) - cpu,
        time.monotonic() - begin,
    )
    assert worker.stop() == 0
    return cost


def judge(loaded: LoadResult, name: str) -> Cost:
    """Return what judging costs without any of the way: a part of the same events, in this process."""
    assert loaded.ruleset is not None
    engine = Engine(loaded.ruleset, "here")
    bodies = merged(BODIES, into=BODIES_A_CLUSTER)
    records = [record for number in range(_CLUSTERS_ALONE) for record in records_of(bodies, f"cluster-{number}")]
    state = MemoryState()
    begin = time.process_time()
    for start in range(0, len(records), BATCH_RECORDS):
        engine.process(records[start : start + BATCH_RECORDS], state)
    return Cost(name, len(records), time.process_time() - begin)


def report(costs: Sequence[Cost], load: float) -> str:
    """Return the figures as a page."""
    floor = min(cost.micros for cost in costs if cost.name.startswith("aiokafka"))
    lines = [
        "# Kafka to Kafka, one worker at full load",
        "",
        *heading(load),
        f"- {costs[0].events:,} events in {KafkaSettings().partitions} partitions",
        "",
        "| what | events | CPU us/event | times the floor | events/s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cost in costs:
        rate = "" if cost.wall_seconds is None else f"{cost.events / cost.wall_seconds:,.0f}"
        lines.append(f"| {cost.name} | {cost.events:,} | {cost.micros:.1f} | {cost.micros / floor:.1f} | {rate} |")
    return "\n".join(lines) + "\n"


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process, all its threads together."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


if __name__ == "__main__":
    main()
