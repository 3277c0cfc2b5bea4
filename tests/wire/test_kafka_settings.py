"""How Kafka is reached: the variables, and what is refused."""

import pytest
from pydantic import ValidationError

from wire.kafka_settings import KafkaSettings


def test_the_defaults_reach_a_broker_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITSTREAM_KAFKA_BOOTSTRAP", raising=False)
    settings = KafkaSettings()
    assert (settings.bootstrap, settings.partitions, settings.replication) == ("127.0.0.1:9092", 12, 1)
    assert settings.topics.events.name == "audit.events"


def test_the_variables_have_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSTREAM_KAFKA_BOOTSTRAP", "a:9092,b:9093")
    monkeypatch.setenv("AUDITSTREAM_KAFKA_TOPIC_PREFIX", "east.")
    settings = KafkaSettings()
    assert settings.bootstrap == "a:9092,b:9093"
    assert settings.topics.alerts.name == "east.alerts"


@pytest.mark.parametrize(
    "given",
    [
        {"bootstrap": "kafka"},
        {"bootstrap": "a:1, b:2"},
        {"bootstrap": "a:1;b:2"},
        {"topic_prefix": "a b"},
        {"topic_prefix": "a" * 101},
        {"partitions": 0},
        {"replication": 0},
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KafkaSettings(**given)  # type: ignore[arg-type]  # checked at run time
