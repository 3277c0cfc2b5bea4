"""Unpacking gzip: all of it, in pieces, in bounded memory and time, and what cannot be read is told."""

import gzip
import tracemalloc
import zlib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.unpack import MAX_MEMBERS, PIECE_BYTES, BrokenGzipError, unpack

NOISE = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(100_000))


def refusal(packed: bytes) -> str:
    with pytest.raises(BrokenGzipError) as error:
        list(unpack(packed))
    return str(error.value)


@pytest.mark.parametrize("size", [0, 1, 65_536, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES])
@pytest.mark.parametrize("filling", [b"a", NOISE])
def test_all_comes_out_in_pieces(size: int, filling: bytes) -> None:
    content = (filling * (size // len(filling) + 1))[:size]
    pieces = list(unpack(gzip.compress(content, compresslevel=1)))

    assert b"".join(pieces) == content
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5), st.integers(min_value=0, max_value=9))
def test_members_and_padding_are_read_through(contents: list[bytes], padding: int) -> None:
    packed = b"".join(gzip.compress(content) + bytes(padding) for content in contents)
    assert b"".join(unpack(packed)) == b"".join(contents) == gzip.decompress(packed)


@given(st.binary(max_size=30), st.integers(min_value=0), st.binary(max_size=3))
def test_damage_is_told_or_does_not_matter(content: bytes, at: int, inserted: bytes) -> None:
    packed = gzip.compress(content, mtime=0)
    at %= len(packed) + 1
    damaged = packed[:at] + inserted + packed[at + len(inserted) :]
    try:
        told = b"".join(unpack(damaged))
    except BrokenGzipError as error:
        # Python's own reader takes some of it, such as flags that gzip has not defined.
        assert str(error).isprintable()
        assert damaged != packed
    else:
        assert told == content


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (b"", "gzip that breaks off"),
        (gzip.compress(b"abc", mtime=0)[:-1], "gzip that breaks off"),
        (gzip.compress(b"abc", mtime=0) + gzip.compress(b"abc", mtime=0)[:4], "gzip that breaks off"),
        (gzip.compress(NOISE, mtime=0)[: len(NOISE) // 2], "gzip that breaks off"),
        (b"hello, world", "damaged gzip: incorrect header check"),
        (zlib.compress(b"abc"), "damaged gzip: incorrect header check"),
        (gzip.compress(b"abc", mtime=0) + b"x", "gzip that breaks off"),
        (gzip.compress(b"abc", mtime=0) + b"xyz", "damaged gzip: incorrect header check"),
        (gzip.compress(b"abc", mtime=0)[:-8] + bytes(8), "damaged gzip: incorrect data check"),
    ],
)
def test_what_cannot_be_read_is_told(packed: bytes, text: str) -> None:
    assert refusal(packed) == text


def test_a_bomb_costs_no_more_than_what_is_asked_for() -> None:
    bomb = gzip.compress(bytes(64 * PIECE_BYTES)) * 160  # 10 GiB
    tracemalloc.start()
    pieces = [len(piece) for piece in islice(unpack(bomb), 100)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert sum(pieces) > 90 * PIECE_BYTES
    assert peak < 4 * PIECE_BYTES


def test_members_without_number_are_refused() -> None:
    nothing = gzip.compress(b"")
    assert b"".join(unpack(nothing * MAX_MEMBERS)) == b""
    assert refusal(nothing * (MAX_MEMBERS + 1)) == "gzip of more than 10000 members"
    assert refusal(nothing * 500_000) == "gzip of more than 10000 members"  # at once
