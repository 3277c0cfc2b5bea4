"""What is told where the rules that a command asks for are not there, or cannot be used."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
