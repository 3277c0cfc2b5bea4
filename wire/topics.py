"""The topics: what they are called, what is kept in them for how long, and how it is sent. PURE.

`ingest` and `processor` read and write them, `auditstream topics create` makes them. All have the same number of
partitions, since the state of a partition of events lives in the same partition of the changelog.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

MAX_RECORD_BYTES: Final = 9 * 1024 * 1024
"""What a record may have, key and headers included: an event of 8 MiB, and room for the rest."""

BATCH_BYTES: Final = 256 * 1024
"""What a batch of records holds before compression. Smaller ones compress less well (64 KiB: a ninth is left), larger
ones hardly better. A record that is larger by itself goes in a batch of its own."""

COMPRESSION: Final = "zstd"
"""Of 263 recorded bodies (8,643 events, 17.4 MB) zstd leaves a twelfth, lz4 an eighth; and for what building and
compressing costs, 4.7 against 11.6 microseconds of CPU an event."""

DEFAULT_PARTITIONS: Final = 12

INVENTORY: Final = "inventory"
"""The table in which the processor keeps its state, as Faust names it."""

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_MIB: Final = 1024 * 1024


class Topic(msgspec.Struct, frozen=True):
    """A topic and Kafka's settings of it."""

    name: str
    settings: Mapping[str, str]


class Topics(msgspec.Struct, frozen=True):
    """The topics of one installation: several share a Kafka cluster under prefixes of their own."""

    prefix: str = "audit."

    @property
    def group(self) -> str:
        """The consumer group of the processor's workers, which Faust takes for the name of the app too."""
        return f"{self.prefix}processor"

    @property
    def events(self) -> Topic:
        """The audit events, keyed by affinity; a week of them, for replays."""
        return Topic(f"{self.prefix}events", _kept_for(7 * _DAY_MS))

    @property
    def alerts(self) -> Topic:
        """The alerts, keyed by their ids."""
        return Topic(f"{self.prefix}alerts", _kept_for(30 * _DAY_MS))

    @property
    def dead_letter(self) -> Topic:
        """What can never be judged, or not whole, with the reason."""
        return Topic(f"{self.prefix}deadletter", _kept_for(7 * _DAY_MS))

    @property
    def changelog(self) -> Topic:
        """The state of the processor: the last value of each key, until it is deleted."""
        return Topic(
            f"{self.group}-{INVENTORY}-changelog",
            {
                "cleanup.policy": "compact",
                # A worker that lost its partition may have written after its successor: for so long both records are
                # there, and recovery can tell which one stands.
                "min.compaction.lag.ms": str(_HOUR_MS),
                "delete.retention.ms": str(_DAY_MS),
                "segment.ms": str(_HOUR_MS),
                "segment.bytes": str(128 * _MIB),
                "min.cleanable.dirty.ratio": "0.3",
                "max.message.bytes": str(_MIB),
            },
        )

    @property
    def all(self) -> tuple[Topic, ...]:
        """Every topic that has to be there."""
        return self.events, self.alerts, self.dead_letter, self.changelog


def _kept_for(milliseconds: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(milliseconds),
        "max.message.bytes": str(MAX_RECORD_BYTES),
    }
