"""Audit files into bodies: what `ingest.split` takes, and where it stood. Called by `auditstream.replay`.

A file holds a body a line (the API server's log, or an EventList a line), or JSON documents over several lines each;
gzip is told by content. It is streamed: no more than one body is in memory. What is in a body is not looked at.
"""

import gzip
import re
import stat
import sys
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Final, cast

from auditstream.usage import UsageError

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""A longer line or document is passed over: memory has to end somewhere. A full batch of the API server's webhook is
far below."""

HEAD_BODIES: Final = 100
"""How far `AuditFile.head` looks into a file."""

STANDARD_INPUT: Final = "-"

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# No line break may stand in a JSON string, so that the strings of a line can be told without the lines before it.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?')
_UNFINISHED: Final = (b"{", b"[", b",")
_LOG_LINE: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/'


@dataclass(frozen=True, slots=True)
class Body:
    """One body, and the line at which it begins; lines count from 1."""

    line: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """What could not be read, from a line on."""

    line: int
    reason: str
    detail: str


class AuditFile:
    """A file named on the command line; `-` is standard input. A pipe can be read only once, and is opened at once."""

    def __init__(self, name: str) -> None:
        self.name: Final = "stdin" if name == STANDARD_INPUT else name
        self.size: Final = None if name == STANDARD_INPUT else size_of(name)
        """Bytes on disk, None for what is no regular file."""
        self.position = 0
        """How many of these bytes were read."""
        self._path: Final = name
        self._seen: Final[list[Body | Damage]] = []
        self._rest: Final = self._read(open_stream(name)) if self.size is None else None
        if self.size is not None:
            open_stream(name).close()

    def head(self) -> Iterator[Body | Damage]:
        """Return the first bodies; `bodies` gives them again."""
        if self._rest is None:
            try:
                with closing(self._reopen()) as bodies:
                    yield from islice(bodies, HEAD_BODIES)
            finally:
                self.position = 0
            return
        for body in islice(self._rest, HEAD_BODIES):
            self._seen.append(body)
            yield body

    def bodies(self) -> Iterator[Body | Damage]:
        """Return all bodies in their order, and what could not be read."""
        if self._rest is None:
            return self._reopen()
        return chain(self._seen, self._rest)

    def _reopen(self) -> Generator[Body | Damage]:
        try:
            stream = open_stream(self._path)
        except UsageError as error:  # it was there when the command started
            yield Damage(1, "unreadable", str(error))
            return
        yield from self._read(stream)

    def _read(self, raw: IO[bytes]) -> Iterator[Body | Damage]:
        with raw:
            for body in read_bodies(raw):
                if self.size is not None:
                    self.position = raw.tell()
                yield body
        self.position = self.size or 0


def open_files(names: Sequence[str]) -> list[AuditFile]:
    """Return the files of these names; raise UsageError for the first that cannot be read, before any is."""
    if names.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input ('-') can be read only once: name it once")
    return [AuditFile(name) for name in names]


def size_of(name: str) -> int | None:
    """Return the bytes that a file has on disk, None for what is no regular file.

    Raises UsageError for what is not there, and for a folder.
    """
    try:
        status = Path(name).stat()
    except OSError as error:
        raise _unreadable(name, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{name} is a folder: name the files in it, such as {name.rstrip('/')}/*")
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def open_stream(name: str) -> IO[bytes]:
    """Open a file, or standard input; raise UsageError if that cannot be."""
    if name == STANDARD_INPUT:
        if sys.stdin is None:
            raise UsageError("standard input ('-') is closed: pipe something into the command, or name a file")
        return sys.stdin.buffer
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f"cannot read {name}: {error.strerror}; check the path and its permissions")


def read_bodies(raw: IO[bytes]) -> Iterator[Body | Damage]:
    """Return the bodies of a stream that has just been opened, until its end or until it cannot be read further."""
    lines = _lines(raw)
    for line in lines:
        if isinstance(line, Damage) or line.content.strip():
            rest = chain([line], lines)
            yield from _documents(rest) if isinstance(line, Body) and _is_unfinished(line) else _each_line(rest)


def _lines(raw: IO[bytes]) -> Iterator[Body | Damage]:
    number = 0
    try:
        stream = raw
        if raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):  # type: ignore[attr-defined]  # both are BufferedReader
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
        while line := stream.readline(MAX_BODY_BYTES + 1):
            number += 1
            if len(line) > MAX_BODY_BYTES:
                yield _too_large(number)
                while line and not line.endswith(b"\n"):
                    line = stream.readline(MAX_BODY_BYTES)
            else:
                yield Body(number, line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line)
    except (OSError, EOFError, zlib.error) as error:
        # What was read before is good. What follows is out of reach: gzip cannot be entered in the middle.
        yield Damage(number + 1, "unreadable", f"{error}; what follows in this file is lost")


def _is_unfinished(line: Body) -> bool:
    """Tell whether the first line of a file is the beginning of a document over many lines.

    It decides for the whole file: a line of a log that was cut off anywhere must not swallow those after it.
    """
    return line.content.rstrip().endswith(_UNFINISHED) and not line.content.startswith(_LOG_LINE)


def _each_line(lines: Iterator[Body | Damage]) -> Iterator[Body | Damage]:
    return (line for line in lines if isinstance(line, Damage) or line.content.strip())


def _documents(lines: Iterator[Body | Damage]) -> Iterator[Body | Damage]:
    """Return the documents that lines make together: each ends where its brackets close, or with the file."""
    pieces: list[bytes] = []
    begin = size = depth = 0
    for line in lines:
        if isinstance(line, Damage):
            yield line
            continue
        if not size:
            begin = line.line
        bare = _STRING.sub(b"", line.content)
        depth += bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")
        size += len(line.content)
        if size <= MAX_BODY_BYTES:
            pieces.append(line.content)
        else:
            pieces.clear()
        if depth <= 0:
            yield from _document(begin, pieces, size)
            pieces = []
            size = depth = 0
    yield from _document(begin, pieces, size)


def _document(begin: int, pieces: list[bytes], size: int) -> Iterator[Body | Damage]:
    content = b"".join(pieces)
    if size > MAX_BODY_BYTES:
        yield _too_large(begin)
    elif content.strip():
        yield Body(begin, content)


def _too_large(line: int) -> Damage:
    return Damage(line, "too_large", f"more than {MAX_BODY_BYTES} bytes")
