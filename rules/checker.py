"""Trees of names into conditions: fields found, operators held against types, constants bound.

The fourth phase of a load. Returns everything that is wrong with a condition, not only the first thing. What comes
out cannot fail on any event. Spec sections 1.4 to 1.11.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from rules.advice import Advice, advise
from rules.catalogue import FIELDS
from rules.conditions import (
    Argument,
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
    TextConstant,
    TextList,
    Transformed,
)
from rules.fields import Argument as FieldArgument
from rules.fields import ArgumentError, Catalogue, Field, Type, check_argument
from rules.nodes import And, Check, FieldRef, Group, Literal, Node, Not, Or, Transform
from rules.nodes import Operand as OperandNode
from rules.operators import EXISTS, NUMBERS, OPERATORS, Constant, Operator
from rules.patterns import PatternError
from rules.text import text_bytes
from rules.tokenizer import ConditionError
from rules.transformers import TRANSFORMERS, Shape, SignatureError

_MAX_CONSTANT_BYTES: Final = 255


class UnknownFieldError(ConditionError):
    """A field that does not exist: the one mistake that `skip-if-unknown-filter` forgives."""

    def __init__(self, name: str, at: int, hint: str) -> None:
        super().__init__(f"there is no field '{name}'", at, hint)
        self.name = name


@dataclass(slots=True)
class Report:
    """What a check has found."""

    errors: list[ConditionError] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)


class Checker:
    """Holds conditions and operands against the fields that there are."""

    def __init__(self, fields: Catalogue) -> None:
        self.fields: Final = fields

    def check(self, node: Node, report: Report) -> Condition | None:
        """Return the condition ready for evaluation, or None and all that is wrong with it in the report's errors."""
        match node:
            case And(children):
                checked = self._check_all(children, report)
                return None if checked is None else Conjunction(checked)
            case Or(children):
                checked = self._check_all(children, report)
                return None if checked is None else Disjunction(checked)
            case Not(child):
                inner = self.check(child, report)
                return None if inner is None else Negation(inner)
            case Check():
                try:
                    comparison = self._comparison(node)
                except ConditionError as error:
                    report.errors.append(error)
                    return None
                report.advice += advise(node, self.fields)
                return comparison
        raise AssertionError(
            f"the resolver leaves no macro behind: {node}"
        )  # pragma: no cover - says so to a developer

    def _check_all(self, children: tuple[Node, ...], report: Report) -> tuple[Condition, ...] | None:
        checked = [self.check(child, report) for child in children]
        whole = tuple(child for child in checked if child is not None)
        return whole if len(whole) == len(checked) else None

    def operand(self, node: OperandNode) -> Operand:
        """Return a field or a transformer's call ready to be read. Raises ConditionError where one does not fit."""
        if isinstance(node, FieldRef):
            return FieldOperand(self._field(node), node.argument)
        transformer = TRANSFORMERS[node.name]
        arguments = tuple(self._argument(argument) for argument in node.arguments)
        try:
            shape = transformer.result([argument.shape for argument in arguments], node.selector)
        except SignatureError as error:
            raise ConditionError(str(error), node.at, f"{node.name} takes {transformer.takes}") from None
        return Transformed(transformer, arguments, node.selector, shape)

    def _field(self, reference: FieldRef) -> Field:
        """Return the field of a reference. Raises ConditionError where there is none or its argument does not fit."""
        found = self.fields.get(reference.name)
        if found is None:
            similar = self.fields.similar(reference.name)
            hint = f"did you mean '{similar}'?" if similar else "`auditstream rules fields` lists all fields"
            raise UnknownFieldError(reference.name, reference.at, hint)
        try:
            check_argument(found, reference.argument)
        except ArgumentError as error:
            if found.argument is FieldArgument.NONE and found.name.startswith("evt."):
                # A field of Falco's own with an argument is to the reference no field at all.
                raise UnknownFieldError(str(reference), reference.at, str(error)) from None
            raise ConditionError(str(error), reference.at, found.description) from None
        return found

    def _argument(self, node: Literal | FieldRef | Group | Transform) -> Argument:
        if isinstance(node, Group):
            elements = tuple(self._element(element) for element in node.elements)
            for element, written in zip(elements, node.elements, strict=True):
                if element.shape.is_list:
                    hint = "give join the list by itself"
                    raise ConditionError(f"{written} is a list and no element of one", written.at, hint)
            return TextList(elements)
        return self._element(node)

    def _element(self, node: Literal | FieldRef | Transform) -> FieldOperand | TextConstant | Transformed:
        if isinstance(node, Literal):
            return TextConstant(_text(node))
        return self.operand(node)

    def _comparison(self, node: Check) -> Condition:
        operand = self.operand(node.left)
        if node.operator == EXISTS:
            return Present(operand)
        operator = OPERATORS[node.operator]
        _check_operator(node, operator, operand.shape)
        if not isinstance(node.right, tuple):
            return _operand_comparison(node, operator, operand, self.operand(node.right))
        return _constant_comparison(node, operator, operand, node.right)


