"""What stands between brackets in a glob: which bytes it is, and where the pattern goes on behind it.

It is read as glibc's `fnmatch` reads it in its plain locale, with all that is odd there. Two things stand out: a set
that is not closed is a `[` as any other byte; and behind the member that a byte is, glibc reads on in another way than
before it, so that the set may end elsewhere for some bytes. Called by `rules.patterns`. Spec section 1.7.
"""

import re
import string
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

Ways = dict[int, set[int]]
"""Where a pattern goes on, and for which bytes; nowhere for all others."""

_NAMED: Final = {
    "alpha": string.ascii_letters.encode(),
    "digit": string.digits.encode(),
    "alnum": (string.ascii_letters + string.digits).encode(),
    "upper": string.ascii_uppercase.encode(),
    "lower": string.ascii_lowercase.encode(),
    "space": string.whitespace.encode(),
    "blank": b" \t",
    "punct": string.punctuation.encode(),
    "graph": bytes(range(33, 127)),
    "print": bytes(range(32, 127)),
    "cntrl": bytes((*range(32), 127)),
    "xdigit": string.hexdigits.encode(),
}

_NAME: Final = re.compile(rb":([a-y]*):\]")
"""Of letters up to `y`: no name has a `z`, and glibc takes none."""

_SAME: Final = re.compile(rb"=([^\0])=\]", re.DOTALL)

_END: Final = b"\0"
_BRACKET: Final = ord("[")
_ESCAPE: Final = ord("\\")


_ALL: Final = bytes(range(256))
_FOLDED: Final = {False: _ALL, True: _ALL.lower()}
"""Each byte as it is compared: where letter case does not count, a capital letter as its small one."""

_REST: Final = re.compile(
    rb"""(?: [^][\\\0]++ | \\[^\0] | \[:[a-y]*:\] | \[=[^\0]=\] | \[\.[^\0]*?\.\] | \[(?![=.]) )* (\])?""",
    re.DOTALL | re.VERBOSE,
)
"""What stands behind a member that a byte is, as far as it can be read."""


def read_set(pattern: bytes, start: int, *, folds_case: bool) -> Ways:
    """Return the bytes of the set whose `[` stands right before a place, by where the pattern goes on."""
    reading = _Set(pattern, start, folds_case=folds_case)
    reading.read()
    return reading.ways


@lru_cache(maxsize=1024)
def _between(first: int, last: int, *, folds_case: bool) -> frozenset[int]:
    """Return the bytes of a range."""
    return frozenset(byte for byte, compared in enumerate(_FOLDED[folds_case]) if first <= compared <= last)


class _Set:
    """A set as it is read: members in turn, each of which takes its bytes from those that are left."""

    def __init__(self, pattern: bytes, start: int, *, folds_case: bool) -> None:
        self.ways: Final[Ways] = {}
        self._pattern: Final = pattern + 4 * _END
        self._start: Final = start
        self._folds_case: Final = folds_case
        self._folded: Final = _FOLDED[folds_case]
        self._is_negated: Final = pattern[start : start + 1] in {b"!", b"^"}
        self._at = start + self._is_negated
        # Of a set that nothing closes only the byte `[` can fit: that spares patterns of many such sets much time.
        self._left = set(range(256)) if b"]" in pattern[start:] else {_BRACKET}

    def read(self) -> None:
        """Find all ways on."""
        self._go(self._left, self._read_members(), is_member=False)

    def _go(self, those: set[int], end: int | None, *, is_member: bool) -> None:
        """Take note of bytes for which the set ends at a place: at its start if it is not closed, None if in ruins."""
        if end == self._start:
            those = those & {_BRACKET}
        elif end is None or is_member is self._is_negated:
            return
        if those:
            self.ways.setdefault(end, set()).update(those)

    def _take(self, members: Iterable[int]) -> None:
        """Take the bytes of the member that was read last."""
        those = self._left.intersection(members)
        self._left -= those
        if those:
            self._go(those, self._skip_rest(), is_member=True)

    def _next(self) -> int:
        self._at += 1
        return self._pattern[self._at - 1]

    def _ahead(self, *texts: bytes) -> bool:
        return self._pattern.startswith(texts, self._at)

    def _read_members(self) -> int | None:
        """Read all members and return where the set ends for a byte that is none of them."""
        is_first = True
        while self._left and (is_first or not self._ahead(b"]")):
            is_first = False
            if self._ahead(_END):
                return self._start
            if not self._read_member():
                return None
        return self._at + 1

    def _read_member(self) -> bool:
        """Read one member. Tell whether it is one: what is not spoils the set for bytes not found before it."""
        byte = self._next()
        if byte == _ESCAPE:
            return not self._ahead(_END) and self._read_range(self._folded[self._next()])
        if byte != _BRACKET:
            return self._read_range(self._folded[byte])
        if (name := _NAME.match(self._pattern, self._at)) is not None:
            self._at = name.end()
            named = _NAMED.get(name[1].decode())
            self._take(named or b"")
            return named is not None
        if (same := _SAME.match(self._pattern, self._at)) is not None:
            self._at = same.end()
            self._take(same[1])
            return True
        if self._ahead(b"."):
            symbol = self._read_symbol()
            return symbol is not None and self._read_range(symbol, is_symbol=True)
        return self._read_range(_BRACKET)

    def _read_symbol(self) -> int | None:
        """Read the rest of `[.x.]` and return the byte, None where it is not one byte alone."""
        begin, end = self._at + 1, self._pattern.find(b".]", self._at + 1)
        if end != begin + 1:
            return None
        self._at = end + 2
        return self._pattern[begin]

    def _read_range(self, first: int, *, is_symbol: bool = False) -> bool:
        """Take a byte, or the range that it begins. Tell whether the range has an end."""
        is_range = self._ahead(b"-") and not self._ahead(b"-" + _END)
        # Before `-]` a symbol is neither: glibc looks for the bracket in one of two places only.
        if not is_range or (not is_symbol and self._ahead(b"-]")):
            self._take([first] if is_symbol else _between(first, first, folds_case=self._folds_case))
        if not self._ahead(b"-") or self._ahead(b"-]"):
            return True
        self._at += 1
        byte = self._next()
        if byte == _BRACKET and self._ahead(b"."):
            last = self._read_symbol()
        else:
            last = self._folded[self._next() if byte == _ESCAPE else byte]
        if not last:
            return False
        self._take(_between(first, last, folds_case=self._folds_case))
        return True

    def _skip_rest(self) -> int | None:
        """Return where the set ends behind a member that fits; glibc looks for the `]` alone, in a way of its own."""
        rest = _REST.match(self._pattern, self._at)
        if rest is None or rest[1]:
            return rest and rest.end()
        return self._start if self._pattern.startswith(_END, rest.end()) else None
