"""Items of all files into definitions: redefinition, append and override applied, in the order of the files.

The second phase of a load. What is left is one `ListItem`, `MacroItem` or `RuleItem` a name, with a running number of
its first definition and of its latest change, which the resolver needs. Conditions are still text. Spec 2.3 to 2.7.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from rules.errors import Code, Problem
from rules.event_fields import SOURCE
from rules.exceptions import append, define
from rules.items import (
    FILE,
    BrokenItem,
    Change,
    EngineVersion,
    Item,
    ListItem,
    MacroItem,
    PluginDemand,
    PluginVersions,
    RuleChange,
    RuleItem,
)
from rules.text import Sources, Text
from rules.versions import ENGINE_VERSION, PLUGIN_VERSIONS, is_compatible, parse_engine_version, parse_version, show

K = TypeVar("K")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Numbered(Generic[T]):
    """A definition and when it was made."""

    item: T
    index: int
    """The running number of the first definition: its place in every order."""
    visibility: int
    """The running number of the latest definition or change."""


@dataclass(slots=True)
class Definitions:
    """What the files define, by name, in the order of first definition."""

    lists: dict[str, Numbered[ListItem]] = field(default_factory=dict)
    macros: dict[str, Numbered[MacroItem]] = field(default_factory=dict)
    rules: dict[str, Numbered[RuleItem]] = field(default_factory=dict)
    broken: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Items that could not be read, by kind and name, and the words in them; of a whole file the kind is `file`."""

    def copy(self) -> "Definitions":
        """Return the same definitions, which do not change when these do."""
        return Definitions(dict(self.lists), dict(self.macros), dict(self.rules), dict(self.broken))

    def may_hold(self, kind: str, name: str) -> bool:
        """Tell whether something may be defined after all, in what could not be read."""
        return (kind, name) in self.broken or (FILE, "") in self.broken

    def undo(self, former: "Former") -> None:
        """Make these, as a file leaves them, what they were before it."""
        _undo(self.lists, former.lists)
        _undo(self.macros, former.macros)
        _undo(self.rules, former.rules)
        _undo(self.broken, former.broken)


def _undo(now: dict[K, T], former: Mapping[K, T | None]) -> None:
    for name, one in former.items():
        if one is None:
            del now[name]
        else:
            now[name] = one


@dataclass(slots=True)
class Former:
    """What a file changes or adds, by name, as it was before; None is what there was not."""

    start: int
    """The running number before its first item."""
    lists: dict[str, Numbered[ListItem] | None] = field(default_factory=dict)
    macros: dict[str, Numbered[MacroItem] | None] = field(default_factory=dict)
    rules: dict[str, Numbered[RuleItem] | None] = field(default_factory=dict)
    broken: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collected:
    """The definitions of a load, and how they came about."""

    definitions: Definitions
    """As the last file leaves them: those that count."""
    formers: Sequence[Former]
    """For each file what it took the place of."""
    replaced: Sequence[RuleItem] = ()
    """Rules whose own file puts others in place of their exceptions: the fields of these have to be there too."""


def collect(files: Iterable[Iterable[Item]], sources: Sources, problems: list[Problem]) -> Collected:
    """Return what the files define, in their order; append to `problems` what does not fit."""
    collector = _Collector(sources, problems)
    formers = []
    for items in files:
        former = collector.begin_file()
        formers.append(former)
        for item in items:
            collector.take(item)
    return Collected(collector.definitions, formers, collector.replaced)


