"""Trees of names into trees that can be evaluated: fields found, operators held against types, constants bound.

The fourth phase of a load. Returns everything that is wrong with a condition, not only the first thing. What comes
out cannot fail on any event. Spec sections 1.4 to 1.6.
"""

from dataclasses import dataclass, field
from typing import Final

from rules.catalogue import FIELDS
from rules.fields import ArgumentError, Field, check_argument
from rules.nodes import And, Check, FieldRef, Literal, Node, Not, Or
from rules.operators import EXISTS, OPERATORS, Operator
from rules.tokenizer import ConditionError

ABSENT: Final = "<NA>"
"""How an absent value is shown."""

_MAX_CONSTANT_BYTES: Final = 255
_EXACT: Final = frozenset({"=", "==", "!=", "in", "intersects"})


class UnknownFieldError(ConditionError):
    """A field that there is not; a rule may ask to be left out where one of its own is."""

    def __init__(self, name: str, at: int, hint: str) -> None:
        super().__init__(f"there is no field '{name}'", at, hint)
        self.name = name


@dataclass(frozen=True, slots=True)
class Present:
    """True where a field has a value."""

    field: Field
    argument: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field against constants, all of it known to fit."""

    field: Field
    argument: str | None
    operator: Operator
    constants: tuple[str, ...]
    """In the order of the text; one for an operator that takes no list."""
    members: frozenset[str]
    """The same as a set."""


@dataclass(frozen=True, slots=True)
class Negation:
    """True where its child is false."""

    child: "Checked"


@dataclass(frozen=True, slots=True)
class Conjunction:
    """True where all of its children are; asked from left to right, no further than needed."""

    children: tuple["Checked", ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """True where one of its children is; asked from left to right, no further than needed."""

    children: tuple["Checked", ...]


Checked = Conjunction | Disjunction | Negation | Comparison | Present


@dataclass(slots=True)
class Report:
    """What a check has found."""

    errors: list[ConditionError] = field(default_factory=list)
    unsafe: list[Literal] = field(default_factory=list)
    """Constants `<NA>`: text that an absent value never equals."""


def check(node: Node, report: Report) -> Checked | None:
    """Return the condition ready for evaluation, or None and all that is wrong with it among the report's errors."""
    match node:
        case And(children):
            checked = _check_all(children, report)
            return None if checked is None else Conjunction(checked)
        case Or(children):
            checked = _check_all(children, report)
            return None if checked is None else Disjunction(checked)
        case Not(child):
            inner = check(child, report)
            return None if inner is None else Negation(inner)
        case Check():
            try:
                checked_comparison = _comparison(node)
            except ConditionError as error:
                report.errors.append(error)
                return None
            report.unsafe += _unsafe(node)
            return checked_comparison
    raise AssertionError(f"the resolver leaves no macro behind: {node}")  # pragma: no cover - says so to a developer


def _check_all(children: tuple[Node, ...], report: Report) -> tuple[Checked, ...] | None:
    checked = [check(child, report) for child in children]
    whole = tuple(child for child in checked if child is not None)
    return whole if len(whole) == len(checked) else None


def find_field(reference: FieldRef) -> Field:
    """Return the field of a reference. Raises ConditionError where there is none or its argument does not fit."""
    found = FIELDS.get(reference.name)
    if found is None:
        similar = FIELDS.similar(reference.name)
        hint = f"did you mean '{similar}'?" if similar else "`auditstream rules fields` lists all fields"
        raise UnknownFieldError(reference.name, reference.at, hint)
    try:
        check_argument(found, reference.argument)
    except ArgumentError as error:
        raise ConditionError(str(error), reference.at, found.description) from None
    return found


def _comparison(node: Check) -> Checked:
    found = find_field(node.left)
    if node.operator == EXISTS:
        return Present(found, node.left.argument)
    operator = OPERATORS[node.operator]
    if found.is_list and operator.compare_list is None:
        raise ConditionError(
            f"{node.left} is a list and cannot be compared by '{operator.name}'",
            node.at,
            f"write {node.left} intersects (...) for any of it, or in (...) for all of it",
        )
    constants = tuple(_constant(literal) for literal in node.right)
    return Comparison(found, node.left.argument, operator, constants, frozenset(constants))


def _unsafe(node: Check) -> list[Literal]:
    """Return constants that mean absence to their author and text to the language."""
    if node.operator not in _EXACT or not node.left.name.startswith(("ka.", "jevt.")):
        return []
    return [literal for literal in node.right if literal.value == ABSENT]


def _constant(literal: Literal) -> str:
    size = len(literal.value.encode(errors="surrogateescape"))
    if size > _MAX_CONSTANT_BYTES:
        raise ConditionError(
            f"a value has {size} bytes, more than the {_MAX_CONSTANT_BYTES} that a value may have",
            literal.at,
            "compare with a part of it by 'startswith' or 'contains'",
        )
    if "\0" in literal.value:
        raise ConditionError("a value holds a NUL character, which no field can", literal.at, "leave it out")
    return literal.value
