"""Rule files from disk."""

import os
from pathlib import Path

import pytest

import rules
from processor.rule_files import MAX_FILE_BYTES, FalcoConfig, load_rules, pack_files, read_files
from rules.errors import Code, Problem
from rules.selection import Selection
from tests.unprivileged import as_nobody, open_folder

_RULE = "- rule: {}\n  desc: d\n  condition: ka.verb = get\n  output: o\n  priority: debug\n  source: k8s_audit\n"


def test_a_folder_gives_its_own_yaml_files_sorted(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.txt", "deeper/d.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    files, problems = read_files([tmp_path])
    assert ([Path(file.name).name for file in files], problems) == (["a.yml", "b.yaml"], [])


def test_files_are_loaded_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    for name in ("z", "a"):
        (tmp_path / name).write_text(_RULE.format(name))
    result = load_rules([tmp_path / "z", tmp_path / "a"], with_pack=False, selection=Selection())
    assert result.ruleset is not None
    assert [rule.name for rule in result.ruleset.rules] == ["z", "a"]


def test_the_pack_comes_first_unless_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(_RULE.format("mine"))
    result = load_rules([path], with_pack=True, selection=Selection())
    assert result.ruleset is not None
    assert result.ruleset.rules[-1].name == "mine"
    assert len(result.ruleset.rules) > 10


def test_what_cannot_be_read_is_told_beside_everything_else(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: b")
    paths = [tmp_path / "missing.yaml", tmp_path / "broken.yaml"]
    result = load_rules(paths, with_pack=False, selection=Selection())
    assert result.ruleset is None
    assert [(problem.message, problem.hint) for problem in result.errors] == [
        (f"cannot read {tmp_path}/missing.yaml: No such file or directory", "check the path and its permissions"),
        ("a rule file is a sequence of items", "begin each item with '- ', such as '- rule: ...'"),
    ]


def test_a_folder_without_rules_is_told_and_refuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Put rules here.")
    result = load_rules([tmp_path], with_pack=True, selection=Selection())
    pack = load_rules([], with_pack=True, selection=Selection()).ruleset
    assert result.ruleset is not None
    assert pack is not None
    assert result.ruleset.digest == pack.digest
    assert result.problems == (
        Problem(Code.NO_FILES, f"no rule files in the folder {tmp_path}", hint="put files named *.yaml into it"),
    )
    assert result.warnings == [*result.problems]


def test_a_folder_without_rules_changes_nothing_of_what_is_wrong_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.yaml").write_text("a: b")
    result = load_rules([tmp_path / "empty", tmp_path / "broken.yaml"], with_pack=True, selection=Selection())
    assert result.ruleset is None
    assert [problem.code for problem in result.problems] == [Code.NO_FILES, Code.YAML_VALIDATE]


def test_the_pack_is_files_of_rules() -> None:
    library = Path(rules.__file__).parent / "library"
    names = [file.name for file in pack_files()]
    assert (names[0], names[-2:]) == ("pack:common.yaml", ["pack:lifecycle.yaml", "pack:every_event.yaml"])
    assert sorted(names) == sorted(f"pack:{path.name}" for path in library.glob("*.yaml"))


def test_a_file_that_must_not_be_read_hides_no_other() -> None:
    with open_folder() as folder:
        for name in ("a.yaml", "b.yaml"):
            (folder / name).write_text("")
        (folder / "closed").mkdir(mode=0)
        (folder / "a.yaml").chmod(0)
        with as_nobody():
            read, problems = read_files([folder, folder / "closed"])
    assert [Path(file.name).name for file in read] == ["b.yaml"]
    assert [problem.message for problem in problems] == [
        f"cannot read {folder}/a.yaml: Permission denied",
        f"cannot read {folder}/closed: Permission denied",
    ]


def test_a_configuration_that_cannot_be_read_is_told_as_a_rule_file_is(tmp_path: Path) -> None:
    result = load_rules([], with_pack=False, selection=Selection(), falco_config=FalcoConfig(tmp_path / "falco.yaml"))
    assert result.ruleset is None
    assert [problem.message for problem in result.errors] == [
        f"cannot read {tmp_path}/falco.yaml: No such file or directory"
    ]


def test_a_configuration_comes_with_its_variables_and_what_settings_answer(tmp_path: Path) -> None:
    path = tmp_path / "falco.yaml"
    path.write_text("static_fields: {env: '${STAGE}'}\nrule_matching: first\ntime_format_iso_8601: true\n")
    config = FalcoConfig(path, {"STAGE": "prod"}, frozenset({"rule_matching"}))
    result = load_rules([], with_pack=False, selection=Selection(), falco_config=config)
    assert result.files == (str(path),)
    assert [problem.message for problem in result.problems] == [
        "'time_format_iso_8601' is not taken from here: outputs begin with the time of day"
    ]
    assert result.fields.get("static.env") is not None


def test_a_pipe_with_a_name_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "rules.yaml"
    os.mkfifo(fifo)
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere.yml")
    (tmp_path / "folder.yaml").mkdir()
    read, problems = read_files([fifo, Path("/dev/zero"), tmp_path])
    hint = "give a file or a folder, or /dev/stdin for what comes from a pipe"
    assert read == []
    assert problems == [
        Problem(Code.FILE_READ, f"cannot read {fifo}: it is no file", hint=hint),
        Problem(Code.FILE_READ, "cannot read /dev/zero: it is no file", hint=hint),
        Problem(
            Code.FILE_READ,
            f"cannot read {tmp_path}/gone.yml: No such file or directory",
            hint="check the path and its permissions",
        ),
        Problem(Code.FILE_READ, f"cannot read {fifo}: it is no file", hint=hint),
    ]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_what_a_shell_gives_for_a_command_is_read(folder: str) -> None:
    outer, inner = os.pipe()
    os.write(inner, b"- list: a")
    os.close(inner)
    path = Path(folder, str(outer))
    read, problems = read_files([path])
    os.close(outer)
    assert ([(file.name, file.content) for file in read], problems) == ([(str(path), b"- list: a")], [])


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    for name, size in (("a.yaml", MAX_FILE_BYTES), ("b.yaml", MAX_FILE_BYTES + 1)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    read, problems = read_files([tmp_path])
    assert [(Path(file.name).name, len(file.content)) for file in read] == [("a.yaml", MAX_FILE_BYTES)]
    message = f"cannot read {tmp_path}/b.yaml: it has more than the 16 MiB that a rule file may have"
    assert problems == [Problem(Code.FILE_READ, message, hint="share its rules out among several files")]
