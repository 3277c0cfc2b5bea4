"""The fields of the event as a whole: `jevt.*`, `json.*` and `evt.*`. Spec sections 4.6 and 4.7.

Two of `evt.*` count from the start of a process there, which says nothing where many processes share the work and an
event may be judged again. Here they are functions of the event, the same in every mode and for every repeat: `evt.num`
comes from the event's identity, `evt.reltime` counts from when its request was received.
"""

import re
from collections.abc import Callable
from itertools import accumulate
from typing import Final

import msgspec

from rules.document import Value
from rules.event import Event
from rules.fields import Argument, Field, FieldValue, Read, Type
from rules.times import NANOSECONDS, clock_time, date_time, iso_time, parse_timestamp

SOURCE: Final = "k8s_audit"

_INDEX: Final = re.compile(r"\+?[0-9]{1,18}")
_NUMBER_DIGITS: Final = 13  # hexadecimal: 52 bits, which every reader of JSON holds exactly
_SUBSECOND_DIGITS: Final = 9


def pointer(document: Value, path: str) -> Value | None:
    """Return what a JSON pointer leads to; its leading slash may be missing, the empty one is the whole document."""
    value: Value | None = document
    if path == "":
        return value
    for part in path.removeprefix("/").split("/"):
        if value is None:
            return None
        if value.elements is None:
            value = value.member(part.replace("~1", "/").replace("~0", "~"))
        else:
            index = int(part) if _INDEX.fullmatch(part) else len(value.elements)
            value = value.elements[index] if index < len(value.elements) else None
    return value


def _value(event: Event, path: str | None) -> FieldValue:
    found = pointer(event.document, path or "")
    return None if found is None else found.text


_MAX_GROWTH: Final = 16 * 2**20
"""Bytes that an event may grow by where it is indented, which adds to each line twice its depth."""

_SMALL: Final = 8192

_STRINGS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_EMPTY: Final = re.compile(rb"\{[ \t\r\n]*\}|\[[ \t\r\n]*\]")
_DEEPER: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1, ord(","): 0}


def _indented(event: Event, _argument: str | None) -> FieldValue:
    raw = event.document.raw
    if len(raw) > _SMALL and _growth(raw) > _MAX_GROWTH:
        return event.document.compact.decode()
    return msgspec.json.format(raw, indent=2).decode()


def _growth(raw: bytes) -> int:
    """Return how many bytes of line breaks and indentation JSON gets: a line ends at each bracket and comma."""
    # A string is as good as a number here, and what is empty stays on its line.
    bare = _EMPTY.sub(b"", _STRINGS.sub(b"0", raw))
    breaks = bare.translate(None, delete=bytes(set(range(256)) - _DEEPER.keys()))
    return len(breaks) + 2 * sum(accumulate(map(_DEEPER.__getitem__, breaks)))


def _whole(event: Event, _argument: str | None) -> FieldValue:
    return event.document.compact.decode()


def _number(event: Event, _argument: str | None) -> FieldValue:
    return 1 + int(event.identity[:_NUMBER_DIGITS] or "0", 16)


def _time_ns(event: Event, _argument: str | None) -> FieldValue:
    return event.time_ns


def _since_request(event: Event) -> int:
    """Return how long after its request was received an event happened; 0 where it does not say when that was."""
    received = parse_timestamp(event.string("requestReceivedTimestamp") or "")
    return 0 if received is None else max(0, event.time_ns - received)


def _hostname(event: Event, _argument: str | None) -> FieldValue:
    return event.hostname


def _absent(_event: Event, _argument: str | None) -> FieldValue:
    return None


def constant(value: str | bool) -> Read:  # noqa: FBT001 - it is the value
    """Return how a field is read that is the same of every event."""
    return lambda _event, _argument: value


def _shown(name: str, description: str, render: Callable[[int], str]) -> Field:
    """Return a field that shows the event's time in some form; among an alert's fields it is the number."""
    return Field(name, description, lambda event, _argument: render(event.time_ns), read_for_alert=_time_ns)


def _counted(name: str, description: str, kind: Type, count: Callable[[Event], int], digits: int = 1) -> Field:
    return Field(name, description, lambda event, _argument: count(event), type=kind, digits=digits)


EVENT_FIELDS: Final = (
    *(
        Field(f"{prefix}.{name}", description, read, argument=argument)
        for prefix in ("jevt", "json")
        for name, description, read, argument in (
            ("value", "What a JSON pointer leads to in the event.", _value, Argument.KEY),
            (
                "obj",
                "The whole event, indented; where that would make too much of it, as it is.",
                _indented,
                Argument.NONE,
            ),
            (
                "rawtime",
                "The event's time in nanoseconds since the epoch, as text.",
                lambda event, _argument: str(event.time_ns),
                Argument.NONE,
            ),
        )
    ),
    Field("evt.num", "A number that tells events apart, the same for each repeat of one.", _number, type=Type.NUMBER),
    _shown("evt.time", "The event's time of day, UTC.", clock_time),
    _shown("evt.time.s", "The event's time of day in seconds, UTC.", lambda ns: clock_time(ns)[:8]),
    _shown(
        "evt.time.iso8601",
        "The event's date and time, UTC, as in 2026-11-23T20:34:01.258117000+0000.",
        lambda ns: iso_time(ns, "+0000"),
    ),
    _shown("evt.datetime", "The event's date and time, UTC.", date_time),
    _shown("evt.datetime.s", "The event's date and time in seconds, UTC.", lambda ns: date_time(ns)[:19]),
    _counted(
        "evt.rawtime", "The event's time in nanoseconds since the epoch.", Type.ABSTIME, lambda event: event.time_ns
    ),
    _counted(
        "evt.rawtime.s",
        "The event's time in whole seconds since the epoch.",
        Type.ABSTIME,
        lambda event: event.time_ns // NANOSECONDS,
    ),
    _counted(
        "evt.rawtime.ns",
        "The nanoseconds of the event's time beyond the second.",
        Type.ABSTIME,
        lambda event: event.time_ns % NANOSECONDS,
        _SUBSECOND_DIGITS,
    ),
    _counted(
        "evt.reltime",
        "Nanoseconds since the request was received; 0 where the event does not say when.",
        Type.RELTIME,
        _since_request,
        _SUBSECOND_DIGITS,
    ),
    _counted(
        "evt.reltime.s",
        "The whole seconds of evt.reltime.",
        Type.RELTIME,
        lambda event: _since_request(event) // NANOSECONDS,
    ),
    _counted(
        "evt.reltime.ns",
        "The nanoseconds of evt.reltime beyond the second.",
        Type.RELTIME,
        lambda event: _since_request(event) % NANOSECONDS,
        _SUBSECOND_DIGITS,
    ),
    Field("evt.pluginname", "Always k8saudit.", constant("k8saudit")),
    Field("evt.plugininfo", "The whole event as compact JSON.", _whole),
    Field("evt.source", "Always k8s_audit.", constant(SOURCE)),
    Field("evt.is_async", "Always false.", constant(False), type=Type.BOOL),  # noqa: FBT003 - the value itself
    Field("evt.asynctype", "Always absent: no audit event is asynchronous.", _absent),
    Field("evt.hostname", "What the host that judges the event is called, as the alert's hostname.", _hostname),
)
