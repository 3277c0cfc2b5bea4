"""Output formats: `User %ka.user.name did %toupper(ka.verb)` into text and `output_fields`. Spec sections 3.1 and 3.3.

`read_format` belongs to a load and finds all that can be wrong; the others cannot fail. A format has two views: its
text shows `values`, made text by `render`; consumers of alerts get `alert_fields`, the plain fields that are read for
it, in which a time is a number and what is absent is None, where the text shows `<NA>`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rules.checker import CHECKER, Checker, UnknownFieldError
from rules.conditions import Argument as TransformerArgument
from rules.conditions import FieldOperand, Operand, TextList, Transformed, scalar_text
from rules.deprecated import old_fields, without_container_info
from rules.event import Event
from rules.fields import ABSENT, Argument, ArgumentError, Catalogue, Field, FieldValue, check_argument
from rules.operand_parser import is_call, read_field, read_operand
from rules.text import Text, text_bytes, without_bytes
from rules.tokenizer import ConditionError, Tokenizer

_WIDTH: Final = re.compile(r"[0-9]+")
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_.]*")
_MAX_WIDTH: Final = 1024
_MAX_LIST_BYTES: Final = 1023


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A field or a transformer's call in a format, and the width it is padded or cut to."""

    name: str
    """What tells its value from others: of a field, its name in `output_fields`."""
    operand: Operand
    width: int | None

    @property
    def fields(self) -> Iterator[FieldOperand]:
        """The fields that are read for it."""
        return fields_of(self.operand)


def fields_of(part: TransformerArgument) -> Iterator[FieldOperand]:
    """Yield the fields that are read for an operand, those within transformers too."""
    match part:
        case FieldOperand():
            yield part
        case Transformed(arguments=inner) | TextList(elements=inner):
            for each in inner:
                yield from fields_of(each)


def name_of(operand: FieldOperand) -> str:
    """Return a field as `output_fields` name it."""
    return operand.field.name if operand.argument is None else f"{operand.field.name}[{_printed(operand.argument)}]"


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


