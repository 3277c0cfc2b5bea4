"""The commands that need Kafka: what `auditstream.cli` registers beside its own.

Kafka's client libraries are imported within a command, when it runs: no other command needs them, or waits for them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from auditstream.options import (
    CertificateOption,
    Chosen,
    HostOption,
    KeyOption,
    PortOption,
    TokensOption,
    UnauthenticatedOption,
    takes_rule_options,
)
from auditstream.screen import Screen
from auditstream.settings import ListenSettings, read_settings
from auditstream.since import since_ms
from auditstream.usage import UsageError
from ingest.settings import IngestSettings
from processor.settings import ProcessorSettings
from wire.kafka_settings import KafkaSettings

BootstrapOption = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT,...", help="Brokers of Kafka to begin with (default 127.0.0.1:9092)."),
]
TopicPrefixOption = Annotated[
    str | None, typer.Option(metavar="PREFIX", help="What names of topics begin with (default 'audit.').")
]


def create_all_topics(
    *,
    bootstrap: BootstrapOption = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Partitions of each topic (default 12). Chosen once.")
    ] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, max=100, help="Brokers that hold each record (default 1).")
    ] = None,
    topic_prefix: TopicPrefixOption = None,
    wait: Annotated[
        float, typer.Option(min=0, max=86_400, metavar="SECONDS", help="How long to wait for Kafka to come up.")
    ] = 30,
) -> None:
    """Make the topics, or set their settings right.

    Prints a line a topic: created, is there, or which settings changed; settings of others stay. What needs more than
    a setting is refused, with exit code 1: partitions and replication of a topic that is there are not changed.
    min.insync.replicas is one less than the replication, so that one broker may be lost. It can run any number of
    times, also at once.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_KAFKA_BOOTSTRAP,
    AUDITSTREAM_KAFKA_PARTITIONS, AUDITSTREAM_KAFKA_REPLICATION, AUDITSTREAM_KAFKA_TOPIC_PREFIX.
    """
    given = {
        "bootstrap": bootstrap,
        "partitions": partitions,
        "replication": replication,
        "topic_prefix": topic_prefix,
    }
    settings = read_settings(given, KafkaSettings)
    with kafka_extra():
        from auditstream.kafka_admin import create_topics  # noqa: PLC0415 - other commands run without Kafka
    raise typer.Exit(create_topics(settings, wait, Screen()))


def take_events(  # noqa: PLR0913 - a command's parameters are its options
    *,
    host: HostOption = None,
    port: PortOption = None,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    tokens: TokensOption = None,
    allow_unauthenticated: UnauthenticatedOption = None,
    bootstrap: BootstrapOption = None,
    topic_prefix: TopicPrefixOption = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The cluster of bodies whose path names none ('default')."),
    ] = None,
) -> None:
    """Take what API servers post to the webhook, into Kafka.

    The webhook is /k8s_audit, or /k8s_audit/NAME for a cluster of another name. A body is answered 200 when Kafka has
    all its events, and 503 when it is to be sent again: until Kafka and the topics are there, when it does not
    acknowledge in time, and when too much waits. Any number of these commands may run. SIGTERM and Ctrl-C end it when
    what it took is answered, a second one at once. /healthz, /readyz and /metrics are there.

    With --tokens the token says which cluster posts, and only those it names may; it takes --tls-certificate and
    --tls-key. Beyond this machine it listens only so, or with --allow-unauthenticated. These files are read anew when
    they change.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_LISTEN_HOST,
    AUDITSTREAM_LISTEN_PORT, AUDITSTREAM_TLS_CERTIFICATE, AUDITSTREAM_TLS_KEY, AUDITSTREAM_TOKENS,
    AUDITSTREAM_ALLOW_UNAUTHENTICATED (true, false), AUDITSTREAM_KAFKA_BOOTSTRAP, AUDITSTREAM_KAFKA_TOPIC_PREFIX,
    AUDITSTREAM_CLUSTER. Further ones bound what is held at once: AUDITSTREAM_INGEST_MAX_BODY_BYTES,
    AUDITSTREAM_INGEST_MAX_IN_FLIGHT_BYTES, AUDITSTREAM_INGEST_MAX_PENDING_BYTES,
    AUDITSTREAM_INGEST_READ_TIMEOUT_SECONDS, AUDITSTREAM_INGEST_PUBLISH_TIMEOUT_SECONDS,
    AUDITSTREAM_INGEST_RETRY_AFTER_SECONDS.
    """
    given = {
        "listen_host": host,
        "listen_port": port,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "tokens": tokens,
        "allow_unauthenticated": allow_unauthenticated,
        "cluster": cluster,
    }
    settings = read_settings(given, ListenSettings)
    kafka = read_settings({"bootstrap": bootstrap, "topic_prefix": topic_prefix}, KafkaSettings)
    with kafka_extra():
        from auditstream.ingest_command import run_ingest  # noqa: PLC0415 - other commands run without Kafka
    raise typer.Exit(run_ingest(settings, read_settings({}, IngestSettings), kafka, Screen()))


def print_alerts(
    *,
    bootstrap: BootstrapOption = None,
    topic_prefix: TopicPrefixOption = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was sent since: 90s, 10m, 2h, 3d, or RFC 3339.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until SIGTERM or Ctrl-C.")] = (
        False
    ),
    json: Annotated[bool, typer.Option("--json", help="JSON lines on a terminal too.")] = False,
) -> None:
    """Print the alerts that are in Kafka.

    They go to standard output, as JSON lines if that is no terminal; everything else goes to standard error. It ends
    with what is there at its start, and with exit code 1 where Kafka or the topic is not there. With --follow it waits
    for them, says once what for, and goes on with what comes, also after Kafka was away. An alert that is in the topic
    again is printed once: the ids of the last 100,000 at least, 200,000 at most, are remembered.

    What is there at the start comes by the time of the events: exactly so for 10,000 alerts (or 16 MiB), and beyond
    unless one is later than that many others. What comes after that is printed as it comes.

    A record that is no alert is told and passed over, and makes the exit code 1. Nothing is committed: any number of
    these commands may run, and none changes what another one sees.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_KAFKA_BOOTSTRAP,
    AUDITSTREAM_KAFKA_TOPIC_PREFIX.
    """
    begin_ms = since_ms(since, time.time()) if since is not None else None
    settings = read_settings({"bootstrap": bootstrap, "topic_prefix": topic_prefix}, KafkaSettings)
    with kafka_extra():
        from auditstream.kafka_reader import read_alerts  # noqa: PLC0415 - other commands run without Kafka
    screen = Screen(is_human=False if json else None)
    raise typer.Exit(read_alerts(settings, screen, since_ms=begin_ms, is_followed=follow))


@takes_rule_options()
def judge_events(
    *,
    bootstrap: BootstrapOption = None,
    topic_prefix: TopicPrefixOption = None,
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Where health and metrics are (default 127.0.0.1: this machine only)."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Their port (default 8766); 0 for any that is free.")
    ] = None,
    chosen: Chosen,
) -> None:
    """Judge the events that are in Kafka, and write alerts to Kafka.

    Any number of these may run, on any machines; those up to the number of partitions share the work, the others stand
    by. Give all of them the same rules. What is known of resources is kept in Kafka. SIGTERM and Ctrl-C end it when
    what it has judged is durable, a second one at once; nothing is lost either way, nor by kill -9. It ends by itself,
    with exit code 70, when it cannot be sure of its work any more, and is to be started again then.

    /healthz, /readyz and /metrics are served on the address.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_KAFKA_BOOTSTRAP,
    AUDITSTREAM_KAFKA_TOPIC_PREFIX, AUDITSTREAM_PROCESSOR_LISTEN_HOST, AUDITSTREAM_PROCESSOR_LISTEN_PORT, and the rule
    options of replay. Further ones are AUDITSTREAM_PROCESSOR_CHECKPOINT_SECONDS,
    AUDITSTREAM_PROCESSOR_CHECKPOINT_RECORDS, AUDITSTREAM_PROCESSOR_SESSION_TIMEOUT_SECONDS and
    AUDITSTREAM_PROCESSOR_HEARTBEAT_SECONDS.
    """
    settings = read_settings(chosen)
    processor = read_settings({"listen_host": host, "listen_port": port}, ProcessorSettings)
    kafka = read_settings({"bootstrap": bootstrap, "topic_prefix": topic_prefix}, KafkaSettings)
    with kafka_extra():
        from auditstream.process_command import run_process  # noqa: PLC0415 - other commands run without Kafka
    raise typer.Exit(run_process(settings, processor, kafka, Screen()))


@contextmanager
def kafka_extra() -> Iterator[None]:
    """Import what needs Kafka's client libraries; raise UsageError if they are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"this needs Kafka's client libraries, of which {error.name} is missing: install 'auditstream[kafka]'"
        ) from None
