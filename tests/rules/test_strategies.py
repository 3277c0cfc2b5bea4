"""What hypothesis makes up for the other tests is worth asking: every field has a value, comparisons hold or do not."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rules.catalogue import FIELDS
from rules.event import Event
from rules.fields import Argument, Field
from rules.interpreter import evaluate
from rules.tokenizer import ConditionError
from tests.evaluators import condition_of
from tests.rules.strategies import ARGUMENTS, AUDIT_EVENTS, COMPARISONS, CONDITIONS


def _each(strategy: st.SearchStrategy[Any], look: Callable[[Any], None], number: int) -> None:
    """Show so many examples to a function, the same in every run."""
    run = settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )(given(strategy)(look))
    run()


def _has_value(field: Field, event: Event) -> bool:
    arguments: list[str | None] = [None]
    if field.argument in {Argument.KEY, Argument.NONEMPTY_KEY}:
        arguments = [argument.strip('"') for argument in ARGUMENTS[field.name]]
    return any(field.read(event, argument) is not None for argument in arguments)


def test_every_field_has_a_value_in_some_event_and_none_in_another() -> None:
    with_value: Counter[str] = Counter()

    def look(event: Event) -> None:
        with_value.update(field.name for field in FIELDS if _has_value(field, event))

    _each(AUDIT_EVENTS, look, 150)
    never = {field.name for field in FIELDS if not with_value[field.name]}
    assert never == {"evt.asynctype"}, "which no event has"
    always = {field.name for field in FIELDS if with_value[field.name] == 150}
    assert not {name for name in always if name.startswith(("ka.", "resource.", "podspec.", "persistentvolume."))}


def _shares(conditions: st.SearchStrategy[str]) -> dict[bool | None, float]:
    """Return which part of conditions hold for which event, do not, and (None) are none."""
    outcomes: Counter[bool | None] = Counter()

    def look(pair: tuple[str, Event]) -> None:
        try:
            outcomes[evaluate(condition_of(pair[0]), pair[1])] += 1
        except ConditionError:
            outcomes[None] += 1

    _each(st.tuples(conditions, AUDIT_EVENTS), look, 400)
    return {outcome: count / outcomes.total() for outcome, count in outcomes.items()}


def test_comparisons_hold_in_a_fair_share() -> None:
    shares = _shares(COMPARISONS)
    assert shares[True] > 0.25
    assert shares[False] > 0.25


def test_conditions_hold_in_a_fair_share() -> None:
    shares = _shares(CONDITIONS)
    assert shares[True] > 0.25
    assert shares[False] > 0.25
