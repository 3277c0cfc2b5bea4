"""The demo: it runs anywhere, shows people what they would see, and says how to go on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


def test_the_demo_shows_alerts_for_people_even_in_a_pipe(run: "Run") -> None:
    ended = run("demo", variables={"AUDITSTREAM_RULES": "rules.yaml", "AUDITSTREAM_NO_PACK": "true"})
    assert ended.code == 0
    assert "  Warning        Pod created  pod " in ended.out
    assert "\x1b" not in ended.out


def test_the_demo_tells_what_it_shows_and_how_to_go_on(run: "Run") -> None:
    err = run("demo").err
    assert err.startswith("These audit events were recorded from a real API server. Every line is an alert.\n")
    shown, _, after = err.partition("How to go on:\n")
    assert ", none rejected, " in shown
    command = str(Path(sys.executable).parent / "auditstream")
    assert after == (
        f"  {command} replay /var/log/kubernetes/audit.log\n"
        "      judges your own audit log, .gz too; in a pipe alerts are JSON lines\n"
        f"  {command} rules list\n"
        "      shows the rules that judged these events\n"
        f"  {command} replay --rules my.yaml audit.log\n"
        "      judges with rules of your own besides, in Falco's language: README.md has one to begin with\n"
    )


def test_the_demo_tells_of_many_rules(run: "Run") -> None:
    rules = {line.split("  ")[1] for line in run("demo").err.splitlines() if line.startswith("suspicious  ")}
    assert len(rules) >= 9


def test_the_samples_are_sound(run: "Run") -> None:
    assert ", none rejected, " in run("demo").err
