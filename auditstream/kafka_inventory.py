"""The inventory as the workers have written it to Kafka: what stands of each partition of the changelog.

Called by `auditstream.resources_app`. It belongs to no consumer group, and reads each partition from its beginning
to where it ends now, as a worker does that takes it over: what is torn, or comes from a former owner, does not count.
"""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from auditstream.kafka_away import away
from auditstream.kafka_consumer import ATTEMPT_SECONDS, MissingTopicError, all_partitions
from auditstream.resources_command import NoInventoryError, Take
from processor.stream.changelog import Cut, UnreadableError, logged
from wire.kafka_settings import KafkaSettings

_IDLE_MS: Final = 1000


def read_inventory(settings: KafkaSettings, take: Take) -> None:
    """Give the state of each partition to `take`, one after the other, so that only one is held at a time.

    Raises NoInventoryError, and whatever `take` raises.
    """
    asyncio.run(_read_all(settings, take))


async def _read_all(settings: KafkaSettings, take: Take) -> None:
    try:
        async with all_partitions(settings, settings.topics.changelog.name, "auditstream-resources") as consumer:
            partitions = sorted(consumer.assignment())
            async with asyncio.timeout(ATTEMPT_SECONDS):
                begins: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
                ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            for partition in partitions:
                if begins[partition] < ends[partition]:
                    cut = await _read(consumer, partition, begins[partition], ends[partition])
                    take(cut.state.items(), cut.state.get)
    except MissingTopicError as error:
        raise NoInventoryError(str(error)) from None
    except (KafkaError, TimeoutError) as error:  # not every OSError: that may be of `take`
        raise NoInventoryError(away(settings, error)) from None


async def _read(consumer: AIOKafkaConsumer, partition: TopicPartition, begin: int, end: int) -> Cut:
    """Return what stands of a partition, up to an offset."""
    consumer.assign([partition])
    consumer.seek(partition, begin)
    cut = Cut()
    # By the position, not by offsets of records: what is compacted away leaves gaps, at the end too.
    while await _position(consumer, partition) < end:
        batches = await consumer.getmany(partition, timeout_ms=_IDLE_MS)
        if not batches:
            # The consumer tries again for ever, and says nothing.
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await consumer.end_offsets([partition])
        for record in batches.get(partition, ()):
            if record.offset < end:
                try:
                    cut.read(record.offset, record.key, logged(record.value, record.headers))
                except UnreadableError as error:
                    place = f"{partition.topic}, partition {partition.partition}"
                    raise NoInventoryError(f"{place}: {error}; has something else written there?") from None
    return cut


async def _position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    async with asyncio.timeout(ATTEMPT_SECONDS):
        position: int = await consumer.position(partition)
    return position
