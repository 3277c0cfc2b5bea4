"""Splitting bodies: every good event arrives once, every bad one is told, and none costs another."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import mend
from ingest.split import MAX_DEPTH, Split, split
from wire.record import MAX_EVENT_BYTES, Reason, Record, identity

FIXTURES = Path(__file__).parent / "fixtures"
LINES = [line for name in ("events", "secrets") for line in (FIXTURES / f"{name}.jsonl").read_bytes().splitlines()]
BODY = (FIXTURES / "webhook-body.json").read_bytes()
BODY_LINES = (FIXTURES / "webhook-body.log.jsonl").read_bytes().splitlines()
GOOD = b'{"auditID":"a","stage":"ResponseComplete","verb":"create","objectRef":{"resource":"pods","namespace":"shop"}}'


def split_body(body: bytes) -> Split:
    return split(body, cluster="prod", received_ms=7)


def event_list(*items: bytes) -> bytes:
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[' + b",".join(items) + b"]}"


def with_request(request: bytes) -> bytes:
    return GOOD[:-1] + b',"annotations":{"k":"v"},"requestObject":' + request + b"}"


def values(result: Split) -> list[bytes]:
    return [record.value for record in result.records]


def told(result: Split) -> list[tuple[Reason, str, bool]]:
    return [(reject.reason, reject.detail, reject.is_judged) for reject in result.rejected]


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


# Envelopes


def test_an_event_list_gives_a_record_an_item_in_their_order() -> None:
    other = GOOD.replace(b'"a"', b'"b"').replace(b"shop", b"data")

    assert split_body(event_list(GOOD, other) + b"\n") == Split(
        records=[
            Record(value=GOOD, key=b"prod/shop", cluster="prod", received_ms=7),
            Record(value=other, key=b"prod/data", cluster="prod", received_ms=7),
        ],
        rejected=[],
        is_envelope=True,
    )


def test_an_event_list_without_items_is_an_envelope() -> None:
    assert split_body(event_list()) == Split(records=[], rejected=[], is_envelope=True)


@pytest.mark.parametrize("line", LINES)
def test_a_recorded_log_line_is_one_record(line: bytes) -> None:
    result = split_body(line + b"\n")

    assert (len(result.records), result.rejected, result.is_envelope) == (1, [], True)


def test_a_log_line_with_nothing_to_redact_travels_as_it_came() -> None:
    lines = (FIXTURES / "events.jsonl").read_bytes().splitlines()

    assert [split_body(line).records[0].value for line in lines] == lines


def test_a_log_and_the_webhook_give_one_event_one_identity_one_key_and_the_same_redaction() -> None:
    by_webhook = split_body(BODY).records
    by_log = [record for line in BODY_LINES for record in split_body(line).records]

    assert len(by_webhook) == 4
    assert [identity("prod", record.value) for record in by_webhook] == [identity("prod", one.value) for one in by_log]
    assert [record.key for record in by_webhook] == [record.key for record in by_log]


def test_an_array_of_payloads_is_taken_element_by_element() -> None:
    single = b'{"kind":"Event",' + GOOD[1:]
    result = split_body(b"[" + event_list(GOOD, b"5") + b", " + single + b",7]")

    assert values(result) == [GOOD, single]
    assert told(result) == [
        (Reason.NOT_AN_EVENT, "element 1, item 2: expected an object, found a number", False),
        (Reason.NOT_AN_ENVELOPE, "element 3: expected an EventList or an Event, found a number", False),
    ]
    assert result.is_envelope


def test_an_array_with_a_broken_event_is_taken_element_by_element_too() -> None:
    result = split_body(b"[" + event_list(GOOD) + rb',{"kind":"Event","a":"\x"}]')

    assert values(result) == [GOOD]
    assert [detail.split(":")[0] for _, detail, _ in told(result)] == ["element 2"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"{}", "an object"),
        (b'{"kind":"Pod"}', "an object"),
        (b'{"kind":"EventList"}', "an object"),
        (b'{"kind":"EventList","items":{}}', "an object"),
        (b'{"kind":5,"items":[]}', "an object"),
        (b'{"kind":"\xff","items":[]}', "an object"),
        (b"[]", "an array"),
        (b"[5]", "an array"),
        (b"[[" + event_list(GOOD) + b"]]", "an array"),
        (b'"Event"', "a string"),
        (b"5", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
    ],
)
def test_json_that_is_no_envelope_is_rejected_whole(body: bytes, found: str) -> None:
    result = split_body(body)

    assert (result.records, result.is_envelope, result.rejected[0].value) == ([], False, body)
    assert told(result) == [(Reason.NOT_AN_ENVELOPE, f"expected an EventList or an Event, found {found}", False)]


@pytest.mark.parametrize(
    "body", [b"", b" ", b"hello", b"tru", b'{"kind":"EventList","items":[', b"[1", b'{"a"}', b"\xff"]
)
def test_what_is_not_json_is_rejected_whole(body: bytes) -> None:
    result = split_body(body)

    assert (result.records, result.is_envelope, result.rejected[0].value) == ([], False, body)
    assert told(result) == [(Reason.NOT_JSON, "expected an EventList or an Event, found no JSON", False)]


# Items that are no events


MANY = b",".join([b"5"] * 1_100_000)  # more than the decoder is given


@pytest.mark.parametrize(
    "body",
    [
        event_list(*[GOOD] * 11),
        event_list(*[GOOD] * 10, b"\xff"),
        b"[" + b",".join([event_list(GOOD)] * 11) + b"]",
        b"[" + event_list(*[GOOD] * 6) + b"," + event_list(*[GOOD] * 5) + b"]",
        b"[" + b"5," * 10 + b"\xff]",
        event_list(MANY),
        b"[" + MANY + b"]",
    ],
    ids=["items", "one broken", "payloads", "their items", "broken", "many items", "many elements"],
)
def test_a_body_of_too_many_items_is_rejected_whole(body: bytes) -> None:
    result = split(body, cluster="prod", received_ms=7, max_items=10)
    assert (result.records, result.is_envelope) == ([], False)
    assert told(result) == [(Reason.TOO_MANY, "more than 10 items", False)]
    assert result.rejected[0].value == body


@pytest.mark.parametrize("last", [GOOD, b"5", b"\xff"])
def test_a_body_of_no_more_items_than_may_be_is_taken(last: bytes) -> None:
    items = [GOOD] * 9 + [last]
    assert split(event_list(*items), cluster="prod", received_ms=7, max_items=10) == split_body(event_list(*items))


def test_a_body_of_many_commas_is_taken_all_the_same() -> None:
    item = with_request(b"[" + MANY + b"]")
    assert split(event_list(item), cluster="prod", received_ms=7, max_items=10) == split_body(event_list(item))


def test_an_object_of_endless_members_is_no_envelope() -> None:
    body = b"{" + b'"a":1,' * 1_100_000 + event_list(GOOD)[1:]
    result = split(body, cluster="prod", received_ms=7, max_items=10)
    detail = "expected an EventList or an Event, found an object"
    assert told(result) == [(Reason.NOT_AN_ENVELOPE, detail, False)]


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (b"5", "a number"),
        (b"-1", "a number"),
        (b'"x"', "a string"),
        (b"[]", "an array"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"false", "a boolean"),
    ],
)
def test_an_item_that_is_no_object_is_rejected_alone(item: bytes, found: str) -> None:
    result = split_body(event_list(GOOD, item, GOOD))

    assert values(result) == [GOOD, GOOD]
    assert told(result) == [(Reason.NOT_AN_EVENT, f"item 2: expected an object, found {found}", False)]
    assert result.rejected[0].value == item


@pytest.mark.parametrize(
    ("item", "detail"),
    [
        (b"", "expected an object, found nothing"),
        (b"xyz", "expected an object, found no JSON"),
        (rb'{"a":"\x"}', "JSON is malformed: invalid escape character in string (byte 8)"),
        (b'{"a":tru}', "JSON is malformed: invalid character (byte 9)"),
        (b'{"a":1} {"b":2}', "JSON is malformed: trailing characters (byte 9)"),
        (b'{"a":"\xff",}', None),
        (b'{"a":1e999,}', None),
    ],
)
def test_an_item_that_is_no_json_is_rejected_alone(item: bytes, detail: str | None) -> None:
    result = split_body(event_list(GOOD, item, GOOD))

    assert values(result) == [GOOD, GOOD]
    assert [(reject.reason, reject.value, reject.is_judged) for reject in result.rejected] == [
        (Reason.NOT_JSON, item, False),
    ]
    assert detail is None or result.rejected[0].detail == f"item 2: {detail}"


def test_an_object_that_lacks_what_an_event_has_is_not_judged_here() -> None:
    assert split_body(event_list(b'{"stage":5}')).records == [Record(b'{"stage":5}', None, "prod", 7)]


# Events that only our decoder or our limits refuse


@pytest.mark.parametrize(
    ("request_object", "mended"),
    [
        (rb'{"a":"\ud800"}', rb'{"a":"\ufffd"}'),
        (rb'{"\ude00":1}', rb'{"\ufffd":1}'),
        (b'{"a":"\xff\xfe"}', b'{"a":"\xef\xbf\xbd\xef\xbf\xbd"}'),
        (rb'{"a":"\\ud800 \ud83d\ude00 \ud83d"}', rb'{"a":"\\ud800 \ud83d\ude00 \ufffd"}'),
    ],
)
def test_an_event_with_bad_text_is_judged_in_a_mended_copy(request_object: bytes, mended: bytes) -> None:
    item = with_request(request_object)
    result = split_body(event_list(GOOD, item, GOOD))

    assert values(result) == [GOOD, with_request(mended), GOOD]
    assert told(result) == [(Reason.NOT_UTF8, "item 2: invalid UTF-8 or a lone surrogate, read as U+FFFD", True)]
    assert result.rejected[0].value == item


def test_an_event_with_an_escaped_pair_or_an_escaped_backslash_travels_as_it_came() -> None:
    item = with_request(rb'["\ud83d\ude00","\\ud800","\\\\ud800"]')

    assert split_body(event_list(item)) == Split([Record(item, b"prod/shop", "prod", 7)], [], is_envelope=True)


def test_an_event_with_an_endless_number_is_judged_in_a_mended_copy() -> None:
    item = with_request(b'{"a":[1e999,-1e999,' + b"9" * 5000 + b',"1e999",1.0]}')
    result = split_body(event_list(item, GOOD))

    assert values(result) == [with_request(b'{"a":[1e308,-1e308,1e308,"1e999",1.0]}'), GOOD]
    assert told(result) == [(Reason.BAD_NUMBER, "item 1: a number out of range, read as 1e308", True)]


SHORT = GOOD[:-1] + b',"annotations":{"k":"v","audit.k8s.io/truncated":"true"}}'


@pytest.mark.parametrize("depth", [MAX_DEPTH, 900, 2_000, 100_000])
def test_an_event_that_nests_too_deep_is_judged_without_its_objects(depth: int) -> None:
    item = with_request(nested(depth))
    result = split_body(event_list(GOOD, item, GOOD))

    assert values(result) == [GOOD, SHORT, GOOD]
    assert told(result) == [(Reason.TOO_DEEP, "item 2: nested more than 500 deep", True)]
    assert result.rejected[0].value == item


def test_an_event_at_the_limit_of_depth_travels_as_it_came() -> None:
    item = with_request(nested(MAX_DEPTH - 1))

    assert values(split_body(event_list(item))) == [item]


def test_a_deep_secret_is_redacted_like_any_other() -> None:
    secret = b'{"a":' * 400 + b'"s3cret"' + b"}" * 400
    item = b'{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"k":' + secret + b"}}}"

    assert values(split_body(event_list(item))) == [
        b'{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"k":"[redacted]"}}}',
    ]


def test_an_event_that_is_deep_outside_its_objects_is_rejected_alone() -> None:
    result = split_body(event_list(GOOD, b'{"user":' + nested(100_000) + b"}"))

    assert values(result) == [GOOD]
    assert told(result) == [(Reason.TOO_DEEP, "item 2: nested more than 500 deep", False)]


def test_a_deep_single_event_is_judged_too() -> None:
    item = b'{"kind":"Event",' + with_request(nested(5_000))[1:]
    result = split_body(item)

    assert values(result) == [b'{"kind":"Event",' + SHORT[1:]]
    assert told(result) == [(Reason.TOO_DEEP, "event: nested more than 500 deep", True)]


def test_an_event_above_the_limit_is_judged_without_its_objects_and_its_original_is_cut() -> None:
    item = with_request(b'"' + b"x" * MAX_EVENT_BYTES + b'"')
    result = split_body(event_list(item, GOOD))

    assert values(result) == [SHORT, GOOD]
    assert told(result) == [(Reason.TOO_LARGE, f"item 1: {len(item)} bytes, more than {MAX_EVENT_BYTES}", True)]
    assert (result.rejected[0].value, result.rejected[0].whole_bytes) == (item[:MAX_EVENT_BYTES], len(item))


def test_an_event_at_the_limit_of_size_travels_as_it_came() -> None:
    item = with_request(b'"' + b"x" * (MAX_EVENT_BYTES - len(with_request(b'""'))) + b'"')

    assert (len(item), values(split_body(event_list(item)))) == (MAX_EVENT_BYTES, [item])


def test_an_event_that_is_large_outside_its_objects_is_rejected_alone() -> None:
    result = split_body(event_list(b'{"userAgent":"' + b"x" * MAX_EVENT_BYTES + b'"}', GOOD))

    assert values(result) == [GOOD]
    assert [(reason, is_judged) for reason, _, is_judged in told(result)] == [(Reason.TOO_LARGE, False)]


def test_text_that_grows_above_the_limit_by_mending_is_too_large() -> None:
    result = split_body(event_list(with_request(b'"' + b"\xff" * (MAX_EVENT_BYTES // 2) + b'"')))

    assert values(result) == [SHORT]
    assert [(reason, is_judged) for reason, _, is_judged in told(result)] == [(Reason.TOO_LARGE, True)]


def test_an_event_that_grows_above_the_limit_by_redaction_is_too_large() -> None:
    data = b",".join(b'"%d":""' % number for number in range(500_000))
    secret = with_request(b'{"kind":"Secret","data":{' + data + b"}}").replace(b'"pods"', b'"secrets"')
    result = split_body(event_list(secret, GOOD))

    assert len(secret) < MAX_EVENT_BYTES
    assert values(result) == [SHORT.replace(b'"pods"', b'"secrets"'), GOOD]
    [(reason, detail, is_judged)] = told(result)
    assert (reason, is_judged) == (Reason.TOO_LARGE, True)
    assert detail.endswith(f"bytes without its secrets, more than {MAX_EVENT_BYTES}")
    assert b"[redacted]" in result.rejected[0].value[:200]


def test_a_large_item_that_is_no_json_is_rejected_alone() -> None:
    result = split_body(event_list(GOOD, b'{"a":tru,"requestObject":' + nested(2_000) + b"}"))

    assert values(result) == [GOOD]
    assert [(reason, is_judged) for reason, _, is_judged in told(result)] == [(Reason.NOT_JSON, False)]


def test_the_outcome_does_not_depend_on_who_called() -> None:
    body = event_list(GOOD, with_request(nested(MAX_DEPTH - 1)), with_request(nested(800)))

    def deeper(levels: int) -> Split:
        return deeper(levels - 1) if levels else split_body(body)

    assert deeper(200) == split_body(body)


# Properties

# Each balances; what does not cannot be told from its neighbours.
BAD_ITEMS = [b"5", b"null", rb'{"a":"\x"}', b"[1]", b'{"a" 1}', rb'["\ud800"]', b'{"a":[}]']
JUDGED = [with_request(rb'"\ud800"'), with_request(b'"\xff"'), with_request(nested(2_000)), with_request(b"1e999")]
SMALL = [line for line in LINES if len(line) < 2_000]


@given(st.lists(st.sampled_from(SMALL) | st.sampled_from(BAD_ITEMS), max_size=6))
def test_every_well_formed_item_arrives_exactly_once_whatever_stands_beside_it(items: list[bytes]) -> None:
    expected = [split_body(item).records[0].value for item in items if item in SMALL]
    result = split_body(event_list(*items))

    assert values(result) == expected
    assert [reject.value for reject in result.rejected] == [item for item in items if item in BAD_ITEMS]


@given(st.lists(st.sampled_from([GOOD, *JUDGED]), max_size=6))
def test_every_event_that_can_be_judged_is_judged_exactly_once(items: list[bytes]) -> None:
    result = split_body(event_list(*items))

    assert len(result.records) == len(items)
    assert [reject.value for reject in result.rejected if reject.is_judged] == [item for item in items if item != GOOD]


def assert_sound(result: Split) -> None:
    for record in result.records:
        decoded = msgspec.json.decode(record.value)
        assert isinstance(decoded, dict)
        assert mend.mend_text(record.value) == record.value
    assert result.is_envelope or (result.records == [] and len(result.rejected) == 1)


@given(st.binary() | st.text(alphabet='{}[]",:\\1 ').map(str.encode))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert_sound(split_body(body))


@given(st.binary() | st.text(alphabet='{}[]",:\\1eud8 \xff').map(lambda text: text.encode("latin-1")))
def test_no_item_makes_it_raise(item: bytes) -> None:
    for body in (event_list(item), event_list(GOOD, b'{"requestObject":' + item + b"}"), b"[" + item + b"]"):
        assert_sound(split_body(body))


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=9), st.binary(max_size=6))
def test_no_damage_to_a_body_makes_it_raise(at: int, removed: int, inserted: bytes) -> None:
    at %= len(BODY)
    assert_sound(split_body(BODY[:at] + inserted + BODY[at + removed :]))


@given(
    st.sampled_from(LINES), st.integers(min_value=0), st.sampled_from([b'"', b"\\", b"{", b"]", rb"\ud800", b"\xff"])
)
def test_no_damage_to_an_event_makes_it_raise(line: bytes, at: int, inserted: bytes) -> None:
    at %= len(line)
    damaged = line[:at] + inserted + line[at:]

    assert_sound(split_body(damaged))
    assert split_body(damaged) == split_body(bytes(bytearray(damaged)))


@given(st.sampled_from(LINES))
def test_a_records_value_decodes_to_the_event_but_for_what_was_redacted(line: bytes) -> None:
    before, after = json.loads(line), json.loads(split_body(line).records[0].value)
    bodies = ("requestObject", "responseObject")

    assert {key: value for key, value in after.items() if key not in bodies} == {
        key: value for key, value in before.items() if key not in bodies
    }
