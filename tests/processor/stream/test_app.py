"""The Faust app: its names are those that `topics create` makes, and its settings those that nothing is lost with."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from processor.stream.app import Pipeline
from processor.stream.delivery import BatchConsumer
from processor.stream.lease import LeasedProducer
from processor.stream.state_table import StateTable
from wire.topics import DEFAULT_PARTITIONS, Topics


def test_faust_uses_the_topics_that_are_made_for_it(pipeline: Pipeline) -> None:
    topics = Topics()
    table: Any = pipeline.app.tables["inventory"]
    assert isinstance(table, StateTable)
    assert table.changelog_topic_name == topics.changelog.name
    assert table.partitions == DEFAULT_PARTITIONS
    assert pipeline.app.conf.id == topics.group
    (agent,) = pipeline.app.agents.values()
    assert agent.get_topic_names() == (topics.events.name,)


def test_nothing_of_faust_makes_or_leads_topics_of_its_own(pipeline: Pipeline) -> None:
    conf = pipeline.app.conf
    assert conf.topic_disable_leader
    assert not conf.topic_allow_declare
    assert not conf.web_enabled
    assert conf.table_standby_replicas == 0


def test_what_loss_would_follow_from_is_set(pipeline: Pipeline) -> None:
    conf = pipeline.app.conf
    assert conf.stream_wait_empty, "else the last checkpoint is passed by"
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.broker_session_timeout < conf.broker_request_timeout
    assert conf.broker_max_poll_interval > 7 * 86_400, "a worker that stands by fetches nothing, and stays in its group"
    assert pipeline.app.tables["inventory"].recovery_buffer_size > 1, "else it reads on what it writes itself"
    settings = pipeline.app.producer._settings_extra()  # noqa: SLF001 - Faust's name
    assert settings == {"acks": "all", "enable_idempotence": True}


def test_consumer_and_producer_are_ours(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.app.consumer, BatchConsumer)
    assert isinstance(pipeline.app.producer, LeasedProducer)
    assert pipeline.app.work is pipeline.checkpointer


@pytest.mark.usefixtures("pipeline")
def test_lag_and_lease_are_among_the_metrics(registry: CollectorRegistry) -> None:
    told = generate_latest(registry).decode()
    assert "auditstream_processor_lease_seconds 0.0\n" in told
    assert "# TYPE auditstream_processor_lag_records gauge\n" in told
    assert 'auditstream_processor_alerts_total{rule="Any"} 0.0\n' in told
