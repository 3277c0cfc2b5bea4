"""What a large inventory takes: bytes and memory a resource, CPU an event, and how long it is until it is there again.

`python -m benchmarks.inventory_size` runs it, with a million resources by default: the events that made them
(`benchmarks.large_cluster`) go through the engine with no rules, partition by partition as a worker has them. What is
known then is written to a real Kafka as workers write it, for a real worker to take over; and into the database file
of `serve --state`. CPU is user and system time; wall time says more of what else runs on the machine.
"""

import argparse
import asyncio
import gc
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from auditstream.state_directory import DATABASE, opened_state
from benchmarks.kafka_to_kafka import cpu_seconds
from benchmarks.large_cluster import Cluster
from benchmarks.machine import heading
from ingest.split import split
from processor.engine import Engine
from processor.state import MemoryState
from processor.stream.changelog import MARKER_KEY, Marker, marker_record, value_record
from processor.stream.delivery import BATCH_RECORDS
from processor.stream.outgoing import Entry, write
from rules.ruleset import Matching, Ruleset
from tests.e2e.pipeline import running
from tests.kafka.client import create_topics
from tests.kafka.sources import Supply, all_sources
from wire.kafka_settings import KafkaSettings
from wire.record import Record
from wire.topics import BATCH_BYTES, COMPRESSION, DEFAULT_PARTITIONS, MAX_RECORD_BYTES

RESOURCES: Final = 1_000_000

_PATIENCE_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.1
_COMMIT_RECORDS: Final = 10_000
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_T = TypeVar("_T")

States = list[MemoryState]
"""By partition."""


class Filled(NamedTuple):
    """What taking in the events took."""

    events: int
    resources: int
    tombstones: int
    cpu_seconds: float
    resident_bytes: int


class Start(NamedTuple):
    """What it took until a worker, or a file, was ready; and what the process had in memory then."""

    cpu_seconds: float
    wall_seconds: float
    resident_bytes: int


class File(NamedTuple):
    """The database file."""

    size: int
    fill_cpu_seconds: float
    open_seconds: float


def main() -> None:
    """Run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES)
    parser.add_argument("--result", type=Path, help="also write it there")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    states: States = [MemoryState() for _ in range(DEFAULT_PARTITIONS)]
    filled = fill(states, options.resources)
    broker = Supply(all_sources()).obtain()
    try:
        with tempfile.TemporaryDirectory() as folder:
            empty = recover(broker.bootstrap, Path(folder) / "empty", [MemoryState() for _ in states])
            full = recover(broker.bootstrap, Path(folder) / "full", states)
            file = keep(states, Path(folder) / "state")
    finally:
        broker.end()
    text = report(states, filled, (empty, full), file, load)
    print(text, end="")
    if options.result is not None:
        options.result.write_text(text)


def fill(states: States, resources: int) -> Filled:
    """Take in the events of so many clusters that there are so many resources at least."""
    engine = Engine(Ruleset((), Matching.ALL, ""), "here")
    gc.collect()
    before, cpu = _resident(os.getpid()), 0.0
    events = known = tombstones = 0
    for number in count():
        if known >= resources:
            break
        cluster = Cluster(number)
        for records in _batches(cluster, number):
            begin = time.process_time()
            for partition, some in _by_partition(records).items():
                outcome = engine.process(some, states[partition])
                assert not outcome.rejected
            cpu += time.process_time() - begin
            events += len(records)
        known += cluster.resources
        tombstones += cluster.tombstones
    gc.collect()
    assert sum(len(state) - _clocks(state) for state in states) == known
    return Filled(events, known, tombstones, cpu, _resident(os.getpid()) - before)


def _batches(cluster: Cluster, number: int) -> Iterator[list[Record]]:
    for some in _parts(cluster.events(), BATCH_RECORDS):
        body = f'{{"kind":"EventList","items":[{",".join(some)}]}}'
        parts = split(body.encode(), cluster=f"cluster-{number}", received_ms=0)
        assert not parts.rejected
        yield parts.records


def _by_partition(records: Sequence[Record]) -> Mapping[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        assert record.key is not None
        found.setdefault((murmur2(record.key) & 0x7FFFFFFF) % DEFAULT_PARTITIONS, []).append(record)
    return found


def _clocks(state: MemoryState) -> int:
    return sum(key.startswith(b"\0") for key in state)


def recover(bootstrap: str, folder: Path, states: States) -> Start:
    """Return what it takes a worker to take over a state that is in Kafka."""
    kafka = KafkaSettings(bootstrap=bootstrap, topic_prefix=f"bench-{folder.name}.", replication=1)
    asyncio.run(create_topics(kafka))
    asyncio.run(_publish(kafka, states))
    folder.mkdir()
    with running(kafka, folder) as pipeline:
        begin = time.monotonic()
        worker = pipeline.worker("--port", "0")
        while not worker.is_ready():
            assert time.monotonic() < begin + _PATIENCE_SECONDS
            time.sleep(_LOOK_SECONDS)
        pid = worker.process.pid
        start = Start(cpu_seconds(pid), time.monotonic() - begin, _resident(pid))
        assert len(worker.partitions()) == kafka.partitions
        assert worker.stop() == 0
    return start


async def _publish(kafka: KafkaSettings, states: States) -> None:
    """Write states as a checkpoint does: their values, and then a marker."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type=COMPRESSION,
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_RECORD_BYTES,
    ) as producer:
        for partition, state in enumerate(states):
            place = (kafka.topics.changelog.name, partition)
            await write(producer, place, (Entry(key, value_record(1, value), []) for key, value in state.items()))
            marker = marker_record(1, Marker(0, len(state)))
            await write(producer, place, (Entry(MARKER_KEY, marker, []),))


