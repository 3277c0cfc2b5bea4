"""The Faust app: its topics, its table, its agent and what they work with, on one page.

Called by `processor.stream.worker`, with everything that was read before.
"""

import tempfile
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry

from processor.engine import Engine
from processor.metrics import ProcessorMetrics
from processor.settings import ProcessorSettings
from processor.stream.checkpoint import Checkpointer, Parts
from processor.stream.delivery import BatchApp, BatchSchema
from processor.stream.intake import Intake
from processor.stream.lease import lease_left
from processor.stream.metrics import Gauges, StreamMetrics
from processor.stream.opening import Opening
from processor.stream.outgoing import Outgoing
from processor.stream.recovery import watch_recovery
from processor.stream.state_log import StateLog
from processor.stream.state_table import StateStore, StateTable
from wire.kafka_settings import KafkaSettings
from wire.topics import BATCH_BYTES, COMPRESSION, INVENTORY, MAX_RECORD_BYTES

_MIB: Final = 1024 * 1024

_BUFFERED_BATCHES: Final = 16
_COMMIT_SECONDS: Final = 1.0
_REBALANCE_SECONDS: Final = 60.0
_LINGER_SECONDS: Final = 0.005
_IDLE_SECONDS: Final = 14 * 86_400.0
_METADATA_MS: Final = 5_000


class Pipeline(NamedTuple):
    """The app, and whom to ask how it is."""

    app: BatchApp
    checkpointer: Checkpointer
    intake: Intake
    store: StateStore


def create_pipeline(
    kafka: KafkaSettings, settings: ProcessorSettings, engine: Engine, registry: CollectorRegistry
) -> Pipeline:
    """Return the app that judges the topic of events; the partitions of its topics are those of `kafka`."""
    topics = kafka.topics
    app = _create_app(kafka, settings)
    table = StateTable(app, name=INVENTORY, partitions=kafka.partitions)
    app.tables.add(table)
    changelog = topics.changelog.name
    consumer, producer = app.consumer, app.producer
    metrics = StreamMetrics(registry)
    intake = Intake(consumer, metrics)
    state_log = StateLog(producer, changelog)
    checkpointer = Checkpointer(
        Parts(
            consumer=consumer,
            producer=producer,
            store=table.data,
            state_log=state_log,
            opening=Opening(consumer, table.data, state_log, changelog, metrics),
            intake=intake,
            outgoing=Outgoing(topics, kafka.partitions),
        ),
        engine,
        settings,
        ProcessorMetrics(registry, engine.ruleset.rules),
        metrics,
    )
    app.work = checkpointer
    watch_recovery(app)
    registry.register(Gauges(checkpointer.lags, lambda: lease_left(consumer), checkpointer.pending_seconds))

    @app.agent(app.topic(topics.events.name, schema=BatchSchema()), name="judge")
    async def judge(stream: Any) -> None:  # noqa: ANN401 - Faust's types know its streams only in part
        async for event in stream.noack().events():
            await checkpointer.take(event.message)
            event.ack()

    app.task(checkpointer.tick)
    return Pipeline(app, checkpointer, intake, table.data)


def _create_app(kafka: KafkaSettings, settings: ProcessorSettings) -> BatchApp:
    return BatchApp(
        kafka.topics.group,
        broker=";".join(f"kafka://{address}" for address in kafka.bootstrap.split(",")),
        # The topics are made by `topics create`: Faust knows neither min.insync.replicas nor the lag of compaction.
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication,
        # At least once, with alert ids that tell repeats. Faust's "exactly once" is not, and costs most of the speed.
        processing_guarantee="at_least_once",
        stream_wait_empty=True,  # else it would pass by the last checkpoint
        stream_buffer_maxsize=_BUFFERED_BATCHES,
        broker_commit_interval=_COMMIT_SECONDS,
        broker_session_timeout=settings.session_timeout_seconds,
        broker_heartbeat_interval=settings.heartbeat_seconds,
        broker_rebalance_timeout=_REBALANCE_SECONDS,
        # A worker that stands by fetches nothing, and would be put out of its group for it.
        broker_max_poll_interval=_IDLE_SECONDS,
        broker_request_timeout=settings.request_timeout_seconds,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_MIB,
        # A broker that has just begun may know no topics yet. The group's leader then gives nobody anything, until it
        # asks again: by default after five minutes.
        consumer_metadata_max_age_ms=_METADATA_MS,
        key_serializer="raw",
        value_serializer="raw",
        producer_acks=-1,
        producer_linger=_LINGER_SECONDS,
        producer_max_batch_size=BATCH_BYTES,
        producer_max_request_size=MAX_RECORD_BYTES,
        producer_compression_type=COMPRESSION,
        producer_request_timeout=settings.request_timeout_seconds,
        store="memory://",
        table_standby_replicas=0,
        web_enabled=False,
        worker_redirect_stdouts=False,
        # Faust makes it and keeps nothing in it.
        datadir=tempfile.gettempdir(),
    )
