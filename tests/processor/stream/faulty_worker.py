"""The real command `auditstream process` in its own process, but for faults at points that its arguments name.

Run as a script: the faults, separated by commas, then the arguments of the command. The product has no hooks for tests,
so functions of it and of its libraries are wrapped here before the command starts. The faults:

    trace                 tell on standard error, in their order, what is read of the changelog, judged, and durable
    end_after=N           SIGKILL when the changelog has acknowledged N batches
    end_before_state=N    SIGKILL when the alerts of the Nth checkpoint are durable, and nothing of its state is
    end_before_marker=N   SIGKILL when the values before the Nth marker are durable, those of taking over included
    end_at_commit=OFFSET  SIGKILL instead of committing an offset of the events that is not below OFFSET
    refuse_commits=PATH   commits are refused while PATH exists
    freeze_at=N           SIGSTOP right before the Nth request with state leaves, its lease being checked already
    hold_opening=PATH     wait for PATH, once the state is read and before anything is written; PATH.reached says so
    slow_reading=MS       take so many milliseconds for each batch of the changelog that is read
    hide_topics=PATH      while PATH exists no topic is known, as a broker that has just begun may tell
    hide_leaders=PATH     while PATH exists no partition has a leader
    check_reading         end with code 99 when recovery leaves out records of a changelog that is not compacted

Each wraps what it needs and nothing else, so that they go together.
"""

# ruff: noqa: SLF001, ASYNC110, ASYNC240 - it reaches into what it breaks, and waits for files that tests make

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiokafka.cluster import ClusterMetadata
from aiokafka.producer.sender import Sender
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from auditstream.cli import main
from processor.engine import Engine
from processor.stream import checkpoint, outgoing, state_log
from processor.stream.changelog import Cut
from processor.stream.state_log import StateLog
from processor.stream.state_table import StateStore

_READING_LEFT_OUT = 99


def _is_state(topic: str) -> bool:
    return topic.endswith("-changelog")


def _tell(*words: object) -> None:
    sys.stderr.write(f"trace: {' '.join(map(str, words))}\n")
    sys.stderr.flush()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def trace(_: str) -> None:
    _on_acknowledged(lambda topic, partition, begin, end: _tell("wrote", topic, partition, begin, end))
    process = Engine.process

    def traced(self: Engine, records: Any, state: Any) -> Any:
        _tell("judges", len(records))
        return process(self, records, state)

    Engine.process = traced  # type: ignore[method-assign]
    read = StateStore._read

    def seen(self: StateStore, topic: str, partition: int, records: Any) -> None:
        _tell("reads", topic, partition, records[0].offset, records[-1].offset)
        read(self, topic, partition, records)

    StateStore._read = seen  # type: ignore[method-assign]


def end_after(count: str) -> None:
    left = [int(count)]

    def see(topic: str, *_: int) -> None:
        left[0] -= _is_state(topic)
        if not left[0]:
            _end()

    _on_acknowledged(see)


def _on_acknowledged(see: Callable[..., None]) -> None:
    send = outgoing._send

    async def sent(producer: Any, batch: Any, topic: str, partition: int) -> Any:
        span = await send(producer, batch, topic, partition)
        see(topic, partition, span.begin, span.end)
        return span

    outgoing._send = sent


def end_before_state(count: str) -> None:
    left = [int(count)]
    module: Any = checkpoint
    deliver = module.deliver

    async def delivered(*arguments: Any) -> None:
        await deliver(*arguments)
        left[0] -= 1
        if not left[0]:
            _end()

    module.deliver = delivered


def end_before_marker(count: str) -> None:
    left = [int(count)]
    module: Any = state_log
    make = module.marker_record

    def made(*arguments: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            _end()
        return make(*arguments)

    module.marker_record = made


def end_at_commit(offset: str) -> None:
    async def instead(offsets: Mapping[Any, int]) -> bool:
        if max(offsets.values(), default=0) >= int(offset):
            _end()
        return True

    _on_commit(instead)


def refuse_commits(path: str) -> None:
    async def instead(_: Mapping[Any, int]) -> bool:
        return not Path(path).exists()

    _on_commit(instead)


def _on_commit(ask: Callable[[Mapping[Any, int]], Any]) -> None:
    commit = AIOKafkaConsumerThread._commit

    async def asked(self: AIOKafkaConsumerThread, offsets: Mapping[Any, int]) -> bool:
        return await ask(offsets) and await commit(self, offsets)

    AIOKafkaConsumerThread._commit = asked  # type: ignore[method-assign]


def freeze_at(count: str) -> None:
    left = [int(count)]
    send = Sender._send_produce_req

    async def frozen(self: Any, node: int, batches: Mapping[Any, Any]) -> None:
        left[0] -= any(_is_state(place.topic) for place in batches)
        if not left[0]:
            left[0] = -1
            os.kill(os.getpid(), signal.SIGSTOP)
        await send(self, node, batches)

    Sender._send_produce_req = frozen


def hold_opening(path: str) -> None:
    write = StateLog.write

    async def held(self: StateLog, *arguments: Any) -> None:
        if not Path(path).exists():
            Path(f"{path}.reached").touch()
            while not Path(path).exists():
                await asyncio.sleep(0.05)
        await write(self, *arguments)

    StateLog.write = held  # type: ignore[method-assign,assignment]


def slow_reading(milliseconds: str) -> None:
    read = StateStore._read

    def slow(self: StateStore, *arguments: Any) -> None:
        time.sleep(int(milliseconds) / 1000)
        read(self, *arguments)

    StateStore._read = slow  # type: ignore[method-assign,assignment]


def hide_topics(path: str) -> None:
    update = ClusterMetadata.update_metadata

    def without(self: Any, metadata: Any) -> None:
        if Path(path).exists():
            metadata.topics = []
        update(self, metadata)

    ClusterMetadata.update_metadata = without


def hide_leaders(path: str) -> None:
    leader = ClusterMetadata.leader_for_partition

    def hidden(self: Any, partition: Any) -> Any:
        return -1 if Path(path).exists() else leader(self, partition)

    ClusterMetadata.leader_for_partition = hidden


def check_reading(_: str) -> None:
    read = Cut.read

    def checked(self: Cut, offset: int, key: bytes | None, record: bytes) -> None:
        if offset > (self.end or 0):
            _tell("left out", self.end, offset)
            os._exit(_READING_LEFT_OUT)
        read(self, offset, key, record)

    Cut.read = checked  # type: ignore[method-assign]


FAULTS = {
    fault.__name__: fault
    for fault in (
        trace,
        end_after,
        end_before_state,
        end_before_marker,
        end_at_commit,
        refuse_commits,
        freeze_at,
        hide_leaders,
        hide_topics,
        hold_opening,
        slow_reading,
        check_reading,
    )
}


if __name__ == "__main__":
    _, faults, *arguments = sys.argv
    for each in faults.split(","):
        name, _, value = each.partition("=")
        FAULTS[name](value)
    sys.argv = ["auditstream", *arguments]
    sys.exit(main())
