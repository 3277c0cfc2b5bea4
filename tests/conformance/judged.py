"""Conditions on events, as this project judges them: what the runners of conditions share."""

import re
from functools import cache

from rules.checker import Report, check
from rules.conditions import Condition
from rules.interpreter import evaluate
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.reference import as_text, events

NOT_YET = re.compile(r"(is|are) not supported yet")
"""The words that refuse what the language has and this version has not yet."""


@cache
def checked(condition: str) -> Condition | str:
    """Return a condition ready for evaluation; of one that is refused, why it is."""
    report = Report()
    found = None
    try:
        found = check(parse(as_text(condition)), report)
    except ConditionError as error:
        report.errors.append(error)
    return report.errors[0].message if found is None or report.errors else found


@cache
def true_on(condition: str, data: str) -> frozenset[int] | str:
    """Return the lines of the events for which a condition holds; of one that is refused, why it is."""
    found = checked(condition)
    if isinstance(found, str):
        return found
    return frozenset(number for number, event in enumerate(events(data)) if evaluate(found, event))
