"""What the reference engine did, read from `data/`; and how a runner tells what it has run.

Called by the runners beside this file, one a data file. A runner finds every difference between the reference and this
project, asks `tests.conformance.deviations` which of them are meant, and fails on any other.
"""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rules.document import Value
from rules.event import Event
from rules.times import parse_timestamp
from wire.record import identity

_DATA = Path(__file__).parent / "data"

TOLD = "conformance"
"""The property of a test's report that says what it ran; `tests/conftest.py` adds them up."""


@cache
def read(name: str) -> str:
    """Return a data file as text."""
    return gzip.decompress((_DATA / f"{name}.gz").read_bytes()).decode()


@cache
def read_json(name: str) -> Any:
    """Return a data file as data, the same object to every caller."""
    return json.loads(read(name))


def lines(name: str) -> list[str]:
    """Return the lines of a data file: one event each."""
    return read(name).splitlines()


def as_event(line: str) -> Event:
    """Return the event of a line; one whose timestamp is none has happened at the epoch."""
    document = Value(line.encode())
    stamp = document.member("stageTimestamp")
    time_ns = parse_timestamp(stamp.string) if stamp is not None and stamp.string is not None else None
    return Event(document, time_ns or 0, identify=lambda: identity("default", line.encode()))


@cache
def events(name: str) -> tuple[Event, ...]:
    """Return the events of a data file."""
    return tuple(as_event(line) for line in lines(name))


def tell(request: pytest.FixtureRequest, data: str, cases: int, deviating: int) -> None:
    """Say how many cases of a data file a test has run, and on how many of them this project differs on purpose."""
    request.node.user_properties.append((TOLD, [data, cases, deviating]))
