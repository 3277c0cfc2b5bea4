"""The pack under test: its rules, its samples, and what they alert of events as an audit policy leaves them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import rules
from ingest.split import split
from processor.alert import Alert
from processor.engine import Engine
from processor.state import MemoryState, State
from rules.ruleset import Rule, Ruleset
from tests.deploy.audit_policy import Event, Policy, cut, read
from tests.pack_samples import Sample
from tests.rules.pack_rules import all_on

ROOT: Final = Path(rules.__file__).parents[1]
DEPLOY: Final = ROOT / "deploy" / "apiserver"
FIXTURES: Final = Path(__file__).parent / "fixtures"

Telling = tuple[str, str, str, str]
"""An alert as its reader sees it: rule, audit id, output, output_fields as JSON."""


def shipped_policy() -> Any:
    """Return the policy of `deploy/`: a new copy, to be changed at will."""
    return read((DEPLOY / "audit-policy.yaml").read_text(encoding="utf-8"))


def ruleset() -> Ruleset:
    """Return the pack with all its rules enabled, and the lists filled that some wait for."""
    return all_on()


def told(policy: Policy, events: Iterable[Event]) -> list[Event]:
    """Return what of some events is told under a policy."""
    return [kept for kept in (cut(policy, event) for event in events) if kept is not None]


def tellings(events: Iterable[Event], engine: Engine | None = None, state: State | None = None) -> list[Telling]:
    """Return what the pack tells of events, in their order."""
    body = json.dumps({"kind": "EventList", "items": list(events)}).encode()
    divided = split(body, cluster="test", received_ms=0)
    assert not divided.rejected
    outcome = (engine or Engine(ruleset(), "host")).process(divided.records, MemoryState() if state is None else state)
    assert not outcome.rejected
    assert not outcome.failures
    return [_telling(alert) for alert in outcome.alerts]


def _telling(alert: Alert) -> Telling:
    shown = json.loads(alert.to_json())
    return alert.rule, shown["audit_id"], shown["output"], json.dumps(shown["output_fields"], sort_keys=True)


def sample_tellings(sample: Sample, rule: Rule, policy: Policy | None = None) -> list[Telling]:
    """Return what a rule tells of a sample's event, seen whole or as a policy leaves it and what came before it."""
    before: list[Event] = list(sample.before)
    event: list[Event] = [sample.event]
    if policy is not None:
        before, event = told(policy, before), told(policy, event)
    engine, state = Engine(ruleset(), "host"), MemoryState()
    tellings(before, engine, state)
    return [telling for telling in tellings(event, engine, state) if telling[0] == rule.name]
