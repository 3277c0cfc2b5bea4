"""The commands that need Kafka: help that fits, and what is said where the client libraries are missing."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

COMMANDS = (("topics", "create"), ("alerts",), ("ingest",), ("process",))


@pytest.mark.parametrize("arguments", [("topics",), *((*each, "--help") for each in COMMANDS)])
def test_help_is_plain_and_fits_a_terminal(arguments: tuple[str, ...], run: "Run") -> None:
    ended = run(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: auditstream")
    assert ended.out.isascii()
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", COMMANDS)
def test_without_the_extra_it_says_what_to_install(arguments: tuple[str, ...]) -> None:
    code = f"import sys; sys.modules['aiokafka'] = None; sys.argv = ['auditstream', *{arguments!r}]\n"
    code += "from auditstream.cli import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("auditstream: this needs Kafka's client libraries, of which ")
    assert ended.stderr.endswith(" is missing: install 'auditstream[kafka]'\n")
