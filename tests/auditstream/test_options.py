"""The options that say which rules judge are the same wherever events are judged."""

import pytest
import typer

from auditstream.cli import app

CHOICE = {"--enable-rule", "--disable-rule", "--enable-tag", "--disable-tag", "--minimum-priority"}
RULES = {"--rules", "--no-pack", "--rule-matching", *CHOICE}


@pytest.mark.parametrize("command", ["replay", "serve", "process"])
def test_every_command_that_judges_has_them(command: str) -> None:
    group = typer.main.get_command(app)
    options = {option for parameter in group.commands[command].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert options >= RULES


def test_commands_that_do_not_judge_have_none() -> None:
    group = typer.main.get_command(app)
    options = {option for parameter in group.commands["ingest"].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert not options & RULES


@pytest.mark.parametrize("command", ["list", "check", "explain"])
def test_commands_that_show_rules_tell_which_would_be_on(command: str) -> None:
    group = typer.main.get_command(app).commands["rules"]  # type: ignore[attr-defined]
    options = {option for parameter in group.commands[command].params for option in parameter.opts}
    assert options >= CHOICE
