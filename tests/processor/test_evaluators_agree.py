"""Recorded events, judged by generated code as every mode does and by the interpreter: the alerts are the same."""

import pytest

from auditstream.demo import bodies
from ingest.split import split
from processor.alert import Alert
from processor.engine import Engine
from processor.rule_files import load_rules
from processor.state import MemoryState
from rules.event import Event
from rules.interpreter import evaluate
from rules.ruleset import Ruleset, Verdict
from rules.selection import Choice, Selection


class Interpreted(Ruleset):
    """The same rules, all of them asked, by the interpreter."""

    def match(self, event: Event) -> Verdict:
        """Tell which enabled rules match an event."""
        return Verdict(tuple(rule for rule in self.rules if rule.is_enabled and evaluate(rule.condition, event)))


@pytest.fixture(scope="module")
def ruleset() -> Ruleset:
    """Load the pack with every rule on, the one that tells every event too."""
    loaded = load_rules([], with_pack=True, selection=Selection((Choice(True, pattern="*"),))).ruleset  # noqa: FBT003
    assert loaded is not None
    return loaded


def _alerts(ruleset: Ruleset) -> list[Alert]:
    engine = Engine(ruleset, "host")
    state = MemoryState()
    alerts = []
    for body in bodies():
        outcome = engine.process(split(body, cluster="default", received_ms=0).records, state)
        assert (outcome.rejected, outcome.failures) == ([], [])
        alerts += outcome.alerts
    return alerts


def test_alerts_are_the_same_whoever_evaluates(ruleset: Ruleset) -> None:
    alerts = _alerts(ruleset)
    assert len({alert.rule for alert in alerts}) > 30
    assert alerts == _alerts(Interpreted(ruleset.rules, ruleset.matching, ruleset.digest))
