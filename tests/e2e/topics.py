"""What the topics of a test hold when the work is done: alerts, events, inventory, offsets.

Read with no code of ours but for the changelog, whose meaning `processor.stream.changelog` alone knows.
"""

import asyncio
from collections import Counter, defaultdict
from typing import Final

from processor.stream.changelog import Cut, logged
from tests.e2e.pipeline import decoded
from tests.e2e.recorded import Alert, nameless, without_clocks
from tests.kafka.client import Stored, committed_offsets, end_offsets, read_topic
from wire.kafka_settings import KafkaSettings
from wire.record import Record, identity, read_record

_SECONDS: Final = 60.0


def alerts(kafka: KafkaSettings) -> dict[str, Alert]:
    """Return the alerts of the topic by id, nameless. Each is keyed by its id, and repeats say what the first said."""
    found: dict[str, Alert] = {}
    for stored in _read(kafka, kafka.topics.alerts.name):
        alert = nameless(decoded(stored.value))
        assert stored.key == alert["id"].encode()
        assert found.setdefault(alert["id"], alert) == alert
    return found


def alerting_hosts(kafka: KafkaSettings) -> Counter[str]:
    """Return how many alerts each worker has sent, repeats included."""
    return Counter(decoded(stored.value)["hostname"] for stored in _read(kafka, kafka.topics.alerts.name))


def events(kafka: KafkaSettings) -> Counter[str]:
    """Return how often each event is on the topic, by its identity."""
    return Counter(identity(record.cluster, record.value) for _, record in _records(kafka))


def keyed_partitions(kafka: KafkaSettings) -> set[int]:
    """Return the partitions that hold events with keys."""
    return {partition for partition, record in _records(kafka) if record.key is not None}


def dead_letters(kafka: KafkaSettings) -> list[Stored]:
    """Return what is on the topic of dead letters."""
    return _read(kafka, kafka.topics.dead_letter.name)


def inventory(kafka: KafkaSettings) -> dict[bytes, bytes]:
    """Return the state that a worker would recover, of all partitions, but for their clocks."""
    cuts: dict[int, Cut] = defaultdict(Cut)
    for stored in _read(kafka, kafka.topics.changelog.name):
        cuts[stored.partition].read(stored.offset, stored.key, logged(stored.value, stored.headers.items()))
    state: dict[bytes, bytes] = {}
    for cut in cuts.values():
        cut.close()
        objects = without_clocks(cut.state)
        assert state.keys().isdisjoint(objects)
        state.update(objects)
    return state


def ends(kafka: KafkaSettings) -> dict[int, int]:
    """Return where each partition of the events ends."""
    return asyncio.run(end_offsets(kafka.bootstrap, kafka.topics.events.name, _SECONDS))


def committed(kafka: KafkaSettings) -> dict[int, int]:
    """Return up to where the group has committed each partition of the events; 0 where it has committed nothing."""
    topics = kafka.topics
    offsets = asyncio.run(committed_offsets(kafka.bootstrap, topics.group, topics.events.name, _SECONDS))
    return {partition: offsets.get(partition, 0) for partition in range(kafka.partitions)}


def is_all_committed(kafka: KafkaSettings) -> bool:
    """Tell whether everything on the topic of events is judged and durable."""
    return committed(kafka) == ends(kafka)


def _records(kafka: KafkaSettings) -> list[tuple[int, Record]]:
    found = []
    for stored in _read(kafka, kafka.topics.events.name):
        record = read_record(stored.key, stored.value, stored.headers.items())
        assert isinstance(record, Record)
        found.append((stored.partition, record))
    return found


def _read(kafka: KafkaSettings, topic: str) -> list[Stored]:
    return asyncio.run(read_topic(kafka.bootstrap, topic, _SECONDS))
