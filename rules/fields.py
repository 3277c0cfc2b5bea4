"""The field catalogue: every name a condition or an output can use, what it is and how it is read.

A field is data: its reading is one function from an event and the field's argument to a value. The fields themselves
stand in files by topic (`audit_fields`, `container_fields`, `request_fields`, `podspec_fields`, `event_fields`); this
file says what a field is and finds one by name. Called by the checker, the output formats and `rules fields`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Final

from rules.event import Event

ABSENT: Final = "<NA>"
"""How an absent value is shown."""

FieldValue = str | int | tuple[str, ...] | None
"""Text, a number or a boolean, the elements of a list (never none), or None for absent. Which of them a field has, its
type says: a string that reads `true` is text."""

Read = Callable[[Event, str | None], FieldValue]


class Type(Enum):
    """What kind of value a field has; it decides which operators fit and how constants are read."""

    STRING = "string"
    NUMBER = "number"
    """Unsigned, 64 bits."""
    ABSTIME = "absolute time"
    """Nanoseconds or seconds since the epoch; a number that compares with no other kind of number."""
    RELTIME = "relative time"
    """Nanoseconds or seconds; the same."""
    BOOL = "boolean"


class Argument(Enum):
    """What may stand between brackets after a field's name."""

    NONE = "no argument"
    KEY = "a key"
    NONEMPTY_KEY = "a key that is not empty"
    INDEX = "an index, or nothing"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the catalogue."""

    name: str
    description: str
    read: Read
    is_list: bool = False
    argument: Argument = Argument.NONE
    type: Type = Type.STRING
    digits: int = 1
    """With how many digits at least a number is shown in text, zeros before it."""
    read_for_alert: Read | None = None
    """What an alert's fields have in place of the value, which only its text shows: of a time its nanoseconds."""


def boolean(claim: bool) -> str:  # noqa: FBT001 - the claim is all there is
    """Return a claim as fields show it: `true` or `false`."""
    return "true" if claim else "false"


class ArgumentError(Exception):
    """An argument that a field does not take; the text says what it takes. Raised and caught within a load."""


class Catalogue:
    """The fields by name."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields: Final[Mapping[str, Field]] = {field.name: field for field in fields}
        self._longest: Final = max(map(len, self._fields), default=0)

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def get(self, name: str) -> Field | None:
        """Return the field of this very name."""
        return self._fields.get(name)

    def longest_prefix(self, text: str) -> Field | None:
        """Return the field with the longest name that the text begins with."""
        for end in range(min(len(text), self._longest), 0, -1):
            if text[:end] in self._fields:
                return self._fields[text[:end]]
        return None

    def similar(self, name: str) -> str | None:
        """Return the name of the field that a wrong name most resembles, None where none does."""
        close = get_close_matches(name, self._fields, n=1, cutoff=0.75)
        return close[0] if close else None


def check_argument(field: Field, argument: str | None) -> None:
    """Raise ArgumentError where a field does not take this argument."""
    if field.argument is Argument.NONE:
        if argument is not None:
            raise ArgumentError(f"{field.name} takes no argument")
    elif argument is None:
        if field.argument is not Argument.INDEX:
            raise ArgumentError(f"{field.name} needs an argument: {field.name}[...]")
    elif " " in argument:
        raise ArgumentError(f"the argument of {field.name} cannot hold a blank")
    elif "]" in argument:  # there the reference takes the argument to end, quoted or not
        raise ArgumentError(f"the argument of {field.name} cannot hold ']'")
    elif field.argument is Argument.NONEMPTY_KEY and not argument:
        raise ArgumentError(f"the argument of {field.name} cannot be empty")
    elif field.argument is Argument.INDEX and not _is_index(argument):
        raise ArgumentError(f"the argument of {field.name} is a position counted from 0, such as {field.name}[0]")


_MAX_INDEX: Final = 2**64 - 1
_MAX_INDEX_DIGITS: Final = 20


def _is_index(text: str) -> bool:
    if not (text.isascii() and text.isdigit()) or len(text) > _MAX_INDEX_DIGITS:
        return False
    return (text == "0" or text[0] != "0") and int(text) <= _MAX_INDEX
