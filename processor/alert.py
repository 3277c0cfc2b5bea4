"""A match into the alert that is sent: Falco's JSON object, plus ours. PURE; called by the engine.

Consumers of Falco's alerts read it unchanged. What is ours: `id`, the same for every repeat of the same event and
rule; `cluster`; `audit_id`; `ruleset`.
"""

from hashlib import blake2b
from typing import Final

import msgspec

from rules.event import Event
from rules.event_fields import clock_time, iso_time
from rules.fields import FieldValue
from rules.output import render, values
from rules.ruleset import Rule

MAX_VALUE_CHARACTERS: Final = 8192
"""A field's value is cut here, all elements of a list together: an alert has to fit a Kafka record."""

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


def make_alert(event: Event, rule: Rule, *, identity: str, ruleset: str, hostname: str) -> Alert:
    """Return the alert of a rule that matched an event of this identity."""
    shown = {key: _cut(value) for key, value in values(rule.output, event).items()}
    text = f"{clock_time(event.time_ns)}: {rule.priority} {render(rule.output, shown)}"
    fields = {"evt.time": event.time_ns} | {
        # Times are numbers among the fields, whatever their text: so the reference sends them.
        key: event.time_ns if key.startswith("evt.time") else value
        for key, value in shown.items()
    }
    return Alert(
        audit_id=event.text("auditID") or "",
        cluster=event.cluster,
        hostname=hostname,
        id=_alert_id(identity, rule.name),
        output=text,
        output_fields=dict(sorted(fields.items())),
        priority=str(rule.priority),
        rule=rule.name,
        ruleset=ruleset,
        source=rule.source,
        tags=rule.tags,
        time=iso_time(event.time_ns, "Z"),
    )


def _alert_id(identity: str, rule: str) -> str:
    return blake2b(f"{identity}\0{rule}".encode(), digest_size=_ID_BYTES).hexdigest()


def _cut(value: FieldValue) -> FieldValue:
    """Return a value short enough to send: what is left out is shown by an ellipsis."""
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return value[:MAX_VALUE_CHARACTERS] + _CUT
    return _cut_list(value) if isinstance(value, tuple) else value


def _cut_list(value: tuple[str, ...]) -> tuple[str, ...]:
    left = MAX_VALUE_CHARACTERS
    for index, element in enumerate(value):
        if len(element) >= left:
            return (*value[:index], element[:left] + _CUT)
        left -= len(element) + 1
    return value
