"""Output formats: `Pod created (user=%ka.user.name)` into text and `output_fields`. Spec sections 3.1 and 3.3.

`compile_format` belongs to a load and finds all that can be wrong; the others cannot fail. A field has two views: the
text shows `values`, made text by `render`; consumers of alerts get `alert_fields`, in which a time is a number and what
is absent is None, where the text shows `<NA>`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rules.catalogue import FIELDS
from rules.checker import UnknownFieldError
from rules.event import Event
from rules.fields import ABSENT, Argument, ArgumentError, Field, FieldValue, boolean, check_argument
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
        return self.field.name if self.argument is None else f"{self.field.name}[{_printed(self.argument)}]"


_QUOTED: Final = re.compile(r"[\b\f\n\r\t =\"'\\\\]")
_ESCAPES: Final = str.maketrans(
    {"\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", '"': r"\"", "\\": r"\\"}
)


def _printed(argument: str) -> str:
    """Return an argument as the reference prints it: between quotes only where it needs them."""
    if argument and _QUOTED.search(argument) is None:
        return argument
    return f'"{argument.translate(_ESCAPES)}"'


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
    refused: ConditionError | None = None
    while field is not None:
        for argument, end in _arguments(text, start, field):
            try:
                check_argument(field, argument)
            except ArgumentError as error:
                refused = refused or ConditionError(str(error), text.origins[percent], field.description)
            else:
                return Placeholder(field, argument, None if width is None else int(width.group())), end
        field = FIELDS.longest_prefix(field.name[:-1])
    if name is not None and text.value.startswith("(", name.end()):
        message = f"transformers are not supported yet: '{name.group()}('"
        raise ConditionError(message, text.origins[percent], "show the field as it is")
    raise refused or _no_field(text, percent, name.group() if name else "")


def _arguments(text: Text, start: int, field: Field) -> Iterator[tuple[str | None, int]]:
    """Yield what may be the argument after a field's name, and where it ends: what can be read, and none."""
    end = start + len(field.name)
    if field.argument is not Argument.NONE:
        tokenizer = Tokenizer(text)
        tokenizer.index = start
        with suppress(ConditionError):
            reference = read_field(tokenizer)
            if reference.name == field.name and reference.argument is not None:
                yield reference.argument, tokenizer.index
    yield None, end


def _no_field(text: Text, percent: int, name: str) -> ConditionError:
    at = text.origins[percent]
    if not name:
        return ConditionError(
            "no field follows this '%'", at, "a '%' always begins a field; write 'percent' for the word"
        )
    similar = FIELDS.similar(name.rstrip("."))
    hint = f"did you mean '%{similar}'?" if similar else "`auditstream rules fields` lists all fields"
    return UnknownFieldError(name, at, hint)


def values(pieces: Format, event: Event) -> dict[str, FieldValue]:
    """Return what the text of a format shows: the values of its fields by name, None for absent."""
    return {piece.key: piece.field.read(event, piece.argument) for piece in pieces if isinstance(piece, Placeholder)}


def alert_fields(pieces: Format, event: Event, shown: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return the `output_fields` of an alert, by name: what its text shows, but for fields that have another view."""
    found = dict(shown)
    for piece in pieces:
        if isinstance(piece, Placeholder) and piece.field.read_for_alert is not None:
            found[piece.key] = piece.field.read_for_alert(event, piece.argument)
    return dict(sorted(found.items()))


def render(pieces: Format, shown: Mapping[str, FieldValue]) -> str:
    """Return the text of a format, given the values of its fields."""
    return "".join(piece if isinstance(piece, str) else _shown(piece, shown[piece.key]) for piece in pieces)


def _shown(piece: Placeholder, value: FieldValue) -> str:
    match value:
        case None:
            text = ABSENT
        case tuple():
            text = _list_text(value)
        case bool():
            text = boolean(value)
        case int():
            text = f"{value:0{piece.field.digits}}"
        case _:
            text = value
    return text if piece.width is None else _fitted(text, piece.width)


def _fitted(text: str, width: int) -> str:
    """Return text of so many bytes, padded or cut; half a character shows as U+FFFD, as in the reference."""
    whole = text.encode(errors="surrogateescape")
    return whole[:width].decode(errors="replace") + " " * (width - len(whole))


def _list_text(value: tuple[str, ...]) -> str:
    """Return the elements as the reference prints them: no comma after leading empty ones, cut at a length."""
    first = next((index for index, element in enumerate(value) if element), len(value))
    whole = f"({','.join(value[first:])})".encode(errors="surrogateescape")
    return whole[:_MAX_LIST_BYTES].decode(errors="replace")
