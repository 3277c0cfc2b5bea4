"""`auditstream demo`: the events that ship, replayed as a user's own would be. Called by `auditstream.cli`."""

import sys
from contextlib import ExitStack
from importlib.resources import as_file, files
from typing import Final

from auditstream.bodies import open_files
from auditstream.replay_command import run_replay
from auditstream.screen import Screen
from auditstream.settings import Settings
from rules.text import escape

_BEFORE: Final = """\
These audit events were recorded from a real API server. Every line is an alert.
"""
_AFTER: Final = """
How to go on:
  {command} replay /var/log/kubernetes/audit.log
      judges your own audit log, .gz too; in a pipe alerts are JSON lines
  {command} rules list
      shows the rules that judged these events
  {command} replay --rules my.yaml audit.log
      judges with rules of your own besides, in Falco's language: README.md has one to begin with"""


def run_demo(settings: Settings) -> int:
    """Replay the samples and return the exit code."""
    # Alerts are for a person here, wherever the output goes.
    screen = Screen(is_human=True)
    with ExitStack() as stack:
        samples = sorted((files("auditstream") / "samples").iterdir(), key=lambda entry: entry.name)
        names = [
            str(stack.enter_context(as_file(entry)))
            for entry in samples
            if entry.name.endswith((".jsonl.gz", ".jsonl"))
        ]
        screen.note([_BEFORE])
        code = run_replay(open_files(names), settings, screen)
    # As it was called: in a checkout the command is not on the PATH.
    screen.note([_AFTER.format(command=escape(sys.argv[0]))])
    return code
