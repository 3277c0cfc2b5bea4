r"""Copies of events that the API server can read and our decoder cannot, changed so that both read the same.

An attacker can put a lone surrogate, invalid UTF-8, a number beyond all numbers or endless nesting into the body of a
patch, which the API server logs as it came. `split` publishes what these functions return, so that no such body hides
its event from the rules, and sends the original to the dead letter. Bytes in, bytes out; what has nothing to mend is
returned as it is.
"""

import math
import re
from typing import Final

import msgspec

from ingest import scan

TRUNCATED: Final = "audit.k8s.io/truncated"
"""The API server's own annotation for an event that lost its objects because of its size."""

# Any escape is consumed whole, so that a backslash which is itself escaped never begins one. Go's decoder reads a high
# surrogate with a low one after it as a pair, and any other surrogate as one U+FFFD.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_STRING_OR_NUMBER: Final = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?|(?P<number>-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)',
    re.DOTALL,
)
_ESCAPED_BYTES: Final = re.compile("[\udc80-\udcff]")

# No longer than any number that it stands for, the shortest being `2e308`: mending numbers makes no event larger.
_LARGEST: Final = b"1e308"


def mend_text(value: bytes) -> bytes:
    r"""Return JSON with lone surrogate escapes and bytes that are not UTF-8 replaced by U+FFFD, as Go reads them."""
    if not _is_utf8(value):
        # Go reads each invalid byte as one U+FFFD, where Python's own replacement takes several at once.
        value = _ESCAPED_BYTES.sub("\ufffd", value.decode(errors="surrogateescape")).encode()
    # Only where there is a surrogate at all: looking at each escape of a large body is slow.
    return _ESCAPE.sub(_mend_escape, value) if rb"\ud" in value or rb"\uD" in value else value


def mend_numbers(value: bytes) -> bytes:
    """Return JSON with every number beyond the range of a double brought back to its edge, the sign kept."""
    return _STRING_OR_NUMBER.sub(_mend_number, value)


def shorten(value: bytes) -> bytes:
    """Return an event without its request and response objects, marked as truncated as the API server marks it."""
    members = scan.members(value)
    if members is None:
        return value
    named = [(_name(key), key, member) for key, member in members]
    annotations = next((member for name, _, member in reversed(named) if name == "annotations"), b"null")
    kept = [key + b":" + member for name, key, member in named if name not in _LEFT_OUT]
    return b"{" + b",".join([*kept, b'"annotations":' + _mark(annotations)]) + b"}"


_LEFT_OUT: Final = frozenset({"requestObject", "responseObject", "annotations"})


def _mark(annotations: bytes) -> bytes:
    others = [key + b":" + member for key, member in scan.members(annotations) or [] if _name(key) != TRUNCATED]
    return b"{" + b",".join([*others, b'"' + TRUNCATED.encode() + b'":"true"']) + b"}"


def _name(key: bytes) -> str | None:
    """Return what a key says, None of a broken one, which is left for the decoder to refuse."""
    try:
        return msgspec.json.decode(key, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mend_escape(found: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if found["lone"] else found[0]


def _mend_number(found: re.Match[bytes]) -> bytes:
    number = found["number"]
    if number is None or math.isfinite(float(number)):
        return found[0]
    return b"-" + _LARGEST if number.startswith(b"-") else _LARGEST
