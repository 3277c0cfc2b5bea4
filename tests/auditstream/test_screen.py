"""What a person sees: the command run at a pseudo-terminal, with values an attacker chose."""

import os
import pty
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.screen import Screen
from tests.auditstream.conftest import COMMAND, without_time

if TYPE_CHECKING:
    from tests.auditstream.conftest import Line

Look = Callable[..., str]
# Colours and the cursor movements of the progress bar: all that we write ourselves.
COLOUR = re.compile(r"\x1b\[[\d;]*m")
MOVEMENT = re.compile(r"\x1b\[(\?25[lh]|\d*[AK])|\r(?!\n)")
HOSTILE = "\x1b[2J\x1b]0;title\x07[red]x[/red]\nFAKE \u202egnp.exe\x9b31m :bomb:"
SHOWN = r"\x1b[2J\x1b]0;title\x07[red]x[/red]\nFAKE \u202egnp.exe\x9b31m :bomb:"


@pytest.fixture
def look(folder: Path) -> Look:
    """Replay a file with a pseudo-terminal as standard output, standard error or both; return what it shows."""

    def run_at_terminal(*streams: str, variables: Mapping[str, str] | None = None) -> str:
        outer, inner = pty.openpty()
        process = subprocess.Popen(  # noqa: S603 - our own command
            [COMMAND, "replay", "--no-pack", "--rules", "rules.yaml", "a.log"],
            stdin=subprocess.DEVNULL,
            stdout=inner if "out" in streams else subprocess.DEVNULL,
            stderr=inner if "err" in streams else subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", **(variables or {})},
        )
        os.close(inner)
        shown = b""
        with process, os.fdopen(outer, "rb", buffering=0) as terminal:
            try:
                while chunk := terminal.read(4096):
                    shown += chunk
            except OSError:  # the way in which Linux says that nobody writes to it any more
                pass
        return shown.decode().replace("\r\n", "\n")

    return run_at_terminal


def test_hostile_values_are_shown_harmlessly(look: Look, line: "Line", folder: Path) -> None:
    target = {"resource": "pods", "namespace": "shop", "name": HOSTILE}
    (folder / "a.log").write_bytes(line(userAgent=HOSTILE, objectRef=target))
    shown = COLOUR.sub("", look("out"))
    assert shown == (
        f"2026-11-23T20:34:01.258Z  Warning        Pod created  pod {SHOWN} created by alice (agent={SHOWN})\n"
    )


def test_alerts_are_coloured_lines_at_a_terminal(look: Look, line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line() * 2)
    shown = look("out")
    assert shown.count("\n") == 2
    assert "\x1b[33mWarning" in shown


def test_no_color_is_heeded(look: Look, line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line())
    shown = look("out", variables={"NO_COLOR": "1"})
    assert "\x1b[3" not in shown
    assert "Warning" in shown


@pytest.mark.parametrize("streams", [("err",), ("out", "err")])
def test_the_bar_leaves_nothing_behind_but_alerts_and_summary(
    streams: tuple[str, ...], look: Look, line: "Line", folder: Path
) -> None:
    (folder / "a.log").write_bytes(line() * 200 + b"\x1b[2J\n")
    shown = look(*streams)
    plain = without_time(MOVEMENT.sub("", COLOUR.sub("", shown)))
    assert "replaying" in plain
    assert plain.isprintable() or set(plain) - {"\n"} == {c for c in plain if c.isprintable()}
    assert "a.log:201: not_json: expected an EventList or an Event, found no JSON\n" in plain
    assert plain.endswith("200 events read, 200 alerts, 1 rejected (1 not_json), TIME\n")
    assert plain.count("created by alice (agent=<NA>)\n") == (200 if "out" in streams else 0)


def test_colours_can_be_forced_without_changing_the_format(look: Look, line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line())
    command = [COMMAND, "replay", "--no-pack", "--rules", "rules.yaml", "a.log"]
    ended = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "FORCE_COLOR": "1"})  # noqa: S603 - our own command
    assert ended.stdout.startswith(b'{"audit_id":')
    assert ended.stderr.startswith(b"\x1b[1mclass")
    assert look("out").startswith("\x1b[2m2026-11-23T20:34:01.258Z")


def test_remarks_that_cannot_be_written_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stderr", full)
        Screen().note(["a remark"])
        with pytest.raises(OSError, match="No space left"):
            full.flush()
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_whoever_reads_what_is_shown_may_go_as_from_any_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = os.pipe()
    os.close(outer)
    with open(inner, "w") as nobody:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr("sys.stdout", nobody)
        with pytest.raises(BrokenPipeError):
            Screen(is_human=True).show(["an alert"])
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), inner)
