"""`auditstream ingest` from the settings to the exit code: what `auditstream.kafka_commands` calls.

Puts the webhook and a publisher to Kafka together and tells where it listens. Kafka need not be there: until it is,
bodies are answered 503 and stay with their senders.
"""

from signal import SIGINT

from prometheus_client import CollectorRegistry

from auditstream.access import Access
from auditstream.exit_codes import INTERRUPTED, OK
from auditstream.kafka_away import quiet
from auditstream.kafka_watch import watched
from auditstream.screen import Screen
from auditstream.server import Front, Stop, listen, run_server
from auditstream.settings import ListenSettings
from ingest.app import create_app
from ingest.kafka import KafkaPublisher
from ingest.settings import IngestSettings
from rules.text import escape
from wire.kafka_settings import KafkaSettings


def run_ingest(settings: ListenSettings, ingest: IngestSettings, kafka: KafkaSettings, screen: Screen) -> int:
    """Take bodies until SIGTERM or Ctrl-C, and return the exit code."""
    access = Access(settings, screen)
    registry = CollectorRegistry()
    publisher = KafkaPublisher(
        kafka,
        registry,
        timeout_seconds=ingest.publish_timeout_seconds,
        max_pending_bytes=ingest.max_pending_bytes,
    )
    app = create_app(ingest, publisher, registry, access.callers)
    with listen(settings.listen_host, settings.listen_port) as listener:
        warnings = access.refuse_strangers(listener.getsockname()[0])
        front = Front(listener, access, app)

        def tell(_stop: Stop) -> None:
            screen.note(greeting(front.address, kafka) + warnings)

        with quiet(screen):
            ended_by = run_server(front, lambda _stop: watched(publisher, kafka.bootstrap, screen), tell)
    return INTERRUPTED if ended_by is SIGINT else OK


def greeting(address: str, kafka: KafkaSettings) -> list[str]:
    """Return what a person wants to know at the start."""
    events, dead_letter = kafka.topics.events.name, kafka.topics.dead_letter.name
    return [
        f"auditstream: listening on {address}, webhook {address}/k8s_audit",
        f"auditstream: events go to {events} and rejected ones to {dead_letter}, Kafka is {escape(kafka.bootstrap)}",
    ]
