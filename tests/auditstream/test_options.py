"""The options that say which rules judge are the same wherever events are judged."""

import pytest
import typer

from auditstream.cli import app

RULES = {"--rules", "--no-pack", "--rule-matching", "--enable-rule"}


@pytest.mark.parametrize("command", ["replay", "serve", "process"])
def test_every_command_that_judges_has_them(command: str) -> None:
    group = typer.main.get_command(app)
    options = {option for parameter in group.commands[command].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert options >= RULES


def test_commands_that_do_not_judge_have_none() -> None:
    group = typer.main.get_command(app)
    options = {option for parameter in group.commands["ingest"].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert not options & RULES
