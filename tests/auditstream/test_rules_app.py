"""The commands `auditstream rules ...` as they are typed: help that fits, options, what cannot be typed."""

from typing import TYPE_CHECKING

import pytest

from tests.auditstream.conftest import Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

COMMANDS = ("check", "list", "explain", "test", "fields")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_plain_and_fits_a_terminal(command: str, run_here: "Run") -> None:
    ended = run_here("rules", command, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: auditstream rules {command}")
    assert ended.out.isascii()
    assert max(map(len, ended.out.splitlines())) <= 80


def test_the_overview_names_all_commands(run_here: "Run") -> None:
    ended = run_here("rules")
    assert [line.split()[0] for line in ended.out.split("Commands:\n")[1].splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("command", ["check", "explain"])
def test_what_is_asked_about_must_be_named(command: str, run_here: "Run") -> None:
    ended = run_here("rules", command)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("auditstream: Missing argument '")


def test_options_reach_the_load(run_here: "Run") -> None:
    switched = ("--disable-rule", "*", "--enable-rule", "Everything", "--minimum-priority", "info")
    given = ("--no-pack", "--rules", "rules.yaml", *switched)
    listed = run_here("rules", "list", *given)
    assert [line.split("  ")[0] for line in listed.out.splitlines() if "  yes  " in line] == ["Everything"]
    assert "\nenabled      yes\n" in run_here("rules", "explain", "Everything", *given).out
    checked = run_here("rules", "check", "rules.yaml", "--no-pack", *switched)
    assert checked == Ended(0, "ok: 2 rules (1 enabled), 0 macros, 0 lists in 1 file\n", "")
