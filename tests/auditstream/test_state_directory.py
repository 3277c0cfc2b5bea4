"""Whose a folder is, what is made in it, and the one line for each thing that can be wrong with it."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from auditstream.state_directory import VERSION, opened_state, read_state
from auditstream.usage import UsageError
from processor.state import NEVER, stored
from tests.unprivileged import as_nobody, open_folder

VALUE = stored(1, NEVER, b"value")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Name a folder with a state in which something is remembered."""
    with opened_state(tmp_path / "state") as state:
        for key in (b"one/a", b"one/b", b"two/a"):
            state[key] = VALUE
        state.commit()
    return tmp_path / "state"


def _changed(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "state.db")) as connection:
        connection.execute(statement)


def _refused(directory: Path) -> str:
    with pytest.raises(UsageError) as raised, opened_state(directory):
        pass
    return str(raised.value)


def _not_read(directory: Path) -> str:
    with pytest.raises(UsageError) as raised, read_state(directory):
        pass
    return str(raised.value)


# --- to go on with it -----------------------------------------------------------------------------------------------


def test_what_was_committed_is_there_again_and_what_was_not_is_not(directory: Path) -> None:
    with opened_state(directory) as state:
        assert (list(state), state.get(b"one/a")) == ([b"one/a", b"one/b", b"two/a"], VALUE)
        del state[b"one/a"]
    with opened_state(directory) as state:
        assert state.get(b"one/a") == VALUE


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with opened_state(tmp_path / "new" / "state") as state:
            state[b"one/a"] = VALUE
            state.commit()
            modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new" / "state").iterdir()}
            assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("lock", "state.db", "state.db-shm", "state.db-wal"), 0o600)


def test_one_at_a_time_has_it(directory: Path) -> None:
    with opened_state(directory):
        assert _refused(directory) == (
            f"the state in {directory} is in use by another process; end that one, or name another folder with --state"
        )
    with opened_state(directory):
        pass


def test_a_new_file_in_which_nothing_was_written_yet_is_begun(directory: Path) -> None:
    (directory / "state.db").write_bytes(b"")
    with opened_state(directory) as state:
        assert len(state) == 0


def test_the_disk_is_waited_for_at_every_commit(directory: Path) -> None:
    with opened_state(directory) as state:
        asked = state._ask("PRAGMA synchronous"), state._ask("PRAGMA journal_mode")  # noqa: SLF001 - nothing else tells
    assert asked == ([(2,)], [("wal",)])


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_one_line(directory: Path, content: bytes) -> None:
    (directory / "state.db").write_bytes(content)
    told = (
        f"the state in {directory / 'state.db'} cannot be used: file is not a database; "
        "move its folder away to begin with nothing known, or name another with --state"
    )
    assert (_refused(directory), _not_read(directory)) == (told, told)
    assert (directory / "state.db").read_bytes() == content


def test_a_damaged_file_is_one_line_when_the_damage_is_met(directory: Path) -> None:
    whole = (directory / "state.db").read_bytes()
    (directory / "state.db").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    told = (
        f"the state in {directory / 'state.db'} cannot be used: database disk image is malformed; "
        "move its folder away to begin with nothing known, or name another with --state"
    )
    with pytest.raises(UsageError) as raised, opened_state(directory) as state:
        state.get(b"one/a")
    assert str(raised.value) == told
    assert _not_read(directory) == told


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    _changed(tmp_path, "CREATE TABLE theirs (a)")
    before = (tmp_path / "state.db").read_bytes()
    told = f"{tmp_path / 'state.db'} is a database of something else; name another folder with --state"
    assert (_refused(tmp_path), _not_read(tmp_path)) == (told, told)
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_newer_version_is_refused(directory: Path) -> None:
    _changed(directory, f"PRAGMA user_version = {VERSION + 1}")
    told = (
        f"the state in {directory / 'state.db'} has version {VERSION + 1}, this auditstream knows {VERSION}: run the "
        "version that wrote it, or move its folder away to begin with nothing known, or name another with --state"
    )
    assert (_refused(directory), _not_read(directory)) == (told, told)


