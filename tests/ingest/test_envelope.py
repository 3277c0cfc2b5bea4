"""The head of an event is read leniently."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelope import Head, elements, members, read_head, text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_all_members_are_read() -> None:
    event = msgspec.json.decode(
        b'{"stage":"ResponseComplete","verb":"create","objectRef":{"resource":"pods","apiGroup":"apps","namespace":"n",'
        b'"name":"m","subresource":"exec"},"requestObject":{"a":1},"responseObject":[2]}',
    )

    assert read_head(event) == Head(
        stage="ResponseComplete",
        verb="create",
        resource="pods",
        api_group="apps",
        subresource="exec",
        namespace="n",
        name="m",
        request={"a": 1},
        response=[2],
    )


def test_an_absent_group_is_the_core_group() -> None:
    assert read_head({"objectRef": {"resource": "pods"}}).api_group == ""


def test_an_event_without_a_target_has_no_resource() -> None:
    assert read_head({"objectRef": None}).resource is None


def test_a_group_of_a_wrong_type_is_not_the_core_group() -> None:
    assert read_head({"objectRef": {"resource": "pods", "apiGroup": 1}}).api_group is None


@given(
    st.dictionaries(st.sampled_from(["stage", "verb", "objectRef", "requestObject"]), JSON)
    | st.fixed_dictionaries(
        {"objectRef": st.dictionaries(st.sampled_from(["resource", "apiGroup", "name", "namespace"]), JSON)},
    ),
)
def test_wrong_types_are_as_good_as_absent(event: dict[str, object]) -> None:
    head = read_head(event)

    for member in (head.stage, head.verb, head.resource, head.api_group, head.subresource, head.namespace, head.name):
        assert member is None or isinstance(member, str)


def test_other_types_have_no_members_elements_or_text() -> None:
    assert (members([1]), elements({"a": 1}), text(1)) == ({}, [], None)
