"""What a rule comes to: its condition with lists, macros and exceptions put in, as text, and the fields that it reads.

Made of the compiled rule alone, so that no load has to keep its trees for whoever asks later: a condition says all that
its text said but for names of lists and macros, blanks and needless parentheses. Called by `auditstream rules explain`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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
    Text,
    Texts,
    Transformed,
)
from rules.fields import Field
from rules.nodes import And, Check, FieldRef, Literal, Node, Not, Or, Sequence, Transform
from rules.nodes import Operand as OperandNode
from rules.operators import EXISTS, Constant
from rules.output import Format, fields_of, name_of
from rules.printer import print_condition, print_lines
from rules.ruleset import Rule


@dataclass(frozen=True, slots=True)
class FieldRead:
    """A field that a rule reads."""

    name: str
    """With its argument, as `output_fields` name it."""
    field: Field
    in_condition: bool
    in_output: bool


def condition_text(condition: Condition) -> str:
    """Return a condition as text on one line."""
    return print_condition(_node(condition))


def condition_lines(condition: Condition, width: int) -> list[str]:
    """Return a condition as lines."""
    return print_lines(_node(condition), width)


def output_text(output: Format) -> str:
    """Return an output as text, with its widths."""
    return "".join(
        piece if isinstance(piece, str) else f"%{'' if piece.width is None else piece.width}{piece.name}"
        for piece in output
    )


def fields_read(rule: Rule) -> list[FieldRead]:
    """Return the fields that a rule reads, each once, in the order in which they are met, the condition's first."""
    of_condition = {name_of(field): field for operand in _operands(rule.condition) for field in fields_of(operand)}
    of_output = {name_of(field): field for piece in rule.output if not isinstance(piece, str) for field in piece.fields}
    return [
        FieldRead(name, operand.field, name in of_condition, name in of_output)
        for name, operand in {**of_condition, **of_output}.items()
    ]


def _operands(condition: Condition) -> Iterator[Operand]:
    match condition:
        case Conjunction(children) | Disjunction(children):
            for child in children:
                yield from _operands(child)
        case Negation(child):
            yield from _operands(child)
        case OperandComparison(operand, _, right):
            yield operand
            yield right
        case _:
            yield condition.operand


def _node(condition: Condition) -> Node:
    """Return the tree of names that a condition is checked from, but for the places of its parts."""
    match condition:
        case Conjunction(children):
            return And(tuple(map(_node, children)))
        case Disjunction(children):
            return Or(tuple(map(_node, children)))
        case Negation(child):
            return Not(_node(child))
    return _check(condition)


def _check(condition: Present | Comparison | ModifiedComparison | OperandComparison) -> Check:
    left = _operand(condition.operand)
    match condition:
        case OperandComparison(_, operator, right):
            return Check(left, operator.name, _operand(right), 0)
        case Comparison(_, operator, constants):
            return Check(left, operator.name, tuple(map(_literal, constants)), 0)
        case ModifiedComparison(_, operator, modifier, constants):
            return Check(left, operator.name, tuple(map(_literal, constants)), 0, modifier)
    return Check(left, EXISTS, (), 0)


def _literal(constant: Constant) -> Literal:
    return Literal(str(constant).lower() if isinstance(constant, bool) else str(constant), 0)


def _operand(operand: Operand) -> OperandNode:
    if isinstance(operand, FieldOperand):
        return FieldRef(operand.field.name, operand.argument, 0)
    return Transform(operand.transformer.name, tuple(map(_argument, operand.arguments)), operand.selector, 0)


def _argument(argument: Argument) -> Literal | FieldRef | Sequence | Transform:
    return Sequence(tuple(map(_element, argument.elements)), 0) if isinstance(argument, Texts) else _element(argument)


def _element(element: FieldOperand | Text | Transformed) -> Literal | FieldRef | Transform:
    return Literal(element.value, 0) if isinstance(element, Text) else _operand(element)
