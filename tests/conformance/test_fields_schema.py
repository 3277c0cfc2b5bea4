"""`fields_schema.json`: the 124 fields of the reference, each of its class, type and argument."""

from typing import Any

import pytest

from rules.catalogue import FIELDS
from rules.fields import Argument, Type
from tests.conformance.reference import read_json, tell

_DATA = "fields_schema.json"

_TYPES = {
    Type.STRING: "CHARBUF",
    Type.NUMBER: "UINT64",
    Type.ABSTIME: "ABSTIME",
    Type.RELTIME: "RELTIME",
    Type.BOOL: "BOOL",
}
_ARGUMENTS = {
    Argument.NONE: set(),
    Argument.KEY: {"ARG_REQUIRED", "ARG_KEY"},
    Argument.NONEMPTY_KEY: {"ARG_REQUIRED", "ARG_KEY"},
    Argument.INDEX: {"ARG_ALLOWED", "ARG_INDEX"},
}
_CLASSES = {"evt": "evt", "ka": "k8saudit (plugin)", "jevt": "json (plugin)", "json": "json (plugin)"}


@pytest.mark.parametrize("expected", read_json(_DATA), ids=lambda field: field["name"])
def test_a_field_is_as_in_the_reference(expected: Any, request: pytest.FixtureRequest) -> None:
    field = FIELDS.get(expected["name"])
    assert field is not None
    tags = _ARGUMENTS[field.argument] | ({"EPF_IS_LIST"} if field.is_list else set())
    assert (_CLASSES[field.name.partition(".")[0]], _TYPES[field.type], tags) == (
        expected["class"],
        expected["type"],
        set(expected["tags"]),
    )
    tell(request, _DATA, 1, 0)


def test_there_are_no_others_of_its_classes() -> None:
    ours = {field.name for field in FIELDS if field.name.partition(".")[0] in _CLASSES}
    assert ours == {field["name"] for field in read_json(_DATA)}
    assert len(ours) == 124
