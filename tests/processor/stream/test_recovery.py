"""A recovery that Kafka does not answer ends the worker; one that is stopped just ends."""

import subprocess
import sys

import pytest

_WAIT = """
import asyncio, logging
from prometheus_client import CollectorRegistry
from processor.engine import Engine
from processor.settings import ProcessorSettings
from processor.stream.app import create_pipeline
from rules.loader import load
from rules.selection import Selection
from wire.kafka_settings import KafkaSettings
logging.basicConfig(format="%(message)s")

async def work():
    engine = Engine(load([], Selection()).ruleset, "host")
    pipeline = create_pipeline(KafkaSettings(), ProcessorSettings(), engine, CollectorRegistry())
    recovery = pipeline.app.tables.recovery
    {before}
    try:
        await recovery._wait(asyncio.sleep({seconds}), timeout=0.2)
    except BaseException as error:
        print(type(error).__name__)
    else:
        print("waited")

asyncio.run(work())
"""


@pytest.mark.parametrize(
    ("before", "seconds", "code", "out", "told"),
    [
        ("", 0, 0, "waited\n", ""),
        ("", 60, 70, "", "leaving without a commit: Kafka did not answer within 0.2 seconds as the state was read\n"),
        ("recovery._stopped.set()", 60, 0, "ServiceStopped\n", ""),
        ("recovery.signal_recovery_start.set()", 60, 0, "RebalanceAgain\n", ""),
    ],
)
def test_a_time_out_is_not_taken_for_the_end(before: str, seconds: int, code: int, out: str, told: str) -> None:
    """Faust's own answer to it is to end the task that every later assignment would need, and to say nothing."""
    script = _WAIT.format(before=before or "pass", seconds=seconds)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, out, told)
