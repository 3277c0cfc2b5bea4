"""The one engine of every mode: records in, alerts out. PURE and synchronous; no clock, no log, no Kafka.

Called with the records of one partition, in their order, by the Faust agent, by the one-process mode and by replay.
State is looked up and changed only under the key of the record at hand, so every mode gives the same alerts.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from processor.alert import Alert, Prefix, make_alert
from processor.decode import decode
from processor.inventory import State, observe
from rules.event import Event
from rules.ruleset import Ruleset
from wire.record import Record, Rejected


class RuleFailure(msgspec.Struct, frozen=True):
    """A rule whose evaluation failed on an event: a defect of ours. The other rules have judged the event."""

    rule: str
    detail: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of some records: to be made durable before their offsets are committed."""

    alerts: list[Alert]
    rejected: list[Rejected]
    failures: list[RuleFailure]


def observed(record: Record, state: State, hostname: str) -> Event | Rejected:
    """Return the event of a record with what the state knows of its target, once it has taken the event in."""
    event = decode(record, hostname)
    if isinstance(event, Rejected) or record.key is None:
        return event
    return event.with_facts(observe(event, event.identity, record.key, state))


class Engine:
    """A ruleset at work."""

    def __init__(self, ruleset: Ruleset, hostname: str, prefix: Prefix = Prefix.CLOCK) -> None:
        self.ruleset: Final = ruleset
        self._hostname: Final = hostname
        self._prefix: Final = prefix

    def process(self, records: Sequence[Record], state: State) -> Outcome:
        """Return the alerts of some records, those that are no events, and rules that failed; remember in the state.

        Repeating a call changes the state no further and gives the same alerts, but for those whose cause has been cut
        from the state since (`processor.history`).
        """
        outcome = Outcome([], [], [])
        for record in records:
            self._judge(record, state, outcome)
        return outcome

    def _judge(self, record: Record, state: State, outcome: Outcome) -> None:
        event = observed(record, state, self._hostname)
        if isinstance(event, Rejected):
            outcome.rejected.append(event)
            return
        verdict = self.ruleset.match(event)
        if verdict.failures:
            outcome.failures.extend(RuleFailure(rule.name, detail) for rule, detail in verdict.failures)
        for rule in verdict.matches:
            try:
                alert = make_alert(event, rule, ruleset=self.ruleset.digest, prefix=self._prefix)
            except Exception as error:  # noqa: BLE001 - it would come back with the event, for ever
                outcome.failures.append(RuleFailure(rule.name, f"{type(error).__name__}: {error}"))
            else:
                outcome.alerts.append(alert)
