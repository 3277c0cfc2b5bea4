"""Output formats: `Pod created (user=%ka.user.name)` into text and `output_fields`. Spec sections 3.1 and 3.3.

`compile_format` belongs to a load and finds all that can be wrong; `render` cannot fail. Absent values show as `<NA>`
in the text and as None among the fields.
"""

import re
from dataclasses import dataclass
from typing import Final

from rules.catalogue import FIELDS
from rules.checker import UnknownFieldError
from rules.event import Event
from rules.fields import ABSENT, Argument, ArgumentError, Field, FieldValue, check_argument
from rules.nodes import FieldRef
from rules.operand_parser import read_field
from rules.text import Text
from rules.tokenizer import ConditionError, Tokenizer

_WIDTH: Final = re.compile(r"[0-9]+")
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_.]*")
_MAX_WIDTH: Final = 1024
_MAX_LIST_BYTES: Final = 1023


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A field in a format and the width it is padded or cut to."""

    field: Field
    argument: str | None
    width: int | None

    @property
    def key(self) -> str:
        """The field as `output_fields` names it."""
        return str(FieldRef(self.field.name, self.argument, 0))


Format = tuple[str | Placeholder, ...]


def compile_format(text: Text) -> Format:
    """Return the pieces of a format. Raises ConditionError at the first `%` that no field follows."""
    if not text.value:
        raise ConditionError("the output is empty", text.origins[0], "say what the alert tells")
    start = 1 if text.value.startswith("*") else 0
    pieces: list[str | Placeholder] = []
    while start < len(text.value):
        percent = text.value.find("%", start)
        if percent < 0:
            pieces.append(text.value[start:])
            break
        if percent > start:
            pieces.append(text.value[start:percent])
        placeholder, start = _placeholder(text, percent)
        pieces.append(placeholder)
    return tuple(pieces)


def _placeholder(text: Text, percent: int) -> tuple[Placeholder, int]:
    """Return the placeholder at a `%` and where it ends: it takes as much text as makes a valid field."""
    start = percent + 1
    width = _WIDTH.match(text.value, start)
    if width is not None:
        start = width.end()
        if len(width.group()) > len(str(_MAX_WIDTH)) or int(width.group()) > _MAX_WIDTH:
            message = f"a width is at most {_MAX_WIDTH}"
            raise ConditionError(message, text.origins[percent], "leave the number after '%' out, or make it smaller")
    name = _NAME.match(text.value, start)
    field = None if name is None else FIELDS.longest_prefix(name.group())
    while field is not None:
        end = start + len(field.name)
        argument, after = _argument(text, start, end, field)
        try:
            check_argument(field, argument)
        except ArgumentError:
            field = FIELDS.longest_prefix(field.name[:-1])
            continue
        return Placeholder(field, argument, None if width is None else int(width.group())), after
    if name is not None and text.value.startswith("(", name.end()):
        message = f"transformers are not supported yet: '{name.group()}('"
        raise ConditionError(message, text.origins[percent], "show the field as it is")
    raise _no_field(text, percent, name.group() if name else "")


def _argument(text: Text, start: int, end: int, field: Field) -> tuple[str | None, int]:
    """Return the argument after a field's name and where it ends; None where none can be read."""
    if field.argument is Argument.NONE:
        return None, end
    tokenizer = Tokenizer(text)
    tokenizer.index = start
    try:
        reference = read_field(tokenizer)
    except ConditionError:
        return None, end
    if reference.name != field.name or reference.argument is None:
        return None, end
    return reference.argument, tokenizer.index


def _no_field(text: Text, percent: int, name: str) -> ConditionError:
    at = text.origins[percent]
    if not name:
        return ConditionError(
            "no field follows this '%'", at, "a '%' always begins a field; write 'percent' for the word"
        )
    field = FIELDS.longest_prefix(name)
    if field is not None:
        return ConditionError(f"{field.name} needs an argument: %{field.name}[...]", at, field.description)
    similar = FIELDS.similar(name.rstrip("."))
    hint = f"did you mean '%{similar}'?" if similar else "`auditstream rules fields` lists all fields"
    return UnknownFieldError(name, at, hint)


def values(pieces: Format, event: Event) -> dict[str, FieldValue]:
    """Return the fields of a format and their values, None for absent."""
    return {piece.key: piece.field.read(event, piece.argument) for piece in pieces if isinstance(piece, Placeholder)}


def render(pieces: Format, shown: dict[str, FieldValue]) -> str:
    """Return the text of a format, given the values of its fields."""
    return "".join(piece if isinstance(piece, str) else _shown(piece, shown[piece.key]) for piece in pieces)


def _shown(piece: Placeholder, value: FieldValue) -> str:
    if value is None:
        text = ABSENT
    elif isinstance(value, tuple):
        text = _list_text(value)
    else:
        text = str(value)
    return text if piece.width is None else text[: piece.width].ljust(piece.width)


def _list_text(value: tuple[str, ...]) -> str:
    """Return the elements as the reference prints them: no comma after leading empty ones, cut at a length."""
    first = next((index for index, element in enumerate(value) if element), len(value))
    return f"({','.join(value[first:])})".encode()[:_MAX_LIST_BYTES].decode(errors="ignore")
