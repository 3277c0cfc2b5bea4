"""The record: what is written on it, and which events are one and the same."""

import pytest

from wire.record import MAX_EVENT_BYTES, Reason, Record, Rejected, identity, read_record

ITEM = b'{"level":"Metadata","auditID":"a-1","stage":"ResponseComplete"}'
LOG_LINE = (
    b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"ResponseComplete"}'
)


def test_headers_name_cluster_time_and_version() -> None:
    record = Record(value=ITEM, key=None, cluster="prod", received_ms=1_700_000_000_123)

    assert record.headers() == [("cluster", b"prod"), ("received", b"1700000000123"), ("v", b"1")]


def test_an_identity_is_32_hex_digits_and_stays_the_same_in_every_release() -> None:
    assert identity("prod", ITEM) == "aecb5a6326156ad7efd85dc9d4f58fe5"


def test_a_log_line_and_a_webhook_item_of_one_event_have_one_identity() -> None:
    assert identity("prod", LOG_LINE) == identity("prod", ITEM)


def test_one_event_in_two_clusters_has_two_identities() -> None:
    assert identity("prod", ITEM) != identity("test", ITEM)


def test_a_client_that_repeats_an_audit_id_does_not_make_two_events_one() -> None:
    assert identity("prod", ITEM) != identity("prod", ITEM.replace(b"Metadata", b"Request"))


def test_cluster_and_value_cannot_be_shifted_into_each_other() -> None:
    assert identity("ab", b"c") != identity("a", b"bc")


def test_a_reject_is_not_judged_unless_it_says_so() -> None:
    rejected = Rejected(value=b"{", reason=Reason.NOT_JSON, detail="item 1: no end", cluster="prod", received_ms=1)

    assert (rejected.is_judged, str(rejected.reason)) == (False, "not_json")


def test_a_dead_letter_tells_why_it_is_one_and_who_found_it() -> None:
    rejected = Rejected(ITEM, Reason.BAD_NUMBER, "item 1: 1e999", "prod", 1_700_000_000_123, is_judged=True)

    assert rejected.kept == ITEM
    assert rejected.headers("processor") == [
        ("cluster", b"prod"),
        ("received", b"1700000000123"),
        ("v", b"1"),
        ("reason", b"bad_number"),
        ("detail", b"item 1: 1e999"),
        ("judged", b"true"),
        ("origin", b"processor"),
    ]


def test_of_a_large_dead_letter_so_much_is_kept_as_a_record_may_have_and_its_size_is_told() -> None:
    largest = Rejected(bytes(MAX_EVENT_BYTES), Reason.NOT_JSON, "no JSON", "prod", 1)
    larger = Rejected(bytes(MAX_EVENT_BYTES + 1), Reason.NOT_JSON, "no JSON", "prod", 1)

    assert "cut" not in dict(largest.headers("ingest"))
    assert larger.kept == largest.value
    assert larger.headers("ingest") == [*largest.headers("ingest"), ("cut", b"8388609")]


def test_the_size_of_what_was_cut_before_is_told_too() -> None:
    cut = Rejected(ITEM, Reason.TOO_LARGE, "too large", "prod", 1, whole_bytes=9_000_000)

    assert cut.kept == ITEM
    assert dict(cut.headers("ingest"))["cut"] == b"9000000"


def test_a_record_is_read_as_it_was_written() -> None:
    record = Record(value=ITEM, key=b"prod/shop", cluster="prod", received_ms=7)
    assert read_record(record.key, record.value, record.headers()) == record


@pytest.mark.parametrize(
    ("value", "headers", "found"),
    [
        (ITEM, [], ""),
        (ITEM, [("cluster", None), ("received", None), ("v", None)], ""),
        (None, [("cluster", b"prod"), ("received", b"7"), ("v", b"1")], "1"),
        (ITEM, [("cluster", b"prod"), ("received", b"7"), ("v", b"2")], "2"),
        (ITEM, [("cluster", b"prod"), ("received", b"7"), ("v", b"\xff" * 99)], "\ufffd" * 20),
        (ITEM, [("cluster", b""), ("received", b"7"), ("v", b"1")], "1"),
        (ITEM, [("cluster", b"\xff"), ("received", b"7"), ("v", b"1")], "1"),
        (ITEM, [("cluster", b"prod"), ("received", b"-7"), ("v", b"1")], "1"),
        (ITEM, [("cluster", b"prod"), ("received", b"now"), ("v", b"1")], "1"),
        (ITEM, [("cluster", b"prod"), ("v", b"1")], "1"),
    ],
)
def test_what_no_ingest_wrote_is_rejected(
    value: bytes | None, headers: list[tuple[str, bytes | None]], found: str
) -> None:
    rejected = read_record(b"key", value, headers)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.NOT_A_RECORD
    assert rejected.value == (value or b"")
    assert rejected.detail == f"expected a value and the headers cluster, received and v=1, found v={found}"


def test_a_cluster_of_any_length_leaves_room_in_the_dead_letter() -> None:
    rejected = read_record(None, ITEM, [("cluster", b"x" * 9_000_000), ("v", b"2")])
    assert isinstance(rejected, Rejected)
    assert sum(len(value) for _, value in rejected.headers("processor")) < 1000
