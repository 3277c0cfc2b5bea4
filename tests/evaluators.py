"""Both evaluators of conditions at once: every test that asks whether a condition holds asks both, and they agree.

The index of rules is asked too: it never keeps a condition from an event that it holds for.
"""

from array import array

from rules.checker import CHECKER, Report
from rules.codegen import CodeGenerator, Values
from rules.conditions import Condition
from rules.event import Event
from rules.index import Index
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
    condition = CHECKER.check(parse(as_text(text)), report)
    if condition is None:
        raise report.errors[0]
    return condition


class Judge:
    """One condition, asked of events."""

    def __init__(self, condition: Condition, generator: CodeGenerator | None = None) -> None:
        """Conditions that one generator compiles may be asked of the same values."""
        self._condition = condition
        generator = generator or CodeGenerator()
        self._compiled = generator.generate(condition, "under test")
        self._index = Index([(condition, True)], generator.slot)

    @property
    def source(self) -> str:
        """The source that it became."""
        return self._compiled.source

    def holds(self, event: Event, values: Values | None = None) -> bool:
        """Tell whether it holds for an event, by both evaluators; where it does, the index lets it be asked."""
        meaning = evaluate(self._condition, event)
        values = Values(event) if values is None else values
        outcome = self._compiled.matches(values)
        assert outcome is meaning, f"the interpreter says {meaning}, generated code {outcome}:\n{self._compiled.source}"
        assert not meaning or self._index.candidates(values) == (True,), f"the index rules it out: {self._condition}"
        return meaning


def matches(ruleset: Ruleset, event: Event) -> list[Rule]:
    """Return the rules that match an event: by index and generated code, and by the interpreter one by one."""
    verdict = ruleset.match(event)
    assert verdict.failures == ()
    meant = [rule for rule in ruleset.rules if rule.is_enabled and evaluate(rule.condition, event)]
    told = list(verdict.matches)
    assert told == (meant[:1] if ruleset.matching is Matching.FIRST else meant)
    return told
