"""JSON that is decoded a level at a time, when a rule asks.

Most rules look at the head of an event and never at its bodies, so a value stays raw bytes until somebody looks
inside. Staying raw also keeps what a decoder would lose and the language shows: how a number was written, the order
of members, the escapes of nested text. Used by `rules.event`; the bytes were checked by whoever made the event.
"""

import re
from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLANKS: Final = re.compile(rb'("(?:[^"\\]++|\\.)*+")|[ \t\r\n]+', re.DOTALL)
_HAS_BLANK: Final = re.compile(rb"[ \t\r\n]")

_TOKEN: Final = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"|[\[{][ \t\r\n]*+[\]}])+|[\[\]{}]', re.DOTALL)
"""A bracket or brace, or all up to the next; an array or object of nothing is as good as a number."""

_DEEPER: Final = {b"{": 1, b"}": -1}
_BRACKETS: Final = frozenset({b"[", b"]"})

_BRACE: Final = ord("{")
_BRACKET: Final = ord("[")
_QUOTE: Final = ord('"')

_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_string = msgspec.json.Decoder(str).decode
_decode_whole = msgspec.json.Decoder(float_hook=str).decode  # as text: a number may be beyond any float


def until_nul(text: str) -> str:
    """Return a text up to its first NUL, where the reference's strings end: no constant could equal what holds one."""
    return text if "\0" not in text else text[: text.index("\0")]


def _flat(array: bytes | msgspec.Raw) -> bytes:
    """Return an array with the arrays directly within it opened: `[1,[2,[{"a":[3]}]],[]]` is `[1,2,{"a":[3]},[]]`."""
    tokens = _TOKEN.findall(array)
    depths = accumulate(map(_DEEPER.get, tokens, repeat(0)))
    return b"[%b]" % b"".join(
        [token for token, depth in zip(tokens, depths, strict=True) if depth or token not in _BRACKETS]
    )


class _Unread:
    """Stands where nobody has looked yet."""


_UNREAD: Final = _Unread()


class Value:
    """One JSON value: object, array, string, or anything else. What was looked at once is remembered."""

    # By hand: there are many of these in an event, and `cached_property` takes a lock before Python 3.12.
    __slots__ = ("_buffer", "_elements", "_first", "_members", "_objects", "_raw", "_string", "_text")

    def __init__(self, buffer: bytes | msgspec.Raw) -> None:
        self._buffer: Final = buffer
        self._first: Final = memoryview(buffer)[0]
        self._raw: bytes | None = None
        self._members: dict[str, Value] | _Unread | None = _UNREAD
        self._elements: list[Value] | _Unread | None = _UNREAD
        self._objects: Sequence[Value | None] | _Unread | None = _UNREAD
        self._string: str | _Unread | None = _UNREAD
        self._text: str | None = None

    @property
    def raw(self) -> bytes:
        """The value's bytes, no blanks around it. A copy: what is only looked into needs none."""
        if self._raw is None:
            self._raw = bytes(self._buffer)
        return self._raw

    @property
    def members(self) -> "dict[str, Value] | None":
        """The members of an object, the last of equal names; None for anything that is not an object."""
        if isinstance(self._members, _Unread):
            is_object = self._first == _BRACE
            self._members = (
                {name: Value(raw) for name, raw in _decode_members(self._buffer).items()} if is_object else None
            )
        return self._members

    @property
    def elements(self) -> "list[Value] | None":
        """The elements of an array; None for anything that is not an array."""
        if isinstance(self._elements, _Unread):
            is_array = self._first == _BRACKET
            self._elements = [Value(raw) for raw in _decode_elements(self._buffer)] if is_array else None
        return self._elements

    @property
    def objects(self) -> "Sequence[Value | None] | None":
        """The elements of an array that are objects, None for each other; None for anything that is not an array.

        An array within it counts as its elements, however deep, but for an empty one. All are opened at once: each
        decoded by itself, the innermost would be read as often as it is deep.
        """
        if isinstance(self._objects, _Unread):
            self._objects = self._found_objects() if self._first == _BRACKET else None
        return self._objects

    def _found_objects(self) -> "Sequence[Value | None] | None":
        found = _decode_elements(self._buffer)
        firsts = {memoryview(raw)[0] for raw in found}
        if firsts == {_BRACE}:  # as nearly always: what is looked up in them is remembered for all who ask
            return self.elements
        if _BRACKET in firsts:
            found = _decode_elements(_flat(self._buffer))
        return [Value(raw) if memoryview(raw)[0] == _BRACE else None for raw in found]

    @property
    def string(self) -> str | None:
        """The content of a string, whole; None for anything that is not a string."""
        if isinstance(self._string, _Unread):
            self._string = _decode_string(self._buffer) if self._first == _QUOTE else None
        return self._string

    @property
    def text(self) -> str:
        """What conditions see: a string's content, else compact JSON in its own spelling; up to the first NUL."""
        if self._text is None:
            whole = self.compact.decode() if self.string is None else self.string
            self._text = until_nul(whole)
        return self._text

    @property
    def compact(self) -> bytes:
        """The JSON without blanks between its tokens."""
        if _HAS_BLANK.search(self.raw) is None:
            return self.raw
        return _BLANKS.sub(rb"\1", self.raw)

    def is_true(self) -> bool:
        """Tell whether this is JSON's `true` (not the text)."""
        return self.raw == b"true"

    def member(self, name: str) -> "Value | None":
        """Return an object's member; None where there is none or this is no object."""
        members = self.members
        return None if members is None else members.get(name)

    def at(self, *path: str) -> "Value | None":
        """Return what stands at the end of a path of members; None where a step is missing."""
        value: Value | None = self
        for name in path:
            if value is None:
                return None
            value = value.member(name)
        return value

    def decode(self) -> object:
        """Return the whole value as Python objects; numbers with a fraction or exponent as text."""
        return _decode_whole(self._buffer)
