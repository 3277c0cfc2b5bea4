"""The settings of the processor: `AUDITSTREAM_PROCESSOR_*` variables.

Read once a command, by `auditstream.settings`, and passed to `processor.stream.app` as a value.
"""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ProcessorSettings(BaseSettings):
    """How a worker works.

    Each attribute is a variable: `checkpoint_seconds` is `AUDITSTREAM_PROCESSOR_CHECKPOINT_SECONDS`.
    """

    model_config = SettingsConfigDict(env_prefix="AUDITSTREAM_PROCESSOR_", frozen=True, env_ignore_empty=True)

    listen_host: str = "127.0.0.1"
    """Where health and metrics are served; by default they are reached from this machine only."""

    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8766
    """The port of health and metrics; 0 takes any that is free."""

    checkpoint_seconds: Annotated[float, Field(gt=0, le=60)] = 0.25
    """How often alerts and state become durable, in seconds: about how late an alert may be. What was judged since is
    judged again after a crash, and gives the same alerts."""

    checkpoint_records: Annotated[int, Field(gt=0)] = 20_000
    """After so many events a checkpoint comes at once: it bounds memory and what a crash repeats."""

    session_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0
    """After so many seconds without a heartbeat the group gives a worker's partitions to the others: how long a crash
    stops them. Shorter finds crashes sooner, and takes a slow network for one."""

    heartbeat_seconds: Annotated[float, Field(gt=0, le=100)] = 3.0
    """How often a worker shows that it lives: a tenth of the session, so that a few may be lost."""

    @field_validator("heartbeat_seconds")
    @classmethod
    def _comes_several_times_a_session(cls, value: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout_seconds", value * 3)
        if value * 3 > session:
            raise ValueError(f"must be at most a third of session_timeout_seconds={session:g}")
        return value

    @property
    def request_timeout_seconds(self) -> float:
        """How long a request to Kafka may take. Faust wants it to be longer than the session."""
        return self.session_timeout_seconds + 10.0

    @property
    def opening_seconds(self) -> float:
        """How long taking over partitions may take once their state is read; Faust goes on after a request's time."""
        return self.request_timeout_seconds - 5.0
