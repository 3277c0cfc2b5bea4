"""What is told of each thing that can be wrong with a rule file, to the last character: the cases stand in a file.

`fixtures/told.txt` holds a name, a rule file and what is told of it, again and again; `told_of_configurations.txt` the
same with a `falco.yaml`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from processor.rule_files import read_files
from rules.errors import Code, LoadResult
from rules.loader import load
from rules.reader import RuleFile
from tests.rules.rule_text import rule_text

LoadText = Callable[..., LoadResult]


def _cases(name: str) -> dict[str, tuple[str, str]]:
    text = (Path(__file__).parent / "fixtures" / name).read_text(encoding="utf-8")
    cases = [case.partition("\n") for case in text.split("==== ")[1:]]
    found = {name: rest.partition("---- told\n") for name, _, rest in cases}
    assert len(found) == len(cases), "each has a name of its own"
    return {name: (file, told.strip()) for name, (file, _, told) in found.items()}


CASES = _cases("told.txt")
CONFIGURATIONS = _cases("told_of_configurations.txt")


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_told_with_its_line_a_caret_and_what_to_do(load_text: LoadText, name: str) -> None:
    file, told = CASES[name]
    assert load_text(file).to_text() == told


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_wrong_with_a_configuration_is_told_so_too(name: str) -> None:
    configuration, told = CONFIGURATIONS[name]
    files = [RuleFile("0.yaml", rule_text().encode())]
    assert load(files, falco_config=RuleFile("falco.yaml", configuration.encode())).to_text() == told


def test_the_cases_are_of_every_code_that_has_many_causes() -> None:
    told = "\n".join(told for _, told in CASES.values())
    for code, least in (
        (Code.VALIDATE, 20),
        (Code.YAML_VALIDATE, 20),
        (Code.COMPILE_CONDITION_WARNING, 3),
        (Code.COMPILE_OUTPUT, 7),
    ):
        assert told.count(f"[{code}]") >= least, code


def test_what_has_no_place_in_a_file_names_its_path(tmp_path: Path) -> None:
    files, problems = read_files([tmp_path, tmp_path / "nosuch.yaml"])
    assert files == []
    assert [problem.to_text() for problem in problems] == [
        f"warning: no rule files in the folder {tmp_path} [LOAD_NO_FILES]\n  hint: put files named *.yaml into it",
        (
            f"error: cannot read {tmp_path}/nosuch.yaml: No such file or directory [LOAD_ERR_FILE_READ]\n"
            "  hint: check the path and its permissions"
        ),
    ]
