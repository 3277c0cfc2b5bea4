"""Sample files are found beside rules, in order, and say whose they are."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream.sample_files import Folder, SampleFile, file_stem, group_of
from processor.rule_files import load_rules
from rules.selection import AS_WRITTEN
from tests.unprivileged import as_nobody, open_folder

if TYPE_CHECKING:
    from rules.ruleset import Rule

RULE = "- {rule: %s, desc: d, condition: ka.verb exists, output: o, priority: INFO, source: k8s_audit}\n"


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def _rules(*paths: Path) -> "dict[str, Rule]":
    ruleset = load_rules(paths, with_pack=True, selection=AS_WRITTEN).ruleset
    assert ruleset is not None
    return dict(ruleset.by_name)


def test_files_come_by_name_with_their_lines_that_are_not_blank(tmp_path: Path) -> None:
    _write(tmp_path / "samples" / "b" / "y.jsonl", "1\n\n  \r\n2")
    _write(tmp_path / "samples" / "b" / "x.jsonl", "")
    _write(tmp_path / "samples" / "a" / "z.jsonl", "\ufeff3\n")
    samples = f"{tmp_path}/samples"
    assert list(Folder(tmp_path).sample_files()) == [
        SampleFile(f"{samples}/a/z.jsonl", "a", "z", [(1, b"3")]),
        SampleFile(f"{samples}/b/x.jsonl", "b", "x", []),
        SampleFile(f"{samples}/b/y.jsonl", "b", "y", [(1, b"1"), (4, b"2")]),
    ]


def test_what_is_no_sample_file_is_passed_over(tmp_path: Path) -> None:
    for name in ("README.md", ".x.jsonl", "deeper/x.jsonl"):
        _write(tmp_path / "samples" / "a" / name, "")
    _write(tmp_path / "samples" / ".git" / "x.jsonl", "")
    _write(tmp_path / "samples" / "x.jsonl", "")
    (tmp_path / "samples" / "a" / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "samples" / "a" / "pipe.jsonl")
    assert list(Folder(tmp_path).sample_files()) == []


@pytest.mark.parametrize("make", [lambda _: None, Path.mkdir, Path.touch])
def test_a_folder_without_samples_has_none(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "samples")
    assert list(Folder(tmp_path).sample_files()) == []


def test_what_cannot_be_read_is_told_and_the_rest_is_read() -> None:
    with open_folder() as folder:
        for name in ("a/x.jsonl", "b/x.jsonl", "c/x.jsonl"):
            _write(folder / "samples" / name, "1")
        (folder / "samples" / "a").chmod(0)
        (folder / "samples" / "b" / "x.jsonl").chmod(0)
        with as_nobody():
            found = list(Folder(folder).sample_files())
        (folder / "samples").chmod(0)
        with as_nobody():
            locked = list(Folder(folder).sample_files())
    why = "cannot read it: Permission denied; check its permissions"
    assert [(Path(file.path).relative_to(folder).as_posix(), file.lines, file.error) for file in [*found, *locked]] == [
        ("samples/a", (), why),
        ("samples/b/x.jsonl", (), why),
        ("samples/c/x.jsonl", [(1, b"1")], ""),
        ("samples", (), why),
    ]


def test_a_folder_knows_its_rules_and_where_their_samples_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "mine.yaml", RULE % "'My: Rule (new)'")
    _write(tmp_path / "sub" / "theirs.v2.yml", RULE % "Theirs")
    monkeypatch.chdir(tmp_path)
    rules = _rules(Path(), Path("sub"))
    mine, theirs, shipped = rules["My: Rule (new)"], rules["Theirs"], rules["Exec Or Attach To Pod"]
    assert [Folder(Path()).owns(rule) for rule in (mine, theirs, shipped)] == [True, False, False]
    assert [Folder(Path("sub/")).owns(rule) for rule in (mine, theirs, shipped)] == [False, True, False]
    assert [Folder().owns(rule) for rule in (mine, theirs, shipped)] == [False, False, True]
    assert group_of(theirs) == "theirs.v2"
    assert Folder(Path("sub")).groups() == {"theirs.v2"}
    assert Folder(Path()).sample_path(mine) == "samples/mine/my-rule-new.jsonl"
    assert Folder(Path("sub")).sample_path(theirs) == "sub/samples/theirs.v2/theirs.jsonl"
    assert Folder().sample_path(shipped) == "pack:samples/sessions/exec-or-attach-to-pod.jsonl"


def test_lists_that_samples_take_for_granted_are_found_beside_them(tmp_path: Path) -> None:
    assert Folder(tmp_path).lists() is None
    (tmp_path / "samples" / "lists.yaml").mkdir(parents=True)
    assert Folder(tmp_path).lists() is None
    _write(tmp_path / "b" / "samples" / "lists.yaml", "")
    assert Folder(tmp_path / "b").lists() == tmp_path / "b" / "samples" / "lists.yaml"
    with open_folder() as folder:
        _write(folder / "samples" / "lists.yaml", "")
        (folder / "samples").chmod(0)
        with as_nobody():
            assert Folder(folder).lists() is None


def test_the_pack_has_samples_for_all_its_files() -> None:
    found = list(Folder().sample_files())
    # No rule stands in the file of what rules share.
    assert {file.group for file in found} == Folder().groups() - {"common"}
    assert {file.path for file in found} == {Folder().sample_path(rule) for rule in _rules().values()}
    assert not any(file.error for file in found)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Exec Or Attach To Pod", "exec-or-attach-to-pod"),
        ("a_b--c", "a-b-c"),
        ("(Über) $SECRETS!", "über-secrets"),
        ("../../etc/passwd", "etc-passwd"),
        ("秘密", "秘密"),
        ("!?", "-"),
    ],
)
def test_a_sample_file_is_called_as_its_rule(name: str, stem: str) -> None:
    assert file_stem(name) == stem
