"""The command as a whole: exit codes, one line an error, pipes, Ctrl-C."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream import cli, rules_app
from tests.auditstream.conftest import COMMAND, Ended, without_time

if TYPE_CHECKING:
    from tests.auditstream.conftest import Line, Run

REPLAY = [COMMAND, "replay", "--no-pack", "--rules", "rules.yaml"]


def test_version(run: "Run") -> None:
    assert run("--version") == Ended(0, f"auditstream {version('auditstream')}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("rules",), ("replay", "--help"), ("rules", "check", "--help")])
def test_help_is_plain_and_fits_a_terminal(arguments: tuple[str, ...], run: "Run") -> None:
    ended = run(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: auditstream")
    assert ended.out.isascii()
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ruls",), "No such command 'ruls'. Did you mean 'rules'?; see 'auditstream --help'"),
        (("replay",), "Missing argument 'FILE'; see 'auditstream replay --help'"),
        (
            ("replay", "--no-pakc", "a.log"),
            "No such option: --no-pakc (Possible options: --no-pack, --pack); see 'auditstream replay --help'",
        ),
        (
            ("replay", "--rule-matching", "some", "a.log"),
            "Invalid value for '--rule-matching': 'some' is not one of 'all', 'first'; see 'auditstream replay --help'",
        ),
        (
            ("replay", "--cluster", "A", "a.log"),
            "--cluster=A: string should match pattern '^[a-z0-9][a-z0-9.-]{0,62}$'",
        ),
        (("replay", "a.log"), "cannot read a.log: No such file or directory; check the path and its permissions"),
        (
            ("replay", "\x1b[31m.log"),
            r"cannot read \x1b[31m.log: No such file or directory; check the path and its permissions",
        ),
        (("replay", "."), ". is a folder: name the files in it, such as ./*"),
        (
            ("replay", "--rules", "no.yaml", "rules.yaml"),
            "cannot read no.yaml: no such file or folder; check the path of the rule files",
        ),
        (
            ("replay", "--no-pack", "--rules", "rules.yaml", "--enable-rule", "everythin", "rules.yaml"),
            "cannot enable the unknown rule 'everythin': did you mean 'Everything'?",
        ),
        (("rules", "check"), "Missing argument 'FILE'; see 'auditstream rules check --help'"),
    ],
)
def test_usage_errors_are_one_line_and_2(arguments: tuple[str, ...], expected: str, run: "Run") -> None:
    assert run(*arguments) == Ended(2, "", f"auditstream: {expected}\n")


def test_an_unknown_variable_is_a_usage_error(run: "Run") -> None:
    ended = run("demo", variables={"AUDITSTREAM_CLUSTR": "a"})
    expected = "auditstream: unknown variable AUDITSTREAM_CLUSTR: did you mean 'AUDITSTREAM_CLUSTER'?\n"
    assert ended == Ended(2, "", expected)


def test_an_internal_error_is_one_line_and_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LookupError("lost\x1b\nit")

    monkeypatch.setattr(sys, "argv", ["auditstream", "rules", "list"])
    monkeypatch.setattr(rules_app, "Screen", fail)
    line = fail.__code__.co_firstlineno + 1
    assert cli.main() == 70
    assert capsys.readouterr().err == (
        f"auditstream: internal error: LookupError: lost\\x1b\\nit ({__file__}:{line}); "
        "please report this line, and the command that led to it\n"
    )


@pytest.mark.parametrize("redirection", ["", "2>&1"])
def test_a_closed_pipe_ends_quietly(redirection: str, folder: Path, line: "Line") -> None:
    (folder / "a.log").write_bytes(line() * 5000)
    shell = f"{' '.join(REPLAY)} a.log {redirection} | head -1 | wc -l; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, check=True, timeout=60)  # noqa: S603, S607 - bash has PIPESTATUS
    assert (ended.stdout.split(), ended.stderr) == ([b"1", b"0"], b"")


def test_a_full_disk_is_one_line(folder: Path, line: "Line") -> None:
    (folder / "a.log").write_bytes(line())
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run([*REPLAY, "a.log"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)  # noqa: S603 - our own command
    expected = b"auditstream: cannot write the output: No space left on device; make room and run it again\n"
    assert (ended.returncode, ended.stderr) == (1, expected)


def test_closed_output_is_no_trouble(folder: Path, line: "Line") -> None:
    (folder / "a.log").write_bytes(line())
    shell = f"{' '.join(REPLAY)} a.log >&- 2>&-; echo $?"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, check=True, timeout=60)  # noqa: S603, S607 - the same
    assert (ended.stdout, ended.stderr) == (b"0\n", b"")


def test_ctrl_c_tells_what_was_judged_and_is_130(folder: Path, line: "Line") -> None:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*REPLAY, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line() * 100)
        process.stdin.flush()
        alerts = [process.stdout.readline() for _ in range(100)]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert alerts[0].startswith(b'{"audit_id":')
    assert (process.returncode, out) == (130, b"")
    assert without_time(err.decode()) == (
        "class       rule         priority  alerts\n"
        "suspicious  Pod created  Warning      100\n"
        "\n"
        "100 events read, 100 alerts, none rejected, TIME\n"
        "auditstream: stopped by Ctrl-C; what was printed until here is complete\n"
    )


def test_output_does_not_depend_on_the_locale(run: "Run", line: "Line") -> None:
    given = ("replay", "--no-pack", "--rules", "rules.yaml", "-", "é\udce9.log")
    ended = run(*given, stdin=line(), variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert ended.code == 2
    assert ended.err.startswith("auditstream: cannot read ")
    assert ended.err.count("\n") == 1


def test_rules_and_replay_need_no_kafka_client() -> None:
    code = "import sys, auditstream.cli; print([n for n in ('faust', 'aiokafka') if n in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=dict(os.environ))  # noqa: S603 - our own code
    assert ended.stdout == b"[]\n"
