"""What tests of several rooms share: making events, and loading rules from text."""

import json
import signal
from collections.abc import Callable

import pytest

from processor.decode import decode
from rules.document import Value
from rules.errors import LoadResult
from rules.event import Event
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from rules.selection import Selection
from tests.evaluators import Judge
from wire.record import Record

pytest_plugins = ["tests.kafka.fixtures", "tests.conformance.summary"]

MakeEvent = Callable[..., Event]
MakeRecord = Callable[..., Record]
LoadText = Callable[..., LoadResult]
Holds = Callable[[str, Event], bool]

_EVENT = {
    "auditID": "6c1f2f0e-0000-0000-0000-000000000001",
    "stage": "ResponseComplete",
    "verb": "create",
    "requestURI": "/api/v1/namespaces/shop/pods",
    "user": {"username": "alice", "groups": ["dev", "system:authenticated"]},
    "sourceIPs": ["203.0.113.7", "10.1.2.3"],
    "objectRef": {"resource": "pods", "namespace": "shop", "name": "web", "apiVersion": "v1"},
    "responseStatus": {"metadata": {}, "code": 201},
    "stageTimestamp": "2026-11-23T20:34:01.258117Z",
}


def pytest_configure() -> None:
    """Let commands under test hear Ctrl-C: what a shell starts in the background inherits that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that need a Kafka: they take long, and the short ones then fill up what is left of a process."""
    long = {item.path for item in items if {"kafka", "own_kafka"}.intersection(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture
def make_record() -> MakeRecord:
    """Make a record of an ordinary event, some members of which are others, or missing where they are `...`."""

    def make(cluster: str = "default", **members: object) -> Record:
        event = {name: value for name, value in {**_EVENT, **members}.items() if value is not ...}
        return Record(json.dumps(event, separators=(",", ":")).encode(), None, cluster, 0)

    return make


@pytest.fixture
def make_event(make_record: MakeRecord) -> MakeEvent:
    """Make the event of such a record."""

    def make(cluster: str = "default", **members: object) -> Event:
        event = decode(make_record(cluster, **members), "node-1")
        assert isinstance(event, Event)
        return event

    return make


@pytest.fixture
def load_text() -> LoadText:
    """Load rule files given as text; they are called `0.yaml`, `1.yaml`, ..."""

    def load_files(*texts: str, selection: Selection | None = None) -> LoadResult:
        files = [RuleFile(f"{index}.yaml", text.encode()) for index, text in enumerate(texts)]
        return load(files, selection or Selection())

    return load_files


@pytest.fixture
def make_ruleset(load_text: LoadText) -> Callable[..., Ruleset]:
    """Load rule files that have no errors."""

    def make(*texts: str, selection: Selection | None = None) -> Ruleset:
        result = load_text(*texts, selection=selection)
        assert result.ruleset is not None, result.to_text()
        return result.ruleset

    return make


@pytest.fixture
def holds(load_text: LoadText) -> Holds:
    """Tell whether a condition holds for an event, by way of a rule file."""

    def ask(condition: str, event: Event) -> bool:
        rule = {
            "rule": "r",
            "desc": "d",
            "condition": condition,
            "output": "o",
            "priority": "debug",
            "source": "k8s_audit",
        }
        result = load_text(json.dumps([rule]))
        assert result.ruleset is not None, result.to_text()
        verdict = result.ruleset.match(event)
        assert verdict.failures == ()
        assert bool(verdict.matches) is Judge(result.ruleset.rules[0].condition).holds(event)
        return bool(verdict.matches)

    return ask


@pytest.fixture
def document() -> Callable[[object], Value]:
    """Make a document of JSON-ready data."""
    return lambda data: Value(json.dumps(data).encode())
