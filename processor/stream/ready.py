"""Whether Kafka and its topics are there: asked before a worker starts, for as long as it takes.

Called by `processor.stream.worker`. Faust would end with a traceback, or make topics of its own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from wire.kafka_settings import KafkaSettings

_PAUSE_SECONDS: Final = 1.0
_REQUEST_MS: Final = 5_000

_CREATE: Final = "run 'auditstream topics create'"
_POLICY: Final = "cleanup.policy"


class UnevenError(Exception):
    """The topics have different numbers of partitions. The text says what to do."""


async def await_topics(kafka: KafkaSettings, tell: Callable[[str], None]) -> int:
    """Return how many partitions the topics have, when all of them are there. Raises UnevenError.

    `tell` gets what is waited for, each time that it is something else.
    """
    told = ""
    while True:
        partitions, lacking = await _look(kafka)
        if not lacking:
            return _even(partitions)
        if lacking != told:
            told = lacking
            tell(lacking)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _look(kafka: KafkaSettings) -> tuple[dict[str, int], str]:
    """Return the partitions of each topic, and what is lacking, empty if nothing is."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap, request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        # All topics: a broker that makes topics by itself makes one that is asked for by its name.
        described = await admin.describe_topics()
        partitions = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
        names = [topic.name for topic in kafka.topics.all]
        missing = [name for name in names if not partitions.get(name)]
        if missing:
            return {}, f"Kafka has no topic {', '.join(missing)}: {_CREATE}"
        return {name: partitions[name] for name in names}, await _check_compacted(admin, kafka.topics.changelog.name)
    except (KafkaError, OSError, TimeoutError) as error:
        return {}, f"Kafka does not answer at {kafka.bootstrap}: {type(error).__name__}"
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()


async def _check_compacted(admin: AIOKafkaAdminClient, changelog: str) -> str:
    """Return what is wrong with the changelog: one whose old records are deleted would lose the state."""
    asked = ConfigResource(ConfigResourceType.TOPIC, changelog, configs={_POLICY: None})
    for answer in await admin.describe_configs([asked]):
        for _, _, _, _, settings in answer.resources:  # none where this user may not see them
            policy = dict(setting[:2] for setting in settings).get(_POLICY, "compact")
            if policy != "compact":
                return f"the topic {changelog} is not kept as a changelog is ({_POLICY}={policy}): {_CREATE}"
    return ""


def _even(partitions: dict[str, int]) -> int:
    counts = set(partitions.values())
    if len(counts) > 1:
        told = ", ".join(f"{name} {count}" for name, count in sorted(partitions.items()))
        raise UnevenError(
            f"the topics have different numbers of partitions ({told}): state and events of a partition belong "
            "together; see 'auditstream topics create --help'"
        )
    return counts.pop()
