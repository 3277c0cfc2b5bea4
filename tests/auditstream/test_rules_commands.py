"""`auditstream rules check`, `list` and `fields` run for real."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.auditstream.conftest import Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


def test_clean_files_are_counted(run: "Run") -> None:
    expected = "ok: 2 rules (1 enabled), 0 macros, 0 lists in 1 file\n"
    assert run("rules", "check", "--no-pack", "rules.yaml") == Ended(0, expected, "")


def test_a_folder_is_checked_as_its_files_are(run: "Run", folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.yaml").write_text(
        "- list: verbs\n  items: [get]\n- macro: reads\n  condition: ka.verb in (verbs)\n"
        "- {rule: Read, desc: d, condition: reads, output: o, priority: INFO, source: k8s_audit}\n"
    )
    expected = "ok: 3 rules (2 enabled), 1 macro, 1 list in 2 files\n"
    assert run("rules", "check", "--no-pack", "rules.yaml", "sub") == Ended(0, expected, "")


def test_rules_may_come_from_a_pipe(run: "Run", folder: Path) -> None:
    expected = "ok: 2 rules (1 enabled), 0 macros, 0 lists in 1 file\n"
    content = (folder / "rules.yaml").read_bytes()
    assert run("rules", "check", "--no-pack", "/dev/stdin", stdin=content) == Ended(0, expected, "")


def test_the_pack_is_loaded_before_the_files(run: "Run") -> None:
    ended = run("rules", "check", "rules.yaml", "--format", "json")
    assert (ended.code, json.loads(ended.out)["successful"]) == (0, True)


def test_errors_are_shown_with_their_place_and_are_1(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "- {rule: Bad, desc: d, condition: ka.verb = , output: o, priority: INFO, source: k8s_audit}\n"
        "- {rule: Worse, desc: d, condition: no, output: o, priority: bad, source: k8s_audit}\n"
    )
    ended = run("rules", "check", "--no-pack", "bad.yaml")
    assert (ended.code, ended.err) == (1, "")
    assert "  --> bad.yaml:1:" in ended.out
    assert "  --> bad.yaml:2:" in ended.out
    assert ended.out.endswith("\nnot ok: 3 errors\n")


@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_errors_and_warnings_are_counted_at_the_end(options: tuple[str, ...], run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text("- list: spare\n  items: [a]\n- macro: m\n  condition: ka.verb =\n")
    ended = run("rules", "check", "--no-pack", "bad.yaml", *options)
    assert (ended.code, ended.err) == (1, "")
    assert [line for line in ended.out.splitlines() if not line.startswith(" ")] == [
        "error: expected a value after '=', found the end of the condition [LOAD_ERR_COMPILE_CONDITION]",
        "",
        "warning: no rule, macro or list uses the list 'spare' [LOAD_UNUSED_LIST]",
        "",
        "warning: no rule or macro uses the macro 'm' [LOAD_UNUSED_MACRO]",
        "not ok: 1 error, 2 warnings",
    ]


def test_a_folder_without_rules_is_told_and_no_error(run: "Run", folder: Path) -> None:
    (folder / "none").mkdir()
    told = "warning: no rule files in the folder none [LOAD_NO_FILES]\n  hint: put files named *.yaml into it\n"
    ended = run("rules", "check", "--no-pack", "none")
    assert ended == Ended(0, told + "ok: 0 rules (0 enabled), 0 macros, 0 lists in 0 files\n", "")
    ended = run("rules", "check", "--no-pack", "none", "--strict")
    assert ended == Ended(1, told + "not ok: 1 warning, and --strict allows none\n", "")


def test_warnings_alone_are_0(run: "Run", folder: Path) -> None:
    (folder / "spare.yaml").write_text("- list: spare\n  items: [a]\n")
    assert run("rules", "check", "--no-pack", "spare.yaml") == Ended(
        0,
        "warning: no rule, macro or list uses the list 'spare' [LOAD_UNUSED_LIST]\n"
        "  --> spare.yaml:1:3, in list spare\n"
        "    1 | - list: spare\n"
        "      |   ^\n"
        "ok: 0 rules (0 enabled), 0 macros, 1 list in 1 file\n",
        "",
    )


def test_strict_takes_warnings_for_errors(run: "Run", folder: Path) -> None:
    (folder / "spare.yaml").write_text("- list: spare\n  items: [a]\n")
    expected = (
        "warning: no rule, macro or list uses the list 'spare' [LOAD_UNUSED_LIST]\n"
        "  --> spare.yaml:1:3, in list spare\n"
        "    1 | - list: spare\n"
        "      |   ^\n"
        "not ok: 1 warning, and --strict allows none\n"
    )
    assert run("rules", "check", "--strict", "--no-pack", "spare.yaml") == Ended(1, expected, "")
    machine = run("rules", "check", "--strict", "--no-pack", "spare.yaml", "--format", "json")
    assert (machine.code, machine.err, json.loads(machine.out)["successful"]) == (1, "", True)
    clean = run("rules", "check", "--strict", "--no-pack", "rules.yaml")
    assert clean == Ended(0, "ok: 2 rules (1 enabled), 0 macros, 0 lists in 1 file\n", "")


def test_errors_are_1_strict_or_not(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text("a: b\n")
    assert run("rules", "check", "--strict", "bad.yaml") == run("rules", "check", "bad.yaml")
    assert run("rules", "check", "--strict", "bad.yaml").code == 1


def test_machines_get_all_of_a_problem(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "- {rule: Bad, desc: d, condition: ka.verbs = a, output: o, priority: INFO, source: k8s_audit}\n"
    )
    ended = run("rules", "check", "--no-pack", "bad.yaml", "rules.yaml", "--format", "json")
    line = "- {rule: Bad, desc: d, condition: ka.verbs = a, output: o, priority: INFO, source: k8s_audit}"
    file = {"name": "bad.yaml", "line": 1, "column": 1, "offset": 0}
    item = {"name": "bad.yaml", "line": 1, "column": 3, "offset": 2}
    place = {"name": "bad.yaml", "line": 1, "column": 35, "offset": 34}
    assert (ended.code, json.loads(ended.out)) == (
        1,
        {
            "name": "bad.yaml, rules.yaml",
            "files": ["bad.yaml", "rules.yaml"],
            "successful": False,
            "errors": [
                {
                    "code": "LOAD_ERR_COMPILE_CONDITION",
                    "codedesc": "a condition cannot be used",
                    "message": "there is no field 'ka.verbs'",
                    "context": {
                        "locations": [
                            {"item_type": "rules content", "item_name": "bad.yaml", "position": file},
                            {"item_type": "rule", "item_name": "Bad", "position": item},
                            {"item_type": "condition", "item_name": "", "position": place},
                        ],
                        "snippet": f"    1 | {line}\n      | {' ' * 34}^",
                    },
                    "item": "rule Bad",
                    "part": "condition",
                    "hint": "did you mean 'ka.verb'?",
                    "position": {"file": "bad.yaml", "line": 1, "column": 35, "text": line},
                }
            ],
            "warnings": [],
        },
    )


def test_hostile_rule_files_are_shown_harmlessly(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text('- list: "\\e[31m[red]\\u202E"\n  items: [a]\n')
    text = run("rules", "check", "--no-pack", "bad.yaml")
    assert text.out.replace("\n", "").isprintable()
    assert r"no rule, macro or list uses the list '\x1b[31m[red]\u202e'" in text.out
    machine = run("rules", "check", "--no-pack", "bad.yaml", "--format", "json")
    assert machine.out.replace("\n", "").isprintable()
    assert json.loads(machine.out)["warnings"][0]["item"] == "list \x1b[31m[red]\u202e"


def test_a_missing_file_is_a_usage_error_and_hides_nothing(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text("a: b\n")
    config = ("--falco-config", "no/falco.yaml")
    ended = run("rules", "check", "--no-pack", "no.yaml", "bad.yaml", "none.yaml", *config)
    assert (ended.code, ended.err) == (2, "")
    assert [line.partition(" [")[0] for line in ended.out.splitlines() if " [LOAD_" in line] == [
        "error: cannot read no.yaml: No such file or directory",
        "error: cannot read none.yaml: No such file or directory",
        "error: cannot read no/falco.yaml: No such file or directory",
        "error: a rule file is a sequence of items",
    ]
    assert ended.out.endswith("\nnot ok: 4 errors\n")


def test_how_alerts_are_made_is_no_matter_of_rules(run: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text("rule_matching: first\ntime_format_iso_8601: true\nengine: {kind: nodriver}\n")
    (folder / "empty.yaml").write_text("")
    ended = run("rules", "check", "--strict", "empty.yaml", "--falco-config", "falco.yaml")
    assert (ended.code, ended.out.startswith("ok: "), ended.err) == (0, True, "")


def test_rules_are_listed_in_aligned_columns(run: "Run") -> None:
    assert run("rules", "list", "--no-pack", "--rules", "rules.yaml") == Ended(
        0,
        "rule         priority       enabled  tags                   where\n"
        "Pod created  Warning        yes      class_suspicious,pods  rules.yaml:1\n"
        "Everything   Informational  no       class_every_event      rules.yaml:8\n",
        "",
    )


@pytest.mark.parametrize("variable", ["AUDITSTREAM_ENABLE_RULES", None])
def test_rules_are_listed_for_machines(variable: str | None, run: "Run") -> None:
    variables = {variable: "Everything"} if variable else {}
    ended = run("rules", "list", "--no-pack", "--rules", "rules.yaml", "--format", "json", variables=variables)
    assert [json.loads(row) for row in ended.out.splitlines()] == [
        {
            "rule": "Pod created",
            "description": "A pod was created.",
            "priority": "Warning",
            "enabled": True,
            "source": "k8s_audit",
            "tags": ["class_suspicious", "pods"],
            "file": "rules.yaml",
            "line": 1,
        },
        {
            "rule": "Everything",
            "description": "Any event.",
            "priority": "Informational",
            "enabled": variable is not None,
            "source": "k8s_audit",
            "tags": ["class_every_event"],
            "file": "rules.yaml",
            "line": 8,
        },
    ]


def test_broken_files_are_not_listed(run: "Run", folder: Path) -> None:
    (folder / "bad.yaml").write_text("a: b\n")
    ended = run("rules", "list", "--no-pack", "--rules", "bad.yaml")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")


def test_the_fields_are_listed_with_type_and_meaning(run: "Run") -> None:
    ended = run("rules", "fields")
    rows = {line.split("  ")[0]: line.split() for line in ended.out.splitlines()}
    assert (ended.code, ended.err) == (0, "")
    assert rows["ka.verb"][1:6] == ["text", "-", "-", "The", "verb:"]
    assert rows["ka.uri.param"][1:4] == ["text", "-", "[key]"]
    assert rows["ka.user.groups"][1:4] == ["text", "list", "-"]
    assert rows["ka.req.pod.containers.image"][1:6] == ["text", "list", "[index],", "or", "none"]
    assert rows["evt.num"][1:4] == ["number", "-", "-"]
    assert rows["evt.rawtime"][1] == "time"
    assert rows["evt.reltime"][1] == "duration"
    assert rows["evt.is_async"][1] == "boolean"
    assert rows["resource.lifetime_seconds"][1] == "number"


def test_the_fields_are_listed_for_machines(run: "Run") -> None:
    ended = run("rules", "fields", "--format", "json")
    fields = {field["field"]: field for field in map(json.loads, ended.out.splitlines())}
    assert (ended.code, ended.err) == (0, "")
    assert len(fields) == len(run("rules", "fields").out.splitlines()) - 1
    assert fields["ka.req.pod.containers.image"] == {
        "field": "ka.req.pod.containers.image",
        "type": "text",
        "is_list": True,
        "argument": "[index], or none",
        "description": fields["ka.req.pod.containers.image"]["description"],
    }
    assert fields["ka.verb"]["argument"] is None


FALCO = """\
static_fields: {env: prod}
append_output: [{extra_output: "env=%static.env", extra_fields: [static.env, who: "%ka.user.name"]}]
"""


def test_fields_of_the_installation_are_listed_too(run: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text(FALCO)
    plain, listed = run("rules", "fields"), run("rules", "fields", "--falco-config", "falco.yaml")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.splitlines()[:-1] == plain.out.splitlines()
    assert listed.out.splitlines()[-1].split() == (
        ["static.env", "text", "-", "-", "A", "constant", "of", "the", "installation,", "from", "static_fields."]
    )


def test_a_configuration_that_is_wrong_is_told_and_is_1(run: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text("static_fields: [a]\n")
    told = (
        "error: 'static_fields' must be a mapping [LOAD_ERR_YAML_VALIDATE]\n"
        "  --> falco.yaml:1:16\n"
        "    1 | static_fields: [a]\n"
        "      |                ^\n"
        "  hint: write NAME: text\n"
    )
    assert run("rules", "fields", "--falco-config", "falco.yaml") == Ended(1, "", told)
    assert run("rules", "check", "rules.yaml", "--falco-config", "falco.yaml") == Ended(
        1, told + "not ok: 1 error\n", ""
    )


def test_a_configuration_may_be_named_by_a_variable_and_take_from_others(run: "Run", folder: Path) -> None:
    (folder / "falco.yaml").write_text("append_output: [{extra_output: '${WHERE}'}]\n")
    variables = {"AUDITSTREAM_FALCO_CONFIG": "falco.yaml"}
    ended = run("rules", "list", variables=variables)
    assert (ended.code, ended.out) == (1, "")
    assert "the variable 'WHERE' is not set" in ended.err
    assert run("rules", "list", variables={**variables, "WHERE": "here"}).code == 0


def test_fields_are_listed_whatever_is_wrong_with_the_rules(run: "Run", folder: Path) -> None:
    (folder / "broken.yaml").write_text("a: b\n")
    ended = run("rules", "fields", variables={"AUDITSTREAM_RULES": "broken.yaml"})
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("option", ["--rules", "--falco-config"])
def test_a_path_that_cannot_be_asked_about_is_told_as_one_that_cannot_be_read(run: "Run", option: str) -> None:
    ended = run("rules", "list", "--no-pack", option, "x" * 5000)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: cannot read xxx")
    assert "File name too long [LOAD_ERR_FILE_READ]" in ended.err
