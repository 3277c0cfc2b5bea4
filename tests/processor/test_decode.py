"""A record becomes an event or is told why not; it never raises."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.decode import decode, parse_timestamp
from rules.event import Event
from wire.record import Reason, Record, Rejected

MakeRecord = Callable[..., Record]


def _record(value: bytes) -> Record:
    return Record(value, None, "east", 7)


def test_a_record_becomes_an_event(make_record: MakeRecord) -> None:
    event = decode(make_record("east"))
    assert isinstance(event, Event)
    assert (event.cluster, event.time_ns, event.text("verb")) == ("east", 1795466041258117000, "create")


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


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("1970-01-01T00:00:00,000000001Z", 1),
        ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:30:00-00:30", 0),
        ("1969-12-31T23:59:59Z", None),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+10:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("2262-04-11T23:47:16.854775808Z", None),
        ("2023-02-29T00:00:00Z", None),
        ("1970-01-01T24:00:00Z", None),
        ("1970-01-01T00:00:60Z", None),
        ("1970-01-01T00:00:00", None),
        ("1970-01-01t00:00:00Z", None),
        ("1970-01-01T00:00:00z", None),
        ("1970-01-01T00:00:00.Z", None),
        ("1970-01-01T00:00:00+0100", None),
        ("1970-01-01T00:00:00+24:00", None),
        ("1970-01-01T00:00:00+01:60", None),
        ("1970-01-01 00:00:00Z", None),
        ("1970-01-01T00:00:00Z\n", None),
        ("0000-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_a_timestamp_is_rfc_3339(text: str, time_ns: int | None) -> None:
    assert parse_timestamp(text) == time_ns


@given(st.binary(max_size=100))
def test_any_bytes_end_in_an_event_or_a_rejection(value: bytes) -> None:
    assert isinstance(decode(_record(value)), Event | Rejected)
