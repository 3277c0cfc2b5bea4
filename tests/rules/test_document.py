"""JSON that stays raw until it is asked for, in its own spelling."""

from collections.abc import Callable

import pytest

from rules.document import Value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'"a\\u00e9"', "aé"),
        (b"1.0", "1.0"),
        (b"-0", "-0"),
        (b"1e3", "1e3"),
        (b"123456789012345678901234567890", "123456789012345678901234567890"),
        (b"true", "true"),
        (b"null", "null"),
        (b'{ "b" : [1, 2],\n"a": "x y" }', '{"b":[1,2],"a":"x y"}'),
        (b'{"a":"p\\u0061ss\\/"}', '{"a":"p\\u0061ss\\/"}'),
        (b'"a\\u0000b"', "a"),
    ],
)
def test_text_is_what_conditions_see(raw: bytes, text: str) -> None:
    assert Value(raw).text == text


def test_the_last_of_equal_members_counts() -> None:
    member = Value(b'{"a":1,"a":2}').member("a")
    assert member is not None
    assert member.text == "2"


@pytest.mark.parametrize("raw", [b"[1]", b'"a"', b"1", b"null"])
def test_only_objects_have_members(raw: bytes) -> None:
    assert Value(raw).members is None
    assert Value(raw).member("a") is None


@pytest.mark.parametrize("raw", [b'{"a":1}', b'"a"', b"1", b"null"])
def test_only_arrays_have_elements(raw: bytes) -> None:
    assert Value(raw).elements is None


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b"[]", []),
        (b'[{"a":1},{}]', ['{"a":1}', "{}"]),
        (b'[{"a":1}, "{", 5, null]', ['{"a":1}', None, None, None]),
        (b"[[[]], [\n]]", [None, None]),
        (b'[[{"a":[[1]]}], [ [{ } ,2 ],{"b":"]}"}]]', ['{"a":[[1]]}', "{}", None, '{"b":"]}"}']),
        (b'[["\\\\", {"\\"]": "["}], "[", [{"a":{"b":[]}}]]', [None, '{"\\"]":"["}', None, '{"a":{"b":[]}}']),
    ],
)
def test_objects_stand_in_arrays_however_deep(raw: bytes, texts: list[str | None]) -> None:
    assert [found and found.text for found in Value(raw).objects or ()] == texts


@pytest.mark.parametrize("raw", [b'{"a":[{}]}', b'"a"', b"1", b"null"])
def test_in_what_is_no_array_no_objects_stand(raw: bytes) -> None:
    assert Value(raw).objects is None


def test_a_path_ends_where_a_step_is_missing(document: Callable[[object], Value]) -> None:
    value = document({"a": {"b": "c"}, "n": None})
    found = value.at("a", "b")
    assert found is not None
    assert found.text == "c"
    assert value.at("a", "x", "y") is None
    assert value.at("n", "x") is None
    assert value.at() is value


def test_only_the_word_true_is_true() -> None:
    assert Value(b"true").is_true()
    assert not Value(b'"true"').is_true()


def test_decoding_keeps_numbers_that_no_float_can_hold() -> None:
    assert Value(b'{"a":[1e999,1,-0.5]}').decode() == {"a": ["1e999", 1, "-0.5"]}


def test_only_an_array_has_elements() -> None:
    elements = Value(b'[1,"a"]').elements
    assert elements is not None
    assert [element.text for element in elements] == ["1", "a"]
    assert Value(b'{"a":1}').elements is None
