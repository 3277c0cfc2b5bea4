"""Rule text that knows where each of its characters came from.

A condition is put together from several places: a rule's own text, what another file appends to it, the items of
lists. `Sources` gives every file a range in one space of offsets, `Text` carries one such offset a character, so that
a problem found at the very end of the pipeline still points at a line and column of the file its author wrote.
Used by every phase of a load; reads no files.
"""

from __future__ import annotations  # array[int] is a type to checkers only, before Python 3.12

import re
from array import array
from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """An item of a file: what it is called in problems, such as `rule Shell in a pod`, and where it begins."""

    title: str
    line: int
    column: int
    offset: int


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file: line and column count from 1, columns in characters."""

    file: str
    line: int
    column: int
    line_text: str
    """The whole line, without its line break."""
    offset: int = 0
    """How many characters of the file come before it."""
    item: ItemPlace | None = None
    """The item that it is in."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    text: str
    start: int
    line_starts: array[int]
    lines: dict[int, str]
    """Lines that were asked for: a file may be one long line that ten thousand places are in."""


@dataclass(slots=True)
class Sources:
    """The files of one load, side by side in one space of offsets."""

    _files: list[_File] = field(default_factory=list)
    _end: int = 0
    _item_starts: list[int] = field(default_factory=list)
    _titles: dict[int, str] = field(default_factory=dict)

    def add(self, name: str, text: str) -> int:
        """Take in a file and return the offset of its first character."""
        line_starts = array("I", [0])
        line_starts.extend(match.end() for match in _LINE_BREAK.finditer(text))
        start = self._end
        self._files.append(_File(name, text, start, line_starts, {}))
        self._end = start + len(text) + 1  # one past the end is a place too: where something is missing
        return start

    def begin_item(self, offset: int, title: str) -> None:
        """Take note that an item begins; of one that is known already, what it is called."""
        if offset not in self._titles:
            insort(self._item_starts, offset)
        self._titles[offset] = title

    def locate(self, offset: int) -> Position:
        """Return the file, line and column of an offset, and its item."""
        file = self._files[bisect_right(self._files, offset, key=lambda file: file.start) - 1]
        inside = offset - file.start
        line = bisect_right(file.line_starts, inside)
        line_start = file.line_starts[line - 1]
        if line not in file.lines:
            line_break = _LINE_BREAK.search(file.text, line_start)
            file.lines[line] = file.text[line_start : line_break and line_break.start()]
        return Position(file.name, line, inside - line_start + 1, file.lines[line], inside, self._item_at(offset, file))

    def _item_at(self, offset: int, file: _File) -> ItemPlace | None:
        number = bisect_right(self._item_starts, offset) - 1
        start = self._item_starts[number] if number >= 0 else -1
        if start < file.start or not self._titles[start]:
            return None
        inside = start - file.start
        line = bisect_right(file.line_starts, inside)
        return ItemPlace(self._titles[start], line, inside - file.line_starts[line - 1] + 1, inside)


@dataclass(frozen=True, slots=True)
class Text:
    """Characters and, for each of them and for the end, the offset it came from."""

    value: str
    origins: array[int]

    @classmethod
    def at(cls, value: str, offset: int) -> Self:
        """Return text that as a whole stands for one place, such as glue between two pieces."""
        return cls(value, array("I", [offset]) * (len(value) + 1))

    @classmethod
    def from_offsets(cls, value: str, start: int, offsets: Iterable[int]) -> Self:
        """Return text whose characters stand at these offsets, counted from a start."""
        return cls(value, array("I", [start + offset for offset in offsets] if start else offsets))

    @classmethod
    def join(cls, pieces: Iterable[Text]) -> Self:
        """Return the pieces one after another."""
        origins: array[int] = array("I")
        values = []
        end = 0  # of no pieces at all: nowhere is as good as the start
        for piece in pieces:
            values.append(piece.value)
            origins.extend(piece.origins[:-1])
            end = piece.origins[-1]
        origins.append(end)
        return cls("".join(values), origins)

    def slice(self, start: int, end: int) -> Text:
        """Return the characters from start up to end."""
        return Text(self.value[start:end], self.origins[start : end + 1])

    def strip(self) -> Text:
        """Return the text without white space around it."""
        start = len(self.value) - len(self.value.lstrip())
        return self.slice(start, max(start, len(self.value.rstrip())))


