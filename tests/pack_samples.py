"""The samples of the pack as tests change and judge them: read by what `auditstream rules test` reads them with."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from auditstream import sample
from auditstream.sample_files import Folder, SampleFile, file_stem, group_of
from ingest.split import split
from processor.engine import Outcome, observed
from processor.inventory import Inventory
from processor.state import MemoryState, State
from rules.event import Event
from rules.ruleset import Rule, Ruleset
from tests.evaluators import matches


class Sample(NamedTuple):
    """An event that must alert, or must not, after those before it."""

    alert: bool
    event: dict[str, Any]
    before: tuple[dict[str, Any], ...] = ()


@cache
def sample_files() -> dict[tuple[str, str], SampleFile]:
    """Return the sample files of the pack, by rule file and rule."""
    return {(file.group, file.stem): file for file in Folder().sample_files()}


def raw_samples(rule: Rule) -> list[sample.Sample]:
    """Return a rule's samples, none where it has none."""
    file = sample_files().get((group_of(rule), file_stem(rule.name)))
    return [sample.read_sample(line) for _, line in file.lines] if file is not None else []


def samples(rule: Rule) -> list[Sample]:
    """Return a rule's samples, their events as tests can change them."""
    return [Sample(one.alert, _loaded(one.event), tuple(map(_loaded, one.before))) for one in raw_samples(rule)]


def outcome_of(event: Mapping[str, object], ruleset: Ruleset, before: Iterable[Mapping[str, object]] = ()) -> Outcome:
    """Return what becomes of an event that comes after others."""
    return _outcome(event, ruleset, before, MemoryState())


def outcome_by_both(
    event: Mapping[str, object], ruleset: Ruleset, before: Iterable[Mapping[str, object]] = ()
) -> Outcome:
    """Return the same, and hold it against the interpreter: every rule is asked, which takes its time."""
    earlier, state = list(before), MemoryState()
    outcome = _outcome(event, ruleset, earlier, MemoryState())
    # What is known as the event comes: once it is remembered too, not all of what was before it is told any more.
    if earlier:
        _outcome(earlier[-1], ruleset, earlier[:-1], state)
    (record,) = split(
        b'{"kind":"EventList","items":[%b]}' % bytes(_raw(event)), cluster="default", received_ms=0
    ).records
    judged = observed(record, Inventory(state), sample.HOSTNAME)
    assert isinstance(judged, Event)
    assert [alert.rule for alert in outcome.alerts] == [rule.name for rule in matches(ruleset, judged)]
    return outcome


def _outcome(
    event: Mapping[str, object], ruleset: Ruleset, before: Iterable[Mapping[str, object]], state: State
) -> Outcome:
    one = sample.Sample(True, _raw(event), tuple(map(_raw, before)))  # noqa: FBT003 - what it should be is not asked
    outcome = sample.outcome_of(one, ruleset, state)
    assert not outcome.failures
    return outcome


def _loaded(event: msgspec.Raw) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(bytes(event))
    return loaded


def _raw(event: Mapping[str, object]) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(event).encode())
