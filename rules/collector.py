"""Items of all files into definitions: redefinition, append and override applied, in the order of the files.

The second phase of a load. What is left is one `ListItem`, `MacroItem` or `RuleItem` a name, with a running number of
its first definition and of its latest change, which the resolver needs. Conditions are still text. Spec 2.3 to 2.7.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from rules.errors import Code, Problem
from rules.event_fields import SOURCE
from rules.items import Change, EngineVersion, Item, ListItem, MacroItem, PluginVersions, RuleChange, RuleItem
from rules.text import Sources, Text
from rules.versions import ENGINE_VERSION, PLUGIN_VERSIONS, is_compatible, parse_engine_version, parse_version, show

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


def collect(items: Iterable[Item], sources: Sources, problems: list[Problem]) -> Definitions:
    """Return the definitions that the items make together; append to `problems` what does not fit."""
    collector = _Collector(sources, problems)
    for item in items:
        collector.take(item)
    return collector.definitions


class _Collector:
    def __init__(self, sources: Sources, problems: list[Problem]) -> None:
        self.definitions = Definitions()
        self._sources = sources
        self._problems = problems
        self._count = 0

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
            case _:
                self._check_plugins(item)

    def _fail(self, code: Code, message: str, at: int, title: str = "", hint: str = "") -> None:
        self._problems.append(Problem(code, message, self._sources.locate(at), title, hint))

    def _numbered(self, item: T, before: Numbered[T] | None) -> Numbered[T]:
        return Numbered(item, self._count if before is None else before.index, self._count)

    def _take_list(self, item: ListItem) -> None:
        lists = self.definitions.lists
        before = lists.get(item.name)
        if item.change is Change.APPEND:
            if before is None:
                self._missing("list", item.name, item.at)
                return
            item = replace(before.item, items=before.item.items + item.items)
        lists[item.name] = self._numbered(item, before)

    def _take_macro(self, item: MacroItem) -> None:
        macros = self.definitions.macros
        before = macros.get(item.name)
        if item.change is Change.APPEND:
            if before is None:
                self._missing("macro", item.name, item.at)
                return
            item = replace(before.item, condition=_appended(before.item.condition, item.condition))
        macros[item.name] = self._numbered(item, before)

    def _missing(self, kind: str, name: str, at: int) -> None:
        hint = "define it in this file or an earlier one"
        self._fail(Code.VALIDATE, f"there is no {kind} '{name}' to append to", at, f"{kind} {name}", hint)

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
            return
        self.definitions.rules[item.name] = self._numbered(item, before)

    def _change_rule(self, item: RuleChange) -> None:
        title = f"rule {item.name}"
        before = self.definitions.rules.get(item.name)
        if before is None:
            hint = "define it in this file or an earlier one"
            self._fail(Code.VALIDATE, f"there is no rule '{item.name}' to change", item.at, title, hint)
            return
        if item.source is not None and item.source != before.item.source:
            self._fail(
                Code.VALIDATE,
                f"the rule '{item.name}' has the source {before.item.source}, not {item.source}",
                item.at,
                title,
                "leave 'source' out",
            )
            return
        self.definitions.rules[item.name] = self._numbered(_changed(before.item, item), before)

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
            loaded = [(name, version) for name, version in demand if name in PLUGIN_VERSIONS]
            if not loaded:
                names = ", ".join(name for name, _ in demand)
                self._fail(Code.VALIDATE, f"the file needs one of these plugins: {names}", item.at)
                continue
            name, version = loaded[0]
            demanded = parse_version(version)
            if demanded is None or not is_compatible(PLUGIN_VERSIONS[name], demanded):
                have = show(PLUGIN_VERSIONS[name])
                self._fail(Code.VALIDATE, f"the file needs {name} {version}, this engine has {have}", item.at)


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
    return after


def is_ours(rule: RuleItem) -> bool:
    """Tell whether a rule is for audit events: others are left out with a warning, their conditions unread."""
    return rule.source == SOURCE
