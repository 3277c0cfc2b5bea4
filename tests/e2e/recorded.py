"""What is posted, and what has to come of it: bodies recorded from a real API server, judged in one process.

`auditstream replay` says which alerts are to be on the topic; the engine itself, fed with the records of the bodies,
which state is to be in the changelog. A cluster's name makes another history of the same bodies.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from auditstream.demo import bodies
from ingest.split import split
from processor.alert import Alert as MadeAlert
from processor.engine import Engine
from processor.rule_files import load_rules
from processor.state import MemoryState
from rules.selection import Selection
from tests.e2e.pipeline import COMMAND, PATIENCE_SECONDS
from wire.record import Record, identity

BODIES: Final = tuple(bodies())
"""525 events in 21 bodies."""

Alert = dict[str, Any]


class Expected(NamedTuple):
    """What bodies come to."""

    alerts: dict[str, Alert]
    """By id, nameless."""
    state: dict[bytes, bytes]
    events: set[str]
    """Identities."""


def merged(bodies: Sequence[bytes], into: int) -> list[bytes]:
    """Return the same events in fewer, larger bodies."""
    lists = [json.loads(body) for body in bodies]
    size = -(-len(lists) // into)
    pieces = [lists[start : start + size] for start in range(0, len(lists), size)]
    return [
        json.dumps({**piece[0], "items": [item for each in piece for item in each["items"]]}).encode()
        for piece in pieces
    ]


def records_of(bodies: Iterable[bytes], cluster: str) -> list[Record]:
    """Return the records of bodies; none of their items may be rejected."""
    found = []
    for body in bodies:
        parts = split(body, cluster=cluster, received_ms=0)
        assert parts.rejected == []
        found += parts.records
    return found


def replayed(bodies: Sequence[bytes], cluster: str, folder: Path) -> dict[str, Alert]:
    """Return the alerts of `auditstream replay` on bodies, by id, but for their hostname."""
    file = folder / "replayed.jsonl"
    file.write_bytes(b"\n".join(bodies) + b"\n")
    command = [COMMAND, "replay", "--cluster", cluster, str(file)]
    ended = subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=False)  # noqa: S603 - our own command
    assert ended.returncode == 0, ended.stderr.decode()
    alerts = [nameless(json.loads(line)) for line in ended.stdout.splitlines()]
    by_id = {alert["id"]: alert for alert in alerts}
    assert len(by_id) == len(alerts)
    return by_id


def nameless(alert: Mapping[str, Any]) -> Alert:
    """Return an alert without the name of the machine that it comes from."""
    return {name: value for name, value in alert.items() if name != "hostname"}


def in_one_process(histories: Mapping[str, Sequence[bytes]]) -> Expected:
    """Return what comes of the bodies of several clusters in one process, as `replayed` would say of each.

    It is a process of its own, whose coverage is not measured: that would take four times as long.
    """
    with pytest.MonkeyPatch.context() as environment:
        for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
            environment.delenv(name, raising=False)
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            return process.submit(_judged, histories).result()


def _judged(histories: Mapping[str, Sequence[bytes]]) -> Expected:
    engine = _engine()
    state = MemoryState()
    alerts: dict[str, Alert] = {}
    events: set[str] = set()
    for cluster, posted in histories.items():
        records = records_of(posted, cluster)
        outcome = engine.process(records, state)
        assert (outcome.rejected, outcome.failures) == ([], [])
        alerts |= _by_id(outcome.alerts)
        events.update(identity(record.cluster, record.value) for record in records)
    return Expected(alerts, without_clocks(state), events)


def without_clocks(state: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return what is remembered of objects: a cluster's clock each partition has for itself, by the events it had."""
    return {key: value for key, value in state.items() if not key.startswith(b"\0")}


def judged_alone(bodies: Iterable[bytes], cluster: str) -> dict[str, Alert]:
    """Return the alerts, by id and nameless, of bodies of which each is judged with no memory of the others."""
    engine = _engine()
    alerts = [alert for body in bodies for alert in engine.process(records_of([body], cluster), MemoryState()).alerts]
    return _by_id(alerts)


def _by_id(alerts: Iterable[MadeAlert]) -> dict[str, Alert]:
    return {alert.id: nameless(json.loads(alert.to_json())) for alert in alerts}


def _engine() -> Engine:
    ruleset = load_rules((), with_pack=True, selection=Selection()).ruleset
    assert ruleset is not None
    return Engine(ruleset, "here")
