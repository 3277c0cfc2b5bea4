"""A record becomes an event or is told why not; it never raises."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.decode import decode
from rules.event import Event
from wire.record import Reason, Record, Rejected, identity

MakeRecord = Callable[..., Record]


def _record(value: bytes) -> Record:
    return Record(value, None, "east", 7)


def test_a_record_becomes_an_event(make_record: MakeRecord) -> None:
    event = decode(make_record("east"), "node-1")
    assert isinstance(event, Event)
    assert (event.cluster, event.time_ns, event.text("verb")) == ("east", 1795466041258117000, "create")
    assert event.hostname == "node-1"


def test_an_events_identity_is_its_records(make_record: MakeRecord) -> None:
    record = make_record("east")
    event = decode(record)
    assert isinstance(event, Event)
    assert event.identity == identity("east", record.value)


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"", Reason.NOT_JSON, "Input data was truncated"),
        (b"x", Reason.NOT_JSON, "JSON is malformed: invalid character (byte 0)"),
        (b"{", Reason.NOT_JSON, "Input data was truncated"),
        (b'{"a":1} x', Reason.NOT_JSON, "JSON is malformed: trailing characters (byte 9)"),
        (b'{"a":"\xff"}', Reason.NOT_JSON, "'utf-8' codec can't decode byte 0xff in position 6: invalid start byte"),
        (b"[1]", Reason.NOT_AN_EVENT, "expected an object"),
        (b'"a"', Reason.NOT_AN_EVENT, "expected an object"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.TOO_DEEP, "nested too deeply"),
        (b"{}", Reason.BAD_TIMESTAMP, "stageTimestamp is missing"),
        (b'{"stageTimestamp":5}', Reason.BAD_TIMESTAMP, "stageTimestamp is no RFC 3339 time from 1970 to 2262"),
        (
            b'{"stageTimestamp":"yesterday"}',
            Reason.BAD_TIMESTAMP,
            "stageTimestamp is no RFC 3339 time from 1970 to 2262",
        ),
    ],
)
def test_what_is_no_event_is_rejected_with_its_bytes(value: bytes, reason: Reason, detail: str) -> None:
    assert decode(_record(value)) == Rejected(value, reason, detail, "east", 7)


def test_an_event_needs_no_more_than_its_time() -> None:
    event = decode(_record(b'{"stageTimestamp":"1970-01-01T00:00:00Z","verb":5}'))
    assert isinstance(event, Event)
    assert event.time_ns == 0


@given(st.binary(max_size=100))
def test_any_bytes_end_in_an_event_or_a_rejection(value: bytes) -> None:
    assert isinstance(decode(_record(value)), Event | Rejected)
