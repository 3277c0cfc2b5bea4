"""Conditions hold or do not, and never fail; what that means is the interpreter's to say."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from rules.conditions import Conjunction, Disjunction, FieldOperand, Negation, Present
from rules.event import Event
from rules.fields import Field
from rules.interpreter import evaluate
from tests.evaluators import Judge, condition_of
from tests.rules.strategies import AUDIT_EVENTS, CONDITIONS

MakeEvent = Callable[..., Event]

_TRUE = Present(FieldOperand(Field("t", "", lambda _event, _argument: "x"), None))
_FALSE = Present(FieldOperand(Field("f", "", lambda _event, _argument: None), None))


def _never(_event: Event, _argument: str | None) -> str:
    raise AssertionError("asked beyond need")


_UNASKED = Present(FieldOperand(Field("u", "", _never), None))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Conjunction((_TRUE, _TRUE)), True),
        (Conjunction((_FALSE, _UNASKED)), False),
        (Disjunction((_TRUE, _UNASKED)), True),
        (Disjunction((_FALSE, _FALSE)), False),
        (Negation(_FALSE), True),
        (Negation(_TRUE), False),
        (Conjunction((_TRUE, Negation(Disjunction((_TRUE, _UNASKED))))), False),
    ],
)
def test_conditions_are_asked_from_left_to_right_as_far_as_needed(
    make_event: MakeEvent, condition: Conjunction, *, expected: bool
) -> None:
    assert Judge(condition).holds(make_event()) is expected


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=CONDITIONS, audit_event=AUDIT_EVENTS)
def test_both_evaluators_agree_on_any_event_and_neither_fails(text: str, audit_event: Event) -> None:
    condition = condition_of(text)
    assert Judge(condition).holds(audit_event) in {True, False}
    assert evaluate(Negation(condition), audit_event) is not evaluate(condition, audit_event)
