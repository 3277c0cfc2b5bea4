"""What a rule comes to: its condition with lists, macros and exceptions put in, as text, and the fields that it reads.

Made of the compiled rule alone, so that no load has to keep its trees for whoever asks later: a condition says all that
its text said but for names of lists and macros, blanks and needless parentheses. Called by `auditstream rules explain`,
and by `rules test` for why an event does not alert.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rules.conditions import (
    Argument,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    Leaf,
    ModifiedComparison,
    Negation,
    Operand,
    OperandComparison,
    TextConstant,
    TextList,
    Transformed,
    leaves,
)
from rules.event import Event
from rules.fields import Field, FieldValue, boolean
from rules.interpreter import evaluate
from rules.nodes import And, Check, FieldRef, Group, Literal, Node, Not, Or, Transform
from rules.nodes import Operand as OperandNode
from rules.operators import EXISTS, Constant
from rules.output import Format, fields_of, name_of
from rules.printer import print_condition, print_lines, print_operand
from rules.ruleset import Rule

_MAX_SHOWN: Final = 200
"""Characters of a part of a condition, and of a value, that a remark of one line shows."""


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


def unmet(condition: Condition, event: Event) -> str:
    """Say, of a condition that does not hold for an event, which part does not, and the value that it meets."""
    part = condition
    while isinstance(part, Conjunction):
        part = next(child for child in part.children if not evaluate(child, event))
    told = f"{_cut(condition_text(part))} does not hold"
    while isinstance(part, Negation):
        part = part.child
    if isinstance(part, Conjunction | Disjunction):
        return told
    return f"{told} ({print_operand(_operand(part.operand))} is {_cut(_shown(part.operand.read(event)))})"


def _shown(value: FieldValue) -> str:
    match value:
        case None:
            return "absent"
        case bool():
            return boolean(value)
        case int():
            return str(value)
        case tuple():
            return f"({', '.join(value)})"
    return f"'{value}'"


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def fields_read(rule: Rule) -> list[FieldRead]:
    """Return the fields that a rule reads, each once, in the order in which they are met, the condition's first."""
    of_condition = {name_of(field): field for operand in _operands(rule.condition) for field in fields_of(operand)}
    shown = (*rule.output, *(piece for extra in rule.extra_fields for piece in extra.pieces))
    of_output = {name_of(field): field for piece in shown if not isinstance(piece, str) for field in piece.fields}
    return [
        FieldRead(name, operand.field, name in of_condition, name in of_output)
        for name, operand in {**of_condition, **of_output}.items()
    ]


def _operands(condition: Condition) -> Iterator[Operand]:
    for leaf in leaves(condition):
        yield leaf.operand
        if isinstance(leaf, OperandComparison):
            yield leaf.right


def _node(condition: Condition) -> Node:
    """Return the tree of names that a condition is checked from, but for the places of its parts."""
    match condition:
        case Conjunction(children):
            return And(tuple(map(_node, children)), 0)
        case Disjunction(children):
            return Or(tuple(map(_node, children)), 0)
        case Negation(child):
            return Not(_node(child), 0)
    return _check(condition)


def _check(condition: Leaf) -> Check:
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


def _argument(argument: Argument) -> Literal | FieldRef | Group | Transform:
    return Group(tuple(map(_element, argument.elements)), 0) if isinstance(argument, TextList) else _element(argument)


def _element(element: FieldOperand | TextConstant | Transformed) -> Literal | FieldRef | Transform:
    return Literal(element.value, 0) if isinstance(element, TextConstant) else _operand(element)
