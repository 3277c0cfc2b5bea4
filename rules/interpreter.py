"""What a condition means: the checked tree walked, slow and obvious, never optimised.

This is the definition. Whatever evaluates conditions faster is held against it, case by case.
"""

from rules.checker import Checked, Comparison, Conjunction, Disjunction, Negation, Present
from rules.event import Event


def evaluate(condition: Checked, event: Event) -> bool:
    """Tell whether a condition holds for an event."""
    match condition:
        case Conjunction(children):
            return all(evaluate(child, event) for child in children)
        case Disjunction(children):
            return any(evaluate(child, event) for child in children)
        case Negation(child):
            return not evaluate(child, event)
        case Present(field, argument):
            return field.read(event, argument) is not None
    return _compare(condition, event)


def _compare(comparison: Comparison, event: Event) -> bool:
    """Compare a field's value; whatever the operator, an absent value makes it false."""
    value = comparison.field.read(event, comparison.argument)
    if value is None:
        return False
    operator = comparison.operator
    if isinstance(value, tuple):
        assert operator.compare_list is not None  # noqa: S101 - the checker lets no other operator on a list
        return operator.compare_list(value, comparison.members)
    if operator.compare_member is not None:
        return operator.compare_member(str(value), comparison.members)
    assert operator.compare_scalar is not None  # noqa: S101 - an operator has one meaning or the other
    return operator.compare_scalar(str(value), comparison.constants[0])
