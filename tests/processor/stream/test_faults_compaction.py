"""What compaction leaves of a changelog is the same state, with or without a torn checkpoint at its end."""

import asyncio
import signal
from collections.abc import Mapping

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from processor.memory import state_key
from processor.request import ObjectName
from tests.processor.stream.workers import Installation, event, is_marker, late_creations, until
from wire.topics import Topic

pytestmark = pytest.mark.partitions(1)

KEY = b"c/shop"
LATER = 100_000

AT_ONCE = {
    "min.compaction.lag.ms": "0",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "0",
}


def _alter(installation: Installation, topic: Topic, others: Mapping[str, str]) -> None:
    """Give a topic its settings, but for some."""

    async def alter() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.kafka.bootstrap)
        await admin.start()
        try:
            configs = {**topic.settings, **others}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=configs)])
        finally:
            await admin.close()

    asyncio.run(alter())


def _lost(installation: Installation) -> int:
    """Return how many records compaction has taken out of the changelog until now."""
    return installation.ends(installation.kafka.topics.changelog.name)[0] - len(installation.changelog())


def _compact(installation: Installation) -> None:
    """Have compaction take out almost all that it may, while a worker goes on writing."""
    changelog = installation.kafka.topics.changelog
    worker = installation.start()
    names = [f"n{number}" for number in range(20)]
    for second in range(0, 3000, 600):
        installation.send(late_creations(names, 3600 + second))
        installation.await_committed()
    brief = [f"brief{number}" for number in range(5)]
    installation.send([event(verb, name, 7200) for name in brief for verb in ("create", "delete")])
    installation.send([event("delete", name, 7200) for name in names[::2]])
    installation.await_committed()
    before = len(installation.changelog())
    forgotten = {state_key(KEY, ObjectName("", "configmaps", "shop", name)) for name in brief}
    assert forgotten <= {each.key for each in installation.changelog()}
    _alter(installation, changelog, AT_ONCE)
    # A day later: what was brief is forgotten, and compaction takes out the records that say so too.
    seconds = iter(range(LATER, LATER + 12_000))

    def has_lost() -> bool:
        # Only segments that are full are compacted: each round fills one.
        installation.send([event("patch", "last", next(seconds))])
        installation.await_committed()
        left = {each.key for each in installation.changelog()}
        return _lost(installation) > before // 2 and forgotten.isdisjoint(left)

    until(has_lost, "compaction")
    _alter(installation, changelog, {})
    assert worker.stop() == 0
    assert sum(map(is_marker, installation.changelog())) < before // 20, "markers are compacted away too"


def test_a_compacted_changelog_is_the_same_state(installation: Installation) -> None:
    _compact(installation)
    end = installation.ends(installation.kafka.topics.events.name)[0]
    worker = installation.start()
    worker.await_ready()
    assert installation.committed() == {0: end}
    assert worker.count("auditstream_processor_events_total") == 0
    installation.send([event("delete", name, LATER + 13_000) for name in ("n1", "n2", "n3", "last")])
    installation.await_committed()
    assert worker.count("auditstream_processor_events_total") == 4
    assert worker.stop() == 0
    installation.check()

    # And so with a torn checkpoint behind what is compacted.
    records = late_creations(["n1", "n2", "new"], LATER + 14_000)
    installation.send(records)
    crashed = installation.start("end_after=2", checkpoint_seconds=60, checkpoint_records=len(records))
    assert crashed.ended() == -signal.SIGKILL
    last = installation.start()
    installation.await_committed()
    assert last.stop() == 0
    installation.check()
