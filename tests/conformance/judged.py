"""Conditions on events, as this project judges them by both evaluators: what the runners of conditions share."""

from functools import cache

from rules.checker import Report, check
from rules.conditions import Condition
from rules.errors import Code
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.reference import as_text, events
from tests.evaluators import Judge


@cache
def checked(condition: str) -> tuple[Condition | str, int]:
    """Return a condition ready for evaluation, or why it is refused; and how many of its constants draw a warning."""
    report = Report()
    found = None
    try:
        found = check(parse(as_text(condition)), report)
    except ConditionError as error:
        report.errors.append(error)
    warnings = sum(advice.code is Code.COMPILE_CONDITION_WARNING for advice in report.advice)
    return report.errors[0].message if found is None else found, warnings


def true_on(condition: str, data: str) -> frozenset[int] | str:
    """Return the lines of the events for which a condition holds; of one that is refused, why it is."""
    found, _ = checked(condition)
    if isinstance(found, str):
        return found
    judge = Judge(found)
    return frozenset(number for number, event in enumerate(events(data)) if judge.holds(event))
