"""Sample files beside rules: `samples/FILE/RULE.jsonl` in a folder of rule files, for each rule of FILE.yaml.

Finds and reads them, and says whose they are; judges nothing. Called by `auditstream.samples_command`, and by the tests
of the pack.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import Final

from processor.rule_files import is_rule_file
from rules.ruleset import Rule

_PACK: Final = "pack:"
_SUFFIX: Final = ".jsonl"
_LISTS: Final = "lists.yaml"


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file of samples."""

    path: str
    """As it is shown."""
    group: str
    """The name of its folder: that of a rule file without its ending."""
    stem: str
    """Its own name without its ending: a rule's, as `file_stem` makes it."""
    lines: Sequence[tuple[int, bytes]]
    """The lines that are not blank, by their number."""
    error: str = ""
    """Why it cannot be read, where that is so."""


class Folder:
    """A folder of rule files that may have samples beside them; that of the pack where no path is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._path: Final = path
        self._root: Final[Traversable] = files("rules") / "library" if path is None else path

    def owns(self, rule: Rule) -> bool:
        """Tell whether a rule is defined in a file of this folder."""
        file = rule.position.file
        is_shipped = file.startswith(_PACK)
        return is_shipped if self._path is None else not is_shipped and PurePath(file).parent == self._path

    def groups(self) -> frozenset[str]:
        """Return what folders of samples may be called: the names of the rule files here without their endings."""
        return frozenset(PurePath(file.name).stem for file in _sorted(self._root) if is_rule_file(file.name))

    def sample_path(self, rule: Rule) -> str:
        """Return where the samples of a rule of this folder belong, as it is shown."""
        return self._shown(group_of(rule), file_stem(rule.name) + _SUFFIX)

    def lists(self) -> Path | None:
        """Return the rule file beside samples that has what they take for granted: lists as a user fills them."""
        path = self._root / "samples" / _LISTS
        try:
            return path if isinstance(path, Path) and path.is_file() else None
        except OSError:  # told with the samples
            return None

    def sample_files(self) -> Iterator[SampleFile]:
        """Yield the sample files in the order of their names; hidden ones and files of other kinds are passed over."""
        try:
            groups = _sorted(self._root / "samples")
        except OSError as error:
            yield SampleFile(self._shown(), "", "", (), _unread(error))
            return
        for group in groups:
            yield from self._in_group(group)

    def _in_group(self, group: Traversable) -> Iterator[SampleFile]:
        try:
            found = [file for file in _sorted(group) if file.name.endswith(_SUFFIX) and file.is_file()]
        except OSError as error:
            yield SampleFile(self._shown(group.name), group.name, "", (), _unread(error))
            return
        for file in found:
            yield _read(file, self._shown(group.name, file.name), group.name)

    def _shown(self, *parts: str) -> str:
        """Return a path below the samples as it is shown."""
        return (
            f"{_PACK}{'/'.join(('samples', *parts))}"
            if self._path is None
            else str(self._path.joinpath("samples", *parts))
        )


def group_of(rule: Rule) -> str:
    """Return the name of the folder that a rule's samples are in: that of its file without the ending."""
    return PurePath(rule.position.file.removeprefix(_PACK)).stem


def file_stem(name: str) -> str:
    """Return what a rule's sample file is called: letters and digits of its name in lower case, `-` for all between."""
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-") or "-"


def _sorted(folder: Traversable) -> list[Traversable]:
    """Return what is in a folder by name; nothing where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted((each for each in folder.iterdir() if not each.name.startswith(".")), key=lambda each: each.name)


def _read(file: Traversable, path: str, group: str) -> SampleFile:
    stem = file.name.removesuffix(_SUFFIX)
    try:
        content = file.read_bytes().removeprefix(BOM_UTF8)
    except OSError as error:
        return SampleFile(path, group, stem, (), _unread(error))
    lines = [(number, line) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    return SampleFile(path, group, stem, lines)


def _unread(error: OSError) -> str:
    return f"cannot read it: {error.strerror}; check its permissions"
