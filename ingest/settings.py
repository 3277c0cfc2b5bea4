"""The settings of the webhook: `AUDITSTREAM_INGEST_*` variables.

Read once a command, by `auditstream.settings`, and passed to `ingest.app.create_app` as a value.
"""

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_MIB: Final = 1024 * 1024


class IngestSettings(BaseSettings):
    """What bounds the webhook.

    Each attribute is a variable: `max_body_bytes` is `AUDITSTREAM_INGEST_MAX_BODY_BYTES`.
    """

    model_config = SettingsConfigDict(env_prefix="AUDITSTREAM_INGEST_", frozen=True, env_ignore_empty=True)

    max_body_bytes: Annotated[int, Field(gt=0)] = 64 * _MIB
    """The largest body that is read, in bytes, before and after gzip; a larger one is answered 413. The API server
    would lose such a batch after five attempts, so that the default has room for 400 events of 150 KB."""

    max_in_flight_bytes: Annotated[int, Field(gt=0)] = 128 * _MIB
    """How many bytes of bodies may be held at once, being read, unpacked or waiting to be published; what goes beyond
    is answered 503. It keeps memory flat when bodies come faster than they are published. The process needs more: what
    becomes of a body while it is taken apart, two at a time, is several times its size. A gzip body counts packed and
    unpacked, so that only twice `max_body_bytes` lets every one of them through."""

    read_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    """How long a body may take to arrive, in seconds, before it is answered 408. The API server gives a call up after
    30 seconds, so that waiting longer serves nobody, and a sender that trickles would hold memory for ever."""

    publish_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    """How long a body may wait to become durable, in seconds, before it is answered 503. Its sender then comes again
    well before it gives the call up, and the repeat joins what is still under way."""

    max_pending_bytes: Annotated[int, Field(gt=0)] = 64 * _MIB
    """How many bytes of events may wait for Kafka's acknowledgement, for `ingest`; batches beyond are answered 503,
    and come again. It is what an outage may fill: more lets longer bursts pass, and takes about twice as much memory.
    A batch that is larger by itself is taken when nothing else waits."""

    retry_after_seconds: Annotated[int, Field(gt=0)] = 2
    """What 503 tells the sender to wait, in seconds. The API server obeys up to ten times within one attempt; without
    it, it would wait 10 seconds and spend one of its five attempts."""

    @field_validator("max_in_flight_bytes")
    @classmethod
    def _has_room_for_a_body(cls, value: int, info: ValidationInfo) -> int:
        body = info.data.get("max_body_bytes", 0)
        if value < body:
            raise ValueError(f"must be at least the largest body, max_body_bytes={body}")
        return value
