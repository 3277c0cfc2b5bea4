"""The fixture `installation`: topics of a test's own in the Kafka that tests share, and its workers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processor.stream.workers import Installation
from wire.kafka_settings import KafkaSettings


@pytest.fixture
def installation(topics: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Give topics and workers; what still runs is ended with the test."""
    for name in os.environ:
        if name.upper().startswith("AUDITSTREAM_"):
            monkeypatch.delenv(name)
    installation = Installation(topics, tmp_path)
    yield installation
    installation.end()
