"""What a condition means: the checked tree walked, slow and obvious, never optimised.

This is the definition. Whatever evaluates conditions faster is held against it, case by case.
"""

from typing import Any

from rules.conditions import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    ModifiedComparison,
    Negation,
    OperandComparison,
    Present,
)
from rules.event import Event
from rules.operators import MODIFIERS, Operator


def evaluate(condition: Condition, event: Event) -> bool:
    """Tell whether a condition holds for an event."""
    match condition:
        case Conjunction(children):
            return all(evaluate(child, event) for child in children)
        case Disjunction(children):
            return any(evaluate(child, event) for child in children)
        case Negation(child):
            return not evaluate(child, event)
        case Present(operand):
            return operand.read(event) is not None
    return _compare(condition, event)


def _compare(comparison: Comparison | ModifiedComparison | OperandComparison, event: Event) -> bool:
    """Compare an operand's value; whatever the operator, an absent value makes it false."""
    value = comparison.operand.read(event)
    if value is None:
        return False
    operator = comparison.operator
    match comparison:
        case Comparison(bound=bound):
            return _holds(operator, value, bound)
        case ModifiedComparison(bound=each, modifier=modifier):
            return MODIFIERS[modifier]([_holds(operator, value, bound) for bound in each])
    other = comparison.right.read(event)
    if other is None:
        return False
    return _holds(operator, value, other if operator.bind_value is None else operator.bind_value(other))


def _holds(operator: Operator, value: Any, bound: Any) -> bool:  # noqa: ANN401 - of the types that the checker lets through
    if isinstance(value, tuple):
        assert operator.compare_list is not None  # noqa: S101 - the checker lets no other operator on a list
        return operator.compare_list(value, bound)
    return operator.compare(value, bound)