def text_bytes(text: str) -> bytes:
    """Return a text as the bytes that it stands for."""
    return text.encode(errors="surrogateescape")


def holds_bytes(text: str) -> bool:
    """Tell whether a text holds bytes that are no UTF-8, each as a character of its own."""
    return not text.isascii() and _BYTE.search(text) is not None


def without_bytes(text: str) -> str:
    """Return a text that can be sent: bytes that are no UTF-8 show as U+FFFD."""
    return text if text.isascii() else text_bytes(text).decode(errors="replace")


def escape(text: str) -> str:
    r"""Return text with every character spelt out that does not show as itself: `\x1b`, `\n`, `\u202e`.

    These are the control characters, C1 included, bidirectional and zero-width ones, all separators but the space,
    lone surrogates, and what Unicode has not assigned. A backslash stays as it is: commands and patterns are full of
    them, and a text that spells an escape out by itself does no harm.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


_BYTE: Final = re.compile("[\udc80-\udcff]")
_LINE_BREAK: Final = re.compile(r"\r\n?|\n")
"""YAML's, those of its version 1.1 that editors do not count left out."""

_ANY_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Those too."""

_WORD_OR_SPACE: Final = re.compile(r"\s+|\S+")
_ESCAPED: Final = re.compile(r"[\\'\n]")
_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}


def align(value: str, source: str, start: int, style: str | None) -> Sequence[int]:
    r"""Return where each character of a YAML scalar's value stands in its source, and where the value ends.

    `source[start]` is the scalar's first character and `style` PyYAML's: None or "" for plain, else one of ' " | >.
    YAML changes only white space (folding, indentation) and, between quotes, escapes; so the characters that are
    neither are met again in the same order.
    """
    at = start
    if style in {"|", ">"}:
        header_end = _ANY_BREAK.search(source, start)
        at = header_end.end() if header_end else start
    elif style:
        at = start + 1
    if source.startswith(value, at) and not (style and _ESCAPED.search(value)):
        return range(at, at + len(value) + 1)
    return _align_quoted(value, source, at, style) if style in {"'", '"'} else _align_words(value, source, at)


def _align_words(value: str, source: str, at: int) -> list[int]:
    """Do so where nothing is escaped: every word stands in the source as it is."""
    origins: list[int] = []
    for match in _WORD_OR_SPACE.finditer(value):
        piece = match.group()
        if piece.isspace():
            for character in piece:
                origins.append(min(at, len(source)))
                at = _after_space(character, source, at)
        else:
            at = _next_character(source, at, None)
            origins.extend(range(at, at + len(piece)))
            at += len(piece)
    origins.append(min(at, len(source)))
    return origins


def _align_quoted(value: str, source: str, at: int, style: str) -> list[int]:
    origins = []
    for character in value:
        if not character.isspace():
            at = _next_character(source, at, style)
        origins.append(min(at, len(source)))
        if style == '"' and source.startswith("\\", at):
            at += _ESCAPE_LENGTHS.get(source[at + 1 : at + 2], 2)
        elif style == "'" and source.startswith("''", at):
            at += 2
        else:
            at = _after_space(character, source, at) if character.isspace() else at + 1
    origins.append(min(at, len(source)))
    return origins


def _after_space(character: str, source: str, at: int) -> int:
    """Return the place after white space of a value, where it stands in the source too; any break makes a line feed."""
    if character == "\n":
        line_break = _ANY_BREAK.match(source, at)
        return line_break.end() if line_break else at
    return at + source.startswith(character, at)


def _next_character(source: str, at: int, style: str | None) -> int:
    """Return where the next character that is no white space stands; between double quotes a line may be continued."""
    while source[at : at + 1].isspace() or (style == '"' and source.startswith(("\\\n", "\\\r"), at)):
        at += 1
    return at
