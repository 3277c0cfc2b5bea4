r"""A tree of names back into condition text, which parses to the same tree again.

For people who ask what a rule comes to with its lists and macros put in (`auditstream rules explain`). Constants stand
bare where they can, otherwise between double quotes.
"""

import re
from typing import Final

from rules.nodes import And, Check, FieldRef, Literal, MacroRef, Node, Not, Operand, Or, Sequence, Transform
from rules.operand_parser import VAL
from rules.operators import EXISTS, MODIFIERS, OPERATORS
from rules.tokenizer import TOKENS
from rules.transformers import text_bytes

_SPELT: Final = {
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\\": r"\\",
    '"': r"\"",
}
_UNSHOWN: Final = re.compile(r'[\x00-\x1f\x7f"\\\udc80-\udcff]')


def print_condition(node: Node) -> str:
    """Return a condition as text on one line."""
    match node:
        case And(children):
            return " and ".join(_inside(child, And, Or) for child in children)
        case Or(children):
            return " or ".join(_inside(child, Or) for child in children)
        case Not(Not(child)):
            return f"not not({print_condition(child)})"
        case Not(child):
            inner = print_condition(child)
            return f"not({inner})" if isinstance(child, And | Or) else f"not {inner}"
        case MacroRef(name):
            return name
    return _check(node)


def _inside(node: Node, *bracketed: type[And | Or]) -> str:
    text = print_condition(node)
    return f"({text})" if isinstance(node, bracketed) else text


def _check(check: Check) -> str:
    left = _operand(check.left)
    if check.operator == EXISTS:
        return f"{left} {EXISTS}"
    operator = OPERATORS[check.operator]
    if not isinstance(check.right, tuple):
        right = _operand(check.right)
        return f"{left} {check.operator} {f'{VAL}({right})' if isinstance(check.right, FieldRef) else right}"
    if operator.takes_list or check.modifier:
        said = " ".join(filter(None, (check.operator, check.modifier)))
        return f"{left} {said} ({', '.join(map(_constant, check.right))})"
    (literal,) = check.right
    return f"{left} {check.operator} {literal.value if operator.takes_number else _constant(literal)}"


def _operand(node: Operand) -> str:
    if isinstance(node, FieldRef):
        return node.name + _brackets(node.argument)
    return f"{node.name}({', '.join(map(_argument, node.arguments))}){_brackets(node.selector)}"


def _argument(node: Literal | FieldRef | Sequence | Transform) -> str:
    match node:
        case Literal(value):
            return _quoted(value)
        case Sequence(elements):
            return f"({', '.join(map(_argument, elements))})"
    return _operand(node)


def _brackets(argument: str | None) -> str:
    if argument is None:
        return ""
    return f"[{argument if TOKENS['argument'].fullmatch(argument) else _quoted(argument)}]"


def _constant(literal: Literal) -> str:
    value = literal.value
    is_bare = TOKENS["bare string"].fullmatch(value) and value.isprintable() and value not in MODIFIERS
    return value if is_bare else _quoted(value)


def _quoted(value: str) -> str:
    def spell(match: re.Match[str]) -> str:
        character = match.group()
        return _SPELT.get(character) or "".join(rf"\x{byte:02x}" for byte in text_bytes(character))

    text = _UNSHOWN.sub(spell, value)
    if value.endswith("\\"):
        text = text.removesuffix("\\\\") + "\\ "  # before the closing quote only this spelling of a backslash ends
    return f'"{text}"'
