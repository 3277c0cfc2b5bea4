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


@pytest.mark.parametrize("given", ["kafka", "a:1, b:2", "a:1;b:2", "a:1,", ":1", "a:", "a:x", "a:1\n", "a:\u0661"])
def test_brokers_that_cannot_be_meant_are_refused_in_words(given: str) -> None:
    with pytest.raises(ValidationError, match="Value error, give host:port, several separated by commas "):
        KafkaSettings(bootstrap=given)


@pytest.mark.parametrize("given", ["a:0", "a:65536", "a:1,b:70000"])
def test_a_port_that_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="separated by commas, with ports from 1 to 65535 "):
        KafkaSettings(bootstrap=given)


def test_every_port_that_can_be_is_taken() -> None:
    assert KafkaSettings(bootstrap="a:1,[::1]:65535").bootstrap == "a:1,[::1]:65535"


@pytest.mark.parametrize(
    "given",
    [
        {"topic_prefix": "a b"},
        {"topic_prefix": "a" * 101},
        {"partitions": 0},
        {"replication": 0},
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KafkaSettings(**given)  # type: ignore[arg-type]  # checked at run time