CHECKER: Final = Checker(FIELDS)
"""Knows the fields that every installation has."""


def _constant_comparison(node: Check, operator: Operator, operand: Operand, literals: tuple[Literal, ...]) -> Condition:
    kind = operand.shape.type
    constants = tuple([_constant(literal, kind) for literal in literals])
    if node.modifier:
        bound = tuple(
            _bound(operator, constant, literal.at) for constant, literal in zip(constants, literals, strict=True)
        )
        return ModifiedComparison(operand, operator, node.modifier, constants, bound)
    right: Any = constants if operator.takes_list else constants[0]
    at = literals[0].at if literals else node.at
    return Comparison(operand, operator, constants, _bound(operator, right, at))


def _check_operator(node: Check, operator: Operator, shape: Shape) -> None:
    if shape.is_list:
        if operator.compare_list is None or node.modifier:
            raise ConditionError(
                f"{node.left} is a list and cannot be compared by '{operator.name}'",
                node.at,
                f"write {node.left} intersects (...) for any of it, or in (...) for all of it",
            )
    elif shape.type not in operator.types:
        fitting = [name for name, other in OPERATORS.items() if shape.type in other.types]
        raise ConditionError(
            f"{node.left} is {shape} and cannot be compared by '{operator.name}'",
            node.at,
            f"it can by {', '.join([*fitting, EXISTS])}",
        )


def _operand_comparison(node: Check, operator: Operator, left: Operand, right: Operand) -> Condition:
    if not operator.takes_operand:
        raise ConditionError(
            f"'{operator.name}' compares with constants only, not with {node.right}", node.at, "write the value itself"
        )
    if left.shape != right.shape:
        raise ConditionError(
            f"{node.left} is {left.shape} and {node.right} is {right.shape}",
            node.at,
            "both sides have to be of one kind",
        )
    return OperandComparison(left, operator, right)


def _bound(operator: Operator, right: Any, at: int) -> Any:  # noqa: ANN401 - of the type that the operator takes
    if operator.bind is None:
        return right
    try:
        return operator.bind(right)
    except PatternError as error:
        raise ConditionError(
            f"the {operator.name} pattern cannot be used: {error}", at, "patterns are RE2's, in its POSIX syntax"
        ) from None


def _constant(literal: Literal, kind: Type) -> Constant:
    if kind in NUMBERS:
        return _number(literal)
    if kind is not Type.BOOL:
        return _text(literal)
    if literal.value not in {"true", "false"}:
        raise ConditionError(f"'{literal.value}' is neither true nor false", literal.at, "write true or false")
    return literal.value == "true"


_NUMBER: Final = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]{1,255})")
_MAX_NUMBER: Final = 2**64 - 1


def _number(literal: Literal) -> int:
    """Return a constant as a number, as the reference's C library reads one.

    Of -1 that makes the largest there is, and so of what is beyond it, whatever the sign.
    """
    match = _NUMBER.fullmatch(literal.value)
    if match is None:
        raise ConditionError(f"'{literal.value}' is no whole number", literal.at, "write decimal digits only")
    number = int(match[2])
    if number > _MAX_NUMBER:
        return _MAX_NUMBER
    return -number % (_MAX_NUMBER + 1) if match[1] == "-" else number


def _text(literal: Literal) -> str:
    size = len(text_bytes(literal.value))
    if size > _MAX_CONSTANT_BYTES:
        raise ConditionError(
            f"a value has {size} bytes, more than the {_MAX_CONSTANT_BYTES} that a value may have",
            literal.at,
            "compare with a part of it by 'startswith' or 'contains'",
        )
    if "\0" in literal.value:
        raise ConditionError("a value holds a NUL character, which no field can", literal.at, "leave it out")
    return literal.value
