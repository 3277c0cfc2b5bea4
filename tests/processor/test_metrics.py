"""What judging counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from processor.engine import Engine, Outcome, RuleFailure
from processor.inventory import Counts
from processor.metrics import ProcessorMetrics
from processor.state import MemoryState
from rules.ruleset import Ruleset
from wire.record import Record

_RULES = """\
- {rule: Read, desc: d, condition: ka.verb = get, output: o, priority: DEBUG, source: k8s_audit}
- {rule: Off, desc: d, condition: ka.verb = get, output: o, priority: DEBUG, source: k8s_audit, enabled: false}
"""


def test_records_alerts_rejects_and_failures_are_counted(
    make_ruleset: Callable[..., Ruleset], make_record: Callable[..., Record]
) -> None:
    registry = CollectorRegistry()
    ruleset = make_ruleset(_RULES)
    metrics = ProcessorMetrics(registry, ruleset.rules)
    records = [make_record(verb="get"), make_record(), make_record(stageTimestamp="yesterday")]
    metrics.judged(len(records), Engine(ruleset, "host").process(records, MemoryState()))
    metrics.judged(1, Outcome([], [], [RuleFailure("Read", "ValueError")], Counts(late=2)))
    shown = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }
    assert shown[("auditstream_processor_events_total",)] == 4
    assert shown[("auditstream_processor_alerts_total", "Read")] == 1
    assert ("auditstream_processor_alerts_total", "Off") not in shown
    assert shown[("auditstream_processor_rejected_total", "bad_timestamp")] == 1
    assert shown[("auditstream_processor_rejected_total", "not_json")] == 0
    assert shown[("auditstream_processor_rule_failures_total", "Read")] == 1
    assert shown[("auditstream_processor_inventory_total", "late")] == 2
    assert shown[("auditstream_processor_inventory_total", "cut")] == 0