class _Collector:
    def __init__(self, sources: Sources, problems: list[Problem]) -> None:
        self.definitions = Definitions()
        self.replaced: list[RuleItem] = []
        self._former = Former(0)
        self._sources = sources
        self._problems = problems
        self._count = 0

    def begin_file(self) -> Former:
        """Return where it is kept from now on what items take the place of."""
        self._former = Former(self._count)
        return self._former

    def take(self, item: Item) -> None:
        self._count += 1
        match item:
            case ListItem():
                self._take_list(item)
            case MacroItem():
                self._take_macro(item)
            case RuleItem():
                self._take_rule(item)
            case RuleChange():
                self._change_rule(item)
            case EngineVersion():
                self._check_engine(item)
            case BrokenItem(kind, name, words, readable):
                broken = self.definitions.broken
                before = broken.get((kind, name))
                self._former.broken.setdefault((kind, name), before)
                broken[kind, name] = words if before is None else words | before
                if readable is not None:
                    self.take(readable)
            case _:
                self._check_plugins(item)

    def _fail(self, code: Code, message: str, at: int, title: str = "", hint: str = "") -> None:
        self._problems.append(Problem(code, message, self._sources.locate(at), title, hint))

    def _define(
        self, definitions: dict[str, Numbered[T]], former: dict[str, Numbered[T] | None], name: str, item: T
    ) -> None:
        before = definitions.get(name)
        former.setdefault(name, before)
        definitions[name] = Numbered(item, self._count if before is None else before.index, self._count)

    def _take_list(self, item: ListItem) -> None:
        lists = self.definitions.lists
        before = lists.get(item.name)
        if item.change is Change.APPEND:
            if before is None:
                self._missing("list", item.name, item.at)
                return
            item = replace(before.item, items=before.item.items + item.items)
        self._define(lists, self._former.lists, item.name, item)

    def _take_macro(self, item: MacroItem) -> None:
        macros = self.definitions.macros
        before = macros.get(item.name)
        if item.change is Change.APPEND:
            if before is None:
                self._missing("macro", item.name, item.at)
                return
            item = replace(before.item, condition=_appended(before.item.condition, item.condition))
        self._define(macros, self._former.macros, item.name, item)

    def _missing(self, kind: str, name: str, at: int, to: str = "append to") -> None:
        """Tell that there is nothing to change; of an item that could not be read it is told already."""
        if not self.definitions.may_hold(kind, name):
            hint = "define it in this file or an earlier one"
            self._fail(Code.VALIDATE, f"there is no {kind} '{name}' to {to}", at, f"{kind} {name}", hint)

    def _take_rule(self, item: RuleItem) -> None:
        before = self.definitions.rules.get(item.name)
        if before is not None and before.item.source != item.source:
            self._fail(
                Code.VALIDATE,
                f"the rule '{item.name}' is defined again with another source: {before.item.source}, now {item.source}",
                item.at,
                f"rule {item.name}",
                f"write source: {before.item.source}",
            )
            item = replace(item, source=before.item.source, is_broken=True)
        if before is not None:
            self._replace_exceptions(before)
        self._define(self.definitions.rules, self._former.rules, item.name, item)

    def _change_rule(self, item: RuleChange) -> None:
        title = f"rule {item.name}"
        before = self.definitions.rules.get(item.name)
        if before is None:
            self._missing("rule", item.name, item.at, "change")
            return
        if item.source is not None and item.source != before.item.source:
            self._fail(
                Code.VALIDATE,
                f"the rule '{item.name}' has the source {before.item.source}, not {item.source}",
                item.at,
                title,
                "leave 'source' out",
            )
            item = replace(item, is_broken=True)
        after = _changed(before.item, item)
        appends = item.changes.get("exceptions") is Change.APPEND
        if item.exceptions is not None:
            is_broken = after.is_broken

            def complain(message: str, at: int, hint: str, code: Code) -> None:
                nonlocal is_broken
                is_broken = is_broken or code.is_error
                self._fail(code, message, at, title, hint)

            if appends:
                exceptions = append(after.exceptions, item.exceptions, complain, is_whole=not after.is_broken)
            else:
                self._replace_exceptions(before)
                exceptions = define(item.exceptions, complain)
            after = replace(after, exceptions=exceptions, is_broken=is_broken)
        self._define(self.definitions.rules, self._former.rules, item.name, after)

    def _replace_exceptions(self, before: Numbered[RuleItem]) -> None:
        """Remember exceptions that this file defines and does away with; what earlier files left is the compiler's."""
        if before.item.exceptions and before.visibility > self._former.start:
            self.replaced.append(before.item)

    def _check_engine(self, item: EngineVersion) -> None:
        demanded = parse_engine_version(item.text)
        if demanded is None:
            hint = "write a version such as 0.31.0"
            self._fail(Code.YAML_VALIDATE, f"'{item.text}' is no engine version", item.at, hint=hint)
        elif not is_compatible(ENGINE_VERSION, demanded):
            self._fail(
                Code.VALIDATE,
                f"the file needs engine version {item.text}, this engine is {show(ENGINE_VERSION)}",
                item.at,
                hint="use a file for this version",
            )

    def _check_plugins(self, item: PluginVersions) -> None:
        for demand in item.demands:
            if self._is_clear(demand):
                self._check_plugin(demand)

    def _is_clear(self, demand: tuple[PluginDemand, ...]) -> bool:
        """Tell whether a demand says what it wants; what is wrong with it is told."""
        names = set()
        is_clear = True
        for option in demand:
            if option.name in names:
                hint = "name each plugin once"
                self._fail(Code.VALIDATE, f"the plugin '{option.name}' is named twice", option.at, hint=hint)
                is_clear = False
            if parse_version(option.version) is None:
                hint = "write a version such as 0.7.0"
                self._fail(
                    Code.VALIDATE, f"'{option.version}' is no version of {option.name}", option.version_at, hint=hint
                )
                is_clear = False
            names.add(option.name)
        return is_clear

    def _check_plugin(self, demand: tuple[PluginDemand, ...]) -> None:
        """Hold a demand against what there is: the first option that is loaded decides."""
        option = next((option for option in demand if option.name in PLUGIN_VERSIONS), None)
        if option is None:
            names = ", ".join(option.name for option in demand)
            known = " and ".join(PLUGIN_VERSIONS)
            self._fail(
                Code.VALIDATE,
                f"the file needs one of these plugins: {names}",
                demand[0].at,
                hint=f"this engine stands for {known}; rules for other plugins cannot be judged here",
            )
            return
        demanded = parse_version(option.version)
        have = PLUGIN_VERSIONS[option.name]
        if demanded is None or not is_compatible(have, demanded):
            self._fail(
                Code.VALIDATE,
                f"the file needs {option.name} {option.version}, this engine has {show(have)}",
                option.version_at,
                hint="use a file for this version",
            )


