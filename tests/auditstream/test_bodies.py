"""Files into bodies: lines, documents, gzip; streamed; damage told and survived."""

import gzip
import json
import os
import threading
from io import BufferedReader, BytesIO
from pathlib import Path

import pytest

from auditstream import bodies
from auditstream.bodies import AuditFile, Body, Damage, open_files, read_bodies
from auditstream.usage import UsageError


def read(content: bytes) -> list[Body | Damage]:
    return list(read_bodies(BufferedReader(BytesIO(content))))


def numbered(*contents: bytes) -> list[Body | Damage]:
    return [Body(number, content) for number, content in enumerate(contents, start=1)]


def test_each_line_is_a_body() -> None:
    assert read(b'{"a":1}\n{"b":2}') == numbered(b'{"a":1}\n', b'{"b":2}')


def test_blank_lines_are_passed_over_and_counted() -> None:
    assert read(b'\n \r\n{"a":1}\r\n\n{"b":2}\n') == [Body(3, b'{"a":1}\r\n'), Body(5, b'{"b":2}\n')]


def test_an_empty_file_has_no_bodies() -> None:
    assert read(b"") == []
    assert read(b"\n\n") == []


def test_gzip_is_told_by_content_and_may_have_several_members() -> None:
    content = gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"b":2}\n')
    assert read(content) == numbered(b'{"a":1}\n', b'{"b":2}\n')


def test_a_byte_order_mark_is_dropped() -> None:
    assert read(b'\xef\xbb\xbf{"a":1}\n') == numbered(b'{"a":1}\n')


def test_a_document_over_many_lines_is_one_body() -> None:
    document = json.dumps({"items": [{"text": 'a "quoted" } ]'}, {"n": []}]}, indent=2).encode()
    assert read(b"\n" + document) == [Body(2, document)]


def test_documents_one_after_another_are_told_apart() -> None:
    first, second = (json.dumps({"n": {"deep": n}}, indent=4).encode() + b"\n" for n in (1, 2))
    assert read(first + b"\n" + second) == [Body(1, first), Body(7, second)]


def test_a_list_with_an_event_a_line_is_one_body() -> None:
    document = b'{"kind":"EventList","items":[\n{"a":1},\n{"b":2}\n]}\n'
    assert read(document) == [Body(1, document)]


def test_a_document_that_never_ends_is_one_body() -> None:
    assert read(b'{\n "a": [\n') == [Body(1, b'{\n "a": [\n')]


def test_a_broken_first_line_does_not_swallow_those_after_it() -> None:
    assert read(b'{"a":{"b"\n{"c":1}\n') == numbered(b'{"a":{"b"\n', b'{"c":1}\n')


@pytest.mark.parametrize("end", [b",", b"{", b"["])
def test_a_first_line_of_a_log_that_is_cut_off_anywhere_does_not_either(end: bytes) -> None:
    first = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":' + end + b"\n"
    assert read(first + b'{"c":1}\n') == numbered(first, b'{"c":1}\n')


def test_gzip_that_ends_too_early_gives_what_it_has_and_tells() -> None:
    content = gzip.compress(os.urandom(20000).hex().encode() + b"\n" + os.urandom(20000).hex().encode() + b"\n")
    found = read(content[:-5000])
    assert [type(part) for part in found] == [Body, Damage]
    detail = "Compressed file ended before the end-of-stream marker was reached; what follows in this file is lost"
    assert found[1] == Damage(2, "unreadable", detail)


def test_gzip_with_a_wrong_checksum_gives_what_it_has_and_tells() -> None:
    content = bytearray(gzip.compress(b'{"a":1}\n'))
    content[-8] ^= 0xFF
    found = read(bytes(content))
    assert [type(part) for part in found][-1] is Damage
    assert "CRC check failed" in str(found[-1])


def test_what_only_begins_like_gzip_is_told() -> None:
    assert read(b"\x1f\x8b garbage") == [
        Damage(1, "unreadable", "Unknown compression method; what follows in this file is lost")
    ]


def test_a_line_beyond_the_limit_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 10)
    assert read(b'{"a":1}\n' + b"x" * 35 + b'\n{"b":2}\n' + b"y" * 11) == [
        Body(1, b'{"a":1}\n'),
        Damage(2, "too_large", "more than 10 bytes"),
        Body(3, b'{"b":2}\n'),
        Damage(4, "too_large", "more than 10 bytes"),
    ]


def test_a_document_beyond_the_limit_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 20)
    assert read(b'{\n"a":1\n}\n{\n"b": "123456789",\n"c":[\n]\n}\n{\n"d":1\n}\n') == [
        Body(1, b'{\n"a":1\n}\n'),
        Damage(4, "too_large", "more than 20 bytes"),
        Body(9, b'{\n"d":1\n}\n'),
    ]


def test_a_line_beyond_the_limit_inside_a_document_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 10)
    assert read(b"{\n" + b"x" * 20 + b"\n}\n") == [Damage(2, "too_large", "more than 10 bytes"), Body(1, b"{\n}\n")]


def test_a_file_is_read_as_it_is_asked_for() -> None:
    raw = BytesIO(b'{"a":1}\n' * 100_000)
    found = read_bodies(BufferedReader(raw))
    next(found)
    assert raw.tell() < 100_000


def test_the_head_of_a_file_does_not_change_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n2\n3\n")
    file = AuditFile(str(path))
    assert next(file.head()) == Body(1, b"1\n")
    assert file.position == 0
    assert list(file.bodies()) == numbered(b"1\n", b"2\n", b"3\n")
    assert file.position == file.size == 6


def test_the_head_of_a_pipe_does_not_change_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"1\n2\n3\n",))
    writer.start()
    file = AuditFile(str(path))
    assert next(file.head()) == Body(1, b"1\n")
    assert list(file.bodies()) == numbered(b"1\n", b"2\n", b"3\n")
    assert file.size is None
    writer.join()


def test_a_file_that_goes_away_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"1\n")
    file = AuditFile(str(path))
    path.unlink()
    detail = f"cannot read {path}: No such file or directory; check the path and its permissions"
    assert list(file.bodies()) == [Damage(1, "unreadable", detail)]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["no.log"], "cannot read no.log: No such file or directory; check the path and its permissions"),
        (["logs/"], "logs/ is a folder: name the files in it, such as logs/*"),
        (["-", "-"], "standard input ('-') can be read only once: name it once"),
    ],
)
def test_what_cannot_be_read_is_refused_before_any_work(
    names: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        open_files(names)
    assert str(error.value) == expected


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError) as error:
        open_files(["-"])
    assert str(error.value) == "standard input ('-') is closed: pipe something into the command, or name a file"
