"""What is told where the rules that a command asks for are not there, or cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.rule_loading import waiting
from rules.ruleset import Ruleset
from rules.selection import Choice, Selection
from tests.auditstream.conftest import Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        (("list", "--falco-config", "."), "cannot read .: no such file", "check the path of the falco.yaml"),
        (("list", "--rules", "no.yaml"), "cannot read no.yaml: no such file or folder",
         "check the path of the rule files"),
        (("explain", "Everything", "--rules", "no.yaml"), "cannot read no.yaml: no such file or folder",
         "check the path of the rule files"),
        (("test", "no"), "cannot read no: no such file or folder", "check the path of the rule files"),
        (("fields", "--falco-config", "no.yaml"), "cannot read no.yaml: no such file",
         "check the path of the falco.yaml"),
    ],
)  # fmt: skip
def test_machines_are_told_of_a_missing_file_too(
    command: tuple[str, ...], message: str, hint: str, run_here: "Run"
) -> None:
    ended = run_here("rules", *command, "--format", "json")
    assert (ended.code, ended.err) == (2, f"auditstream: {message}; {hint}\n")
    told = json.loads(ended.out)
    assert (told["successful"], told["warnings"]) == (False, [])
    assert [(problem["code"], problem["message"], problem["hint"]) for problem in told["errors"]] == [
        ("LOAD_ERR_FILE_READ", message, hint)
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("list", "--rules", "bad"),
        ("explain", "Everything", "--rules", "bad"),
        ("test", "bad"),
        ("fields", "--falco-config", "bad/bad.yaml"),
    ],
)
def test_machines_are_told_of_a_refused_load_by_every_command(
    command: tuple[str, ...], run_here: "Run", folder: Path
) -> None:
    (folder / "bad").mkdir()
    (folder / "bad" / "bad.yaml").write_text("static_fields: [a]\n")
    text = run_here("rules", *command)
    assert (text.code, text.out) == (1, "")
    assert text.err.startswith("error: ")
    ended = run_here("rules", *command, "--format", "json")
    assert (ended.code, ended.err) == (1, "")
    told = json.loads(ended.out)
    assert (told["successful"], len(told["errors"])) == (False, 1)
    assert f"error: {told['errors'][0]['message']} [" in text.err


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_configuration_that_is_not_there_is_2(run: "Run", name: str) -> None:
    told = f"auditstream: cannot read {name}: no such file; check the path of the falco.yaml\n"
    assert run("rules", "list", "--rules", "rules.yaml", "--falco-config", name) == Ended(2, "", told)


WAITING = """\
- list: mine
  items: []
- list: yours
  items: [mine]
- rule: A
  desc: d
  condition: ka.verb in (mine, yours)
  output: o
  priority: INFO
  source: k8s_audit
  enabled: false
  tags: ["needs_list:mine", "needs_list:yours", "needs_list:nobodys"]
"""


def test_rules_that_wait_for_a_list_are_told_in_one_line(make_ruleset: Callable[..., Ruleset]) -> None:
    told = "auditstream: 1 rule is off and waits for a list of yours (docs/rules.md): 'A' (mine, yours)"
    assert waiting(make_ruleset(WAITING)) == [told]
    assert waiting(make_ruleset(WAITING, "- list: mine\n  items: [get]\n")) == []
    assert waiting(make_ruleset(WAITING, selection=Selection((Choice(enables=True, pattern="A"),)))) == []
    many = WAITING + "".join(
        f"- {{rule: B{number}, desc: d, condition: ka.verb exists, output: o, priority: INFO, source: k8s_audit, "
        'enabled: false, tags: ["needs_list:mine"]}\n'
        for number in range(20)
    )
    (line,) = waiting(make_ruleset(many))
    assert line.startswith("auditstream: 21 rules are off and wait for a list of yours (docs/rules.md): 'A' (mine, ")
    assert line.endswith("'B18' (mine) and 1 more")


def test_commands_say_which_rules_wait_and_warn_of_those_that_are_on(run_here: "Run", folder: Path) -> None:
    (folder / "waiting.yaml").write_text(WAITING)
    told = "auditstream: 1 rule is off and waits for a list of yours (docs/rules.md): 'A' (mine, yours)\n"
    for options in ((), ("--format", "json")):
        assert run_here("rules", "list", "--no-pack", "--rules", "waiting.yaml", *options).err == told
    on = run_here("rules", "list", "--no-pack", "--rules", "waiting.yaml", "--enable-rule", "A")
    assert on.err == "".join(
        f"waiting.yaml:5:3: warning: this rule is on, and its list '{name}' is empty: fill the list or switch the rule "
        "off [LOAD_NEEDED_LIST_EMPTY]\n"
        for name in ("mine", "yours")
    )
    strict = run_here("rules", "check", "--strict", "--no-pack", "waiting.yaml", "--enable-rule", "A")
    assert (strict.code, strict.out.splitlines()[-1]) == (1, "not ok: 2 warnings, and --strict allows none")
    assert "  hint: in a file of your own, write `- list: yours` and its `items`\n" in strict.out
    assert run_here("rules", "check", "--strict", "--no-pack", "waiting.yaml").code == 0
