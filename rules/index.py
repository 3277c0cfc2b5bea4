"""Which rules can match an event at all, told from its head: stage, verb, resource, subresource, status code.

Most rules name these, and most events differ in them from what most rules name. A condition is decided as far as the
head alone decides it; a rule whose condition is false whatever the rest of an event says is not asked. Called by
`rules.ruleset`.

Only constants that conditions hold exactly tell heads apart, so there are finitely many heads whatever clients send: a
made-up resource is as any other that no rule names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from rules.catalogue import FIELDS
from rules.codegen import Slot, Values
from rules.conditions import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    ModifiedComparison,
    Negation,
    Operand,
    OperandComparison,
    Present,
)
from rules.fields import FieldValue
from rules.operators import MODIFIERS

T = TypeVar("T")

_HEAD: Final = tuple(
    FieldOperand(field, argument)
    for name, argument in (
        ("ka.stage", None),
        ("jevt.value", "/stage"),
        ("ka.verb", None),
        ("ka.response.code", None),
        ("ka.target.resource", None),
        ("ka.target.subresource", None),
    )
    if (field := FIELDS.get(name)) is not None
)
"""What is looked at first, where conditions hold constants of it."""

_EXACT: Final = frozenset({"=", "==", "!=", "in", "intersects"})
"""Operators to which all values that are no constant of theirs are one."""

_MAX_HEADS: Final = 20_000
"""How many heads are remembered; beyond, every rule is asked. The rules that ship tell some hundreds apart."""


class _Other:
    """A value that is none of the constants; it equals nothing."""


_OTHER: Final = _Other()

_Head = Mapping[Operand, FieldValue | _Other]


class Index(Generic[T]):
    """What belongs to conditions, by the heads of the events for which they may hold."""

    def __init__(self, entries: Sequence[tuple[Condition, T]], slot: Callable[[Operand], Slot]) -> None:
        self._entries: Final = tuple(entries)
        self._all: Final = tuple(entry for _, entry in entries)
        constants: dict[Operand, set[FieldValue]] = {}
        for condition, _ in entries:
            for operand, constant in _constants(condition):
                constants.setdefault(operand, set()).add(constant)
        self._operands: Final = tuple(operand for operand in _HEAD if operand in constants)
        # Each constant is its own class, and so is absence; what is missing here is `_OTHER`.
        self._classes: Final[tuple[tuple[Slot, dict[FieldValue, FieldValue]], ...]] = tuple(
            (slot(operand), {value: value for value in {None, *constants[operand]}}) for operand in self._operands
        )
        self._found: Final[dict[tuple[FieldValue | _Other, ...], tuple[T, ...]]] = {}

    def candidates(self, values: Values) -> tuple[T, ...]:
        """Return what belongs to the conditions that may hold for an event, in the order that they were given in."""
        head = tuple([classes.get(values[slot], _OTHER) for slot, classes in self._classes])
        found = self._found.get(head)
        return self._find(head) if found is None else found

    @property
    def heads(self) -> int:
        """How many heads have been met."""
        return len(self._found)

    def _find(self, head: tuple[FieldValue | _Other, ...]) -> tuple[T, ...]:
        if len(self._found) >= _MAX_HEADS:
            return self._all
        known: _Head = dict(zip(self._operands, head, strict=True))
        found = tuple(entry for condition, entry in self._entries if decide(condition, known) is not False)
        self._found[head] = found
        return found


def _constants(condition: Condition) -> Iterable[tuple[Operand, FieldValue]]:
    """Yield what a condition compares operands of the head with exactly; None where it asks whether there is one."""
    match condition:
        case Conjunction(children) | Disjunction(children):
            for child in children:
                yield from _constants(child)
        case Negation(child):
            yield from _constants(child)
        case Comparison(operand, operator, constants) | ModifiedComparison(operand, operator, _, constants):
            if operand in _HEAD and operator.name in _EXACT:
                for constant in constants:
                    yield operand, constant
        case Present(operand):
            if operand in _HEAD:
                yield operand, None


def decide(condition: Condition, head: _Head) -> bool | None:
    """Return whether a condition holds for all events with this head, or for none (False); None if it depends."""
    match condition:
        case Conjunction(children):
            return _first_of(children, head, decisive=False)
        case Disjunction(children):
            return _first_of(children, head, decisive=True)
        case Negation(child):
            outcome = decide(child, head)
            return None if outcome is None else not outcome
    return _decide_simple(condition, head)


def _first_of(children: Sequence[Condition], head: _Head, *, decisive: bool) -> bool | None:
    """Return the outcome that decides as soon as a child has it; else None if some child is open."""
    is_open = False
    for child in children:
        outcome = decide(child, head)
        if outcome is decisive:
            return decisive
        is_open = is_open or outcome is None
    return None if is_open else not decisive


def _decide_simple(
    condition: Present | Comparison | ModifiedComparison | OperandComparison, head: _Head
) -> bool | None:
    if condition.operand not in head:
        return None
    value = head[condition.operand]
    if isinstance(condition, Present):
        return value is not None
    if value is None:
        return False
    if isinstance(condition, OperandComparison) or (value is _OTHER and condition.operator.name not in _EXACT):
        return None
    compare = condition.operator.compare
    if isinstance(condition, Comparison):
        return compare(value, condition.bound)
    return MODIFIERS[condition.modifier]([compare(value, bound) for bound in condition.bound])
