"""How Kafka is reached, and whose topics are meant: `AUDITSTREAM_KAFKA_*` variables.

One class for every client of the project, so that all of them reach the same cluster in the same way. Read once a
command, by `auditstream.settings`.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from wire.topics import DEFAULT_PARTITIONS, Topics

_LONGEST_PREFIX: Final = 100


_BROKER: Final = re.compile(r"[^,;\s]+:(\d{1,9})", re.ASCII)
_LAST_PORT: Final = 65_535


def _check_brokers(bootstrap: str) -> str:
    for each in bootstrap.split(","):
        broker = _BROKER.fullmatch(each)
        if broker is None:
            raise ValueError("give host:port, several separated by commas")
        if not 0 < int(broker[1]) <= _LAST_PORT:
            raise ValueError(f"give host:port, several separated by commas, with ports from 1 to {_LAST_PORT}")
    return bootstrap


class KafkaSettings(BaseSettings):
    """A Kafka cluster and the topics in it.

    Each attribute is a variable: `bootstrap` is `AUDITSTREAM_KAFKA_BOOTSTRAP`.
    """

    model_config = SettingsConfigDict(env_prefix="AUDITSTREAM_KAFKA_", frozen=True, env_ignore_empty=True)

    bootstrap: Annotated[str, AfterValidator(_check_brokers)] = "127.0.0.1:9092"
    """Brokers to begin with, `host:port` separated by commas; the cluster tells the rest."""

    topic_prefix: Annotated[str, Field(pattern=rf"^[a-zA-Z0-9._-]{{0,{_LONGEST_PREFIX}}}$")] = "audit."
    """What all names of topics and the consumer group begin with: another one for each installation in one cluster."""

    partitions: Annotated[int, Field(gt=0, le=1000)] = DEFAULT_PARTITIONS
    """How many partitions `topics create` gives each topic: the most processors that can share the work. To be chosen
    once: it decides which partition holds whose state."""

    replication: Annotated[int, Field(gt=0, le=100)] = 1
    """How many brokers hold each record. One is for trials; with three, one broker may be lost, and of two that are
    left one more without losing what was accepted, as `topics create` asks for `min.insync.replicas` of one less."""

    @property
    def topics(self) -> Topics:
        """The topics of this installation."""
        return Topics(self.topic_prefix)