@dataclass(frozen=True, slots=True)
class Reading:
    """An output, or what is put behind it, as read: its pieces, and all that is to be told of it."""

    pieces: Format
    errors: tuple[ConditionError, ...]
    """In the order of its text."""
    old_fields: tuple[tuple[str, int], ...]
    """Fields that Falco has no more, and where."""
    container_info: tuple[int, ...]
    """Where `%container.info` stood, which is left out."""


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A field that `output_fields` get besides those that the output shows."""

    name: str
    """Its key."""
    pieces: Format
    is_format: bool
    """Whether its value is the text of the format; otherwise it is that of the only field in it."""


def compile_format(text: Text) -> Format:
    """Return the pieces of a format. Raises ConditionError, the first of what is wrong, where anything is."""
    pieces, errors = read_format(text, CHECKER)
    if errors:
        raise errors[0]
    return pieces


def read_format(text: Text, checker: Checker) -> tuple[Format, list[ConditionError]]:
    """Return the pieces of a format, and all that is wrong with it, in the order of its text."""
    if not text.value:
        return (), [ConditionError("the output is empty", text.origins[0], "say what the alert tells")]
    start = 1 if text.value.startswith("*") else 0
    pieces: list[str | Placeholder] = []
    errors = []
    while (percent := text.value.find("%", start)) >= 0:
        pieces.append(text.value[start:percent])
        try:
            placeholder, start = _placeholder(text, percent, checker)
        except ConditionError as error:
            errors.append(error)
            start = percent + 1
        else:
            pieces.append(placeholder)
    pieces.append(text.value[start:])
    return tuple(piece for piece in pieces if piece), errors


def read_output(text: Text, checker: Checker, *, is_whole: bool = True) -> Reading:
    """Return an output, or a part of one: only a whole one must not be empty."""
    shown, container_info = without_container_info(text)
    pieces, errors = read_format(shown, checker) if shown.value or is_whole else ((), [])
    return Reading(pieces, tuple(errors), tuple(old_fields(shown)), tuple(container_info))


def joined(formats: Iterable[Format]) -> Format:
    """Return formats one after another as one, no two texts side by side where they meet."""
    pieces: list[str | Placeholder] = []
    texts: list[str] = []
    for each in filter(None, formats):
        first, last = each[0], each[-1]
        if isinstance(first, str):
            texts.append(first)
            if len(each) == 1:
                continue
        if texts:
            pieces.append("".join(texts))
        pieces += each[isinstance(first, str) : len(each) - isinstance(last, str)]
        texts = [last] if isinstance(last, str) else []
    return (*pieces, "".join(texts)) if texts else tuple(pieces)


def read_extra_field(
    name: str, text: Text, checker: Checker, *, is_format: bool
) -> tuple[ExtraField, list[ConditionError]]:
    """Return an extra field, and all that is wrong with it: a format under a name, or a field by itself."""
    if is_format:
        pieces, errors = read_format(text, checker)
        return ExtraField(name, pieces, is_format), errors
    tokenizer = Tokenizer(text)
    try:
        operand = checker.operand(read_field(tokenizer)) if tokenizer.check("field") else None
    except ConditionError as error:
        return ExtraField(name, (), is_format), [error]
    if not isinstance(operand, FieldOperand) or not tokenizer.is_at_end():
        hint = "name a field and no more, or write NAME: 'a text with %fields'"
        return ExtraField(name, (), is_format), [ConditionError(f"'{text.value}' is no field", text.origins[0], hint)]
    name = name_of(operand)
    return ExtraField(name, (Placeholder(name, operand, None),), is_format), []


def _placeholder(text: Text, percent: int, checker: Checker) -> tuple[Placeholder, int]:
    """Return the placeholder at a `%` and where it ends: it takes as much text as makes a valid field."""
    start = percent + 1
    match = _WIDTH.match(text.value, start)
    width = None
    if match is not None:
        start = match.end()
        if len(match.group()) > len(str(_MAX_WIDTH)) or int(match.group()) > _MAX_WIDTH:
            message = f"a width is at most {_MAX_WIDTH}"
            raise ConditionError(message, text.origins[percent], "leave the number after '%' out, or make it smaller")
        width = int(match.group())
    tokenizer = Tokenizer(text, of="output")
    tokenizer.index = start
    if is_call(tokenizer):
        operand = checker.operand(read_operand(tokenizer))
        return Placeholder(text.value[start : tokenizer.index], operand, width), tokenizer.index
    field, end = _field(text, percent, start, checker.fields)
    return Placeholder(name_of(field), field, width), end


def _field(text: Text, percent: int, start: int, fields: Catalogue) -> tuple[FieldOperand, int]:
    name = _NAME.match(text.value, start)
    field = None if name is None else fields.longest_prefix(name.group())
    refused: ConditionError | None = None
    while field is not None:
        for argument, end in _arguments(text, start, field):
            try:
                check_argument(field, argument)
            except ArgumentError as error:
                refused = refused or ConditionError(str(error), text.origins[percent], field.description)
            else:
                return FieldOperand(field, argument), end
        field = fields.longest_prefix(field.name[:-1])
    raise refused or _no_field(text, percent, name.group() if name else "", fields)


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


def _no_field(text: Text, percent: int, name: str, fields: Catalogue) -> ConditionError:
    at = text.origins[percent]
    if not name:
        return ConditionError(
            "no field follows this '%'", at, "a '%' always begins a field; write 'percent' for the word"
        )
    similar = fields.similar(name.rstrip("."))
    hint = f"did you mean '%{similar}'?" if similar else "`auditstream rules fields` lists all fields"
    return UnknownFieldError(name, at, hint)


def values(pieces: Format, event: Event) -> dict[str, FieldValue]:
    """Return what the text of a format shows: the values of its placeholders by name, None for absent."""
    return {piece.name: piece.operand.read(event) for piece in pieces if isinstance(piece, Placeholder)}


def alert_fields(pieces: Format, event: Event, shown: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return the `output_fields` of an alert, by name: plain fields only, those within transformers too.

    `shown` is what the text shows, so that nothing is read twice.
    """
    found: dict[str, FieldValue] = {}
    for piece in pieces:
        for operand in () if isinstance(piece, str) else piece.fields:
            name = name_of(operand)
            if operand.field.read_for_alert is not None:
                found[name] = operand.field.read_for_alert(event, operand.argument)
            elif name not in found:
                found[name] = shown[name] if name in shown else operand.read(event)
    return found


def render(pieces: Format, shown: Mapping[str, FieldValue]) -> str:
    """Return the text of a format, given the values of its placeholders."""
    return "".join(piece if isinstance(piece, str) else _shown(piece, shown[piece.name]) for piece in pieces)


def _shown(piece: Placeholder, value: FieldValue) -> str:
    match value:
        case None:
            text = ABSENT
        case tuple():
            text = _list_text(value)
        case _:
            text = scalar_text(piece.operand, value)
    # What `b64` decodes may be no text.
    return without_bytes(text) if piece.width is None else _fitted(text, piece.width)


def _fitted(text: str, width: int) -> str:
    """Return text of so many bytes, padded or cut; half a character shows as U+FFFD, as in the reference."""
    whole = text_bytes(text)
    return whole[:width].decode(errors="replace") + " " * (width - len(whole))


def _list_text(value: tuple[str, ...]) -> str:
    """Return the elements as the reference prints them: no comma after leading empty ones, cut at a length."""
    first = next((index for index, element in enumerate(value) if element), len(value))
    return text_bytes(f"({','.join(value[first:])})")[:_MAX_LIST_BYTES].decode(errors="replace")
