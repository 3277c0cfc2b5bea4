"""What judging counts, for Prometheus: made and fed by whatever runs the engine.

Counted per batch, never per event. The labels are names of rules and reasons of ours: nothing that a client can choose.
"""

import collections
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from processor.engine import Outcome
from processor.inventory import Counts
from rules.ruleset import Rule
from wire.record import Reason


class ProcessorMetrics:
    """The metrics of one engine, on a registry of the caller's choice."""

    def __init__(self, registry: CollectorRegistry, rules: Iterable[Rule]) -> None:
        self._events: Final = Counter(
            "auditstream_processor_events", "Records judged, those rejected included.", registry=registry
        )
        self._alerts: Final = Counter("auditstream_processor_alerts", "Alerts, by rule.", ["rule"], registry=registry)
        self._rejected: Final = Counter(
            "auditstream_processor_rejected", "Records that are no events, by reason.", ["reason"], registry=registry
        )
        self._failures: Final = Counter(
            "auditstream_processor_rule_failures",
            "Events on which a rule failed: a defect of auditstream.",
            ["rule"],
            registry=registry,
        )
        self._inventory: Final = Counter(
            "auditstream_processor_inventory",
            "What the inventory could not take in, or let go, by what: see processor/inventory.py.",
            ["what"],
            registry=registry,
        )
        for what in Counts.__struct_fields__:
            self._inventory.labels(what)
        for rule in rules:
            if rule.is_enabled:
                self._alerts.labels(rule.name)
        for reason in Reason:
            self._rejected.labels(reason.value)

    def judged(self, records: int, outcome: Outcome) -> None:
        """Count a batch that was judged."""
        self._events.inc(records)
        for rule, count in collections.Counter(alert.rule for alert in outcome.alerts).items():
            self._alerts.labels(rule).inc(count)
        for reason, count in collections.Counter(reject.reason for reject in outcome.rejected).items():
            self._rejected.labels(reason.value).inc(count)
        for rule, count in collections.Counter(failure.rule for failure in outcome.failures).items():
            self._failures.labels(rule).inc(count)
        for what in Counts.__struct_fields__:
            self._inventory.labels(what).inc(getattr(outcome.counts, what))
