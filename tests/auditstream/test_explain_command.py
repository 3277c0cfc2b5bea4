"""`auditstream rules explain`."""

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.auditstream.conftest import COMMAND, Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

MINE = """\
- list: kinds
  items: [secrets, "config maps", configmaps]
- macro: looked_at
  condition: ka.verb in (get, list, watch) and ka.target.resource in (kinds)
- rule: Somebody looks
  desc: >
    A person reads what
    is none of theirs.
  condition: looked_at and not ka.user.name startswith 'system:'
  output: Read (user=%ka.user.name verb=%toupper(ka.verb))
  priority: WARNING
  source: k8s_audit
  tags: [theirs, mine]
  exceptions:
    - {name: known, fields: ka.user.name, values: [alice, bob]}
"""
ALONE = ("--no-pack", "--rules", "mine.yaml")


@pytest.fixture
def mine(folder: Path) -> Path:
    path = folder / "mine.yaml"
    path.write_text(MINE)
    return path


@pytest.mark.usefixtures("mine")
def test_a_rule_is_explained_with_all_that_its_names_stand_for(run_here: "Run") -> None:
    assert run_here("rules", "explain", "Somebody looks", *ALONE, "--show-source") == Ended(
        0,
        """\
rule         Somebody looks
description  A person reads what is none of theirs.
priority     Warning
enabled      yes
tags         mine, theirs
defined in   mine.yaml:5

condition
  (
      (ka.verb in (get, list, watch) and ka.target.resource in (secrets, "config maps", configmaps))
      and not ka.user.name startswith system:
  )
  and not ka.user.name in (alice, bob)

fields that it reads
  field               in         type  list  what it is
  ka.verb             both       text  -     The verb: create, get, patch, deletecollection, ...
  ka.target.resource  condition  text  -     The object's resource, such as pods.
  ka.user.name        both       text  -     The authenticated user, never an impersonated one.

output
  Read (user=%ka.user.name verb=%toupper(ka.verb))

source
  def matches(values):
      return (
          (
              (
                  values[ka_verb] in {'get', 'list', 'watch'}
                  and values[ka_target_resource] in {'config maps', 'configmaps', 'secrets'}
              )
              and not ((v := values[ka_user_name]) is not None and v.startswith('system:'))
          )
          and not (values[ka_user_name] in {'alice', 'bob'})
      )
""",
        "",
    )


@pytest.mark.usefixtures("mine")
def test_without_being_asked_for_source_is_not_shown(run_here: "Run") -> None:
    ended = run_here("rules", "explain", "Somebody looks", *ALONE)
    assert ended.out.endswith("\noutput\n  Read (user=%ka.user.name verb=%toupper(ka.verb))\n")


@pytest.mark.usefixtures("mine")
def test_machines_get_the_same_as_one_object(run_here: "Run") -> None:
    ended = run_here("rules", "explain", "Somebody looks", *ALONE, "--format", "json", "--show-source")
    told = json.loads(ended.out)
    python = told.pop("python")
    fields = told.pop("fields")
    assert told == {
        "rule": "Somebody looks",
        "description": "A person reads what is none of theirs.\n",
        "priority": "Warning",
        "enabled": True,
        "source": "k8s_audit",
        "tags": ["mine", "theirs"],
        "file": "mine.yaml",
        "line": 5,
        "condition": '((ka.verb in (get, list, watch) and ka.target.resource in (secrets, "config maps", configmaps)) '
        "and not ka.user.name startswith system:) and not ka.user.name in (alice, bob)",
        "output": "Read (user=%ka.user.name verb=%toupper(ka.verb))",
        "extra_fields": {},
    }
    assert [(field["name"], field["in_condition"], field["in_output"]) for field in fields] == [
        ("ka.verb", True, True),
        ("ka.target.resource", True, False),
        ("ka.user.name", True, True),
    ]
    assert fields[0] == {
        "name": "ka.verb",
        "in_condition": True,
        "in_output": True,
        "field": "ka.verb",
        "type": "text",
        "is_list": False,
        "argument": None,
        "description": "The verb: create, get, patch, deletecollection, ...",
    }
    assert python.startswith("def matches(values):\n    return (\n")
    assert "python" not in json.loads(run_here("rules", "explain", "Somebody looks", *ALONE, "--format", "json").out)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("somebody look", "did you mean 'Somebody looks'?"),
        ("", "see 'auditstream rules list'"),
        ("\x1b[2Jxyz", "see 'auditstream rules list'"),
    ],
)
@pytest.mark.usefixtures("mine")
def test_an_unknown_rule_is_one_line_with_the_nearest(name: str, hint: str, run_here: "Run") -> None:
    shown = name.replace("\x1b", r"\x1b")
    expected = f"auditstream: cannot explain the unknown rule '{shown}': {hint}\n"
    assert run_here("rules", "explain", name, *ALONE) == Ended(2, "", expected)


