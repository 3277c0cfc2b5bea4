"""Audit files through the one engine, without Kafka: files -> bodies -> split -> `Engine.process` -> alerts.

Called by `auditstream.replay_command` with files that are open and an engine that is ready. Prints nothing and asks
no clock, so that the same files and rules give the same steps always.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditstream.bodies import AuditFile, Body, Damage
from ingest.split import split
from processor.alert import Alert
from processor.decode import decode
from processor.engine import Engine, RuleFailure
from processor.state import MemoryState, State
from rules.event import Event
from wire.record import Rejected

# When a record was received matters only where a state clock must not run ahead of the wall clock. In a replay the
# events' own times are all there is, and a real one would make two replays of a file differ.
_RECEIVED_MS: Final = 0


@dataclass(frozen=True, slots=True)
class Complaint:
    """Input that was rejected, and where it stood."""

    file: str
    line: int
    reason: str
    detail: str
    is_judged: bool = False
    """True when a mended or shortened copy of the event went on to the rules all the same."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one body."""

    events: int
    """How many were judged."""
    alerts: Sequence[Alert] = ()
    complaints: Sequence[Complaint] = ()
    failures: Sequence[RuleFailure] = ()


def replay(files: Sequence[AuditFile], engine: Engine, cluster: str) -> Iterator[Step]:
    """Yield what becomes of each body of the files, the file with the earliest first event first."""
    state = MemoryState()
    for file in in_order(files, cluster):
        for body in file.bodies():
            if isinstance(body, Damage):
                yield Step(0, complaints=[Complaint(file.name, body.line, body.reason, body.detail)])
            else:
                yield _judge(body, file.name, engine, cluster, state)


def in_order(files: Sequence[AuditFile], cluster: str) -> list[AuditFile]:
    """Return the files in the order of their first events; those whose head holds none come last."""
    if len(files) == 1:
        return list(files)
    # Rotated logs are named so that a shell gives the newest first as often as not, and state is the more telling the
    # nearer the events come to the order in which they happened.
    times = {file: _first_time(file, cluster) for file in files}
    return sorted(files, key=lambda file: (times[file] is None, times[file] or 0))


def _first_time(file: AuditFile, cluster: str) -> int | None:
    for body in file.head():
        if isinstance(body, Body):
            for record in split(body.content, cluster=cluster, received_ms=_RECEIVED_MS).records:
                event = decode(record)
                if isinstance(event, Event):
                    return event.time_ns
    return None


def _judge(body: Body, file: str, engine: Engine, cluster: str, state: State) -> Step:
    parts = split(body.content, cluster=cluster, received_ms=_RECEIVED_MS)
    outcome = engine.process(parts.records, state)
    complaints = [_complaint(rejected, file, body.line) for rejected in (*parts.rejected, *outcome.rejected)]
    return Step(len(parts.records) - len(outcome.rejected), outcome.alerts, complaints, outcome.failures)


def _complaint(rejected: Rejected, file: str, line: int) -> Complaint:
    return Complaint(file, line, rejected.reason.value, rejected.detail, rejected.is_judged)
