"""Conditions and events made up by hypothesis: any that the grammar and the types let through."""

from hypothesis import strategies as st

from rules.catalogue import FIELDS
from rules.fields import Argument, Field, Type
from rules.operators import MODIFIERS, OPERATORS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_WORDS = st.sampled_from(
    ["create", "pods", "exec", "true", "a", "a/b", "-b", "-ab", "YQ==", "", "10.0.0.1", "é\n", "B"]
)
_BODY = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("containers", "volumes", "securityContext", "template", "hostPID"), JSON)
        ),
        "rules": JSON,
        "subjects": JSON,
        "roleRef": JSON,
        "data": JSON,
    },
)
EVENTS = st.fixed_dictionaries(
    {"auditID": JSON},
    optional={
        "verb": _WORDS | JSON,
        "user": st.fixed_dictionaries(
            {}, optional={"username": _WORDS | JSON, "groups": st.lists(_WORDS, max_size=4) | JSON}
        ),
        **dict.fromkeys(("sourceIPs", "requestURI", "responseStatus", "annotations"), _WORDS | JSON),
        "objectRef": st.fixed_dictionaries({}, optional=dict.fromkeys(("resource", "subresource", "name"), _WORDS)),
        "requestObject": _BODY | st.lists(_BODY | JSON, max_size=2) | JSON,
        "responseObject": _BODY | JSON,
    },
)
"""The members of an audit event, each right or wrong."""

# Fields that made-up events are likely to have are made up more often than their number among all fields gives.
_LIKELY = [FIELDS.get(name) for name in ("ka.verb", "ka.user.name", "ka.user.groups", "ka.target.resource")]


@st.composite
def _field(draw: st.DrawFn, *, kind: Type | None = None, is_list: bool | None = None) -> tuple[str, Field]:
    def fits(field: Field) -> bool:
        return (kind is None or field.type is kind) and (is_list is None or field.is_list is is_list)

    likely = [field for field in _LIKELY if field is not None and fits(field)]
    field = draw(st.sampled_from([field for field in FIELDS if fits(field)] + likely * 40))
    if field.argument is Argument.KEY:
        return (
            f"{field.name}[{draw(st.sampled_from(['/verb', 'command', '/requestObject/spec', '*', '/a*', '0']))}]",
            field,
        )
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


_CONSTANTS = st.sampled_from(
    ["create", '"a b"', "'it\\'s'", "''", "a*", "[a-c]?", ".*", "a|b", "/a/?", "<NA>", "ka.verb", r'"\xc3\xa9\n"', "5"]
)


@st.composite
def _comparison(draw: st.DrawFn) -> str:
    text, kind, is_list = draw(_operand())
    if not draw(st.integers(0, 5)):
        return f"{text} exists"
    fitting = [
        operator
        for operator in OPERATORS.values()
        if kind in operator.types and (not is_list or operator.compare_list is not None)
    ]
    operator = draw(st.sampled_from(fitting))
    if operator.takes_operand and not draw(st.integers(0, 4)):
        right, _, _ = draw(_operand(kind=kind, is_list=is_list))
        return f"{text} {operator.name} {right if right.endswith(')') or '(' in right else f'val({right})'}"
    constants = st.sampled_from(["true", "false"]) if kind is Type.BOOL else st.integers(-1, 300).map(str)
    if kind is Type.STRING and not operator.takes_number:
        constants = _CONSTANTS
    several = ", ".join(draw(st.lists(constants, max_size=20 if operator.takes_list else 3)))
    if operator.takes_list:
        return f"{text} {operator.name} ({several})"
    if operator.takes_modifier and not draw(st.integers(0, 3)):
        return f"{text} {operator.name} {draw(st.sampled_from(sorted(MODIFIERS)))} ({several})"
    return f"{text} {operator.name} {draw(constants)}"


CONDITIONS = st.recursive(
    _comparison(),
    lambda inner: (
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda parts: f"({''.join(parts)})")
        | inner.map(lambda text: f"not ({text})")
        | inner.map(lambda text: f"not({text})")
    ),
    max_leaves=8,
)
"""Conditions as text."""
