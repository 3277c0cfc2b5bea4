"""Whether Kafka and its topics are there: asked before a worker starts, for as long as it takes.

Called by `processor.stream.worker`. Faust would end with a traceback, or make topics of its own.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from wire.kafka_settings import KafkaSettings

_PAUSE_SECONDS: Final = 1.0
_REQUEST_MS: Final = 5_000


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
    names = [topic.name for topic in kafka.topics.all]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap, request_timeout_ms=_REQUEST_MS)
    library = logging.getLogger("aiokafka")
    before, library.disabled = library.disabled, True  # it is told here, in one line
    try:
        await admin.start()
        described = await admin.describe_topics(names)
    except (KafkaError, OSError, TimeoutError) as error:
        return {}, f"Kafka does not answer at {kafka.bootstrap}: {type(error).__name__}"
    finally:
        with suppress(KafkaError, OSError):
            await admin.close()
        library.disabled = before
    partitions = {each["topic"]: len(each["partitions"]) for each in described if not each["error_code"]}
    missing = [name for name in names if not partitions.get(name)]
    told = f"Kafka has no topic {', '.join(missing)}: run 'auditstream topics create'" if missing else ""
    return partitions, told


def _even(partitions: dict[str, int]) -> int:
    counts = set(partitions.values())
    if len(counts) > 1:
        told = ", ".join(f"{name} {count}" for name, count in sorted(partitions.items()))
        raise UnevenError(
            f"the topics have different numbers of partitions ({told}): state and events of a partition belong "
            "together; see 'auditstream topics create --help'"
        )
    return counts.pop()
