"""What tells a repeat of a batch: everything in it but the time; and how long a repeat is known.

The protocol's own suite is in `tests/contracts`.
"""

import asyncio
import threading

import msgspec
import pytest

from ingest import publisher
from ingest.publisher import Acknowledged, digest, digest_apart
from ingest.split import Split, split
from wire.record import Reason, Record, Rejected

RECORD = Record(b"{}", b"k", "prod", 1)
REJECTED = Rejected(b"5", Reason.NOT_JSON, "detail", "prod", 1)
BATCH = Split([RECORD], [REJECTED], is_envelope=True)


def with_record(**members: object) -> Split:
    return Split([msgspec.structs.replace(RECORD, **members)], [REJECTED], is_envelope=True)


def with_rejected(**members: object) -> Split:
    return Split([RECORD], [msgspec.structs.replace(REJECTED, **members)], is_envelope=True)


def test_a_repeat_has_the_same_digest_whenever_it_came() -> None:
    body = b'{"kind":"EventList","items":[{"verb":"get"},5]}'
    first, second = (split(body, cluster="prod", received_ms=received) for received in (1, 2))
    assert digest(first) == digest(second)
    assert len(digest(first)) == 16
    assert digest(with_record(received_ms=5)) == digest(with_rejected(received_ms=6)) == digest(BATCH)


@pytest.mark.parametrize(
    "other",
    [
        with_record(value=b"{ }"),
        with_record(key=None),
        with_record(key=b""),
        with_record(key=b"l"),
        with_record(cluster="test"),
        with_record(key=b"kp", cluster="rod"),
        with_rejected(value=b"6"),
        with_rejected(reason=Reason.TOO_DEEP),
        with_rejected(detail="other"),
        with_rejected(cluster="test"),
        with_rejected(is_judged=True),
        Split([RECORD], [], is_envelope=True),
        Split([], [REJECTED], is_envelope=True),
        Split([RECORD, RECORD], [REJECTED], is_envelope=True),
    ],
)
def test_anything_else_makes_another_digest(other: Split) -> None:
    assert digest(other) != digest(BATCH)


def test_an_empty_key_is_not_a_missing_one() -> None:
    assert digest(with_record(key=b"")) != digest(with_record(key=None))


def test_the_order_counts() -> None:
    other = msgspec.structs.replace(RECORD, value=b"[]")
    forth, back = (Split(records, [], is_envelope=True) for records in ([RECORD, other], [other, RECORD]))
    assert digest(forth) != digest(back)


@pytest.mark.parametrize(
    ("batch", "is_apart"),
    [
        (BATCH, False),
        (Split([RECORD] * 1001, [], is_envelope=True), True),
        (with_record(value=bytes(5_000_000)), True),
        (with_rejected(value=bytes(5_000_000)), True),
    ],
)
def test_the_digest_of_a_large_batch_is_made_in_a_thread(
    monkeypatch: pytest.MonkeyPatch, batch: Split, *, is_apart: bool
) -> None:
    threads = []

    def noted(batch: Split) -> bytes:
        threads.append(threading.current_thread())
        return digest(batch)

    monkeypatch.setattr(publisher, "digest", noted)
    assert asyncio.run(digest_apart(batch)) == digest(batch)
    assert [thread is not threading.main_thread() for thread in threads] == [is_apart]


def test_what_is_acknowledged_is_known_for_five_minutes_from_the_last_time() -> None:
    now = 0.0
    acknowledged = Acknowledged(lambda: now)
    acknowledged.add(b"a")
    now = 200.0
    acknowledged.add(b"b")
    now = 250.0
    acknowledged.add(b"a")
    now = 499.9
    assert b"a" in acknowledged
    assert b"b" in acknowledged
    now = 500.0
    assert b"b" not in acknowledged
    assert b"a" in acknowledged
    now = 550.0
    assert b"a" not in acknowledged
    assert len(acknowledged) == 0


def test_of_too_many_the_oldest_are_forgotten() -> None:
    acknowledged = Acknowledged(lambda: 0.0)
    for number in range(Acknowledged.MAX_KEPT + 2):
        acknowledged.add(b"%d" % number)
    assert len(acknowledged) == Acknowledged.MAX_KEPT
    assert [b"%d" % number in acknowledged for number in (0, 1, 2)] == [False, False, True]
