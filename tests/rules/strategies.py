"""Conditions made up by hypothesis: any that the grammar and the types let through, about what events hold."""

import re
from functools import cache

from hypothesis import strategies as st

from rules.catalogue import FIELDS
from rules.conditions import Present
from rules.fields import Argument, Field, Type
from rules.operators import MODIFIERS, OPERATORS, Operator
from rules.text import text_bytes
from rules.tokenizer import TOKENS, ConditionError
from tests.evaluators import condition_of
from tests.rules.event_strategies import AUDIT_EVENTS, EVENTS, JSON, WHOLE_EVENTS

__all__ = ["ARGUMENTS", "AUDIT_EVENTS", "COMPARISONS", "CONDITIONS", "EVENTS", "HEAD", "JSON"]

_POINTERS = ["/verb", "/stage", "/user/groups/0", "/requestObject/spec", "/requestObject/spec/hostPID", '""', "0"]
ARGUMENTS = {
    "ka.uri.param": ["command", "dryRun", "a", '""'],
    "ka.req.binding.subject.has_name": ["a"],
    "ka.req.volume.hostpath": ["/etc", "/a*", "*"],
    "jevt.value": _POINTERS,
    "json.value": _POINTERS,
}
"""Arguments of the fields that need one."""

# Rules ask for these most, and the index looks at them: made up more often than their number among all fields gives.
HEAD = ("ka.stage", "jevt.value[/stage]", "ka.verb", "ka.response.code", "ka.target.resource", "ka.target.subresource")
_EXACT = ("=", "==", "!=", "in", "intersects")


@st.composite
def _field(draw: st.DrawFn, *, kind: Type | None = None, is_list: bool | None = None) -> tuple[str, Field]:
    def fits(field: Field) -> bool:
        return (kind is None or field.type is kind) and (is_list is None or field.is_list is is_list)

    field = draw(st.sampled_from([field for field in FIELDS if fits(field)]))
    if field.argument in {Argument.KEY, Argument.NONEMPTY_KEY}:
        return f"{field.name}[{draw(st.sampled_from(ARGUMENTS[field.name]))}]", field
    if field.argument is Argument.INDEX:
        return field.name + draw(st.sampled_from(["", "[0]", "[1]"])), field
    return field.name, field


@st.composite
def _operand(draw: st.DrawFn, *, kind: Type | None = None, is_list: bool | None = None) -> tuple[str, Type, bool]:
    """Return an operand as text, the type of its values, and whether it is a list."""
    may_transform = kind in {None, Type.STRING, Type.NUMBER}
    if not may_transform or draw(st.integers(0, 2)):
        text, field = draw(_field(kind=kind, is_list=is_list))
        return text, field.type, field.is_list
    if kind is Type.NUMBER:
        return f"len({draw(_operand(kind=Type.STRING))[0]})", Type.NUMBER, False
    if is_list is True or (is_list is None and draw(st.booleans())):
        inner = draw(_operand(kind=Type.STRING, is_list=True))[0]
        call = draw(st.sampled_from(["tolower({})", "toupper({})", "basename({})", "b64({})", 'getopt({}, "ab:")']))
        return call.format(inner), Type.STRING, True
    inner = draw(_operand(kind=Type.STRING, is_list=False))[0]
    calls = ["tolower({})", "b64({})", 'concat({}, "-", 5)', 'join({}, ("a", {}))', 'join(",", ka.user.groups)',
             'getopt(ka.user.groups, "ab:")[b]', "basename({})", 'join(",", (len({}), evt.rawtime))']  # fmt: skip
    return draw(st.sampled_from(calls)).replace("{}", inner), Type.STRING, False


@cache
def _values_of(operand: str) -> tuple[tuple[str, ...] | str | int, ...]:
    """Return what an operand reads from whole events."""
    try:
        condition = condition_of(f"{operand} exists")
    except ConditionError:
        return ()
    assert isinstance(condition, Present)
    values = (condition.operand.read(event) for event in WHOLE_EVENTS)
    return tuple(dict.fromkeys(value for value in values if value is not None and value != ()))


