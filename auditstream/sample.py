"""Samples of a rule: events that must alert, or must not, each with what came before it; and whether it is so.

A line of a sample file in, a verdict out; no I/O. An event takes the way that a posted one takes: split, redacted,
judged by the engine, with what those before it left in the inventory. Called by `auditstream.samples_command`, and by
the tests of the pack.
"""

from dataclasses import replace
from typing import Final

import msgspec

from ingest.split import split
from processor.engine import Engine, Outcome, observed
from processor.inventory import Inventory
from processor.state import MemoryState, State
from rules.event import Event
from rules.explanation import unmet
from rules.ruleset import Matching, Rule, Ruleset
from wire.record import Record

HOSTNAME: Final = "localhost"
"""What judges samples calls itself: the same everywhere, so that outcomes are."""

_FORM: Final = (
    'a line is {"alert": true or false, "event": {...}}, with "before": [{...}, ...] where earlier events matter'
)


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that must alert, or must not. Events stay as they are spelt."""

    alert: bool
    event: msgspec.Raw
    before: tuple[msgspec.Raw, ...] = ()
    """Events that came before it, in their order."""


_SAMPLE: Final = msgspec.json.Decoder(Sample)


def read_sample(line: bytes) -> Sample:
    """Return the sample of a line. Raises ValueError, which says what a line has to be."""
    try:
        return _SAMPLE.decode(line)
    except RecursionError:
        raise ValueError(f"no sample: nested too deeply; {_FORM}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"no sample: {error}; {_FORM}") from None


def judge(sample: Sample, rule: Rule) -> str | None:
    """Return what is wrong where a rule does not judge a sample as it says, disabled or not; None where it does."""
    ruleset = Ruleset([replace(rule, is_enabled=True)], Matching.ALL, "")
    state = MemoryState()
    try:
        outcome = outcome_of(sample, ruleset, state)
    except ValueError as error:
        return f"{error}; correct the sample"
    if outcome.failures:
        return f"it fails: {outcome.failures[0].detail}; please report this"
    if sample.alert and not outcome.alerts:
        return f"it must alert and does not: {_why(sample, rule, state)}; correct the sample or the rule"
    if outcome.alerts and not sample.alert:
        return f"it must not alert and does: {outcome.alerts[0].output}; correct the sample or the rule"
    return None


def outcome_of(sample: Sample, ruleset: Ruleset, state: State | None = None) -> Outcome:
    """Return what becomes of a sample's event. Raises ValueError for one that cannot be judged at all."""
    engine = Engine(ruleset, HOSTNAME)
    state = MemoryState() if state is None else state
    for number, event in enumerate(sample.before, start=1):
        _process(engine, event, f"event {number} of those before", state)
    return _process(engine, sample.event, "the event", state)


def _process(engine: Engine, event: msgspec.Raw, what: str, state: State) -> Outcome:
    outcome = engine.process([_record(event, what)], state)
    if outcome.rejected:
        raise ValueError(f"{what} is no audit event: {outcome.rejected[0].detail}")
    return outcome


def _record(event: msgspec.Raw, what: str) -> Record:
    divided = split(b'{"kind":"EventList","items":[%b]}' % bytes(event), cluster="default", received_ms=0)
    if not divided.records:
        raise ValueError(f"{what} is no audit event: {divided.rejected[0].detail.removeprefix('item 1: ')}")
    return divided.records[0]


def _why(sample: Sample, rule: Rule, state: State) -> str:
    """Return why a rule is silent: its condition asked part by part, with the facts that the engine had."""
    event = observed(_record(sample.event, "the event"), Inventory(state), HOSTNAME)
    assert isinstance(event, Event), "the engine has judged it"  # noqa: S101 - for a developer
    return unmet(rule.condition, event)
