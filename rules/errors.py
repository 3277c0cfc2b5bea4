"""What can be wrong with rule files, and how it is told: codes, problems, and the result of a load.

Problems are data: every phase appends its own and goes on, so that an author sees all of them at once. The codes are
the reference engine's, the sentences ours. `LoadResult` is what `rules.loader` returns to everybody.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from rules.catalogue import FIELDS
from rules.fields import Catalogue
from rules.text import escape

if TYPE_CHECKING:
    from rules.ruleset import Ruleset
    from rules.text import ItemPlace, Position


class Code(StrEnum):
    """The reference engine's codes, and five of ours at the end; `LOAD_ERR_*` refuse the load, the others warn."""

    FILE_READ = "LOAD_ERR_FILE_READ"
    YAML_PARSE = "LOAD_ERR_YAML_PARSE"
    YAML_VALIDATE = "LOAD_ERR_YAML_VALIDATE"
    COMPILE_CONDITION = "LOAD_ERR_COMPILE_CONDITION"
    COMPILE_OUTPUT = "LOAD_ERR_COMPILE_OUTPUT"
    VALIDATE = "LOAD_ERR_VALIDATE"

    UNKNOWN_SOURCE = "LOAD_UNKNOWN_SOURCE"
    UNKNOWN_FILTER = "LOAD_UNKNOWN_FILTER"
    UNKNOWN_ITEM = "LOAD_UNKNOWN_ITEM"
    UNKNOWN_KEY = "LOAD_UNKNOWN_KEY"
    UNSAFE_NA_CHECK = "LOAD_UNSAFE_NA_CHECK"
    UNUSED_MACRO = "LOAD_UNUSED_MACRO"
    UNUSED_LIST = "LOAD_UNUSED_LIST"
    COMPILE_CONDITION_WARNING = "LOAD_COMPILE_CONDITION"
    DEPRECATED_ITEM = "LOAD_DEPRECATED_ITEM"
    INVALID_MACRO_NAME = "LOAD_INVALID_MACRO_NAME"
    INVALID_LIST_NAME = "LOAD_INVALID_LIST_NAME"
    APPEND_NO_VALUES = "LOAD_APPEND_NO_VALUES"
    EXCEPTION_NAME_NOT_UNIQUE = "LOAD_EXCEPTION_NAME_NOT_UNIQUE"

    NO_FILES = "LOAD_NO_FILES"
    LIST_NAME_AS_TEXT = "LOAD_LIST_NAME_AS_TEXT"
    EXCEPTION_VALUE_QUOTED = "LOAD_EXCEPTION_VALUE_QUOTED"
    UNKNOWN_RULE = "LOAD_UNKNOWN_RULE"
    NEEDED_LIST_EMPTY = "LOAD_NEEDED_LIST_EMPTY"

    @property
    def is_error(self) -> bool:
        """Whether a problem of this code refuses the whole load."""
        return self.value.startswith("LOAD_ERR_")

    @property
    def description(self) -> str:
        """What a problem of this code is, in short."""
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    Code.FILE_READ: "a file cannot be read",
    Code.YAML_PARSE: "a file is not YAML",
    Code.YAML_VALIDATE: "an item is not made as items of its kind are",
    Code.COMPILE_CONDITION: "a condition cannot be used",
    Code.COMPILE_OUTPUT: "an output cannot be used",
    Code.VALIDATE: "items do not fit together",
    Code.UNKNOWN_SOURCE: "a rule is for events of another source",
    Code.UNKNOWN_FILTER: "a rule is left out for a field that there is not",
    Code.UNKNOWN_ITEM: "an item is of a kind that there is not",
    Code.UNKNOWN_KEY: "an item has a key that there is not",
    Code.UNSAFE_NA_CHECK: "a value is compared with how absence is shown",
    Code.UNUSED_MACRO: "nothing uses a macro",
    Code.UNUSED_LIST: "nothing uses a list",
    Code.COMPILE_CONDITION_WARNING: "a condition may mean something else",
    Code.DEPRECATED_ITEM: "something is written in an old way",
    Code.INVALID_MACRO_NAME: "no condition can name a macro",
    Code.INVALID_LIST_NAME: "no condition can name a list",
    Code.APPEND_NO_VALUES: "nothing is appended to an exception",
    Code.EXCEPTION_NAME_NOT_UNIQUE: "a rule has an exception twice",
    Code.NO_FILES: "a folder has no rule files",
    Code.LIST_NAME_AS_TEXT: "a list's name stands where no list can be meant",
    Code.EXCEPTION_VALUE_QUOTED: "a value of an exception is put between quotes",
    Code.UNKNOWN_RULE: "a configuration names a rule that there is not",
    Code.NEEDED_LIST_EMPTY: "a rule is on that waits for a list to be filled",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, told to whoever wrote the rule."""

    code: Code
    message: str
    position: "Position | None" = None
    """Where, or None when it concerns a file as a whole."""
    item: str = ""
    """In which item, such as `rule Shell in a pod`."""
    hint: str = ""
    """What to do about it."""
    part: str = ""
    """In which part of the item, such as `condition` or `exception known users`."""

    def to_text(self) -> str:
        """Return the problem as lines for a person: what, where, the line with a caret below, what to do."""
        severity = "error" if self.code.is_error else "warning"
        item = self.item if self._inner is None else f"{self._inner.title}, used by {self.item}"
        item = escape(f"{item}, {self.part}" if self.part else item)
        lines = [f"{severity}: {escape(self.message)} [{self.code.value}]"]
        if self.position is not None:
            inside = f", in {item}" if item else ""
            lines.append(f"  --> {escape(str(self.position))}{inside}")
            lines += _snippet(self.position)
        elif item:
            lines.append(f"  --> {item}")
        if self.hint:
            lines.append(f"  hint: {escape(self.hint)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Return the problem as JSON-ready data."""
        position = self.position
        return {
            "code": self.code.value,
            "codedesc": self.code.description,
            "message": self.message,
            "context": {
                "locations": self._locations(),
                "snippet": "" if position is None else "\n".join(_snippet(position)),
            },
            "item": self.item,
            "part": self.part,
            "hint": self.hint,
            "position": position
            and {"file": position.file, "line": position.line, "column": position.column, "text": _window(position)[0]},
        }

    @property
    def _inner(self) -> "ItemPlace | None":
        """The item that the place is in, where that is another than the one that suffers: a list or macro of it."""
        inside = None if self.position is None else self.position.item
        return inside if inside is not None and self.item and inside.title != self.item else None

    def _locations(self) -> list[dict[str, object]]:
        """Return where it is as the reference does, from the file inwards, each with the place where that begins.

        Of an item that suffers from another, which then comes last, that is not known.
        """
        at, inner = self.position, self._inner
        item = None if at is None or inner is not None else at.item
        named: list[tuple[str, Position | ItemPlace | None]] = [(self.item, item), (self.part, None if inner else at)]
        if inner is not None:
            named.append((inner.title, inner))
        chain = [(*name.partition(" ")[::2], _begin(at, begin)) for name, begin in named if name]
        if at is not None:
            chain.insert(0, ("rules content", at.file, {"name": at.file, "line": 1, "column": 1, "offset": 0}))
        return [{"item_type": kind, "item_name": name, "position": begin} for kind, name, begin in chain]


