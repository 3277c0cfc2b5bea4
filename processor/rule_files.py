"""Rule files from disk, and the pack that ships: what every mode calls to get its rules.

Files come in the order in which they were named, the pack before them, a folder's files sorted by name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path, PurePath
from stat import S_ISREG
from typing import Final

from rules.errors import Code, LoadResult, Problem
from rules.loader import load
from rules.reader import RuleFile
from rules.selection import Selection

_PACK: Final = (
    "common.yaml",
    *("identity.yaml", "nodes.yaml", "workloads.yaml", "sessions.yaml", "network.yaml", "credentials.yaml"),
    *("permissions.yaml", "defences.yaml", "users.yaml", "lifecycle.yaml", "every_event.yaml"),
)
"""What others use first, then the graver, for those who let only the first rule that matches an event alert."""

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Far more than any rule file has; what is made of one takes many times that in memory."""

_OPEN_FILES: Final = re.compile(r"/dev/(stdin|fd/[0-9]+)|/proc/self/fd/[0-9]+")
"""What the command was started with: a shell gives what another command prints as one of these."""

_SUFFIXES: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class FalcoConfig:
    """A `falco.yaml`."""

    path: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """What `${NAME}` in it stands for."""
    answered: frozenset[str] = frozenset()
    """Keys of it that do not count, and that settings answer: nothing is told of them."""


def load_rules(
    paths: Sequence[Path], *, with_pack: bool, selection: Selection, falco_config: FalcoConfig | None = None
) -> LoadResult:
    """Return the rules of the pack (unless left out) and of these files and folders, with all problems found."""
    read, problems = read_files(paths)
    files = [*(pack_files() if with_pack else ()), *read]
    if falco_config is None:
        result = load(files, selection)
    else:
        found, unread = read_files([falco_config.path])
        problems += unread
        result = load(files, selection, found[0] if found else None, falco_config.variables, falco_config.answered)
    ruleset = None if any(problem.code.is_error for problem in problems) else result.ruleset
    return replace(result, ruleset=ruleset, problems=(*problems, *result.problems))


def pack_files() -> list[RuleFile]:
    """Return the rule files that ship."""
    library = files("rules") / "library"
    return [RuleFile(f"pack:{name}", (library / name).read_bytes()) for name in _PACK]


def read_files(paths: Sequence[Path]) -> tuple[list[RuleFile], list[Problem]]:
    """Return the rule files at some paths, folders not searched deeper, and a problem for each that cannot be read."""
    read: list[RuleFile] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found = _in_folder(path) if path.is_dir() else [path]
            if not found:
                # No error: the folder is where a deployment looks for rules, and one may bring none.
                hint = "put files named *.yaml into it"
                problems.append(Problem(Code.NO_FILES, f"no rule files in the folder {path}", hint=hint))
        except OSError as error:
            problems.append(_unread(path, error))
            continue
        for file in found:
            try:
                content = _read(file)
            except OSError as error:
                problems.append(_unread(file, error))
                continue
            if isinstance(content, Problem):
                problems.append(content)
            else:
                read.append(RuleFile(str(file), content))
    return read, problems


def _read(path: Path) -> bytes | Problem:
    """Return what a file holds, or why it is not read: a pipe might bring nothing for ever, a device more and more."""
    if not S_ISREG(path.stat().st_mode) and not _OPEN_FILES.fullmatch(str(path)):
        hint = "give a file or a folder, or /dev/stdin for what comes from a pipe"
        return Problem(Code.FILE_READ, f"cannot read {path}: it is no file", hint=hint)
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        message = f"cannot read {path}: it has more than the {MAX_FILE_BYTES >> 20} MiB that a rule file may have"
        return Problem(Code.FILE_READ, message, hint="share its rules out among several files")
    return content


def is_rule_file(name: str) -> bool:
    """Tell whether a file in a folder of rules is one, by its name."""
    return PurePath(name).suffix in _SUFFIXES


def _unread(path: Path, error: OSError) -> Problem:
    return Problem(Code.FILE_READ, f"cannot read {path}: {error.strerror}", hint="check the path and its permissions")


def _in_folder(folder: Path) -> list[Path]:
    # What is called so and cannot be read is told: fewer rules without a word would be worse.
    return sorted(path for path in folder.iterdir() if is_rule_file(path.name) and not path.is_dir())
