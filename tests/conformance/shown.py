"""Fields as this project shows them: what the runners of values and formats share."""

import json
import re
from functools import cache

from rules.event import Event
from rules.output import Format, alert_fields, compile_format, render, values
from tests.evaluators import as_text

Shown = tuple[object, object]
"""A value as text and as JSON."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@cache
def _compiled(text: str) -> Format:
    return compile_format(as_text(text))


def rendered(text: str, event: Event) -> tuple[str, dict[str, object]]:
    """Return the text of a format and its fields as JSON has them. Raises ConditionError where it is no format."""
    shown = values(_compiled(text), event)
    return render(_compiled(text), shown), json.loads(json.dumps(alert_fields(_compiled(text), event, shown)))


def same(here: Shown, there: Shown, line: str) -> bool:
    """Tell whether a field shows here what it shows there, of the event of a line.

    Of an object or array what its strings say counts, all else to the letter: the reference spells a string anew once
    some field of the event had it decoded, so that it depends on what was read before. Here it has to stand as it came.
    """
    return all(one == other or _says(one, other, line) for one, other in zip(here, there, strict=True))


def _says(here: object, there: object, line: str) -> bool:
    if not (isinstance(here, str) and isinstance(there, str) and here.startswith(("{", "["))):
        return False
    try:
        parsed = json.loads(here), json.loads(there)
    except ValueError:
        return False
    spelt_alike = _STRING.sub(_spelt_anew, here) == _STRING.sub(_spelt_anew, there)
    return spelt_alike and parsed[0] == parsed[1] and all(string in line for string in _STRING.findall(here))


def _spelt_anew(string: re.Match[str]) -> str:
    return json.dumps(json.loads(string[0]))


def field(expression: str, event: Event) -> tuple[str, object]:
    """Return a field's value as text and as JSON."""
    text, fields = rendered(f"*%{expression}", event)
    (value,) = fields.values()
    return text, value
