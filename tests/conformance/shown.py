"""Fields as this project shows them: what the runners of values and formats share."""

import json
from functools import cache

from rules.event import Event
from rules.output import Format, alert_fields, compile_format, render, values
from tests.evaluators import as_text


@cache
def _compiled(text: str) -> Format:
    return compile_format(as_text(text))


def rendered(text: str, event: Event) -> tuple[str, dict[str, object]]:
    """Return the text of a format and its fields as JSON has them. Raises ConditionError where it is no format."""
    shown = values(_compiled(text), event)
    return render(_compiled(text), shown), json.loads(json.dumps(alert_fields(_compiled(text), event, shown)))


def field(expression: str, event: Event) -> tuple[str, object]:
    """Return a field's value as text and as JSON."""
    text, fields = rendered(f"*%{expression}", event)
    (value,) = fields.values()
    return text, value
