"""A match into the alert that is sent: Falco's JSON object, plus ours. PURE; called by the engine.

Consumers of Falco's alerts read it unchanged. What is ours: `id`, the same for every repeat of the same event and
rule; `cluster`; `audit_id`; `ruleset`.
"""

from collections.abc import Mapping
from enum import Enum
from hashlib import blake2b
from typing import Final

import msgspec

from rules.event import Event
from rules.fields import FieldValue
from rules.output import alert_fields, compile_format, render, values
from rules.resource_fields import MAIN_FACTS
from rules.ruleset import Rule
from rules.text import Text
from rules.times import iso_time

MAX_VALUE_CHARACTERS: Final = 8192
"""A field's value is cut here, all elements of a list together."""

MAX_CHARACTERS: Final = 65_536
"""All fields together are cut here, and so is the text that is made of them: an alert has to fit a Kafka record, or a
processor could never get past it. A character takes up to six bytes in JSON."""

_CUT: Final = "…"
_ID_BYTES: Final = 16


class Alert(msgspec.Struct, frozen=True):
    """What consumers get; members in the order in which they are sent, which is alphabetical as Falco's are."""

    audit_id: str
    """The event's auditID: a client can choose it, so it identifies nothing."""
    cluster: str
    hostname: str
    id: str
    """32 hex digits from the event's identity and the rule's name."""
    output: str
    """`HH:MM:SS.nnnnnnnnn: Priority text`, UTC."""
    output_fields: dict[str, str | int | tuple[str, ...] | None]
    priority: str
    rule: str
    ruleset: str
    """12 hex digits of the rules that were loaded."""
    source: str
    tags: tuple[str, ...]
    time: str
    """When the event's stage ended: `YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ`."""

    def to_json(self) -> bytes:
        """Return the alert as compact JSON."""
        return msgspec.json.encode(self)


class Prefix(Enum):
    """What stands before an alert's text: its time, and what of it `output_fields` have."""

    CLOCK = "%evt.time: "
    ISO_8601 = "%evt.time.iso8601: "


_PREFIXES: Final = {prefix: compile_format(Text.at(prefix.value, 0)) for prefix in Prefix}


def make_alert(event: Event, rule: Rule, *, ruleset: str, prefix: Prefix = Prefix.CLOCK) -> Alert:
    """Return the alert of a rule that matched an event."""
    output = (*_PREFIXES[prefix], f"{rule.priority} ", *rule.output)
    shown = values(output, event)
    fields = {**_main_facts(event), **alert_fields(output, event, shown), **_extra_fields(rule, event)}
    return Alert(
        audit_id=_cut(event.text("auditID") or "", MAX_VALUE_CHARACTERS),
        cluster=event.cluster,
        hostname=event.hostname,
        id=_alert_id(event.identity, rule.name),
        output=_cut(render(output, _cut_all(shown)), MAX_CHARACTERS),
        output_fields=dict(sorted(_cut_all(fields).items())),
        priority=str(rule.priority),
        rule=rule.name,
        ruleset=ruleset,
        source=rule.source,
        tags=rule.tags,
        time=iso_time(event.time_ns, "Z"),
    )


def _main_facts(event: Event) -> dict[str, FieldValue]:
    """Return what every alert says of its target, as far as that is known."""
    facts = event.facts
    return {name: facts[name] for name in MAIN_FACTS if name in facts}


def _extra_fields(rule: Rule, event: Event) -> dict[str, FieldValue]:
    found: dict[str, FieldValue] = {}
    for extra in rule.extra_fields:
        if extra.is_format:
            found[extra.name] = render(extra.pieces, _cut_all(values(extra.pieces, event)))
        else:
            found |= alert_fields(extra.pieces, event, {})
    return found


def _alert_id(identity: str, rule: str) -> str:
    return blake2b(f"{identity}\0{rule}".encode(), digest_size=_ID_BYTES).hexdigest()


def _cut_all(shown: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return values short enough to send: what is left out is shown by an ellipsis."""
    left = MAX_CHARACTERS
    kept: dict[str, FieldValue] = {}
    for key, value in shown.items():
        limit = min(left, MAX_VALUE_CHARACTERS)
        if isinstance(value, str):
            kept[key] = text = _cut(value, limit)
            left = max(0, left - len(text))
        elif isinstance(value, tuple):
            kept[key] = elements = _cut_list(value, limit)
            left = max(0, left - sum(map(len, elements)) - len(elements))
        else:
            kept[key] = value
    return kept


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + _CUT


def _cut_list(value: tuple[str, ...], limit: int) -> tuple[str, ...]:
    left = limit
    for index, element in enumerate(value):
        if len(element) >= left:
            return (*value[:index], element[:left] + _CUT)
        left -= len(element) + 1
    return value
