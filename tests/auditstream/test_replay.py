"""Files through the engine: order, places of what is rejected, the same output always."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.bodies import AuditFile
from auditstream.replay import Complaint, in_order, replay
from processor.engine import Engine, RuleFailure
from rules.ruleset import Ruleset

if TYPE_CHECKING:
    from tests.auditstream.conftest import Line

RULE = """\
- {rule: Any, desc: d, condition: ka.verb exists, output: "%ka.target.name", priority: INFO, source: k8s_audit}
"""


@pytest.fixture
def engine(make_ruleset: Callable[..., Ruleset]) -> Engine:
    return Engine(make_ruleset(RULE), "node-1")


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[str, bytes], AuditFile]:
    def make(name: str, content: bytes) -> AuditFile:
        path = tmp_path / name
        path.write_bytes(content)
        return AuditFile(str(path))

    return make


MakeFile = Callable[[str, bytes], AuditFile]


def pod(name: str) -> dict[str, str]:
    return {"resource": "pods", "namespace": "shop", "name": name}


def test_alerts_come_body_by_body(engine: Engine, make_file: MakeFile, line: "Line") -> None:
    events = [line(objectRef=pod(name)) for name in ("a", "b", "c")]
    body = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[' + b",".join(events[1:]).replace(b"\n", b"")
    file = make_file("a.log", events[0] + body + b"]}\n")
    found = [[alert.output_fields["ka.target.name"] for alert in step.alerts] for step in replay([file], engine, "c1")]
    assert found == [["a"], ["b", "c"]]


def test_alerts_name_the_cluster_and_are_the_same_every_time(engine: Engine, make_file: MakeFile, line: "Line") -> None:
    file = make_file("a.log", line() + line(verb="get"))
    first, second = ([step.alerts for step in replay([file], engine, "prod")] for _ in range(2))
    assert first == second
    assert [alert.cluster for alerts in first for alert in alerts] == ["prod", "prod"]


def test_files_are_read_in_the_order_of_their_first_events(make_file: MakeFile, line: "Line") -> None:
    times = {
        "new.log": "2026-11-23T20:00:02Z",
        "old.log": "2026-11-23T21:00:01+01:00",
        "oldest.log": "2026-11-22T00:00:00Z",
    }
    files = [make_file(name, b"broken\n" + line(stageTimestamp=time)) for name, time in times.items()]
    none = make_file("none.log", b"broken\n")
    ordered = in_order([none, *files], "default")
    assert [Path(file.name).name for file in ordered] == ["oldest.log", "old.log", "new.log", "none.log"]


def test_a_file_alone_is_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.touch()
    file = AuditFile(str(path))
    path.unlink()
    assert in_order([file], "default") == [file]


def test_what_is_rejected_is_told_with_its_place(engine: Engine, make_file: MakeFile, line: "Line") -> None:
    event_list = b'{"kind":"EventList","items":[' + line().strip() + b",7," + line().strip() + b"]}\n"
    file = make_file("a.log", line() + b"broken\n" + event_list + line(stageTimestamp=...) + line())
    steps = list(replay([file], engine, "default"))
    assert [step.events for step in steps] == [1, 0, 2, 0, 1]
    assert [complaint for step in steps for complaint in step.complaints] == [
        Complaint(file.name, 2, "not_json", "expected an EventList or an Event, found no JSON"),
        Complaint(file.name, 3, "not_an_event", "item 2: expected an object, found a number"),
        Complaint(file.name, 4, "bad_timestamp", "stageTimestamp is missing"),
    ]


def test_an_event_that_was_mended_is_judged_and_told(engine: Engine, make_file: MakeFile, line: "Line") -> None:
    file = make_file("a.log", line(userAgent="@@").replace(b"@@", b"\xff"))
    (step,) = replay([file], engine, "default")
    assert step.events == len(step.alerts) == 1
    detail = "event: invalid UTF-8 or a lone surrogate, read as U+FFFD"
    assert step.complaints == [Complaint(file.name, 1, "not_utf8", detail, is_judged=True)]


def test_a_document_over_many_lines_is_replayed(engine: Engine, make_file: MakeFile, line: "Line") -> None:
    document = json.dumps({"kind": "EventList", "items": [json.loads(line()), json.loads(line())]}, indent=2)
    (step,) = replay([make_file("a.json", document.encode())], engine, "default")
    assert step.events == 2


def test_rules_that_fail_are_told(
    engine: Engine, make_file: MakeFile, line: "Line", monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise ValueError("no")

    monkeypatch.setattr("rules.ruleset.Values.__missing__", fail)
    (step,) = replay([make_file("a.log", line())], engine, "default")
    assert step.failures == [RuleFailure("Any", "ValueError: no")]