def _begin(at: "Position | None", begin: "Position | ItemPlace | None") -> dict[str, object] | None:
    if at is None or begin is None:
        return None
    return {"name": at.file, "line": begin.line, "column": begin.column, "offset": begin.offset}


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in {"W", "F"} else 1 for character in text
    )


_SNIPPET_WIDTH = 100


def _window(position: "Position") -> tuple[str, int]:
    """Return the line of a place, or as much of a long one as stands around the place, and where that begins."""
    start = max(0, position.column - 1 - _SNIPPET_WIDTH // 2)
    start = 0 if position.column <= _SNIPPET_WIDTH else start
    return position.line_text[start : start + _SNIPPET_WIDTH], start


def _snippet(position: "Position") -> list[str]:
    """Return the line in question, or a window of a long one, and a caret below the culprit."""
    window, start = _window(position)
    # What comes from a file is shown as it is but for what would move the cursor or the caret.
    shown = "".join(character if character.isprintable() else " " for character in window)
    gutter = f"{position.line:>5} | "
    before = _cells(shown[: position.column - 1 - start])
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + " " * before + "^"]


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The outcome of a load: a ruleset, or the errors that refused it; and warnings either way."""

    ruleset: "Ruleset | None"
    problems: Sequence[Problem]
    """As the phases of a load find them."""
    files: Sequence[str] = ()
    """The names of the files, in the order in which they were loaded."""
    macros: int = 0
    """How many macros they define."""
    lists: int = 0
    """How many lists they define."""
    fields: Catalogue = FIELDS
    """What rules can read."""

    @property
    def errors(self) -> list[Problem]:
        """The problems that refuse the load."""
        return [problem for problem in self.problems if problem.code.is_error]

    @property
    def warnings(self) -> list[Problem]:
        """The problems that do not."""
        return [problem for problem in self.problems if not problem.code.is_error]

    def to_text(self) -> str:
        """Return all problems for a person, errors first, in the order of the files; empty where there are none."""
        return "\n\n".join(problem.to_text() for problem in self._in_order())

    def _in_order(self) -> list[Problem]:
        """Return problems as an author meets them going through the files, those of no place first; errors first."""
        numbers = {name: number for number, name in reversed(list(enumerate(self.files)))}

        def place(problem: Problem) -> tuple[bool, int, int, int]:
            at = problem.position
            is_warning = not problem.code.is_error
            if at is None:
                return is_warning, -1, 0, 0
            return is_warning, numbers.get(at.file, len(numbers)), at.line, at.column

        return sorted(self.problems, key=place)

    def to_json(self) -> str:
        """Return the result as one JSON object: the reference's for a file, but for all of them together; and more."""
        problems = self._in_order()
        return json.dumps(
            {
                "name": ", ".join(self.files),
                "files": list(self.files),
                "successful": self.ruleset is not None,
                "errors": [problem.to_dict() for problem in problems if problem.code.is_error],
                "warnings": [problem.to_dict() for problem in problems if not problem.code.is_error],
            },
            ensure_ascii=False,
        )
