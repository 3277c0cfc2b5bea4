"""What commands say when Kafka cannot be reached, and what its client library logs. Imports no client.

Called by the commands that use Kafka.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auditstream.log import logged
from auditstream.screen import Screen
from wire.kafka_settings import KafkaSettings

_LIBRARIES: Final = ("aiokafka", "faust", "mode")

# Told by name, so that the client need not be imported. `KafkaError` itself is raised when no broker tells of the
# cluster.
_UNREACHED: Final = {"KafkaConnectionError", "KafkaTimeoutError", "RequestTimedOutError", "KafkaError", "TimeoutError"}


def away(settings: KafkaSettings, error: BaseException) -> str:
    """Return one line for a Kafka that does not answer, the next step included."""
    # Its brokers told their addresses, and these do not answer: `advertised.listeners`, most times.
    if type(error).__name__ == "NodeNotReadyError":
        return (
            f"Kafka at {settings.bootstrap} names brokers at addresses that do not answer here: see "
            "advertised.listeners in their settings"
        )
    if isinstance(error, OSError) or type(error).__name__ in _UNREACHED:
        return (
            f"cannot reach Kafka at {settings.bootstrap}: start it, or give its address with --bootstrap or "
            "AUDITSTREAM_KAFKA_BOOTSTRAP"
        )
    if type(error).__name__.endswith("AuthorizationFailedError"):
        return f"Kafka at {settings.bootstrap} does not let this user: grant it Describe and Read on the topics"
    return f"Kafka at {settings.bootstrap} is not ready ({type(error).__name__}): run this again"


@contextmanager
def quiet(screen: Screen) -> Iterator[None]:
    """Keep what Kafka's libraries log off the screen while it lasts: what matters of it is told by the command."""
    logs = [logging.getLogger(name) for name in _LIBRARIES]
    nowhere = logging.NullHandler()
    for log in logs:
        log.addHandler(nowhere)
        log.propagate = False
    try:
        with logged(screen):
            yield
    finally:
        for log in logs:
            log.propagate = True
            log.removeHandler(nowhere)
