"""Names of lists in the text of a condition: where they stand, and where no author can have meant one.

A list's name is replaced wherever it stands alone, as in the reference, which rule files rely on: also as a value after
`=`, as a field or inside quoted text. Called by the resolver. Spec section 2.9.1 and row 8 of section 8.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WORD: Final = re.compile(r"[^ \t\r\n(),=]+")
"""What may be the name of a list: none of the characters that end one."""

_TOKEN: Final = re.compile(
    r"([\"']).*?(?<!\\)\1|(?:[^()\"'\s=,!<>]++|[!<>](?!=))+|==|[!<>]?=|[(),\"']", re.DOTALL | re.ASCII
)

_BEFORE_LIST: Final = frozenset({"in", "intersects", "pmatch", "oneof", "anyof", "allof"})
_INSTEAD: Final = {
    **dict.fromkeys(("=", "=="), "write in ({name})"),
    "!=": "write 'not FIELD in ({name})'",
    **dict.fromkeys(
        ("contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "glob", "iglob", "regex"),
        "write {before} anyof ({name})",
    ),
}
"""What compares with a list as these operators compare with a value."""

_BEFORE_NUMBER: Final = frozenset({"<", "<=", ">", ">="})

Span = tuple[int, int]


class ListNames:
    """The names of all lists, ready to be found."""

    def __init__(self, names: Collection[str]) -> None:
        """Take the names; more may come and go, but none that are no single word."""
        self._names: Final = names
        # Names that are no single word are few and draw a warning; one expression of all names would be slow.
        odd = sorted((name for name in self._names if WORD.fullmatch(name) is None), key=len, reverse=True)
        words = "|".join(re.escape(name) for name in odd)
        self._odd: Final = re.compile(rf"(?<![^ \t\r\n(),=])(?:{words})(?![^ \t\r\n(),=])") if odd else None
        self.has_odd: Final = bool(odd)
        """Whether any name is no single word."""

    def find(self, text: str) -> list[Span]:
        """Return where names of lists stand alone in a text."""
        if not self._names:
            return []
        spans = [match.span() for match in WORD.finditer(text) if match.group() in self._names]
        if self._odd is None:
            return spans
        free = []
        end = 0
        for span in sorted({*spans, *(match.span() for match in self._odd.finditer(text))}, key=_longest_first):
            if span[0] >= end:
                free.append(span)
                end = span[1]
        return free


def _longest_first(span: Span) -> Span:
    return span[0], -span[1]


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A list's name where its items can hardly be meant."""

    name: str
    at: int
    """Where in the text."""
    message: str
    hint: str


def misplaced(text: str, spans: Sequence[Span], sizes: Mapping[str, int]) -> Iterator[Misplaced]:
    """Yield those names of lists that stand elsewhere than in a list of values; `sizes` are the lists' items."""
    waiting = iter(spans)
    span = next(waiting, None)
    inside_list: list[bool] = []
    before = ""
    for match in _TOKEN.finditer(text):
        piece = match.group()
        while span is not None and span[0] < match.end():
            name = text[slice(*span)]
            told = _quoted(name) if piece[0] in "\"'" else _told(name, before, inside_list, sizes[name])
            if told:
                yield Misplaced(name, span[0], *told)
            span = next(waiting, None)
        if span is None or piece in {'"', "'"}:  # the closing quote is missing: the parser says so
            return
        if piece == "(":
            inside_list.append(before in _BEFORE_LIST)
        elif piece == ")" and inside_list:
            inside_list.pop()
        before = piece


def _quoted(name: str) -> tuple[str, str]:
    hint = "if the word is meant, give the list another name"
    return f"the list '{name}' is put into quoted text", hint


def _told(name: str, before: str, inside_list: Sequence[bool], size: int) -> tuple[str, str] | None:
    if inside_list and inside_list[-1]:
        return None
    if before in _BEFORE_LIST:
        if size == 1:
            return None
        message = f"the list '{name}' has {size:,} items and stands without parentheses"
        return message, f"write {before} ({name})"
    message = f"the list '{name}' is put in place of a value after '{before}'"
    if before in _BEFORE_NUMBER:
        return message, "write the number itself"
    if before in _INSTEAD:
        instead = _INSTEAD[before].format(name=name, before=before)
        return message, f'{instead} if the list is meant, or "{name}" if the word is'
    message = f"the list '{name}' is put in place of a field or macro of that name"
    return message, "give the list another name"
