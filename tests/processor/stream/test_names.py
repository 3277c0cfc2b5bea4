"""The names of Faust, mode and aiokafka that are not public, or whose meaning is leaned on, are where they are used.

Versions are pinned exactly; whoever changes a pin learns here first what has moved.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import aiokafka
import faust
import mode
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.record.default_records import DefaultRecordBatch
from faust.stores.base import Store
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver

ROOT = Path(__file__).parents[3]
STREAM = ROOT / "processor" / "stream"

METHODS = {
    driver.Consumer: (
        "_commit",
        "_filter_committable_offsets",
        "_filter_tps_with_pending_acks",
        "_get_active_partitions",
        "_getmany",
        "_is_changelog_tp",
        "_new_consumer_thread",
        "_wait_next_records",
        "ack",
        "commit_and_end_transactions",
        "earliest_offsets",
        "getmany",
        "highwater",
        "highwaters",
        "on_buffer_drop",
        "on_partitions_assigned",
        "perform_seek",
        "resume_flow",
        "resume_partitions",
        "seek_wait",
        "wait_empty",
    ),
    driver.AIOKafkaConsumerThread: ("_consumer", "_create_consumer", "_ensure_consumer", "call_thread"),
    driver.Producer: ("_ensure_producer", "_settings_extra", "on_start"),
    faust.App: ("_crash", "_new_producer_transport", "_new_transport", "create_event", "task"),
    faust.Schema: ("compile",),
    faust.Table: ("_new_store_by_url", "changelog_topic_name", "data"),
    Store: (
        "apply_changelog_batch",
        "backup_partition",
        "on_rebalance",
        "persisted_offset",
        "reset_state",
        "restore_backup",
        "set_persisted_offset",
    ),
    mode.Service: ("_crash", "crash", "wait_until_stopped"),
    GroupCoordinator: ("_do_heartbeat", "_do_rejoin_group"),
    Sender: ("_send_produce_req",),
    BatchBuilder: ("append", "close", "record_count"),
    aiokafka.AIOKafkaProducer: ("create_batch", "send_batch"),
    AIOKafkaClient: ("_metadata_update",),
}

# Attributes that are set when an object is made: the words stand in what makes it.
ATTRIBUTES = (
    (Consumer, ("_buffered_partitions", "_paused_partitions", "_read_offset", "_unacked_messages", "can_resume_flow")),
    (Consumer, ("flow_active", "should_stop")),
    (ThreadDelegateConsumer, ("_thread",)),
    (aiokafka.AIOKafkaConsumer, ("_coordinator", "_fetch_max_wait_ms")),
    (GroupCoordinator, ("generation",)),
    (aiokafka.AIOKafkaProducer, ("_message_accumulator", "_sender")),
    (MessageAccumulator, ("_batch_ttl",)),
    (driver.ConsumerRebalanceListener, ("consumer_generation_id",)),
    (Recovery, ("_wait", "consumer_generation_id", "perform_seek", "persisted_offset", "apply_changelog_batch")),
)


@pytest.mark.parametrize(("owner", "names"), METHODS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_what_is_overridden_or_called_is_there(owner: type, names: tuple[str, ...]) -> None:
    assert [name for name in names if not hasattr(owner, name)] == []


@pytest.mark.parametrize(("owner", "names"), ATTRIBUTES, ids=lambda each: getattr(each, "__name__", ""))
def test_what_objects_have_is_there(owner: type, names: tuple[str, ...]) -> None:
    source = inspect.getsource(owner)
    assert [name for name in names if not re.search(rf"\.{name}\b", source)] == []


def _private(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the private names of a module: each use, and whether the module makes the name itself there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            yield node.attr, isinstance(node.ctx, ast.Store)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, True


def test_every_private_name_that_is_used_is_held_here() -> None:
    held = {name for names in METHODS.values() for name in names} | {name for _, names in ATTRIBUTES for name in names}
    found = [each for path in STREAM.glob("*.py") for each in _private(ast.parse(path.read_text()))]
    used = {name for name, is_made in found if not is_made}
    assert used - held - {name for name, is_made in found if is_made and name not in held} == {"_exit"}
    assert {"_sender", "_coordinator", "_getmany"} <= used, "the search finds what is there"


def test_the_versions_are_those_of_the_pins() -> None:
    pins = dict(re.findall(r'"([a-z-]+)==([\d.]+)"', (ROOT / "pyproject.toml").read_text()))
    assert set(pins) == {"aiokafka", "faust-streaming", "mode-streaming"}
    assert {name: version(name) for name in pins} == pins


def test_a_member_that_is_out_of_the_group_has_the_generation_that_is_compared_with() -> None:
    """The lease ends at once when the coordinator is reset to it."""
    assert driver.DEFAULT_GENERATION_ID == -1
    assert "DEFAULT_GENERATION_ID" in inspect.getsource(GroupCoordinator.reset_generation)


def test_records_are_read_in_c() -> None:
    assert "_crecords" in DefaultRecordBatch.__module__


def test_faust_goes_on_without_a_seek_that_takes_too_long() -> None:
    """Why an opening has a time limit below that of a request: `_wait` returns as if it had been done."""
    assert re.search(r"perform_seek\(\), timeout=self\.app\.conf\.broker_request_timeout", inspect.getsource(Recovery))
