"""`auditstream rules test`."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.auditstream.conftest import COMMAND, RULES, Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"

Write = Callable[..., Path]


@pytest.fixture
def mine(folder: Path) -> Path:
    """Make the folder `mine` with the rules of `rules.yaml`, and none beside it."""
    path = folder / "mine"
    path.mkdir()
    (path / "rules.yaml").write_text(RULES)
    return path


@pytest.fixture
def write(mine: Path, make_record: Callable[..., object]) -> Write:
    """Write a file of samples, each given by whether it alerts and by the members in which its event differs."""

    def write_file(name: str, *samples: tuple[bool, dict[str, object]], text: str = "") -> Path:
        path = mine / "samples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps({"alert": alert, "event": json.loads(make_record(**members).value)})  # type: ignore[attr-defined]  # a Record
            for alert, members in samples
        ]
        path.write_text("".join(f"{line}\n" for line in lines) + text)
        return path

    return write_file


ALL_RIGHT: tuple[Any, ...] = (
    ("rules/pod-created.jsonl", (True, {}), (False, {"verb": "get"})),
    ("rules/everything.jsonl", (True, {})),
)
DISABLED = "note: disabled, and tested all the same: 'Everything'\n"


def test_samples_that_are_as_they_say_are_counted(run_here: "Run", write: Write) -> None:
    for name, *samples in ALL_RIGHT:
        write(name, *samples)
    assert run_here("rules", "test", "mine", "--no-pack") == Ended(0, f"{DISABLED}ok: 3 samples of 2 rules\n", "")
    assert run_here("rules", "test", "mine", "--strict").code == 0
    machine = run_here("rules", "test", "mine", "--format", "json")
    assert (machine.code, machine.err, json.loads(machine.out)) == (
        0,
        "",
        {"successful": True, "samples": 3, "rules": 2, "errors": [], "notes": [], "disabled": ["Everything"]},
    )


def test_what_is_not_as_it_says_is_told_by_line(run_here: "Run", write: Write) -> None:
    write("rules/pod-created.jsonl", (True, {}), (True, {"verb": "get"}), (False, {"userAgent": "\x1b[2J\u202e"}))
    write("rules/everything.jsonl", (True, {}))
    path = "mine/samples/rules/pod-created.jsonl"
    why = (
        "it must alert and does not: ka.verb = create does not hold (ka.verb is 'get'); correct the sample or the rule"
    )
    said = "20:34:01.258117000: Warning pod web created by alice (agent="
    assert run_here("rules", "test", "mine") == Ended(
        1,
        f"{path}:2: rule 'Pod created': {why}\n"
        f"{path}:3: rule 'Pod created': it must not alert and does: {said}\\x1b[2J\\u202e); "
        "correct the sample or the rule\n"
        f"{DISABLED}"
        "not ok: 2 errors; tested 4 samples of 2 rules\n",
        "",
    )
    machine = run_here("rules", "test", "mine", "--format", "json")
    told = json.loads(machine.out)
    assert machine.code == 1
    assert machine.out.isascii()
    assert (told["successful"], told["samples"], len(told["errors"])) == (False, 4, 2)
    assert told["errors"][0] == {"file": path, "line": 2, "rule": "Pod created", "message": why}


def test_rules_without_samples_are_noted_and_errors_if_strict(run_here: "Run", write: Write) -> None:
    write("rules/pod-created.jsonl", (True, {}))
    bare = "mine/rules.yaml:8: rule 'Everything': it has no sample; put one into mine/samples/rules/everything.jsonl\n"
    assert run_here("rules", "test", "mine") == Ended(0, f"note: {bare}ok: 1 sample of 1 rule\n", "")
    expected = f"{bare}not ok: 1 error; tested 1 sample of 1 rule\n"
    assert run_here("rules", "test", "mine", "--strict") == Ended(1, expected, "")
    machine = json.loads(run_here("rules", "test", "mine", "--format", "json").out)
    assert [note["rule"] for note in machine["notes"]] == ["Everything"]


def test_many_rules_without_samples_do_not_fill_the_screen(run_here: "Run", mine: Path) -> None:
    (mine / "rules.yaml").write_text("".join(RULES.replace("rule: ", f"rule: {n} ") for n in range(15)))
    ended = run_here("rules", "test", "mine", "--no-pack")
    assert ended.out.splitlines()[20:] == ["note: 10 more rules without a sample", "ok: 0 samples of 0 rules"]
    assert len(json.loads(run_here("rules", "test", "mine", "--format", "json").out)["notes"]) == 30


def test_many_disabled_rules_do_not_either(run_here: "Run", mine: Path, write: Write) -> None:
    (mine / "rules.yaml").write_text("".join(RULES.replace("rule: ", f"rule: {n} ") for n in range(22)))
    for n in range(22):
        write(f"rules/{n}-everything.jsonl", (True, {}))
    note = run_here("rules", "test", "mine").out.splitlines()[-2]
    assert (note.count("Everything"), note.endswith(" and 2 more")) == (20, True)


def test_files_that_belong_to_no_rule_are_told(run_here: "Run", write: Write, mine: Path) -> None:
    for name in ("rule/x", "zzz/x", "rules/pods-created", "rules/qqq", "rules/two-names"):
        write(f"{name}.jsonl", (True, {}))
    (mine / "rules.yaml").write_text(
        "\n".join(
            RULES.replace("Pod created", name).split("- rule: Everything")[0] for name in ("Two names", "two-Names")
        )
        + RULES
    )
    a_file = "a sample file is called as its rule is, in lower case, with '-' for all but letters and digits"
    a_folder = "the folder is called as the rule file is, without its ending"
    assert run_here("rules", "test", "mine").out.splitlines()[:5] == [
        "mine/samples/rule/x.jsonl: there is no rule file rule.yaml beside samples: did you mean 'rules'?",
        "mine/samples/rules/pods-created.jsonl: no rule is called so: did you mean 'pod-created'?",
        f"mine/samples/rules/qqq.jsonl: no rule is called so: {a_file}",
        "mine/samples/rules/two-names.jsonl: it fits the rules 'Two names' and 'two-Names'; rename all but one of them",
        f"mine/samples/zzz/x.jsonl: there is no rule file zzz.yaml beside samples: {a_folder}",
    ]


def test_a_broken_line_costs_itself_alone(run_here: "Run", write: Write) -> None:
    write("rules/pod-created.jsonl", (True, {}), text='{"alert": true}\n\n{"alert": true, "event": 1}\n\x00\n')
    told = run_here("rules", "test", "mine").out.splitlines()
    path = "mine/samples/rules/pod-created.jsonl"
    assert told[0] == (
        f"{path}:2: rule 'Pod created': no sample: Object missing required field `event`; a line is "
        '{"alert": true or false, "event": {...}}, with "before": [{...}, ...] where earlier events matter'
    )
    no_event = "the event is no audit event: expected an object, found a number"
    assert told[1] == f"{path}:4: rule 'Pod created': {no_event}; correct the sample"
    assert told[2].startswith(f"{path}:5: rule 'Pod created': no sample: ")
    assert told[-1] == "not ok: 3 errors; tested 2 samples of 1 rule"


def test_lines_that_are_no_samples_test_no_rule(run_here: "Run", write: Write) -> None:
    write("rules/pod-created.jsonl", (True, {}))
    write("rules/everything.jsonl", text="{}\n5\n")
    assert run_here("rules", "test", "mine").out.splitlines()[2:] == ["not ok: 2 errors; tested 1 sample of 1 rule"]
    machine = json.loads(run_here("rules", "test", "mine", "--format", "json").out)
    assert (machine["samples"], machine["rules"], machine["disabled"]) == (1, 1, [])


def test_a_rule_that_another_folder_changes_has_its_samples_there(run_here: "Run", write: Write, folder: Path) -> None:
    for name, *samples in ALL_RIGHT:
        write(name, *samples)
    other = folder / "other"
    (other / "samples" / "later").mkdir(parents=True)
    (other / "later.yaml").write_text(
        "- {rule: Pod created, condition: and ka.user.name = bob, override: {condition: append}}\n"
    )
    sample = json.loads((folder / "mine/samples/rules/pod-created.jsonl").read_text().splitlines()[0])
    (other / "samples" / "later" / "pod-created.jsonl").write_text(json.dumps({**sample, "alert": False}))
    assert run_here("rules", "test", "mine", "--no-pack").code == 0
    both = run_here("rules", "test", "mine", "other", "mine", "--no-pack")
    assert both.code == 1
    assert both.out.splitlines()[0].startswith(
        "mine/samples/rules/pod-created.jsonl:1: rule 'Pod created': it must alert "
    )
    assert both.out.splitlines()[-1] == "not ok: 1 error; tested 4 samples of 2 rules"


def test_a_rule_of_the_pack_can_be_changed_and_tested(run_here: "Run", write: Write, mine: Path) -> None:
    (mine / "rules.yaml").write_text("- {rule: Every Audit Event, enabled: true, override: {enabled: replace}}\n")
    write("rules/every-audit-event.jsonl", (True, {}))
    assert run_here("rules", "test", "mine") == Ended(0, "ok: 1 sample of 1 rule\n", "")


def test_the_pack_is_tested_where_no_folder_is_named(run_here: "Run") -> None:
    ended = run_here("rules", "test", "--strict", variables={"AUDITSTREAM_RULES": "rules.yaml"})
    assert (ended.code, ended.err) == (0, "")
    first, last = ended.out.splitlines()
    assert first.startswith("note: disabled, and tested all the same: 'Every Audit Event', ")
    assert re.fullmatch(r"ok: \d{3} samples of \d{2,3} rules", last)


def test_samples_take_the_lists_beside_them_for_granted(run_here: "Run", write: Write, mine: Path) -> None:
    rule = "- {rule: Mine, desc: d, condition: ka.user.name in (mine), output: o, priority: INFO, source: k8s_audit}\n"
    (mine / "rules.yaml").write_text(f"- list: mine\n  items: []\n{rule}")
    write("rules/mine.jsonl", (True, {"user": {"username": "alice"}}), (False, {"user": {"username": "bob"}}))
    assert run_here("rules", "test", "mine").code == 1
    (mine / "samples" / "lists.yaml").write_text("- list: mine\n  items: [alice]\n")
    assert run_here("rules", "test", "mine") == Ended(0, "ok: 2 samples of 1 rule\n", "")
    (mine / "samples" / "lists.yaml").write_text("- list: mine\n")
    ended = run_here("rules", "test", "mine")
    assert (ended.code, ended.out) == (1, "")
    assert "mine/samples/lists.yaml:1:" in ended.err


def test_which_rules_are_on_changes_nothing(run_here: "Run", write: Write) -> None:
    for name, *samples in ALL_RIGHT:
        write(name, *samples)
    off = {"AUDITSTREAM_DISABLE_RULES": "*", "AUDITSTREAM_RULE_MATCHING": "first"}
    ended = run_here("rules", "test", "mine", variables=off)
    expected = "note: disabled, and tested all the same: 'Everything', 'Pod created'\nok: 3 samples of 2 rules\n"
    assert ended == Ended(0, expected, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no",), "cannot read no: no such file or folder; check the path of the rule files"),
        (("rules.yaml",), "cannot test rules.yaml: it is a file; name the folder that it is in, where samples/ is too"),
        (("--no-pack",), "there is nothing to test: name a folder of rules, or leave out --no-pack"),
    ],
)
def test_what_cannot_be_tested_is_one_line(arguments: tuple[str, ...], told: str, run_here: "Run") -> None:
    assert run_here("rules", "test", *arguments) == Ended(2, "", f"auditstream: {told}\n")


def test_an_empty_folder_is_told(run_here: "Run", folder: Path) -> None:
    (folder / "empty").mkdir()
    told = "warning: no rule files in the folder empty [LOAD_NO_FILES]\n"
    assert run_here("rules", "test", "empty") == Ended(0, "ok: 0 samples of 0 rules\n", told)


def test_rule_files_with_errors_test_nothing(run_here: "Run", mine: Path) -> None:
    (mine / "rules.yaml").write_text("a: b\n")
    ended = run_here("rules", "test", "mine")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")


def test_hostile_names_are_shown_harmlessly(run_here: "Run", write: Write, mine: Path) -> None:
    name = "\x1b[31m[red]\u202e"
    (mine / f"{name}.yaml").write_text(RULES.replace("Pod created", json.dumps(name + "a")))
    (mine / "rules.yaml").unlink()
    write(f"{name}/31m-red-a.jsonl", (False, {}))
    write(f"{name}/{name}.jsonl", (False, {}))
    write(f"{name}x/{name}.jsonl", (False, {}))
    ended = run_here("rules", "test", "mine")
    assert (ended.code, ended.err) == (1, "")
    assert len(ended.out.splitlines()) == 5
    assert ended.out.replace("\n", "").isprintable()
    machine = run_here("rules", "test", "mine", "--format", "json")
    assert machine.out.replace("\n", "").isprintable()
    assert [error["rule"] for error in json.loads(machine.out)["errors"]] == [None, name + "a", None]


def test_a_closed_pipe_ends_quietly(folder: Path, write: Write) -> None:
    write("rules/pod-created.jsonl", text="x\n" * 5000)
    shell = f"{COMMAND} rules test mine | head -1 | wc -l; echo ${{PIPESTATUS[0]}}"
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, env=buffered, cwd=folder, check=True, timeout=60)  # noqa: S603, S607 - bash has PIPESTATUS
    assert (ended.stdout.split(), ended.stderr) == ([b"1", b"0"], b"")


def test_the_example_of_the_documentation_is_as_it_says(run_here: "Run", folder: Path) -> None:
    section = DOCS.read_text(encoding="utf-8").split("## Looking at rules, and testing them")[1].split("\n## ")[0]
    blocks = dict(re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    (rule_file,) = re.findall(r"`(rules\.d/\w+\.yaml)`", section)
    (sample_file,) = re.findall(r"`(rules\.d/samples/\S+\.jsonl)` may be", section)
    (folder / sample_file).parent.mkdir(parents=True)
    (folder / rule_file).write_text(blocks["yaml"])
    (folder / sample_file).write_text(blocks["json"])
    prompt, _, told = blocks[""].partition("\n")
    assert prompt == "$ auditstream rules test rules.d"
    assert run_here("rules", "check", "--strict", rule_file).code == 0
    assert run_here("rules", "test", "rules.d") == Ended(1, told, "")
