"""Both evaluators of conditions at once: every test that asks whether a condition holds asks both, and they agree."""

from array import array

from rules.checker import Report, check
from rules.codegen import Compiler, Values
from rules.conditions import Condition
from rules.event import Event
from rules.interpreter import evaluate
from rules.parser import parse
from rules.ruleset import Matching, Rule, Ruleset
from rules.text import Text


def as_text(text: str) -> Text:
    """Return text whose characters stand where they stand."""
    return Text(text, array("I", range(len(text) + 1)))


def condition_of(text: str) -> Condition:
    """Return a condition ready for evaluation. Raises ConditionError, the first of those there are."""
    report = Report()
    condition = check(parse(as_text(text)), report)
    if condition is None:
        raise report.errors[0]
    return condition


class Judge:
    """One condition, asked of events."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition
        self._compiled = Compiler().compile(condition, "under test")

    @property
    def source(self) -> str:
        """The source that it became."""
        return self._compiled.source

    def holds(self, event: Event) -> bool:
        """Tell whether it holds for an event, by both evaluators."""
        meaning = evaluate(self._condition, event)
        outcome = self._compiled.matches(Values(event))
        assert outcome is meaning, f"the interpreter says {meaning}, generated code {outcome}:\n{self._compiled.source}"
        return meaning


def matches(ruleset: Ruleset, event: Event) -> list[Rule]:
    """Return the rules that match an event: by index and generated code, and by the interpreter one by one."""
    verdict = ruleset.match(event)
    assert verdict.failures == ()
    meant = [rule for rule in ruleset.rules if rule.is_enabled and evaluate(rule.condition, event)]
    told = list(verdict.matches)
    assert told == (meant[:1] if ruleset.matching is Matching.FIRST else meant)
    return told