def keep(states: States, folder: Path) -> File:
    """Return what the same state is as a file of `serve --state`; the file is in the cache when it is opened again."""
    begin = time.process_time()
    with opened_state(folder) as file:
        for state in states:
            for some in _parts(state.items(), _COMMIT_RECORDS):
                for key, value in some:
                    file[key] = value
                file.commit()
    filled = time.process_time() - begin
    key = next(key for state in states for key in state)
    began = time.monotonic()
    with opened_state(folder) as file:
        assert file.get(key) is not None
        opened = time.monotonic() - began
        file.rollback()
    return File((folder / DATABASE).stat().st_size, filled, opened)


def report(states: States, filled: Filled, starts: tuple[Start, Start], file: File, load: float) -> str:
    """Return the figures as a page."""
    empty, full = starts
    number = filled.resources
    values = sum(len(value) for state in states for value in state.values())
    keys = sum(len(key) for state in states for key in state)
    with_all, with_none = _mb(full.resident_bytes), _mb(empty.resident_bytes)
    each = filled.cpu_seconds / filled.events * 1e6
    lines = [
        "# A large inventory",
        "",
        *heading(load),
        f"- {number:,} resources, {filled.tombstones / number:.1%} of them gone; {filled.events:,} events in all",
        f"- names, and bytes of a value: {_mixture(states)}",
        "",
        *_table("what", "in all", "bytes a resource"),
        _row("values", _mb(values), f"{values / number:,.0f}"),
        _row("keys", _mb(keys), f"{keys / number:,.0f}"),
        _row("memory of the state", _mb(filled.resident_bytes), f"{filled.resident_bytes / number:,.0f}"),
        _row(
            "memory of a worker that has taken it over",
            f"{with_all}; {with_none} with nothing",
            f"{(full.resident_bytes - empty.resident_bytes) / number:,.0f}",
        ),
        _row("database file of `serve --state`", _mb(file.size), f"{file.size / number:,.0f}"),
        "",
        *_table("what", "CPU s", "wall s"),
        _row(f"taking in the events, with no rules: {each:,.0f} us an event", f"{filled.cpu_seconds:,.1f}", ""),
        _row("a worker until it is ready, with nothing to take over", *_seconds(empty)),
        _row("a worker until it is ready, with all of it to take over", *_seconds(full)),
        _row("filling the database file", f"{file.fill_cpu_seconds:.1f}", ""),
        _row("opening it again", "", f"{file.open_seconds:.3f}"),
    ]
    return "\n".join(lines) + "\n"


def _mixture(states: States) -> str:
    names: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for state in states:
        for key, value in state.items():
            resource = "clocks" if key.startswith(b"\0") else key.split(b"\0")[2].decode()
            names[resource] += 1
            values[resource] += len(value)
    return ", ".join(f"{names[name]:,} {name} ({values[name] / names[name]:,.0f})" for name in sorted(names))


def _table(*heads: str) -> list[str]:
    return [_row(*heads), _row(*["---"] * len(heads))]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _seconds(start: Start) -> tuple[str, str]:
    return f"{start.cpu_seconds:.1f}", f"{start.wall_seconds:.1f}"


def _parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while part := list(islice(left, size)):
        yield part


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


if __name__ == "__main__":
    main()
