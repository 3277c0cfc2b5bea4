"""Where JSON values begin and end, told by strings and brackets alone.

`split` comes here with what its decoder refuses as a whole: one bad escape, one invalid byte, one event nested far
too deep inside an otherwise good body. Nothing is decoded and nothing is judged but the balance of brackets, so that
the damage stays inside the slice that has it. Time is linear in the input, and nothing recurses.
"""

import re
from itertools import accumulate
from typing import Final

WHITESPACE: Final = b" \t\r\n"

# Possessive throughout: no text, however broken, makes these look at a byte twice.
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_TO_BRACKET: Final = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+", re.DOTALL)
_TO_BRACKET_OR_COMMA: Final = re.compile(rb'(?:[^"{}\[\],]++|' + _STRING + rb")*+", re.DOTALL)
_BRACKETS: Final = re.compile(rb"(?P<opening>[{\[]++)|[}\]]++")
_KEY: Final = re.compile(rb"\s*+(" + _STRING + rb")\s*+:", re.DOTALL)

# The closing quote is optional: a string that never ends must not be tried again from each quote inside it.
_STRING_OR_REST: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_AS_STEPS: Final = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")


MAX_MEMBERS: Final = 10_000
"""No envelope and no event has nearly so many members of its own; to list millions of them would cost gigabytes."""


def elements(value: bytes, limit: int | None = None) -> list[bytes] | None:
    """Return the elements of a JSON array as they stand, None when it does not balance.

    Where there are more than `limit`, the first of them only, one more than that.
    """
    return _pieces(value, limit) if value[:1] == b"[" else None


def members(value: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return the members of a JSON object as they stand, None when it does not balance, is none, or has too many.

    Each is a pair of the key, quotes and escapes kept, and the value; in their order, repeated keys repeated.
    """
    pieces = _pieces(value, MAX_MEMBERS) if value[:1] == b"{" else None
    if pieces is None or len(pieces) > MAX_MEMBERS:
        return None
    pairs = []
    for piece in pieces:
        key = _KEY.match(piece)
        if key is None:
            return None
        pairs.append((key[1], piece[key.end() :].strip(WHITESPACE)))
    return pairs


def is_deeper(value: bytes, limit: int) -> bool:
    """Tell whether arrays and objects are nested more than `limit` deep. Ordinary events are told by counting."""
    return value.count(b"{") + value.count(b"[") > limit and depth(value) > limit


def depth(value: bytes) -> int:
    """Return how deep arrays and objects are nested: 1 for `{}`, 0 for a string or number."""
    steps = _STRING_OR_REST.sub(b"", value).translate(_AS_STEPS, _NOT_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b"), initial=0))


def _pieces(value: bytes, limit: int | None) -> list[bytes] | None:
    """Return what stands between the commas of the one array or object that `value` is; None when it does not end.

    Stops at the first piece beyond the limit.
    """
    pieces: list[bytes] = []
    depth_here, begin, at = 1, 1, 1
    while True:
        # Brackets are taken a run at a time, so that deep nesting costs no more than its bytes.
        at = _skip(value, at, is_top=depth_here == 1)
        brackets = _BRACKETS.match(value, at)
        if brackets is None:
            if value[at : at + 1] != b",":
                return None
            pieces.append(value[begin:at].strip(WHITESPACE))
            if limit is not None and len(pieces) > limit:
                return pieces
            at += 1
            begin = at
            continue
        run = brackets.end() - at
        if brackets["opening"]:
            depth_here += run
        elif run < depth_here:
            depth_here -= run
        else:
            at += depth_here - 1
            break
        at = brackets.end()
    if value[at + 1 :].strip(WHITESPACE):
        return None
    last = value[begin:at].strip(WHITESPACE)
    return [*pieces, last] if pieces or last else []


def _skip(value: bytes, at: int, *, is_top: bool) -> int:
    found = (_TO_BRACKET_OR_COMMA if is_top else _TO_BRACKET).match(value, at)
    return found.end() if found else at  # both patterns match, if only nothing
