"""The real command in a process of its own, and small audit logs and rule files for it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("auditstream"))

RULES = """\
- rule: Pod created
  desc: A pod was created.
  condition: ka.verb = create and ka.target.resource = pods
  output: pod %ka.target.name created by %ka.user.name (agent=%ka.useragent)
  priority: WARNING
  source: k8s_audit
  tags: [class_suspicious, pods]
- rule: Everything
  desc: Any event.
  condition: ka.verb exists
  output: "%ka.verb by %ka.user.name"
  priority: INFO
  source: k8s_audit
  enabled: false
  tags: [class_every_event]
"""


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str
    """With the seconds and events a second of the summary left out."""


Run = Callable[..., Ended]
Line = Callable[..., bytes]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep variables of whoever runs the tests away from the commands."""
    for name in os.environ:
        if name.upper().startswith("AUDITSTREAM_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AUDITSTREAM_HOSTNAME", "node-1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder in which commands run, with `rules.yaml` in it."""
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run the command to its end; in its input, and with variables of its own."""

    def run_command(*arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Ended:
        ended = subprocess.run(  # noqa: S603 - our own command
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), without_time(ended.stderr.decode()))

    return run_command


@pytest.fixture
def replay(run: Run) -> Run:
    """Run `auditstream replay` with the rules of the folder alone."""

    def run_replay(*arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Ended:
        given = ("replay", "--no-pack", "--rules", "rules.yaml", *arguments)
        return run(*given, stdin=stdin, variables=variables)

    return run_replay


@pytest.fixture
def line(make_record: Callable[..., object]) -> Line:
    """Make a line of an audit log, some members of which are others."""

    def make(**members: object) -> bytes:
        value = make_record(**members).value  # type: ignore[attr-defined]  # a Record
        return b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",' + bytes(value[1:]) + b"\n"

    return make


def without_time(text: str) -> str:
    return re.sub(r"\d+\.\d\d s, [\d,]+ events/s", "TIME", text)
