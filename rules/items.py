"""The items of rule files, as read: lists, macros, rules. Shapes only; what the collector and all after it speak of."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

from rules.text import Text


class Change(Enum):
    """What an item does to one of an earlier item's keys."""

    APPEND = "append"
    REPLACE = "replace"


class Priority(IntEnum):
    """How severe; the smaller the worse, as in syslog."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    def __str__(self) -> str:
        return self.name.capitalize()


PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority} | {"info": Priority.INFORMATIONAL}
"""Priorities by how a rule file may spell them, in lower case."""


@dataclass(frozen=True, slots=True)
class ListItem:
    """A list: its items as text."""

    name: str
    at: int
    items: tuple[Text, ...]
    change: Change | None = None
    """None for a definition."""


@dataclass(frozen=True, slots=True)
class MacroItem:
    """A macro: a condition under a name."""

    name: str
    at: int
    condition: Text
    change: Change | None = None
    """None for a definition."""


@dataclass(frozen=True, slots=True)
class ValueList:
    """A sequence in an exception: of texts, or of further sequences."""

    at: int
    items: tuple["Text | ValueList", ...]


@dataclass(frozen=True, slots=True)
class ExceptionItem:
    """An exception as a file has it; None is a key that is not there."""

    name: str
    at: int
    fields: "Text | ValueList | None"
    comps: "Text | ValueList | None"
    values: ValueList | None


@dataclass(frozen=True, slots=True)
class RuleException:
    """An exception, whole: a comparison for each field, and what its values are."""

    name: str
    at: int
    is_single: bool
    """Whether one field is compared with a list of values, and not several with tuples of them."""
    fields: tuple[Text, ...]
    comps: tuple[Text, ...]
    values: tuple["Text | ValueList", ...]


@dataclass(frozen=True, slots=True)
class RuleItem:
    """A rule, whole."""

    name: str
    at: int
    condition: Text
    output: Text
    description: str
    priority: Priority
    source: str
    tags: frozenset[str]
    is_enabled: bool
    exceptions: tuple[RuleException, ...] = ()
    skips_unknown_fields: bool = False
    """Whether the rule is left out, rather than refused, where it names a field that there is not."""
    is_broken: bool = False
    """Whether some of it could not be read, which is told: it is looked at for what else is wrong, and not used."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """An item that changes an earlier rule: only what it names is there."""

    name: str
    at: int
    changes: dict[str, Change]
    """What is done, by key of the rule file."""
    condition: Text | None = None
    output: Text | None = None
    description: str | None = None
    priority: Priority | None = None
    tags: frozenset[str] | None = None
    is_enabled: bool | None = None
    source: str | None = None
    exceptions: tuple[ExceptionItem, ...] | None = None
    skips_unknown_fields: bool | None = None
    is_broken: bool = False
    """As of a rule: what could not be read is not there."""


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """A demand on the engine's version."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class PluginDemand:
    """A plugin and the version that is needed of it."""

    name: str
    version: str
    at: int
    """Where the name stands."""
    version_at: int
    """Where the version stands."""


@dataclass(frozen=True, slots=True)
class PluginVersions:
    """Demands on plugins; all must hold."""

    demands: tuple[tuple[PluginDemand, ...], ...]
    """Each a plugin and its alternatives: the first that is loaded decides."""


FILE: Final = "file"
"""The kind of what a whole file says that cannot be read."""


@dataclass(frozen=True, slots=True)
class BrokenItem:
    """A list, macro or rule that cannot be used: what is wrong with it is told, and what needs it is not to be.

    Or a file with any of these, which then has no name.
    """

    kind: str
    """`list`, `macro`, `rule` or `file`."""
    name: str
    words: frozenset[str]
    """What it says, where that may be names of lists and macros."""
    item: RuleItem | RuleChange | None = None
    """As much of a rule as can be read, marked as broken; None where that says nothing by itself."""


Item = ListItem | MacroItem | RuleItem | RuleChange | EngineVersion | PluginVersions | BrokenItem
