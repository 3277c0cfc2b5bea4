"""Which rules the options switch on and off, in which order, and what is told of names that no rule has."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.rule_choice import falco_config_of, selection_of
from auditstream.settings import Settings
from rules.items import Priority
from rules.ruleset import Matching
from rules.selection import Choice, Selection

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


def test_all_that_switches_off_comes_before_all_that_switches_on() -> None:
    settings = Settings(
        enable_rules=("a",),
        enable_tags=("b",),
        disable_rules=("*",),
        disable_tags=("c",),
        minimum_priority=Priority.ERROR,
        rule_matching=Matching.FIRST,
    )
    choices = (
        Choice(enables=False, pattern="*"),
        Choice(enables=False, tag="c"),
        Choice(enables=True, pattern="a"),
        Choice(enables=True, tag="b"),
    )
    assert selection_of(settings) == Selection(choices, Priority.ERROR, Matching.FIRST)
    assert selection_of(Settings()) == Selection()
    assert selection_of(Settings(minimum_priority=Priority.DEBUG)) == Selection(minimum_priority=Priority.DEBUG)


@pytest.mark.parametrize(
    ("options", "on"),
    [
        ((), "yes no"),
        (("--enable-rule", "Every*", "--disable-rule", "*"), "no yes"),
        (("--disable-rule", "*", "--enable-rule", "Every*"), "no yes"),
        (("--enable-tag", "class_every_event"), "yes yes"),
        (("--disable-tag", "pods"), "no no"),
        (("--enable-rule", "*", "--minimum-priority", "warning"), "yes no"),
    ],
)
def test_options_switch_rules_on_and_off(run: "Run", options: tuple[str, ...], on: str) -> None:
    ended = run("rules", "list", "--no-pack", "--rules", "rules.yaml", *options)
    assert (ended.code, ended.err) == (0, "")
    shown = [word for line in ended.out.splitlines() for word in line.split() if word in {"yes", "no"}]
    assert " ".join(shown) == on


@pytest.mark.parametrize("command", [("rules", "check", "rules.yaml"), ("rules", "list", "--rules", "rules.yaml")])
@pytest.mark.parametrize("what", ["enable", "disable"])
def test_a_name_that_no_rule_has_is_refused(run: "Run", command: tuple[str, ...], what: str) -> None:
    ended = run(*command, "--no-pack", f"--{what}-rule", "Evrything")
    told = f"auditstream: cannot {what} the unknown rule 'Evrything': did you mean 'Everything'?\n"
    assert (ended.code, ended.out, ended.err) == (2, "", told)


def test_patterns_and_tags_that_fit_no_rule_are_told(run: "Run") -> None:
    options = ("--disable-rule", "Node *", "--enable-rule", "Pod *", "--disable-tag", "nobody", "--enable-tag", "pods")
    ended = run("rules", "check", "--no-pack", "rules.yaml", *options)
    assert (ended.code, ended.err) == (
        0,
        "auditstream: no rule is called 'Node *'\nauditstream: no rule has the tag 'nobody'\n",
    )
    assert ended.out == "ok: 2 rules (1 enabled), 0 macros, 0 lists in 1 file\n"


def test_the_settings_answer_what_they_say(tmp_path: Path) -> None:
    assert falco_config_of(Settings()) is None
    path = tmp_path / "falco.yaml"
    config = falco_config_of(Settings(falco_config=path, rule_matching=Matching.ALL, minimum_priority=Priority.DEBUG))
    assert config is not None
    assert (config.path, config.answered) == (path, frozenset({"rule_matching"}))


FALCO = """\
rule_matching: first
priority: warning
rules:
  - disable: {rule: "*"}
  - enable: {rule: Every*}
"""


@pytest.mark.parametrize(
    ("options", "on"),
    [
        ((), "no no"),
        (("--minimum-priority", "debug"), "no yes"),
        (("--minimum-priority", "debug", "--disable-tag", "class_every_event"), "no no"),
        (("--enable-rule", "Pod created"), "yes no"),
    ],
)
def test_options_come_after_what_a_falco_yaml_says(run: "Run", folder: Path, options: tuple[str, ...], on: str) -> None:
    (folder / "falco.yaml").write_text(FALCO)
    command = ("rules", "list", "--no-pack", "--rules", "rules.yaml", "--falco-config", "falco.yaml")
    ended = run(*command, *options, variables={"AUDITSTREAM_RULE_MATCHING": "all"})
    assert (ended.code, ended.err) == (0, "")
    assert " ".join(word for line in ended.out.splitlines() for word in line.split() if word in {"yes", "no"}) == on


def test_what_a_falco_yaml_says_in_vain_is_told_until_it_is_answered(run: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text(FALCO)
    command = ("rules", "list", "--no-pack", "--rules", "rules.yaml", "--falco-config", "falco.yaml")
    ended = run(*command)
    assert ended.code == 0
    assert ended.err == (
        "falco.yaml:1:1: warning: 'rule_matching' is not taken from here: all rules that match alert "
        "[LOAD_UNKNOWN_KEY]\n"
    )
    ended = run(*command, variables={"AUDITSTREAM_RULE_MATCHING": "first"})
    assert (ended.code, ended.err) == (0, "")
