"""Conditions hold or do not, and never fail."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.catalogue import FIELDS
from rules.checker import Comparison, Conjunction, Disjunction, Negation, Present
from rules.document import Value
from rules.event import Event
from rules.fields import Argument, Field
from rules.interpreter import evaluate
from rules.operators import OPERATORS

MakeEvent = Callable[..., Event]

_TRUE = Present(Field("t", "", lambda _event, _argument: "x"), None)
_FALSE = Present(Field("f", "", lambda _event, _argument: None), None)


def _never(_event: Event, _argument: str | None) -> str:
    raise AssertionError("asked beyond need")


_UNASKED = Present(Field("u", "", _never), None)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Conjunction((_TRUE, _TRUE)), True),
        (Conjunction((_FALSE, _UNASKED)), False),
        (Disjunction((_TRUE, _UNASKED)), True),
        (Disjunction((_FALSE, _FALSE)), False),
        (Negation(_FALSE), True),
        (Negation(_TRUE), False),
    ],
)
def test_conditions_are_asked_from_left_to_right_as_far_as_needed(
    make_event: MakeEvent, condition: Conjunction, *, expected: bool
) -> None:
    assert evaluate(condition, make_event()) is expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_PODLIKE = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("containers", "volumes", "securityContext", "template", "hostPID"), _JSON)
        ),
        "rules": _JSON,
        "subjects": _JSON,
        "roleRef": _JSON,
        "data": _JSON,
    },
)
_EVENTS = st.fixed_dictionaries(
    {"auditID": _JSON},
    optional={
        **dict.fromkeys(("verb", "user", "sourceIPs", "requestURI", "responseStatus", "annotations"), _JSON),
        "objectRef": st.fixed_dictionaries({}, optional={"resource": st.just("pods") | _JSON, "subresource": _JSON}),
        "requestObject": _PODLIKE | st.lists(_PODLIKE | _JSON, max_size=2) | _JSON,
        "responseObject": _PODLIKE | _JSON,
    },
)


@st.composite
def _comparisons(draw: st.DrawFn) -> Comparison | Present:
    field = draw(st.sampled_from(list(FIELDS)))
    argument = None
    if field.argument is Argument.KEY:
        argument = draw(st.sampled_from(["/verb", "command", "/requestObject/spec", "*", "/a*", "0"]))
    elif field.argument is Argument.INDEX:
        argument = draw(st.sampled_from([None, "0", "1"]))
    if draw(st.booleans()):
        return Present(field, argument)
    operators = [operator for operator in OPERATORS.values() if operator.compare_list or not field.is_list]
    constants = tuple(draw(st.lists(st.sampled_from(["true", "", "pods", "x"]), min_size=1, max_size=3)))
    return Comparison(field, argument, draw(st.sampled_from(operators)), constants, frozenset(constants))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(condition=_comparisons(), data=_EVENTS)
def test_no_checked_condition_fails_on_any_event(condition: Comparison | Present, data: dict[str, object]) -> None:
    import json  # noqa: PLC0415 - nothing else here writes JSON

    event = Event(Value(json.dumps(data).encode()), 0)
    assert evaluate(condition, event) in {True, False}
    assert evaluate(Negation(condition), event) is not evaluate(condition, event)
