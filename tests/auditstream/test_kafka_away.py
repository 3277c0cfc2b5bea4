"""What is said of a Kafka that cannot be reached, and what is kept from the screen."""

import logging

import pytest
from aiokafka.errors import (
    CorruptRecordException,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)

from auditstream.kafka_away import away, quiet
from auditstream.screen import Screen
from wire.kafka_settings import KafkaSettings

SETTINGS = KafkaSettings(bootstrap="k:1")


@pytest.mark.parametrize(
    "error", [KafkaConnectionError(), KafkaError(), RequestTimedOutError(), TimeoutError(), ConnectionRefusedError()]
)
def test_no_answer_is_no_kafka(error: Exception) -> None:
    assert away(SETTINGS, error) == (
        "cannot reach Kafka at k:1: start it, or give its address with --bootstrap or AUDITSTREAM_KAFKA_BOOTSTRAP"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NodeNotReadyError(), "names brokers at addresses that do not answer here: see advertised.listeners"),
        (TopicAuthorizationFailedError(), "does not let this user: grant it Describe and Read"),
        (CorruptRecordException(), "is not ready (CorruptRecordException): run this again"),
    ],
)
def test_other_errors_have_steps_of_their_own(error: Exception, told: str) -> None:
    assert away(SETTINGS, error).startswith(f"Kafka at k:1 {told}")


def test_the_client_is_not_heard_and_others_are(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet(Screen()):
        logging.getLogger("aiokafka.conn").error("no connection")
        logging.getLogger("asyncio").error("a task was lost")
    assert capfd.readouterr().err == "auditstream: a task was lost\n"
    assert logging.getLogger("aiokafka").propagate
