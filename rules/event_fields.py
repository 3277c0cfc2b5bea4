"""The fields of the event as a whole: `jevt.*`, `json.*` and the times of `evt.*`. Spec sections 4.6 and 4.7."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from rules.document import Value
from rules.event import Event
from rules.fields import Argument, Field, FieldValue

SOURCE: Final = "k8s_audit"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS: Final = 1_000_000_000
_INDEX: Final = re.compile(r"\+?[0-9]{1,18}")


def clock_time(time_ns: int) -> str:
    """Return `HH:MM:SS.nnnnnnnnn`, UTC."""
    return f"{_moment(time_ns):%H:%M:%S}.{time_ns % _NANOSECONDS:09}"


def iso_time(time_ns: int, zone: str) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` and a spelling of UTC."""
    moment = _moment(time_ns)
    return f"{moment.date().isoformat()}T{moment:%H:%M:%S}.{time_ns % _NANOSECONDS:09}{zone}"


def _moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=time_ns // _NANOSECONDS)


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


def _indented(event: Event, _argument: str | None) -> FieldValue:
    return msgspec.json.format(event.document.raw, indent=2).decode()


def _time_text(event: Event, _argument: str | None) -> FieldValue:
    return str(event.time_ns)


def _timed(render: Callable[[int], FieldValue]) -> Callable[[Event, str | None], FieldValue]:
    return lambda event, _argument: render(event.time_ns)


def _constant(text: str) -> Callable[[Event, str | None], FieldValue]:
    return lambda _event, _argument: text


EVENT_FIELDS: Final = (
    *(
        Field(f"{prefix}.{name}", description, read, argument=argument)
        for prefix in ("jevt", "json")
        for name, description, read, argument in (
            ("value", "What a JSON pointer leads to in the event.", _value, Argument.KEY),
            ("obj", "The whole event, indented.", _indented, Argument.NONE),
            ("rawtime", "The event's time in nanoseconds since the epoch, as text.", _time_text, Argument.NONE),
        )
    ),
    Field("evt.time", "The event's time of day, UTC.", _timed(clock_time)),
    Field("evt.time.s", "The event's time of day in seconds, UTC.", _timed(lambda ns: clock_time(ns)[:8])),
    Field("evt.time.iso8601", "The event's date and time, UTC.", _timed(lambda ns: iso_time(ns, "+0000"))),
    Field("evt.source", "Always k8s_audit.", _constant(SOURCE)),
    Field("evt.pluginname", "Always k8saudit.", _constant("k8saudit")),
)
