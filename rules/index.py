"""Which rules can match an event at all, told from its head: stage, verb, resource, subresource, status code.

Most rules name these, and most events differ in them from what most rules name. A condition is decided as far as the
head alone decides it; a rule whose condition is false whatever the rest of an event says is not asked. Called by
`rules.ruleset`.

Only constants that conditions hold exactly tell heads apart, so there are finitely many heads whatever clients send: a
made-up resource is as any other that no rule names.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import and_, or_
from typing import Final, Generic, TypeVar

from rules.catalogue import FIELDS
from rules.codegen import Slot, Values
from rules.conditions import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    Leaf,
    Negation,
    Operand,
    Present,
    leaves,
)
from rules.fields import FieldValue

T = TypeVar("T")

_HEAD: Final = tuple(
    FieldOperand(FIELDS[name], argument)
    for name, argument in (
        ("ka.stage", None),
        ("jevt.value", "/stage"),
        ("ka.verb", None),
        ("ka.response.code", None),
        ("ka.target.resource", None),
        ("ka.target.subresource", None),
    )
)
"""What is looked at first, where conditions hold constants of it."""

_MAX_KEPT: Final = 100_000
"""How many entries the lists of candidates that are kept may have together; beyond, a list is made each time."""


class Index(Generic[T]):
    """What belongs to conditions, by the heads of the events for which they may hold.

    A set of conditions is an integer with a bit for each. Each part of the head says by itself which conditions it
    leaves; what all parts leave is asked.
    """

    def __init__(self, entries: Sequence[tuple[Condition, T]], slot: Callable[[Operand], Slot]) -> None:
        self.entries: Final = tuple(entry for _, entry in entries)
        """All of it, in the order that it was given in."""
        self._all: Final = (1 << len(entries)) - 1
        conditions = [condition for condition, _ in entries]
        constants: dict[Operand, dict[FieldValue, None]] = {}
        for condition in conditions:
            for operand, constant in _constants(condition):
                constants.setdefault(operand, {})[constant] = None
        parts = [(slot(one), _Part(one, constants[one], conditions)) for one in _HEAD if one in constants]
        self._parts: Final = [(place, part.left_by_value, part.left_by_others) for place, part in parts]
        self._kept: Final[dict[int, tuple[T, ...]]] = {}
        self._room = _MAX_KEPT

    def candidates(self, values: Values) -> tuple[T, ...]:
        """Return what belongs to the conditions that may hold for an event, in the order that they were given in."""
        left = self._all
        for slot, by_value, by_others in self._parts:
            left &= by_value.get(values[slot], by_others)
        kept = self._kept.get(left)
        return self._list(left) if kept is None else kept

    def _list(self, left: int) -> tuple[T, ...]:
        found = tuple(self.entries[number] for number in _bits(left))
        if self._room >= len(found):
            self._room -= len(found) + 1
            self._kept[left] = found
        return found


class _Part:
    """One part of the head: which conditions each of its values leaves.

    Each constant is a class of values by itself, and so is absence; all others are one. A set of classes is an integer
    with a bit for each.
    """

    def __init__(self, operand: Operand, constants: Iterable[FieldValue], conditions: Sequence[Condition]) -> None:
        self._operand: Final = operand
        self._bits: Final = {value: 1 << number for number, value in enumerate(dict.fromkeys((None, *constants)))}
        self._absent: Final = self._bits[None]
        others = 1 << len(self._bits)
        self._all: Final = 2 * others - 1
        left = [0] * (len(self._bits) + 1)
        ruled_out = left.copy()
        everywhere = 0
        for number, condition in enumerate(conditions):
            may_hold, _ = self._outcomes(condition)
            if 2 * may_hold.bit_count() <= len(left):
                for index in _bits(may_hold):
                    left[index] |= 1 << number
                continue
            everywhere |= 1 << number
            for index in _bits(self._all ^ may_hold):
                ruled_out[index] |= 1 << number
        *by_value, self.left_by_others = (
            (some | everywhere) & ~others for some, others in zip(left, ruled_out, strict=True)
        )
        self.left_by_value: Final = dict(zip(self._bits, by_value, strict=True))

    def _outcomes(self, condition: Condition) -> tuple[int, int]:
        """Return the classes for which a condition may hold, and for which it may not, by this part alone."""
        match condition:
            case Conjunction(children) | Disjunction(children):
                outcomes = [self._outcomes(child) for child in children]
                holding, failing = (holds for holds, _ in outcomes), (fails for _, fails in outcomes)
                if isinstance(condition, Conjunction):
                    return reduce(and_, holding), reduce(or_, failing)
                return reduce(or_, holding), reduce(and_, failing)
            case Negation(child):
                holds, fails = self._outcomes(child)
                return fails, holds
        return self._of_comparison(condition)

    def _of_comparison(self, condition: Leaf) -> tuple[int, int]:
        present = self._all ^ self._absent
        if condition.operand != self._operand:
            return self._all, self._all
        if isinstance(condition, Present):
            return present, self._absent
        if not isinstance(condition, Comparison) or not condition.operator.is_exact:
            return present, self._all
        named = reduce(or_, (self._bits[constant] for constant in condition.constants), 0)
        if condition.operator.holds_of_others:
            return present ^ named, named | self._absent
        return named, self._all ^ named


def _constants(condition: Condition) -> Iterator[tuple[Operand, FieldValue]]:
    """Yield what a condition compares operands of the head with exactly; None where it asks whether there is one."""
    for leaf in leaves(condition):
        if isinstance(leaf, Present):
            constants: tuple[FieldValue, ...] = (None,)
        elif isinstance(leaf, Comparison) and leaf.operator.is_exact:
            constants = leaf.constants
        else:
            continue
        if leaf.operand in _HEAD:
            yield from ((leaf.operand, constant) for constant in constants)


def _bits(mask: int) -> Iterator[int]:
    """Yield the places of the bits that are set, from the lowest on."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
