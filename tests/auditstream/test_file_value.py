"""Values of files: read at the start, and anew when the files are others; what is broken changes nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditstream.file_value import MAX_BYTES, BrokenFileError, FileValue, read_file
from tests.unprivileged import as_nobody, open_folder


def number_in(*paths: Path) -> FileValue[int]:
    """Return the sum of the numbers in some files."""

    def read() -> int:
        texts = [read_file(path).decode().strip() for path in paths]
        for path, text in zip(paths, texts, strict=True):
            if not text.isdigit():
                raise BrokenFileError(f"{path.name} is no number")
        return sum(map(int, texts))

    return FileValue("the numbers", paths, read)


def test_what_does_not_change_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    value = number_in(tmp_path / "a")
    assert [value.look(), value.look(), value.value] == [None, None, 1]


def test_a_change_is_read_and_told_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    value = number_in(tmp_path / "a")
    (tmp_path / "a").write_text("22")
    assert [value.look(), value.value] == [None, 1]
    assert [value.look(), value.look(), value.value] == ["the numbers were read anew", None, 22]


def test_another_file_under_the_same_name_is_seen_though_it_is_as_old_and_as_large(tmp_path: Path) -> None:
    for name, text in (("one", "1"), ("two", "2")):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1_800_000_000, 1_800_000_000))
    (tmp_path / "now").symlink_to("one")
    value = number_in(tmp_path / "now")
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "now")
    assert [value.look(), value.look(), value.value] == [None, "the numbers were read anew", 2]


def test_a_broken_file_changes_nothing_and_is_told_once_when_it_stays_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    value = number_in(tmp_path / "a")
    (tmp_path / "a").write_text("x")
    assert [value.look() for _ in range(3)] == [None, "the numbers stay as they were: a is no number", None]
    (tmp_path / "a").unlink()
    assert [value.look() for _ in range(3)] == [
        None,
        f"the numbers stay as they were: cannot read {tmp_path / 'a'}: No such file or directory",
        None,
    ]
    assert value.value == 1
    (tmp_path / "a").write_text("3")
    assert [value.look(), value.look(), value.value] == [None, "the numbers were read anew", 3]


def test_files_that_belong_together_may_be_written_one_after_the_other(tmp_path: Path) -> None:
    paths = tmp_path / "a", tmp_path / "b"
    for path in paths:
        path.write_text("1")
    value = number_in(*paths)
    paths[0].write_text("x")
    assert value.look() is None
    paths[0].write_text("20")
    assert value.look() is None
    paths[1].write_text("300")
    assert [value.look(), value.look(), value.value] == [None, "the numbers were read anew", 320]


def test_what_is_written_and_put_back_before_the_next_look_is_read_though_it_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    value = number_in(tmp_path / "a")
    (tmp_path / "a").write_text("1")
    assert [value.look(), value.look(), value.value] == [None, "the numbers were read anew", 1]


@pytest.fixture
def path() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "a"


def test_a_file_that_could_not_be_read_is_read_as_soon_as_it_may_be(path: Path) -> None:
    path.write_text("1")
    value = number_in(path)
    path.chmod(0)
    with as_nobody():
        assert [value.look(), value.look()] == [
            None,
            (
                f"the numbers stay as they were: cannot read {path}: permission denied; "
                "let the user that runs this command read it"
            ),
        ]
    path.chmod(0o444)
    with as_nobody():
        assert [value.look(), value.look()] == [None, "the numbers were read anew"]


def test_what_is_wrong_at_the_start_is_raised(tmp_path: Path) -> None:
    with pytest.raises(BrokenFileError) as error:
        number_in(tmp_path)
    assert str(error.value) == f"{tmp_path} is no file: give one that can be read again when it changes"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BrokenFileError, match="is no file"):
        read_file(tmp_path / "pipe")


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1" * (MAX_BYTES + 1))
    with pytest.raises(BrokenFileError) as error:
        read_file(tmp_path / "a")
    assert str(error.value) == f"{tmp_path / 'a'} has more than 1048576 bytes: that is another file"
