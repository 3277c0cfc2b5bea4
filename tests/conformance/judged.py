"""Conditions on events, as this project judges them by both evaluators: what the runners of conditions share."""

from collections.abc import Sequence
from functools import cache

from rules.checker import CHECKER, Report
from rules.codegen import CodeGenerator, Values
from rules.conditions import Condition
from rules.errors import Code
from rules.event import Event
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.reference import events
from tests.evaluators import Judge, as_text

_GENERATOR = CodeGenerator()
_values_of = cache(Values)
"""An event's values, read once for all conditions, as for all rules of a load."""


@cache
def checked(condition: str) -> tuple[Condition | str, int]:
    """Return a condition ready for evaluation, or why it is refused; and how many of its constants draw a warning."""
    report = Report()
    found = None
    try:
        found = CHECKER.check(parse(as_text(condition)), report)
    except ConditionError as error:
        report.errors.append(error)
    warnings = sum(advice.code is Code.COMPILE_CONDITION_WARNING for advice in report.advice)
    return report.errors[0].message if found is None else found, warnings


def lines_of(condition: Condition, judged: Sequence[Event]) -> frozenset[int]:
    """Return the lines of the events for which a condition holds."""
    judge = Judge(condition, _GENERATOR)
    return frozenset(number for number, event in enumerate(judged) if judge.holds(event, _values_of(event)))


def true_on(condition: str, data: str) -> frozenset[int] | str:
    """Return the lines of the events for which a condition holds; of one that is refused, why it is."""
    found, _ = checked(condition)
    return found if isinstance(found, str) else lines_of(found, events(data))
