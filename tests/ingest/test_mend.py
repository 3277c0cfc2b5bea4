"""Mended copies read the way Go's decoder reads the originals."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import mend

UNIT = st.sampled_from(
    [
        rb"\ud83d",
        rb"\ude00",
        rb"\uD800",
        rb"\uDFFF",
        rb"\u0041",
        rb"\n",
        rb"\\",
        rb"\"",
        b"a",
        b"u",
        b"ud800",
        b"\xc3\xa9",
    ],
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (rb'"\ud800"', rb'"\ufffd"'),
        (rb'"\uDC00x"', rb'"\ufffdx"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"'),
        (rb'"\ud800\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud800\n"', rb'"\ufffd\n"'),
        (rb'"\\ud800"', rb'"\\ud800"'),
        (rb'"\\\ud800"', rb'"\\\ufffd"'),
        (rb'"\ud7ff\ue000"', rb'"\ud7ff\ue000"'),
        (b'"\xff"', b'"\xef\xbf\xbd"'),
        (b'"a\xe2\x82b"', b'"a\xef\xbf\xbd\xef\xbf\xbdb"'),
        (b'"\xed\xa0\x80"', b'"' + b"\xef\xbf\xbd" * 3 + b'"'),
        (b'"\xf0\x9f\x98"', b'"' + b"\xef\xbf\xbd" * 3 + b'"'),
        ('"é😀"'.encode(), '"é😀"'.encode()),
        (b'"\\', b'"\\'),
    ],
)
def test_each_bad_spot_becomes_a_replacement_character(value: bytes, expected: bytes) -> None:
    assert mend.mend_text(value) == expected


@given(st.lists(UNIT).map(lambda units: b'"' + b"".join(units) + b'"'))
def test_a_mended_string_decodes_and_has_no_surrogate(value: bytes) -> None:
    decoded = msgspec.json.decode(mend.mend_text(value), type=str)

    assert decoded.encode().decode() == decoded


@given(st.lists(UNIT).map(lambda units: b'"' + b"".join(units) + b'"'))
def test_the_decoder_refuses_just_what_is_mended(value: bytes) -> None:
    try:
        msgspec.json.decode(value)
    except msgspec.DecodeError:
        is_refused = True
    else:
        is_refused = False

    assert is_refused == (mend.mend_text(value) != value)


@given(st.binary())
def test_mended_text_is_utf8_and_mending_again_changes_nothing(value: bytes) -> None:
    mended = mend.mend_text(value)

    assert mended.decode().encode() == mended
    assert mend.mend_text(mended) == mended


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"[1e999,-1e999,2e308]", b"[1e308,-1e308,1e308]"),
        (b"[1E+400,1.5e+0400]", b"[1e308,1e308]"),
        (b"[" + b"1" * 5000 + b"]", b"[1e308]"),
        (b'["1e999",1e308,1e-999,-0,12345678901234567890]', b'["1e999",1e308,1e-999,-0,12345678901234567890]'),
        (rb'["\"1e999",1]', rb'["\"1e999",1]'),
    ],
)
def test_numbers_out_of_range_are_brought_back_to_its_edge(value: bytes, expected: bytes) -> None:
    assert mend.mend_numbers(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"a":1,"requestObject":{},"responseObject":[]}', b'{"a":1,"annotations":{"audit.k8s.io/truncated":"true"}}'),
        (b'{"annotations":null}', b'{"annotations":{"audit.k8s.io/truncated":"true"}}'),
        (b'{"annotations":"x"}', b'{"annotations":{"audit.k8s.io/truncated":"true"}}'),
        (
            b'{"annotations": {"k": "v", "audit.k8s.io/truncated":"false"}, "a":1}',
            b'{"a":1,"annotations":{"k":"v","audit.k8s.io/truncated":"true"}}',
        ),
        (
            b'{"annotations":{"first":""},"annotations":{"last":""}}',
            b'{"annotations":{"last":"","audit.k8s.io/truncated":"true"}}',
        ),
        (rb'{"\u0072equestObject":1}', b'{"annotations":{"audit.k8s.io/truncated":"true"}}'),
        (rb'{"\x":1}', rb'{"\x":1,"annotations":{"audit.k8s.io/truncated":"true"}}'),
        (b"[not an object", b"[not an object"),
    ],
)
def test_a_shortened_event_has_no_objects_and_says_so(value: bytes, expected: bytes) -> None:
    assert mend.shorten(value) == expected


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_shortening_keeps_every_other_member(event: dict[str, object]) -> None:
    kept = {key: value for key, value in event.items() if key not in ("requestObject", "responseObject", "annotations")}
    shortened = json.loads(mend.shorten(json.dumps(event).encode()))

    assert shortened == {**kept, "annotations": {"audit.k8s.io/truncated": "true"}}
