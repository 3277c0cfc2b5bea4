"""Files of what `kubectl get -o json` prints, into JSON documents. Called by `auditstream.import_command`.

A file holds one document or several behind one another: each over many lines, or a line each; gzip is told by content.
A file is held in memory once, and its documents are views of it. What is in them is not looked at.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final, cast

from auditstream.bodies import STANDARD_INPUT, open_stream, size_of
from auditstream.usage import UsageError

MAX_FILE_BYTES: Final = 1024 * 1024 * 1024
"""What a file may have, unpacked. `kubectl get pods -A -o json` has some 10 to 20 KB a pod."""

_PIECE_BYTES: Final = 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

_VISIBLE: Final = re.compile(rb"[^ \t\r\n]")
_BLANK: Final = b" \t\r\n"
_BRACKETS: Final = b"}]"


class UnreadableFileError(Exception):
    """A file cannot be read, or not further. The text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, and the line at which it begins; lines count from 1."""

    line: int
    content: memoryview


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A file named on the command line; `-` is standard input."""

    path: str
    limit: int = MAX_FILE_BYTES

    @property
    def name(self) -> str:
        """What it is called when something is told of it."""
        return "stdin" if self.path == STANDARD_INPUT else self.path

    def documents(self) -> Iterator[Document]:
        """Read the file and yield its documents; raise UnreadableFileError or UsageError before the first."""
        content = self._read()
        view = memoryview(content)
        begin, line = len(_BYTE_ORDER_MARK) if content.startswith(_BYTE_ORDER_MARK) else 0, 1
        while (first := _VISIBLE.search(content, begin)) is not None:
            line += content.count(b"\n", begin, first.start())
            begin = _end(content, first.start())
            yield Document(line, view[first.start() : begin])
            line += content.count(b"\n", first.start(), begin)

    def _read(self) -> bytearray:
        content = bytearray()
        try:
            with open_stream(self.path) as raw:
                stream = raw
                if raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):  # type: ignore[attr-defined]  # a BufferedReader
                    stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
                while piece := stream.read(_PIECE_BYTES):
                    content += piece
                    if len(content) > self.limit:
                        raise UnreadableFileError(
                            f"more than {self.limit} bytes: list fewer kinds or namespaces at once, in several files"
                        )
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFileError(f"{error}; write it anew") from None
        return content


def object_files(paths: Sequence[str]) -> list[ObjectFile]:
    """Return the files of these names; raise UsageError for the first that cannot be opened, before any is read."""
    if paths.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input ('-') can be read only once: name it once")
    for path in paths:
        if path != STANDARD_INPUT and size_of(path) is not None:  # a pipe can be opened only once
            open_stream(path).close()
    return [ObjectFile(path) for path in paths]


def _end(content: bytearray, begin: int) -> int:
    """Return where the document ends that begins there: before a line that begins with another, else with the file.

    Within JSON a line may begin with a brace too, but not behind a closing bracket: a comma would stand between them.
    """
    at = begin
    while (at := content.find(b"\n{", at)) >= 0:
        last = at
        while content[last] in _BLANK:
            last -= 1
        if content[last] in _BRACKETS:
            return at + 1
        at += 1
    return len(content)
