"""Times, pointers and the event as a whole."""

import json
from collections.abc import Callable

import pytest

from processor.decode import decode
from rules.catalogue import FIELDS
from rules.document import Value
from rules.event import Event
from rules.event_fields import pointer
from rules.fields import FieldValue
from wire.record import Record, identity

MakeEvent = Callable[..., Event]
MakeRecord = Callable[..., Record]


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
        ("/c~01d", "z"),
        ("/nosuch/x", None),
        ("//a", None),
        ("/", "empty"),
    ],
)
def test_a_pointer_leads_to_a_value(document: Callable[[object], Value], path: str, text: str | None) -> None:
    value = pointer(document({"a": [{"b": "x"}], "c/d": {"~": "y"}, "c~1d": "z", "": "empty"}), path)
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
        ("evt.datetime", None, "2026-11-23 20:34:01.258117000"),
        ("evt.datetime.s", None, "2026-11-23 20:34:01"),
        ("evt.rawtime", None, 1795466041258117000),
        ("evt.rawtime.s", None, 1795466041),
        ("evt.rawtime.ns", None, 258117000),
        ("evt.is_async", None, False),
        ("evt.asynctype", None, None),
        ("evt.hostname", None, "node-1"),
        ("evt.source", None, "k8s_audit"),
        ("evt.pluginname", None, "k8saudit"),
        ("jevt.rawtime", None, "1795466041258117000"),
        ("jevt.value", "/user/username", "alice"),
        ("json.value", "/nosuch", None),
    ],
)
def test_fields_of_the_whole_event(
    make_event: MakeEvent, name: str, argument: str | None, expected: FieldValue
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


def _read(event: Event, name: str) -> FieldValue:
    field = FIELDS.get(name)
    assert field is not None
    return field.read(event, None)


def test_an_events_number_is_the_same_for_a_repeat_a_log_line_and_with_facts(make_record: MakeRecord) -> None:
    record = make_record()
    line = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",' + record.value[1:]
    events = [decode(record), decode(record, "other-host"), decode(Record(line, b"key", "default", 5))]
    numbers = {_read(event, "evt.num") for event in events if isinstance(event, Event)}
    first = events[0]
    assert isinstance(first, Event)
    assert numbers == {_read(first.with_facts({"resource.exists": "true"}), "evt.num")}
    assert numbers == {1 + int(identity("default", record.value)[:13], 16)}


def test_events_that_differ_have_numbers_that_differ(make_event: MakeEvent) -> None:
    events = [make_event(), make_event("east"), make_event(verb="get")]
    assert len({_read(event, "evt.num") for event in events}) == 3


def test_an_event_of_no_identity_has_a_number_all_the_same(document: Callable[[object], Value]) -> None:
    assert _read(Event(document({}), 0), "evt.num") == 1


@pytest.mark.parametrize(
    ("received", "whole", "seconds", "rest"),
    [
        ("2026-11-23T20:33:59.258116Z", 2_000_001_000, 2, 1000),
        ("2026-11-23T20:34:01.258117Z", 0, 0, 0),
        ("2026-11-23T20:34:02Z", 0, 0, 0),
        ("yesterday", 0, 0, 0),
        (5, 0, 0, 0),
        (..., 0, 0, 0),
    ],
)
def test_relative_time_counts_from_the_request(
    make_event: MakeEvent, received: object, whole: int, seconds: int, rest: int
) -> None:
    event = make_event(requestReceivedTimestamp=received)
    assert (_read(event, "evt.reltime"), _read(event, "evt.reltime.s")) == (whole, seconds)
    assert _read(event, "evt.reltime.ns") == rest


def test_the_whole_event_is_shown_as_compact_json(document: Callable[[object], Value]) -> None:
    assert _read(Event(document({"a": [1, 2], "b": "c d"}), 0), "evt.plugininfo") == '{"a":[1,2],"b":"c d"}'


@pytest.mark.parametrize("name", ["evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"])
def test_among_an_alerts_fields_a_time_is_its_nanoseconds(make_event: MakeEvent, name: str) -> None:
    field = FIELDS.get(name)
    assert field is not None
    assert field.read_for_alert is not None
    assert field.read_for_alert(make_event(), None) == 1795466041258117000


@pytest.mark.parametrize(
    ("depth", "elements", "is_indented"),
    [
        (3, 10, True),
        (480, 10, True),
        (480, 50_000, False),
        (2, 50_000, True),
        (160, 50_000, True),
        (168, 50_000, False),
    ],
)
def test_an_event_is_indented_as_long_as_that_does_not_multiply_it(
    make_event: MakeEvent, depth: int, elements: int, *, is_indented: bool
) -> None:
    body: list[object] = [0] * elements
    for _ in range(depth):
        body = [body]
    event = make_event(requestObject=body, userAgent='[[[ "\\')
    text = FIELDS["jevt.obj"].read(event, None)
    assert isinstance(text, str)
    assert (text.count("\n") > 0) is is_indented
    assert len(text) < 16 * 2**20
    assert json.loads(text) == json.loads(event.document.raw)


@pytest.mark.parametrize("padding", ["x" * 2**20, '[{,"' * 2**18, [[], {}] * 2**17])
def test_what_makes_an_event_long_does_not_keep_it_from_being_indented(make_event: MakeEvent, padding: object) -> None:
    body: object = 0
    for _ in range(100):
        body = [body]
    event = make_event(verb="create", requestObject=body, userAgent=padding)
    text = FIELDS["jevt.obj"].read(event, None)
    assert isinstance(text, str)
    assert '"verb": "create"' in text
