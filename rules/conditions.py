"""Conditions ready to be evaluated: what the checker makes of nodes and the evaluators walk. Cannot fail on any event.

Equal parts are equal objects: whoever evaluates faster than the interpreter may read an operand once for all rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules.event import Event
from rules.fields import Field, FieldValue, Type, boolean
from rules.operators import Operator
from rules.transformers import MAX_JOINED, Shape, Transformer


@dataclass(frozen=True, slots=True)
class FieldOperand:
    """A field with its argument."""

    field: Field
    argument: str | None

    @property
    def shape(self) -> Shape:
        """What kind of value it has."""
        return Shape(self.field.type, self.field.is_list)

    def read(self, event: Event) -> FieldValue:
        """Return its value, None for absent."""
        return self.field.read(event, self.argument)


@dataclass(frozen=True, slots=True)
class TextConstant:
    """A constant among a transformer's arguments."""

    value: str

    @property
    def shape(self) -> Shape:
        """Always a text."""
        return Shape(Type.STRING)

    def read(self, _event: Event) -> FieldValue:
        """Return the constant."""
        return self.value


@dataclass(frozen=True, slots=True)
class TextList:
    """A list written out among a transformer's arguments."""

    elements: tuple["FieldOperand | TextConstant | Transformed", ...]

    @property
    def shape(self) -> Shape:
        """Always a list of texts: a number counts as its digits."""
        return Shape(Type.STRING, is_list=True)

    def read(self, event: Event) -> FieldValue:
        """Return the elements, None where one of them is absent."""
        values = _all_of(self.elements, event)
        return None if values is None else tuple(map(scalar_text, self.elements, values))


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a transformer makes of its arguments."""

    transformer: Transformer
    arguments: tuple["FieldOperand | TextConstant | TextList | Transformed", ...]
    selector: str | None
    shape: Shape
    """What kind of value it has."""

    def read(self, event: Event) -> FieldValue:
        """Return its value, None where that of an argument is absent."""
        values = _all_of(self.arguments, event)
        if values is None:
            return None
        if self.transformer.apply_selected is None or self.selector is None:
            return self.transformer.apply(*values)
        return self.transformer.apply_selected(self.selector, *values)


def scalar_text(element: FieldOperand | TextConstant | Transformed, value: FieldValue) -> str:
    """Return a value that is no list as outputs show it."""
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, int):
        return f"{value:0{element.field.digits if isinstance(element, FieldOperand) else 1}}"
    return str(value)


Operand = FieldOperand | Transformed
"""What stands on a side of a comparison and has a value only once there is an event."""

Argument = FieldOperand | TextConstant | TextList | Transformed
"""What a transformer takes."""


def _all_of(arguments: tuple[Argument, ...], event: Event) -> list[FieldValue] | None:
    """Return the values of all; None where one is absent, or texts come to more than one may be made of."""
    values: list[FieldValue] = []
    size = 0
    for argument in arguments:
        value = argument.read(event)
        if value is None:
            return None
        size += len(value) if isinstance(value, str) else 0
        if size > MAX_JOINED:  # with all of them in memory at once no bound on what they make would help
            return None
        values.append(value)
    return values


@dataclass(frozen=True, slots=True)
class Present:
    """True where an operand has a value."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operand against one constant, or against the list of constants that the operator takes."""

    operand: Operand
    operator: Operator
    constants: tuple[str | int, ...]
    """In the order of the text."""
    bound: Any
    """The right-hand side as the operator wants it."""


@dataclass(frozen=True, slots=True)
class ModifiedComparison:
    """An operand against each of some constants: `startswith anyof (a, b)`."""

    operand: Operand
    operator: Operator
    modifier: str
    constants: tuple[str | int, ...]
    bound: tuple[Any, ...]
    """Each constant as the operator wants it."""


@dataclass(frozen=True, slots=True)
class OperandComparison:
    """An operand against another of the same shape."""

    operand: Operand
    operator: Operator
    right: Operand


@dataclass(frozen=True, slots=True)
class Negation:
    """True where its child is false."""

    child: "Condition"


@dataclass(frozen=True, slots=True)
class Conjunction:
    """True where all of its children are; asked from left to right, no further than needed."""

    children: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """True where one of its children is; asked from left to right, no further than needed."""

    children: tuple["Condition", ...]


Leaf = Present | Comparison | ModifiedComparison | OperandComparison
"""What a condition asks of one operand."""

Condition = Conjunction | Disjunction | Negation | Leaf


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Yield what a condition asks, from left to right, whatever joins it."""
    match condition:
        case Conjunction(children) | Disjunction(children):
            for child in children:
                yield from leaves(child)
        case Negation(child):
            yield from leaves(child)
        case _:
            yield condition
