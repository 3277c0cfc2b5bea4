"""State as it is written: read again it is the same, and a rival's record is found out."""

import asyncio
from typing import Any

import pytest

from processor.stream.changelog import Cut, Marker, logged
from processor.stream.outgoing import Entry, write
from processor.stream.state_log import RivalError, StateLog
from tests.kafka.client import read_topic
from tests.processor.stream.conftest import Producing
from wire.kafka_settings import KafkaSettings


def _read(kafka: KafkaSettings, partition: int) -> Cut:
    cut = Cut()
    for each in asyncio.run(read_topic(kafka.bootstrap, kafka.topics.changelog.name)):
        if each.partition == partition:
            cut.read(each.offset, each.key, logged(each.value, each.headers.items()))
    return cut


def _log(producer: Any, kafka: KafkaSettings) -> StateLog:
    return StateLog(producer, kafka.topics.changelog.name)


@pytest.mark.partitions(2)
def test_what_is_written_stands_when_it_is_read(topics: KafkaSettings, producing: Producing) -> None:
    first: dict[bytes, bytes | None] = {b"a/%d" % number: b"\x01" + b"v" * 400 for number in range(2000)}
    second: dict[bytes, bytes | None] = {b"a/7": None, b"a/8": b"\x01other"}
    written = Cut()
    written.epoch = 3

    async def work() -> None:
        async with producing(topics) as producer:
            log = _log(producer, topics)
            await log.write(1, written, first, 120)
            assert written.marker == Marker(120, 2000)
            await log.write(1, written, second, 130)
            await log.write(1, written, {}, 131)

    asyncio.run(work())
    cut = _read(topics, 1)
    assert (
        (cut.epoch, cut.end, cut.marker) == (written.epoch, written.end, written.marker) == (3, 2005, Marker(131, 2004))
    )
    assert cut.close() == {}
    assert cut.state == {key: value for key, value in {**first, **second}.items() if value is not None}
    assert _read(topics, 0).end is None


@pytest.mark.partitions(1)
@pytest.mark.parametrize("when", ["before the values", "before the marker"])
def test_a_rival_is_found_out_and_nothing_of_the_checkpoint_stands(
    when: str, topics: KafkaSettings, producing: Producing
) -> None:
    place = topics.topics.changelog.name, 0
    owner = Cut()
    owner.epoch = 2

    async def work() -> None:
        async with producing(topics) as producer, producing(topics) as rival:
            await _log(producer, topics).write(0, owner, {b"k": b"\x01good"}, 5)
            changes: dict[bytes, bytes | None] = {b"k": b"\x01torn"}
            if when == "before the marker":
                await write(producer.client, place, [Entry(b"k", b"\0\0\0\0\0\0\0\x02\x01torn", [])])
                assert owner.end is not None
                owner.end += 1
                changes = {}
            await write(rival.client, place, [Entry(b"k", b"\0\0\0\0\0\0\0\x01\x01zombie", [])])
            with pytest.raises(
                RivalError, match=r"partition 0: another worker has written there: expected offset \d, got \d"
            ):
                await _log(producer, topics).write(0, owner, changes, 6)

    asyncio.run(work())
    cut = _read(topics, 0)
    assert cut.marker == Marker(5, 1)
    assert cut.close() == {b"k": b"\x01good"}
