"""The transformers: each once, with what it takes, what it gives and what it does.

A value that is absent never gets here: of an absent part the whole is absent (`rules.conditions` sees to that). Texts
may hold bytes that are no characters, as lone surrogates: what `b64` decodes need not be text. Spec section 1.9.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rules.fields import FieldValue, Type
from rules.text import text_bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of value: its type, and whether it is a list."""

    type: Type
    is_list: bool = False

    def __str__(self) -> str:
        article = "an" if self.type.value[0] in "aeiou" else "a"
        return f"a list of {self.type.value}s" if self.is_list else f"{article} {self.type.value}"


_TEXT: Final = Shape(Type.STRING)
_TEXTS: Final = Shape(Type.STRING, is_list=True)
_NUMBER: Final = Shape(Type.NUMBER)


class SignatureError(Exception):
    """Arguments that a transformer does not take; the text says what it takes. Raised and caught within a load."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """One transformer of the language."""

    name: str
    takes: str
    """Its arguments in a person's words."""
    shape_of: Callable[[Sequence[Shape]], Shape | None]
    """The shape of the result, by those of the arguments; None where they do not fit."""
    apply: Callable[..., FieldValue]
    """From the values of the arguments to the result, None for absent."""
    apply_selected: Callable[..., FieldValue] | None = None
    """The same with what stands between brackets after the call; its result is one text. None where nothing may."""

    def result(self, arguments: Sequence[Shape], selector: str | None) -> Shape:
        """Return the shape of the result. Raises SignatureError where the arguments do not fit."""
        shape = self.shape_of(arguments)
        if shape is None:
            raise SignatureError(f"{self.name} takes {self.takes}, not {' and '.join(map(str, arguments))}")
        if selector is None:
            return shape
        if self.apply_selected is None:
            raise SignatureError(f"no argument in brackets may follow {self.name}(...)")
        if len(selector) != 1:
            raise SignatureError(f"{self.name}(...)[c] takes the one character of an option")
        return _TEXT


def _each(change: Callable[[str], str | None]) -> Callable[[str | tuple[str, ...]], FieldValue]:
    """Return the change applied to a text, or to each of a list; of a list one failure makes the whole absent."""

    def apply(value: str | tuple[str, ...]) -> FieldValue:
        if isinstance(value, str):
            return change(value)
        changed = tuple(text for text in map(change, value) if text is not None)
        return changed if len(changed) == len(value) else None

    return apply


def _texts_as_given(arguments: Sequence[Shape]) -> Shape | None:
    return arguments[0] if len(arguments) == 1 and arguments[0].type is Type.STRING else None


_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TO_LOWER: Final = str.maketrans(_UPPER, _UPPER.lower())
_TO_UPPER: Final = str.maketrans(_UPPER.lower(), _UPPER)


def lower(text: str) -> str:
    """Return the text with A to Z in lower case, and nothing else changed."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text.translate(_TO_UPPER)


def _basename(text: str) -> str:
    return text.rpartition("/")[2]


_PADDED: Final = 4


def _decoded(text: str) -> str | None:
    """Decode base64, padded or not, up to the first NUL; anything that is not base64 makes the value absent."""
    padding = "" if text.endswith("=") else "=" * (-len(text) % _PADDED)
    try:
        decoded = base64.b64decode(text + padding, validate=True)
    except (binascii.Error, ValueError):
        return None
    encoded = base64.b64encode(decoded).decode()
    if text not in {encoded, encoded.rstrip("=")}:
        return None  # other padding than an encoder's, or bits left over that none would have set
    return decoded.partition(b"\0")[0].decode(errors="surrogateescape")


def _length(value: str | tuple[str, ...]) -> int:
    """Count a list's elements or a text's bytes."""
    return len(text_bytes(value)) if isinstance(value, str) else len(value)


def _length_shape(arguments: Sequence[Shape]) -> Shape | None:
    fits = len(arguments) == 1 and (arguments[0].is_list or arguments[0].type is Type.STRING)
    return _NUMBER if fits else None


_MIN_CONCAT: Final = 2


MAX_JOINED: Final = 8 * 2**20
"""Characters that a concat or a join may come to: parts that are long already, and a separator from an event between
elements from it, multiply.
"""


def _concat(*parts: str) -> str | None:
    return _whole("".join(parts)) if sum(map(len, parts)) <= MAX_JOINED else None


def _whole(text: str) -> str:
    """Return a text whose parts may each hold a part of a character: together they are one."""
    return text if text.isascii() else text_bytes(text).decode(errors="surrogateescape")


def _concat_shape(arguments: Sequence[Shape]) -> Shape | None:
    fits = len(arguments) >= _MIN_CONCAT and all(argument == _TEXT for argument in arguments)
    return _TEXT if fits else None


def _join(separator: str, elements: tuple[str, ...]) -> str | None:
    if len(separator) * len(elements) + sum(map(len, elements)) > MAX_JOINED:
        return None
    return _whole(separator.join(elements))


def _join_shape(arguments: Sequence[Shape]) -> Shape | None:
    return _TEXT if list(arguments) == [_TEXT, _TEXTS] else None


def _getopt_shape(arguments: Sequence[Shape]) -> Shape | None:
    return _TEXTS if list(arguments) == [_TEXTS, _TEXT] else None


_OPTION: Final = re.compile(r"([^:])(:?)", re.DOTALL)
_LONG_OPTION: Final = "--"


def _options(words: Sequence[str], known: str) -> list[tuple[str, str | None]]:
    """Return the short options that lead a command line, each with its value, None where it takes none.

    An option that is not known is `?`, a value that is missing is empty; options in `--long` form are passed over, and
    the first word that is no option ends them, as `--` does.
    """
    takes_value = {option: colon == ":" for option, colon in _OPTION.findall(known)}
    found: list[tuple[str, str | None]] = []
    left = iter(words)
    for word in left:
        if word == _LONG_OPTION or not word.startswith("-") or word == "-":
            break
        if word.startswith(_LONG_OPTION):
            continue
        for index, option in enumerate(word[1:], start=2):
            if option not in takes_value:
                found.append(("?", None))
            elif not takes_value[option]:
                found.append((option, None))
            else:
                found.append((option, word[index:] or next(left, "")))
                break
    return found


def _getopt(words: tuple[str, ...], known: str) -> tuple[str, ...]:
    return tuple(text for pair in _options(words, known) for text in pair if text is not None)


def _getopt_selected(selector: str, words: tuple[str, ...], known: str) -> str | None:
    """Return the last value of one option, or the option itself if it takes none; absent where it is not given."""
    values = [option if value is None else value for option, value in _options(words, known) if option == selector]
    return values[-1] if values else None


TRANSFORMERS: Final = {
    transformer.name: transformer
    for transformer in (
        Transformer("tolower", "a text or a list of texts", _texts_as_given, _each(lower)),
        Transformer("toupper", "a text or a list of texts", _texts_as_given, _each(_upper)),
        Transformer("basename", "a text or a list of texts", _texts_as_given, _each(_basename)),
        Transformer("b64", "a text or a list of texts", _texts_as_given, _each(_decoded)),
        Transformer("len", "a text or a list", _length_shape, _length),
        Transformer("concat", "two or more texts", _concat_shape, _concat),
        Transformer("join", "a separator and a list of texts", _join_shape, _join),
        Transformer("getopt", "a list of words and the options", _getopt_shape, _getopt, _getopt_selected),
    )
}
"""Every transformer. `val` changes nothing: it only marks a field, and is the parser's."""
