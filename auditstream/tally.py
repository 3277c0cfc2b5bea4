"""What a run adds up to: counts by rule and by reason, and the summary of them. Prints nothing.

Fed by `auditstream.replay_command` and `auditstream.serve_command` with what became of each body; asked for the summary
once, at the end.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rich.text import Text

from auditstream.terminal import aligned, counted
from processor.alert import Alert
from processor.engine import RuleFailure
from rules.ruleset import Rule
from rules.text import escape

_CLASSES: Final = {
    "class_suspicious": "suspicious",
    "class_lifecycle": "lifecycle",
    "class_every_event": "every event",
}
_NO_CLASS: Final = "-"
_ORDER: Final = (*_CLASSES.values(), _NO_CLASS)
_SHORTEST_SECONDS: Final = 1e-6


class Tally:
    """The counts of a run so far."""

    def __init__(self) -> None:
        self.events = 0
        self.alerts: Final[Counter[str]] = Counter()
        """By rule."""
        self.rejected: Final[Counter[str]] = Counter()
        """By reason."""
        self.failures: Final[Counter[str]] = Counter()
        """By rule."""
        self._first_failures: Final[dict[str, str]] = {}

    def add(
        self, events: int, alerts: Iterable[Alert], reasons: Iterable[str], failures: Iterable[RuleFailure]
    ) -> None:
        """Count what became of a body: events judged, alerts, rejects by their reasons, rules that failed."""
        self.events += events
        self.alerts.update(alert.rule for alert in alerts)
        self.rejected.update(reasons)
        for failure in failures:
            self.failures[failure.rule] += 1
            self._first_failures.setdefault(failure.rule, failure.detail)

    def summary(self, rules: Sequence[Rule], seconds: float | None) -> Iterable[Text]:
        """Return the table by class and rule, and the lines below it.

        `seconds` is how long the events took; None where most of the time was spent waiting for them.
        """
        if self.alerts:
            yield from aligned([("class", "rule", "priority", "alerts"), *self._rows(rules)], last_is_number=True)
            yield Text()
        total = f"{counted(self.events, 'event')} read, {counted(self.alerts.total(), 'alert')}, {self._rejected()}"
        if seconds is not None:
            total += f", {seconds:.2f} s, {self.events / max(seconds, _SHORTEST_SECONDS):,.0f} events/s"
        yield Text(total)
        for rule, count in self.failures.items():
            yield Text(
                f"rule '{escape(rule)}' failed on {counted(count, 'event')}, which the other rules judged: "
                f"{escape(self._first_failures[rule])}. "
                "This is a defect of auditstream; please report it, with the rule",
                "red",
            )

    def _rows(self, rules: Sequence[Rule]) -> list[tuple[str, str, str, str]]:
        rows = [
            (class_of(rule.tags), rule.name, str(rule.priority), f"{self.alerts[rule.name]:,}")
            for rule in sorted(rules, key=lambda rule: (rule.priority, -self.alerts[rule.name], rule.name))
            if self.alerts[rule.name]
        ]
        return sorted(rows, key=lambda row: _ORDER.index(row[0]))

    def _rejected(self) -> str:
        if not self.rejected:
            return "none rejected"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.rejected.items()))
        return f"{self.rejected.total():,} rejected ({reasons})"


def class_of(tags: Iterable[str]) -> str:
    """Return the class of a rule, which one of its tags tells; `-` where none does."""
    return next((_CLASSES[tag] for tag in tags if tag in _CLASSES), _NO_CLASS)