_NO_TEXT = r'"\xc3"'
_ODD = [
    '"a b"',
    "'it\\'s'",
    "''",
    "a*",
    "[a-c]?",
    ".*",
    "a|b",
    "/a/?",
    "<NA>",
    "ka.verb",
    r'"\xc3\xa9\n"',
    _NO_TEXT,
    "5",
]
_MAX_CONSTANT = 200  # bytes; a constant may have a few more


def _spelt(text: str) -> str:
    """Return text as a condition spells it."""
    if TOKENS["bare string"].fullmatch(text):
        return text
    shown = (chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in text_bytes(text))
    return f'"{"".join(shown)}"'


def _about(value: str, operator: Operator, start: int, end: int) -> str:
    """Return a constant that an operator may find in a value: the whole of it, or the part that it looks at."""
    value = text_bytes(value)[:_MAX_CONSTANT].decode(errors="ignore")
    part = value[start : end or len(value)]
    match operator.name:
        case "contains" | "icontains":
            value = part
        case "startswith":
            value = value[: end or len(value)]
        case "endswith":
            value = value[start:]
        case "glob" | "iglob":
            value = f"*{part}*" if "[" not in part and "\\" not in part else "*"
        case "regex":
            value = f".*{re.escape(part)}.*" if part.isascii() and part.isprintable() else ".*"
        case "pmatch":
            value = value.rpartition("/")[0] or value
    return _spelt(value)


@st.composite
def _constant(draw: st.DrawFn, operand: str, operator: Operator, kind: Type) -> str:
    if kind is Type.BOOL:
        return draw(st.sampled_from(["true", "false"]))
    values = _values_of(operand)
    is_odd = draw(st.integers(0, 4)) == 0
    value = None if is_odd or not values else draw(st.sampled_from(values))
    if isinstance(value, int):
        return str(max(0, value + draw(st.integers(-1, 1))))
    if kind is not Type.STRING or operator.takes_number:
        return str(draw(st.integers(-1, 500)))
    if value is None:
        # A regular expression has to be text.
        return draw(st.sampled_from(_ODD if operator.name != "regex" else [odd for odd in _ODD if odd != _NO_TEXT]))
    text = draw(st.sampled_from(value)) if isinstance(value, tuple) else value
    return _about(text, operator, draw(st.integers(0, 3)), draw(st.integers(0, 6)))


@st.composite
def _constants(draw: st.DrawFn, operand: str, operator: Operator, kind: Type) -> str:
    """Return several constants; of a list's operator, all elements of some value among them now and then."""
    lists = [value for value in _values_of(operand) if isinstance(value, tuple)]
    some = draw(st.lists(_constant(operand, operator, kind), max_size=20 if operator.takes_list else 3))
    has_all = draw(st.booleans())
    if lists and has_all:
        some += [_about(element, operator, 0, 0) for element in lists[draw(st.integers(0, len(lists) - 1))]]
    return ", ".join(some)


@st.composite
def _comparison(draw: st.DrawFn) -> str:
    is_head = not draw(st.integers(0, 2))
    text, kind, is_list = (draw(st.sampled_from(HEAD)), Type.STRING, False) if is_head else draw(_operand())
    if not draw(st.integers(0, 9)):
        return f"{text} exists"
    fitting = [
        operator
        for operator in OPERATORS.values()
        if kind in operator.types
        and (not is_list or operator.compare_list is not None)
        and (not is_head or operator.name in _EXACT)
    ]
    operator = draw(st.sampled_from(fitting))
    if operator.takes_operand and not draw(st.integers(0, 4)):
        right = text if draw(st.booleans()) else draw(_operand(kind=kind, is_list=is_list))[0]
        return f"{text} {operator.name} {right if right.endswith(')') or '(' in right else f'val({right})'}"
    if operator.takes_list:
        return f"{text} {operator.name} ({draw(_constants(text, operator, kind))})"
    if operator.takes_modifier and not draw(st.integers(0, 3)):
        several = draw(_constants(text, operator, kind))
        return f"{text} {operator.name} {draw(st.sampled_from(sorted(MODIFIERS)))} ({several})"
    return f"{text} {operator.name} {draw(_constant(text, operator, kind))}"


COMPARISONS = _comparison()
"""Single comparisons as text."""

CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: (
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda parts: f"({''.join(parts)})")
        | inner.map(lambda text: f"not ({text})")
        | inner.map(lambda text: f"not({text})")
    ),
    max_leaves=8,
)
"""Conditions as text."""