def _appended(before: Text, more: Text) -> Text:
    return Text.join((before, Text.at(" ", more.origins[0]), more))


def _changed(before: RuleItem, item: RuleChange) -> RuleItem:
    """Return a rule with an item's changes made: what is absent there stays."""
    how = item.changes
    after = before
    if item.condition is not None:
        appends = how.get("condition") is Change.APPEND
        after = replace(after, condition=_appended(before.condition, item.condition) if appends else item.condition)
    if item.output is not None:
        appends = how.get("output") is Change.APPEND
        after = replace(after, output=_appended(before.output, item.output) if appends else item.output.strip())
    if item.description is not None:
        appends = how.get("desc") is Change.APPEND
        after = replace(after, description=f"{before.description} {item.description}" if appends else item.description)
    if item.tags is not None:
        after = replace(after, tags=before.tags | item.tags if how.get("tags") is Change.APPEND else item.tags)
    if item.priority is not None:
        after = replace(after, priority=item.priority)
    if item.is_enabled is not None:
        after = replace(after, is_enabled=item.is_enabled)
    if item.skips_unknown_fields is not None:
        after = replace(after, skips_unknown_fields=item.skips_unknown_fields)
    return replace(after, is_broken=True) if item.is_broken else after


def is_ours(rule: RuleItem) -> bool:
    """Tell whether a rule is for audit events: others are left out with a warning, their conditions unread."""
    return rule.source == SOURCE
