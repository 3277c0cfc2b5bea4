"""What an import sends, what it passes over, and what it tells of both."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.import_command import Batches, NotSentError, import_files
from auditstream.object_files import object_files
from auditstream.screen import Screen
from tests.auditstream.listings import a_list, an_object

if TYPE_CHECKING:
    from wire.record import Record

AT_MS = 1_795_000_000_000


class Import:
    """Imports what stands in some files, into a list."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.batches: list[list[Record]] = []

    def __call__(self, *paths: str) -> tuple[int, list[str]]:
        code = import_files(object_files(paths), "prod", AT_MS, self._send, Screen())
        told = self._capsys.readouterr()
        assert told.out == ""
        return code, told.err.splitlines()

    def _send(self, batches: Batches) -> None:
        self.batches.extend(list(batch) for batch in batches)

    @property
    def names(self) -> list[str]:
        events = (json.loads(record.value) for batch in self.batches for record in batch)
        return [f"{event['objectRef']['resource']}/{event['objectRef']['name']}" for event in events]


@pytest.fixture
def run_import(capsys: pytest.CaptureFixture[str]) -> Import:
    return Import(capsys)


def test_everything_in_all_files_is_sent_in_order(folder: Path, run_import: Import) -> None:
    (folder / "a.json").write_bytes(a_list(an_object("Pod", "a"), an_object("Deployment", "b", "apps/v1")))
    (folder / "b.json").write_bytes(a_list(an_object("Secret", "c")) + a_list(an_object("Service", "d")))
    (folder / "c.json").write_text("\n".join(json.dumps(an_object("Pod", name)) for name in ("e", "f")))
    assert run_import("a.json", "b.json", "c.json") == (0, ["auditstream: 6 objects of cluster prod imported"])
    assert run_import.names == ["pods/a", "deployments/b", "secrets/c", "services/d", "pods/e", "pods/f"]
    assert {(each.cluster, each.received_ms) for batch in run_import.batches for each in batch} == {("prod", AT_MS)}


def test_nothing_in_a_list_is_no_mistake(folder: Path, run_import: Import) -> None:
    (folder / "a.json").write_bytes(a_list())
    assert run_import("a.json") == (0, ["auditstream: 0 objects of cluster prod imported"])


def test_what_is_not_tracked_is_counted_by_kind(folder: Path, run_import: Import) -> None:
    others = [an_object("Event", f"e{number}") for number in range(3)]
    (folder / "a.json").write_bytes(a_list(*others, an_object("Pod", "a"), an_object("\x1b[2J", "x", "x.org/v1")))
    assert run_import("a.json") == (
        0,
        [
            "auditstream: 1 object of cluster prod imported",
            "auditstream: 4 objects passed over, as nothing is remembered of their kinds: Event 3, \\x1b[2J.x.org 1",
        ],
    )


def test_only_the_most_frequent_of_many_kinds_are_told(folder: Path, run_import: Import) -> None:
    others = [an_object(f"Kind{number}", "x") for number in range(25)]
    (folder / "a.json").write_bytes(a_list(*others, an_object("Kind24", "y")))
    _, (_, line) = run_import("a.json")
    assert line.startswith("auditstream: 26 objects passed over, as nothing is remembered of their kinds: Kind24 2, ")
    assert (line.count("Kind"), line.endswith(", ...")) == (20, True)


def test_what_is_broken_is_told_at_its_place_and_costs_nothing_else(folder: Path, run_import: Import) -> None:
    (folder / "a.json").write_bytes(a_list(an_object("Pod", "a"), 5, an_object("Pod", "b", uid=None)))
    (folder / "b.json").write_bytes(b'{"kind":"Pod","apiVersion":"v1"}\n{"kind":\n' + a_list(an_object("Pod", "c")))
    (folder / "c.json").write_bytes(b"apiVersion: v1\nkind: List\n")
    (folder / "d.json").write_bytes(b"\n")
    (folder / "e.json").write_bytes(b"\x1f\x8bx")
    (folder / "f.json").write_bytes(a_list(an_object("Pod", "d")))
    code, told = run_import(*(f"{name}.json" for name in "abcdef"))
    hint = "give what 'kubectl get -A -o json' prints"
    assert told[:3] == [
        "auditstream: a.json, line 1, item 2: no object",
        "auditstream: a.json, line 1, item 3: no metadata.uid",
        "auditstream: b.json, line 1: no metadata",
    ]
    assert told[3].startswith("auditstream: b.json, line 2: no JSON (")
    assert told[4].startswith("auditstream: c.json, line 1: no JSON (JSON is malformed: ")
    assert told[5] == f"auditstream: d.json: nothing is in it: {hint}"
    assert told[6].startswith("auditstream: e.json: ")
    assert told[7:] == ["auditstream: 2 objects of cluster prod imported", "auditstream: 7 passed over as broken"]
    assert (code, run_import.names) == (1, ["pods/a", "pods/d"])


def test_only_the_first_of_much_that_is_broken_are_told(folder: Path, run_import: Import) -> None:
    (folder / "a.json").write_bytes(a_list(*[5] * 50, an_object("Pod", "a")))
    code, told = run_import("a.json")
    assert (code, len(told)) == (1, 23)
    assert told[-3:] == [
        "auditstream: what else is broken is passed over in silence",
        "auditstream: 1 object of cluster prod imported",
        "auditstream: 50 passed over as broken",
    ]


def test_a_file_that_went_away_is_told(folder: Path) -> None:
    (folder / "a.json").write_bytes(a_list(an_object("Pod", "a")))
    files = object_files(["a.json"])
    (folder / "a.json").unlink()
    sent: list[object] = []
    assert import_files(files, "prod", AT_MS, sent.extend, Screen()) == 1
    assert sent == []


def test_batches_are_bounded_by_count_and_by_size(folder: Path, run_import: Import) -> None:
    small = [an_object("Pod", f"p{number}") for number in range(2_500)]
    large = [an_object("Pod", f"l{number}", labels={"a": "x" * 1_500_000}) for number in range(4)]
    (folder / "a.json").write_bytes(a_list(*small, *large))
    assert run_import("a.json")[0] == 0
    assert [len(batch) for batch in run_import.batches] == [1_000, 1_000, 503, 1]


def test_what_cannot_be_sent_is_told_with_how_far_it_came(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.json").write_bytes(a_list(*(an_object("Pod", f"p{number}") for number in range(1_500))))

    def send(batches: Batches) -> None:
        for batch in batches:
            if len(batch) < 1_000:
                raise NotSentError("Kafka is away; run this again")

    assert import_files(object_files(["a.json"]), "prod", AT_MS, send, Screen()) == 1
    assert capsys.readouterr().err == (
        "auditstream: Kafka is away; run this again; 1,000 objects had been sent, and do no harm when they are sent "
        "again\n"
    )