def test_a_folder_that_cannot_be_made_or_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    way_on = "name another folder with --state"
    assert _refused(tmp_path / "file") == f"cannot keep the state in {tmp_path / 'file'}: File exists; {way_on}"
    below = tmp_path / "file" / "below"
    assert _refused(below) == f"cannot keep the state in {below}: Not a directory; {way_on}"
    with open_folder() as closed:
        closed.chmod(0o555)
        made = closed / "made"
        with as_nobody():
            assert _refused(closed) == f"cannot keep the state in {closed}: Permission denied; {way_on}"
            assert _refused(made) == f"cannot keep the state in {made}: Permission denied; {way_on}"


def test_a_database_that_is_for_somebody_else_is_one_line() -> None:
    with open_folder() as folder:
        folder.chmod(0o777)
        (folder / "state.db").write_bytes(b"")
        (folder / "state.db").chmod(0o400)
        with as_nobody():
            assert _refused(folder) == (
                f"cannot keep the state in {folder / 'state.db'}: Permission denied; name another folder with --state"
            )


# --- to look into it ------------------------------------------------------------------------------------------------


def test_it_is_read_by_prefix_and_in_order(directory: Path) -> None:
    with read_state(directory) as state:
        assert list(state.pairs()) == [(b"one/a", VALUE), (b"one/b", VALUE), (b"two/a", VALUE)]
        assert list(state.pairs(b"one/")) == [(b"one/a", VALUE), (b"one/b", VALUE)]
        assert list(state.pairs(b"three/")) == []
        assert (state.get(b"two/a"), state.get(b"two/b")) == (VALUE, None)


def test_it_is_read_while_a_process_has_it_as_of_one_moment(directory: Path) -> None:
    with opened_state(directory) as state:
        state[b"one/c"] = VALUE
        state.commit()
        state[b"one/d"] = VALUE
        with read_state(directory) as read:
            pairs = read.pairs(b"one/")
            assert next(pairs) == (b"one/a", VALUE)
            state.commit()
            del state[b"one/b"]
            state.commit()
            assert [key for key, _ in pairs] == [b"one/b", b"one/c"]
        with read_state(directory) as read:
            assert [key for key, _ in read.pairs(b"one/")] == [b"one/a", b"one/c", b"one/d"]


def test_what_is_left_of_a_reader_does_not_keep_the_next_process_away(directory: Path) -> None:
    with read_state(directory) as read:
        assert next(read.pairs())
        with opened_state(directory) as state:
            state[b"one/a"] = stored(1, NEVER, b"new")
            state.commit()
        assert read.get(b"one/a") == VALUE


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[Path]:
    """Name a folder without a state."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    yield tmp_path
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["empty", "file"]


@pytest.mark.parametrize("name", ["empty", "missing", "file"])
def test_where_there_is_nothing_it_says_so_and_makes_nothing(nothing: Path, name: str) -> None:
    assert _not_read(nothing / name) == (
        f"no state is in {nothing / name}: name the folder in which 'auditstream serve --state' keeps one"
    )


def test_a_state_that_is_not_begun_is_none(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"")
    assert _not_read(tmp_path).startswith(f"no state is in {tmp_path}: ")


def test_a_state_that_may_not_be_read_is_one_line(directory: Path) -> None:
    directory.chmod(0)
    with as_nobody():
        assert re.fullmatch(
            r"cannot read \S+: Permission denied; read it as the user who keeps it", _not_read(directory)
        )


def test_rights_that_are_missing_are_told_and_not_taken_for_damage() -> None:
    with open_folder() as folder:
        with opened_state(folder / "state"):
            pass
        (folder / "state").chmod(0o555)
        (folder / "state" / "state.db").chmod(0o644)
        with as_nobody():
            told = _not_read(folder / "state")
        (folder / "state").chmod(0o755)
        # What of it is missing first differs between versions of SQLite.
        assert re.fullmatch(
            r"the state in \S+ cannot be used: (unable to open database file|attempt to write a readonly database); "
            "this user has to have the right to write to its folder",
            told,
        )


def test_damage_that_is_met_while_reading_is_one_line(directory: Path) -> None:
    with opened_state(directory) as state:
        for number in range(1000):
            state[b"one/%d" % number] = stored(1, NEVER, bytes(1000))
        state.commit()
    whole = (directory / "state.db").read_bytes()
    (directory / "state.db").write_bytes(whole[:65536] + bytes(len(whole) - 65536))
    with (
        pytest.raises(UsageError, match="cannot be used: database disk image is malformed; "),
        read_state(directory) as read,
    ):
        assert list(read.pairs())
