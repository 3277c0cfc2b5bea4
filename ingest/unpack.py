"""A gzip body into what it holds, a piece at a time. PURE.

Called by `ingest.webhook`, which counts the pieces and stops when they are too many: a bomb is never unpacked. Only
gzip is known here, with any number of members, as `cat a.gz b.gz` makes them.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final

PIECE_BYTES: Final = 1024 * 1024
"""What one piece holds at most."""

MAX_MEMBERS: Final = 10_000
"""Members cost time even where they hold nothing. bgzip, which makes most, makes one of every 64 KiB."""

# zlib copies what it has not used at the end of each piece and member: little at a time keeps that linear.
_FEED_BYTES: Final = 64 * 1024
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_PADDING: Final = re.compile(rb"\0*+")


class BrokenGzipError(Exception):
    """It is no gzip, or breaks off, or is damaged. The text says which, in words of our own or of zlib's."""


def unpack(packed: bytes) -> Iterator[bytes]:
    """Yield what gzip holds, in pieces; raise BrokenGzipError where it cannot be read further."""
    at = 0
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(wbits=_GZIP_WINDOW)
        while not member.eof:
            fed = packed[at : at + _FEED_BYTES]
            if not fed:
                raise BrokenGzipError("gzip that breaks off")
            at += len(fed)
            yield from _pieces(member, fed)
        at -= len(member.unused_data)
        padding = _PADDING.match(packed, at)
        at = padding.end() if padding else at  # it matches, if only nothing
        if at == len(packed):
            return
    raise BrokenGzipError(f"gzip of more than {MAX_MEMBERS} members")


def _pieces(member: "zlib._Decompress", fed: bytes) -> Iterator[bytes]:
    # After its end a member may show what follows it as its tail too.
    while fed and not member.eof:
        try:
            piece = member.decompress(fed, PIECE_BYTES)
        except zlib.error as error:
            # Such as: Error -3 while decompressing data: incorrect header check.
            raise BrokenGzipError(f"damaged gzip: {str(error).rpartition(': ')[2]}") from None
        fed = member.unconsumed_tail
        if piece:
            yield piece
