"""The one engine of every mode: records in, alerts out. PURE and synchronous; no clock, no log, no Kafka.

Called with the records of one partition, in their order, by the Faust agent, by the one-process mode and by replay.
State is looked up and changed only under the key of the record at hand, so every mode gives the same alerts.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from processor.alert import Alert, Prefix, make_alert
from processor.decode import decode
from processor.inventory import Counts, Inventory
from processor.request import is_import
from processor.state import State
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
    counts: Counts
    """What the inventory could not take in, or let go."""


def observed(record: Record, inventory: Inventory, hostname: str) -> Event | Rejected:
    """Return the event of a record with what is known of its target, once the inventory has taken the event in."""
    event = decode(record, hostname)
    if isinstance(event, Rejected):
        return event
    facts = inventory.observe(event, record)
    return event if record.key is None else event.with_facts(facts)


class Engine:
    """A ruleset at work."""

    def __init__(self, ruleset: Ruleset, hostname: str, prefix: Prefix = Prefix.CLOCK) -> None:
        self.ruleset: Final = ruleset
        self._hostname: Final = hostname
        self._prefix: Final = prefix

    def process(self, records: Sequence[Record], state: State) -> Outcome:
        """Return the alerts of some records, those that are no events, and rules that failed; remember in the state.

        Raises what the state raises: then it may hold a part of what the records did, which is for its owner to undo.
        Repeating a call changes the state no further and gives the same alerts, but for those whose cause is not in the
        state any more: it was cut since (`processor.history`), or is what a spec asked for before the event.
        """
        inventory = Inventory(state)
        outcome = Outcome([], [], [], inventory.counts)
        for record in records:
            self._judge(record, inventory, outcome)
        inventory.close()
        return outcome

    def _judge(self, record: Record, inventory: Inventory, outcome: Outcome) -> None:
        event = observed(record, inventory, self._hostname)
        if isinstance(event, Rejected):
            outcome.rejected.append(event)
            return
        if record.key is not None and is_import(event):
            return  # it tells of an object, and of nothing that anybody did
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
        if inventory.trouble is not None:
            raise inventory.trouble
