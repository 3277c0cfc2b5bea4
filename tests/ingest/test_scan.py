"""Boundaries of JSON values, however broken the values are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import scan

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
DEEP = b"[" * 100_000 + b"]" * 100_000


def real_depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(real_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(real_depth, value), default=0)
    return 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"[]", []),
        (b"[ ]", []),
        (b"[1]", [b"1"]),
        (b'[ 1 ,\n"a,]" , {"b":[2,3]} ]  ', [b"1", b'"a,]"', b'{"b":[2,3]}']),
        (rb'["\"],[", "\\"]', [rb'"\"],["', rb'"\\"']),
        (rb'["\ud800","\x",1]', [rb'"\ud800"', rb'"\x"', b"1"]),
        (b'["\xff", tru, 1]', [b'"\xff"', b"tru", b"1"]),
        (b"[" + DEEP + b",1]", [DEEP, b"1"]),
        (b"[[[1],[2]],3]", [b"[[1],[2]]", b"3"]),
        (b"[{],1]", [b"{]", b"1"]),
        (b"[1,]", [b"1", b""]),
        (b"[1] [2]", None),
        (b"[1]]", None),
        (b"[1", None),
        (b"[", None),
        (b'["a', None),
        (b'["a\\', None),
        (b"[[1]", None),
        (b"{}", None),
        (b"1", None),
        (b"", None),
    ],
)
def test_elements_are_found_by_strings_and_brackets_alone(value: bytes, expected: list[bytes] | None) -> None:
    assert scan.elements(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"{}", []),
        (b'{"a":1}', [(b'"a"', b"1")]),
        (b'{ "a" : {"b":2} , "a":[3,4], "c":"}" }', [(b'"a"', b'{"b":2}'), (b'"a"', b"[3,4]"), (b'"c"', b'"}"')]),
        (rb'{"\"a:":"b:c"}', [(rb'"\"a:"', b'"b:c"')]),
        (b'{"deep":' + DEEP + b',"b":2}', [(b'"deep"', DEEP), (b'"b"', b"2")]),
        (b'{"a"}', None),
        (b'{"a":1,}', None),
        (b"{1:2}", None),
        (b'{"a":1', None),
        (b"[]", None),
        (b"", None),
    ],
)
def test_members_are_found_by_strings_and_brackets_alone(
    value: bytes,
    expected: list[tuple[bytes, bytes]] | None,
) -> None:
    assert scan.members(value) == expected


@given(st.lists(JSON), st.sampled_from([None, 1]))
def test_elements_of_well_formed_arrays_are_what_the_decoder_finds(value: list[object], indent: int | None) -> None:
    found = scan.elements(json.dumps(value, indent=indent).encode())

    assert found is not None
    assert [json.loads(element) for element in found] == value


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1]))
def test_members_of_well_formed_objects_are_what_the_decoder_finds(
    value: dict[str, object], indent: int | None
) -> None:
    found = scan.members(json.dumps(value, indent=indent).encode())

    assert found is not None
    assert [(json.loads(key), json.loads(member)) for key, member in found] == list(value.items())


@given(JSON)
def test_depth_is_the_depth_of_the_decoded_value(value: object) -> None:
    assert scan.depth(json.dumps(value).encode()) == real_depth(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"1", 0), (b"{}", 1), (rb'["[[[","\"[[["]', 1), (b'{"a":[{}],"b":{}}', 3), (DEEP, 100_000), (b'["[[[[', 1)],
)
def test_depth_counts_no_brackets_in_strings(value: bytes, expected: int) -> None:
    assert scan.depth(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"[[]]", False), (b"[[[]]]", True), (b"[[],[],[]]", False), (b'["[[["]', False)],
)
def test_an_event_is_deeper_when_it_nests_more_than_the_limit(value: bytes, expected: bool) -> None:  # noqa: FBT001
    assert scan.is_deeper(value, 2) is expected


@given(st.binary() | st.text(alphabet='{}[]",:\\a1 ').map(str.encode))
def test_no_bytes_make_a_scan_raise(value: bytes) -> None:
    for found in (scan.elements(value), scan.members(value)):
        assert found is None or isinstance(found, list)
    assert scan.depth(value) >= 0


@pytest.mark.parametrize(
    "unit",
    [b"[", b"]", b"{", b'"', b'\\"', b'"\\"', b"[]", b"[[],", b'{"a":', b'"a",', b",", b"\\", b" ", b"[{]"],
)
@pytest.mark.parametrize("start", [b"[", b'["', b"{", b'{"a":"'])
def test_what_never_balances_ends_all_the_same(start: bytes, unit: bytes) -> None:
    # A scan that is not linear in the input would not come back from this within the patience of anybody.
    value = start + unit * (300_000 // len(unit))
    assert scan.elements(value) is None
    assert scan.members(value) is None
    assert scan.depth(value) >= 0


def test_no_more_elements_are_listed_than_were_asked_for_and_one() -> None:
    assert scan.elements(b"[1,2,3,4,5", 2) == [b"1", b"2", b"3"]
    assert scan.elements(b"[1,2,3]", 2) == [b"1", b"2", b"3"]
    assert scan.elements(b"[1,2]", 2) == [b"1", b"2"]


def test_endless_members_are_not_listed() -> None:
    members = b'"a":1,' * (scan.MAX_MEMBERS - 1) + b'"b":2'
    assert len(scan.members(b"{" + members + b"}") or ()) == scan.MAX_MEMBERS
    assert scan.members(b"{" + members + b',"c":3}') is None
