"""What tells a repeat of a batch: everything in it but the time. The protocol's own suite is in `tests/contracts`."""

import msgspec
import pytest

from ingest.publisher import digest
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
