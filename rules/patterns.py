r"""Patterns that conditions hold: globs, regular expressions, prefixes of paths. Made at load, asked for every event.

All of it takes time linear in the value, whatever the pattern: RE2 does the matching. Globs and paths are matched byte
by byte, as the reference's C library does in its plain locale. Called by `rules.operators`. Spec sections 1.6 and 1.7.
"""

import re
from collections.abc import Iterable
from typing import Final

import re2

from rules.brackets import read_set
from rules.text import text_bytes


class PatternError(Exception):
    """A pattern that cannot be used; the text says why. Raised and caught within a load."""


_MAX_GLOB_MEMORY: Final = 2**20
"""Bytes that a glob may take: 255 bytes of pattern need far less, and values of events may be patterns too."""


def _options(*, is_bytes: bool) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = is_bytes
    if is_bytes:
        options.max_mem = _MAX_GLOB_MEMORY
        options.encoding = re2.Options.Encoding.LATIN1
        options.dot_nl = True
    else:
        options.posix_syntax = True  # no \d, no (?i): RE2's POSIX mode is the reference's
        options.longest_match = True
    return options


_POSIX: Final = _options(is_bytes=False)
_BYTES: Final = _options(is_bytes=True)


class Regex:
    """A regular expression that the whole of a value has to fit; bytes of it that are no text count as U+FFFD."""

    __slots__ = ("_expression",)

    def __init__(self, pattern: str) -> None:
        try:
            self._expression: Final = re2.compile(text_bytes(pattern), _POSIX)
        except re2.error as error:
            raise PatternError(_reason(error)) from None

    def matches(self, value: str) -> bool:
        """Tell whether the whole value fits."""
        content = value.encode() if value.isascii() else text_bytes(value).decode(errors="replace").encode()
        return self._expression.fullmatch(content) is not None


def _reason(error: re2.error) -> str:
    reason = error.args[0] if error.args else b""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


_UNIT: Final = re.compile(
    rb"(?P<star>\*+)|(?P<any>\?)|(?P<set>\[)|(?P<broken>\\\Z)|\\(?P<escaped>.)|(?P<plain>.)", re.DOTALL
)
"""One piece of a glob, of a set between brackets its beginning; after a backslash at the end nothing matches."""

_NOTHING: Final = rb"[^\x00-\xff]"

_MAX_EXPRESSION: Final = 2**15
"""Bytes of the expression that a glob makes. It takes a dozen sets that end elsewhere for some bytes to have more."""


class Glob:
    """A pattern of `*`, `?` and sets between brackets that the whole of a value has to fit, byte by byte."""

    __slots__ = ("_expression",)

    def __init__(self, pattern: str, *, folds_case: bool = False) -> None:
        expression = _Expression(text_bytes(pattern), folds_case=folds_case).read()
        self._expression: Final = re2.compile(expression, _BYTES)

    def matches(self, value: str) -> bool:
        """Tell whether the whole value fits."""
        return self._expression.fullmatch(text_bytes(value)) is not None


class _Expression:
    """A glob on its way to a regular expression over bytes."""

    def __init__(self, pattern: bytes, *, folds_case: bool) -> None:
        self._pattern: Final = pattern
        self._folds_case: Final = folds_case
        self._sets: Final[dict[int, dict[int, bytes]]] = {}
        self._size = 0

    def read(self, at: int = 0) -> bytes:
        """Return the expression of what stands from a place on."""
        pieces: list[bytes] = []
        while (unit := _UNIT.match(self._pattern, at)) is not None:
            ways = self._ways(unit) if self._size <= _MAX_EXPRESSION else {}
            self._size += sum(map(len, ways.values()))
            if len(ways) != 1:
                either = [piece + self.read(end) for end, piece in ways.items()]
                return b"".join([*pieces, b"(?:", b"|".join(either or [_NOTHING]), b")"])
            ((at, piece),) = ways.items()
            pieces.append(piece)
        return b"".join(pieces)

    def _ways(self, unit: re.Match[bytes]) -> dict[int, bytes]:
        """Return what a piece matches, by where the pattern goes on."""
        end = unit.end()
        if unit["broken"]:
            return {}
        if unit["star"]:
            return {end: b".*"}
        if unit["any"]:
            return {end: b"."}
        if unit["set"]:
            if end not in self._sets:
                ways = read_set(self._pattern, end, folds_case=self._folds_case)
                self._sets[end] = {after: _any_of(members) for after, members in ways.items()}
            return self._sets[end]
        return {end: _any_of(_cases((unit["escaped"] or unit["plain"])[0], folds_case=self._folds_case))}


def _cases(byte: int, *, folds_case: bool) -> set[int]:
    one = bytes([byte])
    return {*one.lower(), *one.upper()} if folds_case else {byte}


def _any_of(members: set[int]) -> bytes:
    """Return what matches one byte of these."""
    return b"[" + b"".join(rb"\x%02x" % member for member in sorted(members)) + b"]"


class PathPrefixes:
    """Paths, one of which a value has to begin with, part by part; a part may be a glob. Empty parts do not count."""

    __slots__ = ("_root",)

    def __init__(self, paths: Iterable[str]) -> None:
        self._root: Final = _Folder()
        for path in paths:
            folder = self._root
            for part in _parts(path):
                folder = folder.take(part)
            folder.is_end = True

    def matches(self, value: str) -> bool:
        """Tell whether the value begins with one of the paths."""
        folders = [self._root]
        for part in _parts(value):
            if any(folder.is_end for folder in folders):
                return True
            folders = [inner for folder in folders for inner in folder.enter(part)]
            if not folders:
                return False
        return any(folder.is_end for folder in folders)


class _Folder:
    """What may stand at one place of the paths."""

    __slots__ = ("_globs", "_names", "is_end")

    def __init__(self) -> None:
        self._names: Final[dict[str, _Folder]] = {}
        self._globs: Final[dict[str, tuple[Glob, _Folder]]] = {}
        self.is_end = False

    def take(self, part: str) -> "_Folder":
        if not _HAS_GLOB.search(part):
            return self._names.setdefault(part, _Folder())
        if part not in self._globs:
            self._globs[part] = (Glob(part), _Folder())
        return self._globs[part][1]

    def enter(self, part: str) -> list["_Folder"]:
        inner = [self._names[part]] if part in self._names else []
        return inner + [folder for glob, folder in self._globs.values() if glob.matches(part)]


_HAS_GLOB: Final = re.compile(r"[?*\[]")


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
