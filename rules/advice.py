"""What can be told of a comparison that is right and yet hardly meant: warnings, not errors.

Called by the checker with each comparison that fits. Spec sections 1.11 and 2.12.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rules.errors import Code
from rules.fields import ABSENT, ArgumentError, Catalogue, check_argument
from rules.nodes import Check, FieldRef, Literal
from rules.operand_parser import TRANSFORMERS_AHEAD, read_field
from rules.text import Text
from rules.tokenizer import ConditionError, Tokenizer

_EXACT: Final = frozenset({"=", "==", "!=", "in", "intersects", "pmatch"})

_PLAIN_REGEX: Final = re.compile(r"\^?(?:\.[*+?])?[^\\^$.|?*+()\[\]{}]*(?:\.[*+?])?\$?")
"""A regular expression that says no more than another operator could."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to tell of a constant."""

    code: Code
    message: str
    at: int
    hint: str


def advise(node: Check, fields: Catalogue) -> Iterator[Advice]:
    """Yield what is to be told of the constants of a comparison, where there are these fields."""
    for literal in node.right if isinstance(node.right, tuple) else ():
        if (
            literal.value == ABSENT
            and node.operator in _EXACT
            and not node.modifier
            and str(node.left).startswith(("ka.", "jevt."))
        ):
            message = f"an absent value never equals '{ABSENT}', which is only how it is shown"
            yield Advice(Code.UNSAFE_NA_CHECK, message, literal.at, "write 'not FIELD exists'")
        yield from _misuse(node.operator, literal, fields)


def _misuse(operator: str, literal: Literal, fields: Catalogue) -> Iterator[Advice]:
    text = "".join(literal.value.split())
    if operator == "regex" and _PLAIN_REGEX.fullmatch(text):
        message = f"the regular expression '{literal.value}' says no more than a simpler operator could"
        hint = "use =, contains, startswith or endswith"
        yield Advice(Code.COMPILE_CONDITION_WARNING, message, literal.at, hint)
    if _is_field(text, fields):
        message = f"'{text}' is compared as text, not as the field of that name"
        yield Advice(Code.COMPILE_CONDITION_WARNING, message, literal.at, f"write val({text}) for the field's value")
    elif TRANSFORMERS_AHEAD.match(text) and text.endswith(")"):
        message = f"'{literal.value}' is compared as text, not as the transformer of that name"
        yield Advice(Code.COMPILE_CONDITION_WARNING, message, literal.at, "leave the quotes out for the value")


def _is_field(text: str, fields: Catalogue) -> bool:
    """Tell whether a text is a field with the argument it needs."""
    if "." not in text or fields.longest_prefix(text) is None:
        return False
    tokenizer = Tokenizer(Text.at(text, 0))
    try:
        reference: FieldRef = read_field(tokenizer)
    except ConditionError:
        return False
    field = fields.get(reference.name)
    if field is None or not tokenizer.is_at_end():
        return False
    try:
        check_argument(field, reference.argument)
    except ArgumentError:
        return False
    return True
