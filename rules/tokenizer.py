"""Tokens of a condition, taken on demand.

The parser asks for the token it can use at the current place, so the same characters may be different tokens in
different places (`in` the operator, `in` inside a bare string). Called by `rules.parser` and, for fields in output
formats, by `rules.output`. The sets of characters are the reference's: spec section 1.2.
"""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from rules.text import Text

TOKENS: Final = {
    "blank": re.compile(r"[ \t\b\r\n]+"),
    "or": re.compile(r"or"),
    "and": re.compile(r"and"),
    "not": re.compile(r"not[ \t\n\v\f\r]+"),
    "not (": re.compile(r"not\("),
    "(": re.compile(r"\("),
    ")": re.compile(r"\)"),
    "[": re.compile(r"\["),
    "]": re.compile(r"\]"),
    ",": re.compile(r","),
    "identifier": re.compile(r"[a-zA-Z][a-zA-Z0-9_]*"),
    "field": re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z][a-zA-Z0-9_]*)+"),
    "argument": re.compile(r"[^\[\]'\"\s]+", re.ASCII),
    "bare string": re.compile(r"[^()\"'\s=,]+", re.ASCII),
    # The closing quote is the first one with no backslash right before it: `\\` does not undo that.
    "quoted string": re.compile(r"([\"']).*?(?<!\\)\1", re.DOTALL),
    "quote": re.compile(r"[\"']"),
    "hexadecimal": re.compile(r"0[xX][0-9a-fA-F]+"),
    # An exponent needs its sign: of `1e5` the number is `1`.
    "number": re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-][0-9]+)?"),
    "call": re.compile(r"([a-zA-Z][a-zA-Z0-9_]*)\("),
    # What stands where something else was expected, for messages.
    "anything": re.compile(r"[A-Za-z0-9_.]+|\S", re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: what it is, its characters, and the offset of its first one in the sources."""

    name: str
    text: str
    at: int


class ConditionError(Exception):
    """A condition that cannot be used. Raised and caught within a load; never reaches a caller of `rules.loader`."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint


class Tokenizer:
    """A place in a text, and the five things to do there."""

    def __init__(self, text: Text, of: str = "condition") -> None:
        self.text = text
        self._of = of
        self.index = 0

    def check(self, name: str) -> bool:
        """Tell whether this token stands here, without taking it."""
        return TOKENS[name].match(self.text.value, self.index) is not None

    def read(self, name: str) -> Token | None:
        """Take this token if it stands here."""
        return self.read_pattern(name, TOKENS[name])

    def read_pattern(self, name: str, pattern: re.Pattern[str]) -> Token | None:
        """Take what a pattern of the caller's matches here, under a name of its own."""
        match = pattern.match(self.text.value, self.index)
        if match is None:
            return None
        token = Token(name, match.group(), self.text.origins[self.index])
        self.index = match.end()
        return token

    def expect(self, name: str, expected: str, hint: str = "") -> Token:
        """Take this token or say, in a person's words, what should have stood here."""
        token = self.read(name)
        if token is None:
            self.fail(f"expected {expected}, found {self.here()}", hint)
        return token

    def skip_blank(self) -> bool:
        """Pass over blanks and tell whether there were any."""
        return self.read("blank") is not None

    def is_at_end(self) -> bool:
        """Tell whether the whole text has been taken."""
        return self.index >= len(self.text.value)

    def here(self) -> str:
        """Return what stands at this place, for a message."""
        match = TOKENS["anything"].match(self.text.value, self.index)
        if match is not None:
            return f"'{match.group()}'"
        return f"the end of the {self._of}" if self.is_at_end() else "a blank"

    def fail(self, message: str, hint: str = "", at: int | None = None) -> NoReturn:
        """Raise: the text is wrong at this place, or at an earlier one given as an offset of the sources."""
        raise ConditionError(message, self._place() if at is None else at, hint)

    def _place(self) -> int:
        """Return where this place is; the end is before a line break, behind which another key stands in the file."""
        place = self.index
        if self.is_at_end():
            end = len(self.text.value.rstrip())
            place = end if "\n" in self.text.value[end:] else place
        return self.text.origins[place]
