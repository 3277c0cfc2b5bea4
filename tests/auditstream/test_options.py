"""The options that say which rules judge are the same wherever events are judged."""

import re

import pytest
import typer

from auditstream.cli import app
from auditstream.options import Chosen, takes_rule_options

CHOICE = {"--enable-rule", "--disable-rule", "--enable-tag", "--disable-tag", "--minimum-priority"}
RULES = {"--rules", "--no-pack", "--falco-config", "--rule-matching", *CHOICE}


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
    assert _options_of_rules(command) >= CHOICE


@pytest.mark.parametrize("command", ["list", "check", "explain", "test", "fields"])
def test_all_commands_on_rules_know_the_fields_of_an_installation(command: str) -> None:
    assert "--falco-config" in _options_of_rules(command)


@pytest.mark.parametrize("command", ["test", "fields"])
def test_where_all_rules_are_alike_nothing_switches_them(command: str) -> None:
    assert not _options_of_rules(command) & {*CHOICE, "--rules", "--rule-matching"}


def _options_of_rules(command: str) -> set[str]:
    group = typer.main.get_command(app).commands["rules"]  # type: ignore[attr-defined]
    return {option for parameter in group.commands[command].params for option in parameter.opts}


def test_a_setting_that_no_rule_option_is_for_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=re.escape("no rule option is for the setting no_packs, zzz")):
        takes_rule_options(without=("zzz", "rules", "no_packs"))


def test_a_command_that_does_not_take_what_is_chosen_is_refused_at_once() -> None:
    def command(*, choice: Chosen) -> None: ...

    with pytest.raises(ValueError, match=re.escape("command has no parameter 'chosen' for the rule options")):
        takes_rule_options()(command)
