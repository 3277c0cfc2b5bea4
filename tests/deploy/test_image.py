"""`deploy/Dockerfile` as it is written, without Docker: what is installed from where, and what is delivered to whom.

Each check is a function that returns problems, so that it can be shown to find one.
"""

import re
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (ROOT / "deploy" / "Dockerfile").read_text()
LOCKS: Final = {"requirements/kafka.txt", "requirements/build.txt"}


class Instruction(NamedTuple):
    """A line of a Dockerfile, those that go on joined."""

    word: str
    rest: str


def stages(text: str = DOCKERFILE) -> list[list[Instruction]]:
    """Return the instructions of each stage."""
    plain = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", plain).splitlines()
    found: list[list[Instruction]] = []
    for line in filter(None, lines):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest))
    return found


def unpinned(text: str) -> list[str]:
    """Return the installations that take what no lock has hashed."""
    commands = [
        command.strip()
        for stage in stages(text)
        for word, rest in stage
        if word == "RUN"
        for command in re.split(r"&&|;", rest)
        if re.search(r"\b(pip|uv)\b.* (install|wheel)\b", command)
    ]
    return [command for command in commands if "--no-index" not in command and not _is_locked(command)]


def _is_locked(command: str) -> bool:
    named = re.search(r" install --require-hashes -r (\S+)$", command)
    return named is not None and named[1] in LOCKS


def given_away(text: str) -> list[str]:
    """Return the instructions of the last stage that put more into the image than what was installed."""
    last = stages(text)[-1]
    copies = [rest for word, rest in last if word in {"COPY", "ADD"}]
    runs = [rest for word, rest in last if word == "RUN"]
    return [rest for rest in copies if rest != "--link --from=build /opt/auditstream /opt/auditstream"] + runs


def user(text: str) -> str:
    """Return whose rights the image's process has."""
    return next((rest for word, rest in reversed(stages(text)[-1]) if word == "USER"), "root")


def test_only_what_a_lock_has_hashed_is_installed() -> None:
    assert unpinned(DOCKERFILE) == []
    assert DOCKERFILE.count("--require-hashes") == len(LOCKS)


@pytest.mark.parametrize(
    ("broken", "with_"),
    [
        ("install --require-hashes -r requirements/kafka.txt", "install -r requirements/kafka.txt"),
        ("install --require-hashes -r requirements/kafka.txt", "install --require-hashes -r requirements/dev.txt"),
        ("install --require-hashes -r requirements/build.txt", "install hatchling"),
        ("install --no-index --no-deps", "install --no-deps"),
    ],
)
def test_an_installation_of_anything_else_is_found(broken: str, with_: str) -> None:
    assert len(unpinned(DOCKERFILE.replace(broken, with_))) == 1


def test_the_locks_are_copied_and_installed_before_the_source() -> None:
    words = [rest for word, rest in stages()[0] if word in {"COPY", "RUN"}]
    source = words.index(". .")
    assert [rest for rest in words[:source] if rest.endswith(" requirements/")] == [
        "requirements/kafka.txt requirements/build.txt requirements/"
    ]
    assert sum("--require-hashes" in rest for rest in words[:source]) == len(LOCKS)
    assert not any("--require-hashes" in rest for rest in words[source:])


def test_nothing_but_what_was_installed_is_delivered() -> None:
    assert given_away(DOCKERFILE) == []
    assert given_away(DOCKERFILE + "COPY . /source\nRUN pip install x\n") == [". /source", "pip install x"]


def test_what_runs_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user(DOCKERFILE))
    assert user(DOCKERFILE.replace("USER 10001:10001\n", "")) == "root"
    assert user(DOCKERFILE + "USER 0\n") == "0"


def test_the_image_is_the_command_and_ends_when_it_is_asked_to() -> None:
    last = dict(stages()[-1])
    assert last["ENTRYPOINT"] == '["auditstream"]'
    assert last["STOPSIGNAL"] == "SIGTERM"


def test_both_stages_have_the_same_python_of_a_fixed_version() -> None:
    bases = [stage[0].rest.partition(" ")[0] for stage in stages()]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])


def test_the_build_sees_what_the_wheel_is_made_of_and_nothing_else() -> None:
    ignore = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    patterns = [line for line in ignore if line and not line.startswith("#")]
    assert patterns[0] == "*"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    files = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], *LOCKS}
    assert {line.removeprefix("!") for line in patterns if line.startswith("!")} == packages | files
    assert patterns[-1] == "**/__pycache__"
