"""The three ways to read a path; what they give on a real range of events is in the conformance data."""

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.document import Value
from rules.event import Event
from rules.paths import elements, flattened, guarded, scalar, texts, walk, walked
from tests.rules.steps import steps

MakeEvent = Callable[..., Event]
MakeDocument = Callable[[object], Value]


def test_without_an_audit_id_a_guarded_field_is_absent(make_event: MakeEvent) -> None:
    read = guarded(scalar("verb"))
    assert read(make_event(), None) == "create"
    assert read(make_event(auditID=...), None) is None


def test_an_empty_list_is_absent(make_event: MakeEvent) -> None:
    read = elements("sourceIPs")
    assert read(make_event(), None) == ("203.0.113.7", "10.1.2.3")
    assert read(make_event(sourceIPs=[]), None) is None
    assert read(make_event(sourceIPs="x"), None) is None
    assert read(make_event(sourceIPs=...), None) is None


@pytest.mark.parametrize(
    ("data", "index", "expected"),
    [
        ({"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, None, ["1", None, "3"]),
        ({"a": [{"b": 1}, {"c": 2}, {"b": 3}]}, 2, ["3"]),
        ({"a": [{"b": 1}]}, 1, None),
        ({"a": [{"c": 1}]}, 0, None),
        ({"a": {"b": [1, 2]}}, None, ["[1,2]"]),
        ({"a": {"b": 1}}, 7, ["1"]),
        ({"x": 1}, None, None),
        ({"a": []}, None, []),
        ([{"a": [{"b": 1}]}, 5], None, ["1", None]),
    ],
)
def test_a_walk_goes_through_arrays_on_its_way(
    document: Callable[[object], Value], data: object, index: int | None, expected: list[str | None] | None
) -> None:
    found = walk(document(data), ("a", "b"), index)
    assert (None if found is None else [value and value.text for value in found]) == expected


def test_holes_are_skipped_and_arrays_flattened_where_asked(make_event: MakeEvent) -> None:
    event = make_event(rules=[{"verbs": ["get", "list"]}, {}, {"verbs": "x"}, {"verbs": ["*"]}])
    assert walked(("rules", "verbs"), flattened)(event, None) == ("get", "list", "*")
    assert walked(("rules", "verbs"), flattened)(event, "3") == ("*",)
    assert walked(("rules", "verbs"), texts)(event, None) == ('["get","list"]', "x", '["*"]')
    assert walked(("rules", "nosuch"), texts)(event, None) is None
    assert walked(("nosuch", "verbs"), texts)(event, None) is None


def test_arrays_within_arrays_are_walked_as_their_elements_stand(document: MakeDocument) -> None:
    value = document({"a": [[{"b": 1}, {}], [], [[{"b": 2}], 3], {"b": [4]}]})
    found = walk(value, ("a", "b"), None)
    assert [one and one.text for one in found or ()] == ["1", None, None, "2", None, "[4]"]
    deep: object = {"b": 1}
    for _ in range(400):
        deep = [deep]
    assert [one and one.text for one in walk(document({"a": deep}), ("a", "b"), None) or ()] == ["1"]


_NESTED = st.recursive(
    st.sampled_from([1, None, "[", '"}', "a\\", {}, {"b": [[2]]}, {"b": {"c": "]"}}]),
    lambda inner: st.lists(inner, max_size=4) | st.fixed_dictionaries({}, optional={"a": inner, "b": inner}),
    max_leaves=20,
)


def _led_to(value: Value, path: tuple[str, ...]) -> Iterator[str | None]:
    """Yield what a walk finds, an array and a step at a time; None is a hole."""
    if not path:
        yield value.text
    elif value.elements is None:
        member = value.member(path[0])
        yield from [None] if member is None else _led_to(member, path[1:])
    else:
        for element in value.elements:
            yield from list(_led_to(element, path)) or [None]


@given(_NESTED, st.sampled_from([None, 1, "\t"]))
def test_arrays_opened_at_once_are_as_those_opened_one_by_one(data: object, indent: int | str | None) -> None:
    array = Value(json.dumps([data], indent=indent).encode())
    found = walk(array, ("a", "b"), None)
    assert [one and one.text for one in found or ()] == list(_led_to(array, ("a", "b")))


def test_a_walk_takes_as_many_steps_however_deep_arrays_are_nested() -> None:
    """A step reads all of an array at most once: as many steps as levels would read it as often as it is deep."""

    def taken(depth: int) -> int:
        array = Value(b"[" * depth + b'{"a":{"b":1}},2' + b"]" * depth)
        return steps(partial(walk, array, ("a", "b"), None))

    assert taken(480) == taken(2)
