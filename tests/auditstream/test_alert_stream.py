"""Alerts out of a topic: decoded, each once, by time, within bounds."""

from random import Random

import msgspec
import pytest

from auditstream.alert_stream import ByTime, Once, decode_alert
from processor.alert import Alert

ALERT = Alert(
    audit_id="a",
    cluster="default",
    hostname="node-1",
    id="00",
    output="o",
    output_fields={"evt.time": 1, "ka.user.name": "alice", "ka.x": None, "ka.list": ("a", "b")},
    priority="Warning",
    rule="r",
    ruleset="s",
    source="k8s_audit",
    tags=("t",),
    time="2026-11-23T20:34:01.000000000Z",
)


def at(second: int) -> Alert:
    return msgspec.structs.replace(
        ALERT, id=str(second), time=f"2026-11-23T20:{second // 60:02}:{second % 60:02}.{0:09}Z"
    )


def test_an_alert_comes_out_as_it_went_in() -> None:
    assert decode_alert(ALERT.to_json()) == ALERT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "the record is empty"),
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `audit_id`"),
        (b'{"audit_id":"\xff"}', "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (
            ALERT.to_json().replace(b"2026-11-23T", b"\\u001b[2J"),
            "Expected a time such as 2026-11-23T20:34:01.258117000Z - at `$.time`",
        ),
    ],
)
def test_what_is_no_alert_is_told(value: bytes | None, expected: str) -> None:
    assert decode_alert(value) == expected


def test_what_is_nested_without_end_is_no_alert() -> None:
    assert isinstance(decode_alert(b'{"x":' + b"[" * 100_000), str)


def test_each_id_is_first_once() -> None:
    once = Once()
    seen = [once.is_first(each) for each in ("a", "b", "a", "b", "\ud800", "\ud800")]
    assert seen == [True, True, False, False, True, False]


def test_half_of_the_limit_is_remembered_and_never_more_than_all() -> None:
    once = Once(limit=10)
    assert all(once.is_first(str(number)) for number in range(100))
    assert not any(once.is_first(str(number)) for number in range(95, 100))
    assert once.is_first("0")


def test_what_is_held_comes_by_time() -> None:
    by_time = ByTime()
    seconds = list(range(600))
    Random(1).shuffle(seconds)  # noqa: S311 - any order
    assert [alert for second in seconds for alert in by_time.add(at(second), 1)] == []
    assert list(by_time.rest()) == [at(second) for second in range(600)]


def test_of_the_same_time_the_first_is_the_first() -> None:
    by_time = ByTime()
    alerts = [msgspec.structs.replace(ALERT, id=each) for each in "cab"]
    assert [*(out for alert in alerts for out in by_time.add(alert, 1)), *by_time.rest()] == alerts


@pytest.mark.parametrize(("by_time", "size"), [(ByTime(max_held=5), 1), (ByTime(max_bytes=50), 10)])
def test_no_more_is_held_than_may_be(by_time: ByTime, size: int) -> None:
    # Each is up to five places late.
    seconds = [each for start in range(0, 60, 6) for each in reversed(range(start, start + 6))]
    out = [list(by_time.add(at(second), size)) for second in seconds]
    assert [len(each) for each in out] == [0] * 5 + [1] * 55
    assert [*(alert for each in out for alert in each), *by_time.rest()] == [at(second) for second in range(60)]


def test_one_that_is_larger_than_all_that_may_be_held_goes_through() -> None:
    assert list(ByTime(max_bytes=5).add(ALERT, 6)) == [ALERT]
