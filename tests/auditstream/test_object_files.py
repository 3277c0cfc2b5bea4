"""Files into documents: where one ends and the next begins, and what cannot be read."""

import gzip
import io
import os
import threading
from pathlib import Path

import pytest

from auditstream.object_files import ObjectFile, UnreadableFileError, object_files
from auditstream.usage import UsageError

PRETTY = b'{\n    "items": [\n        {\n            "a": "}\\n{"\n        },\n{\n"b": [\n{}]\n}\n    ]\n}\n'


def documents(path: Path) -> list[tuple[int, bytes]]:
    return [(each.line, bytes(each.content).strip()) for each in ObjectFile(str(path)).documents()]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b" \n\r\n\t", []),
        (b"{}", [(1, b"{}")]),
        (PRETTY, [(1, PRETTY.strip())]),
        (b"\n\n" + PRETTY + b"\n" + PRETTY, [(3, PRETTY.strip()), (15, PRETTY.strip())]),
        (b'{"a":1}\n{"b":2}\r\n{"c":3}\n', [(1, b'{"a":1}'), (2, b'{"b":2}'), (3, b'{"c":3}')]),
        (b'[1]\n{"b":2}', [(1, b"[1]"), (2, b'{"b":2}')]),
        (b"[\n{},\n{}\n]", [(1, b"[\n{},\n{}\n]")]),
        (b"\xef\xbb\xbf{}\n", [(1, b"{}")]),
        (b"kind: List\n", [(1, b"kind: List")]),
        (b"\n{", [(2, b"{")]),
    ],
)
def test_documents_end_where_another_begins(tmp_path: Path, content: bytes, expected: list[tuple[int, bytes]]) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(content)
    assert documents(path) == expected


def test_gzip_is_told_by_content(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(gzip.compress(PRETTY))
    assert documents(path) == [(1, PRETTY.strip())]


def test_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(PRETTY,))
    writer.start()
    (file,) = object_files([str(path)])
    assert [each.line for each in file.documents()] == [1]
    writer.join()


def test_standard_input_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"{}"))))
    file = ObjectFile("-")
    assert (file.name, [bytes(each.content) for each in file.documents()]) == ("stdin", [b"{}"])


def test_damaged_gzip_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "list.json.gz"
    path.write_bytes(gzip.compress(os.urandom(4_000))[:2_000])
    with pytest.raises(UnreadableFileError, match=r"^Compressed file ended .*; write it anew$"):
        list(ObjectFile(str(path)).documents())


def test_a_file_beyond_the_limit_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(gzip.compress(b" " * 5_000_000))
    with pytest.raises(UnreadableFileError) as error:
        list(ObjectFile(str(path), limit=4_000_000).documents())
    assert str(error.value) == "more than 4000000 bytes: list fewer kinds or namespaces at once, in several files"


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        (["-", "-"], "standard input ('-') can be read only once: name it once"),
        (["none.json"], "cannot read none.json: No such file or directory; check the path and its permissions"),
        (["."], ". is a folder: name the files in it, such as ./*"),
    ],
)
def test_what_cannot_be_opened_is_told_before_anything_is_read(folder: Path, paths: list[str], text: str) -> None:
    (folder / "list.json").write_bytes(b"{}")
    with pytest.raises(UsageError) as error:
        object_files(["list.json", *paths])
    assert str(error.value) == text
