r"""A tree of names back into condition text, which parses to the same tree again.

For people who ask what a rule comes to with its lists and macros put in (`auditstream rules explain`), on one line or
on as many as make it readable. Constants stand bare where they can, otherwise between double quotes.
"""

import re
from collections.abc import Iterable
from typing import Final

from rules.nodes import And, Check, FieldRef, Group, Literal, MacroRef, Node, Not, Operand, Or, Transform
from rules.operand_parser import VAL
from rules.operators import EXISTS, MODIFIERS, OPERATORS
from rules.text import text_bytes
from rules.tokenizer import TOKENS

_SPELT: Final = {
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\\": r"\\",
    '"': r"\"",
}
_INDENT: Final = "    "
_LEAST_ROOM: Final = 40
"""Columns that a line may have however deep it is indented."""

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


def print_lines(node: Node, width: int) -> list[str]:
    """Return a condition as lines, broken at `and` and `or` and within lists where one line would be too wide.

    What binds more tightly is indented further. A constant that is too wide by itself stays whole.
    """
    text = print_condition(node)
    room = max(width, _LEAST_ROOM)
    return [text] if len(text) <= room else _broken(node, text, room - len(_INDENT))


def _broken(node: Node, text: str, inner: int) -> list[str]:
    """Return a condition as lines where it can be broken; what is within another line has this much room."""
    match node:
        case And(children):
            return _joined("and", [_block("", child, inner, And, Or) for child in children])
        case Or(children):
            return _joined("or", [_block("", child, inner, Or) for child in children])
        case Not(Not(child)):
            return ["not not(", *_indented(print_lines(child, inner)), ")"]
        case Not(child):
            return _block("not", child, inner, And, Or)
        case Check(right=(_, *_) as literals) if text.endswith(")"):
            return [f"{_list_head(node)} (", *_indented(_filled(list(map(_constant, literals)), inner)), ")"]
    return [text]


def _block(before: str, node: Node, room: int, *bracketed: type[And | Or]) -> list[str]:
    """Return a part of a condition as lines: between parentheses of its own where it needs them."""
    lines = print_lines(node, room)
    if not isinstance(node, bracketed):
        return [f"{before} {lines[0]}".lstrip(), *(_indented(lines[1:]) if isinstance(node, And | Or) else lines[1:])]
    return [f"{before}({lines[0]})"] if len(lines) == 1 else [f"{before}(", *_indented(lines), ")"]


def _joined(word: str, blocks: list[list[str]]) -> list[str]:
    """Return blocks of lines as one, each but the first after a word."""
    lines = list(blocks[0])
    for first, *others in blocks[1:]:
        lines += [f"{word} {first}", *others]
    return lines


def _filled(constants: list[str], room: int) -> list[str]:
    """Return constants with commas between them as lines, each with as many as it holds."""
    lines = [constants[0]]
    for constant in constants[1:]:
        if len(lines[-1]) + len(constant) + len(", ,") > room:
            lines[-1] += ","
            lines.append(constant)
        else:
            lines[-1] += f", {constant}"
    return lines


def _indented(lines: Iterable[str]) -> list[str]:
    return [_INDENT + line for line in lines]


def _inside(node: Node, *bracketed: type[And | Or]) -> str:
    text = print_condition(node)
    return f"({text})" if isinstance(node, bracketed) else text


def _check(check: Check) -> str:
    left = print_operand(check.left)
    if check.operator == EXISTS:
        return f"{left} {EXISTS}"
    operator = OPERATORS[check.operator]
    if not isinstance(check.right, tuple):
        right = print_operand(check.right)
        return f"{left} {check.operator} {f'{VAL}({right})' if isinstance(check.right, FieldRef) else right}"
    if operator.takes_list or check.modifier:
        return f"{_list_head(check)} ({', '.join(map(_constant, check.right))})"
    (literal,) = check.right
    return f"{left} {check.operator} {literal.value if operator.takes_number else _constant(literal)}"


def _list_head(check: Check) -> str:
    """Return what stands before the parenthesis of a list."""
    return " ".join(filter(None, (print_operand(check.left), check.operator, check.modifier)))


def print_operand(node: Operand) -> str:
    """Return a field or a transformer's call as text."""
    if isinstance(node, FieldRef):
        return node.name + _brackets(node.argument)
    return f"{node.name}({', '.join(map(_argument, node.arguments))}){_brackets(node.selector)}"


def _argument(node: Literal | FieldRef | Group | Transform) -> str:
    match node:
        case Literal(value):
            return _quoted(value)
        case Group(elements):
            return f"({', '.join(map(_argument, elements))})"
    return print_operand(node)


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
