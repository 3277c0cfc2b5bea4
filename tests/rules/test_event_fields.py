"""Times, pointers and the event as a whole."""

from collections.abc import Callable

import pytest

from rules.catalogue import FIELDS
from rules.document import Value
from rules.event import Event
from rules.event_fields import pointer

MakeEvent = Callable[..., Event]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/a/0/b", "x"),
        ("a/0/b", "x"),
        ("/a/00/b", "x"),
        ("/a/+0/b", "x"),
        ("/a/-1", None),
        ("/a/9", None),
        ("/a/x", None),
        ("/a/99999999999999999999999", None),
        ("/c~1d/~0", "y"),
        ("/nosuch/x", None),
        ("//a", None),
        ("/", "empty"),
    ],
)
def test_a_pointer_leads_to_a_value(document: Callable[[object], Value], path: str, text: str | None) -> None:
    value = pointer(document({"a": [{"b": "x"}], "c/d": {"~": "y"}, "": "empty"}), path)
    assert (None if value is None else value.text) == text


def test_the_empty_pointer_is_the_whole_event(document: Callable[[object], Value]) -> None:
    whole = document({"a": 1})
    assert pointer(whole, "") is whole


@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("evt.time", None, "20:34:01.258117000"),
        ("evt.time.s", None, "20:34:01"),
        ("evt.time.iso8601", None, "2026-11-23T20:34:01.258117000+0000"),
        ("evt.source", None, "k8s_audit"),
        ("evt.pluginname", None, "k8saudit"),
        ("jevt.rawtime", None, "1795466041258117000"),
        ("jevt.value", "/user/username", "alice"),
        ("json.value", "/nosuch", None),
    ],
)
def test_fields_of_the_whole_event(
    make_event: MakeEvent, name: str, argument: str | None, expected: str | None
) -> None:
    field = FIELDS.get(name)
    assert field is not None
    assert field.read(make_event(), argument) == expected


def test_the_whole_event_is_shown_indented(make_event: MakeEvent) -> None:
    field = FIELDS.get("jevt.obj")
    assert field is not None
    shown = field.read(make_event(user={}, sourceIPs=[]), None)
    assert isinstance(shown, str)
    assert shown.splitlines()[:2] == ["{", '  "auditID": "6c1f2f0e-0000-0000-0000-000000000001",']
    assert '  "user": {},' in shown.splitlines()
