"""`json_lenience.json`: odd lines of JSON, which of them are events, and what fields show of those."""

import base64
from collections.abc import Iterator, Sequence
from functools import cache

import pytest

from ingest.split import split
from processor.decode import decode
from rules.event import Event
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import read_json, tell
from tests.conformance.shown import Shown, field, same
from wire.record import Rejected

_DATA = "json_lenience.json"
_CASES = {case["name"]: case for case in read_json(_DATA)}


@cache
def _taken(name: str) -> tuple[Sequence[Event], Sequence[Rejected]]:
    """Return the events of a line, and what is kept of it in the dead letter."""
    parts = split(base64.b64decode(_CASES[name]["line_b64"]), cluster="default", received_ms=0)
    decoded = [decode(record) for record in parts.records]
    rejected = [*parts.rejected, *(event for event in decoded if isinstance(event, Rejected))]
    return [event for event in decoded if isinstance(event, Event)], rejected


def _shown(name: str) -> Iterator[tuple[str, Shown, Shown]]:
    """Yield the fields of an event that is taken here and there, and what each shows here and there."""
    for event in _taken(name)[0]:
        for field_name, there in _CASES[name]["values"].items():
            yield field_name, field(field_name, event), (there["text"], there["json"])


def _differs(name: str) -> bool:
    if len(_taken(name)[0]) != _CASES[name]["emitted"]:
        return True
    line = base64.b64decode(_CASES[name]["line_b64"]).decode(errors="replace")
    return not all(same(here, there, line) for _, here, there in _shown(name))


@pytest.mark.parametrize("name", _CASES)
def test_a_line_is_read_as_the_reference_reads_it(name: str, request: pytest.FixtureRequest) -> None:
    deviates = _differs(name)
    assert not deviates or meant(_DATA, name) is not None
    tell(request, _DATA, 1, deviates)


@pytest.mark.parametrize("name", _CASES)
def test_what_is_no_event_is_kept(name: str) -> None:
    events, rejected = _taken(name)
    assert events or [reject.value for reject in rejected] == [base64.b64decode(_CASES[name]["line_b64"])]
    assert [reject.is_judged for reject in rejected] == [bool(events)] * len(rejected)


@pytest.mark.parametrize("name", [name for name in _CASES if meant(_DATA, name) is not None])
def test_where_a_line_is_read_otherwise_it_is_as_claimed(name: str) -> None:
    events, rejected = _taken(name)
    shown = [field("ka.verb", event)[0] for event in events], [str(reject.reason) for reject in rejected]
    assert shown == {
        "lone low surrogate": (["a\ufffdb"], ["not_utf8"]),
        "duplicate verb": (["second"], []),
        "duplicate kind": (["x"], []),
        "stageTimestamp +25:00": ([], ["bad_timestamp"]),
    }.get(name, ([], ["not_json"]))


def test_of_two_lines_alone_fields_are_spelt_otherwise() -> None:
    same_but_for_spelling = [name for name in _CASES if not _differs(name)]
    spelt = {(name, field) for name in same_but_for_spelling for field, here, there in _shown(name) if here != there}
    assert spelt == {
        (name, field) for name in ("escaped timestamp", "escaped kind") for field in ("evt.plugininfo", "jevt.obj")
    }


def test_every_deviation_is_needed() -> None:
    assert idle(_DATA, [(name, None) for name in _CASES if _differs(name)]) == []