def test_rule_files_with_errors_explain_nothing(run_here: "Run", mine: Path) -> None:
    mine.write_text("a: b\n")
    ended = run_here("rules", "explain", "Somebody looks", *ALONE)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")


def test_a_missing_folder_is_one_line(run_here: "Run") -> None:
    expected = "auditstream: cannot read no: no such file or folder; check the path of the rule files\n"
    assert run_here("rules", "explain", "X", "--rules", "no") == Ended(2, "", expected)


def test_hostile_rules_are_explained_harmlessly(run_here: "Run", mine: Path) -> None:
    name = "\x1b[31m[red]\u202e"
    written = json.dumps(name)
    mine.write_text(
        f"- {{rule: {written}, desc: {written}, condition: 'ka.verb = \"\x1b[2J\u202e\"', output: {written}, "
        f"tags: [{written}], priority: INFO, source: k8s_audit}}\n".replace("\x1b[2J", r"\x1b[2J")
    )
    ended = run_here("rules", "explain", name, *ALONE, "--show-source")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.replace("\n", "").isprintable()
    assert ended.out.startswith("rule         \\x1b[31m[red]\\u202e\n")
    assert '  ka.verb = "\\x1b[2J\\u202e"\n' in ended.out
    machine = run_here("rules", "explain", name, *ALONE, "--format", "json")
    assert machine.out.replace("\n", "").isprintable()
    assert json.loads(machine.out)["rule"] == name


@pytest.mark.usefixtures("mine")
def test_a_closed_pipe_ends_quietly(folder: Path) -> None:
    shell = (
        f"{COMMAND} rules explain 'Somebody looks' {' '.join(ALONE)} --show-source | head -1; echo ${{PIPESTATUS[0]}}"
    )
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, cwd=folder, check=True, timeout=60)  # noqa: S603, S607 - bash has PIPESTATUS
    assert (ended.stdout, ended.stderr) == (b"rule         Somebody looks\n0\n", b"")


@pytest.mark.usefixtures("mine")
def test_what_a_falco_yaml_adds_is_shown(run_here: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text(
        "static_fields: {env: prod}\n"
        "append_output: [{extra_output: in %static.env, extra_fields: [ka.sourceips, who: 'by %ka.impuser.name'],"
        " match: {tags: [mine]}}]\n"
    )
    command = ("rules", "explain", "Somebody looks", *ALONE, "--falco-config", "falco.yaml")
    ended = run_here(*command)
    assert ended.out.endswith(
        "\noutput\n  Read (user=%ka.user.name verb=%toupper(ka.verb)) in %static.env\n"
        "\nextra fields\n  ka.sourceips: %ka.sourceips\n  who: by %ka.impuser.name\n"
    )
    told = json.loads(run_here(*command, "--format", "json").out)
    assert told["extra_fields"] == {"ka.sourceips": "%ka.sourceips", "who": "by %ka.impuser.name"}
    assert [field["name"] for field in told["fields"] if not field["in_condition"]] == [
        "static.env",
        "ka.sourceips",
        "ka.impuser.name",
    ]
