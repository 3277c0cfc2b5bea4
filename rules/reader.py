"""Rule files into items: YAML's structure, keys and types. The first phase of a load.

Takes a file's bytes, appends what is wrong to the problems, returns the items that are right. What an item refers to
is not looked at: that is the collector's and resolver's. Called by `rules.loader`. Spec sections 2.1 to 2.7.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

import yaml

from rules.entry import PRIORITY_HINT, Entry
from rules.errors import Code, Problem
from rules.exception_entries import read_exceptions
from rules.exceptions import define
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
    Priority,
    RuleChange,
    RuleItem,
)
from rules.list_names import WORD
from rules.text import Sources, Text
from rules.tokenizer import TOKENS
from rules.yaml_nodes import Document, YamlError, is_null

DEFAULT_SOURCE: Final = "syscall"

_DEFINING_KEYS: Final = ("condition", "output", "desc", "priority")
_APPENDABLE: Final = frozenset({"condition", "output", "desc", "tags", "exceptions"})
_SKIP: Final = "skip-if-unknown-filter"
_PASSED_OVER: Final = ("capture", "capture_duration", "warn_evttypes")
"""What means nothing for audit events."""
_REPLACEABLE: Final = _APPENDABLE | {"priority", "enabled", _SKIP, *_PASSED_OVER}


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules: the name it is spoken of by, and its bytes."""

    name: str
    content: bytes


def read(file: RuleFile, sources: Sources, problems: list[Problem]) -> list[Item]:
    """Return the items of a file in their order; append to `problems` what is wrong with it."""
    document = Document(file.name, file.content, sources)
    items: list[Item] = []
    try:
        for root in document.roots():
            items += _read_root(root, document, sources, problems)
    except YamlError as error:
        problems.append(error.problem)
        items.append(BrokenItem(FILE, "", frozenset(WORD.findall(document.text))))
    return items


def _read_root(root: yaml.Node, document: Document, sources: Sources, problems: list[Problem]) -> list[Item]:
    if is_null(root):
        return []
    if not isinstance(root, yaml.SequenceNode):
        position = sources.locate(document.at(root))
        hint = "begin each item with '- ', such as '- rule: ...'"
        problems.append(Problem(Code.YAML_VALIDATE, "a rule file is a sequence of items", position, hint=hint))
        return []
    document.meet(root)
    items = []
    for node in root.value:
        if is_null(node):
            continue
        if not isinstance(node, yaml.MappingNode):
            position = sources.locate(document.at(node))
            problems.append(Problem(Code.YAML_VALIDATE, "an item must be a mapping such as 'rule: ...'", position))
            continue
        sources.begin_item(document.at(node), "")
        item = _read_item(Entry(node, document, sources, problems))
        if item is not None:
            items.append(item)
    return items


def _read_item(entry: Entry) -> Item | None:
    if "required_engine_version" in entry:
        text = entry.required("required_engine_version", "write a version such as 0.31.0")
        entry.warn_of_unknown_keys()
        return None if text is None else EngineVersion(text.value, entry.where("required_engine_version"))
    if "required_plugin_versions" in entry:
        return _read_plugins(entry)
    for kind, read_kind in (("list", _read_list), ("macro", _read_macro), ("rule", _read_rule)):
        if kind in entry:
            name = entry.required(kind, f"give the {kind} a name")
            if name is None:
                return BrokenItem(kind, "", _words(entry))
            entry.call(f"{kind} {name.value}")
            item = read_kind(entry, name.value)
            entry.warn_of_unknown_keys()
            if item is not None and not entry.is_broken:
                return item
            readable = replace(item, is_broken=True) if isinstance(item, RuleItem | RuleChange) else None
            return BrokenItem(kind, name.value, _words(entry), readable)
    entry.fail(
        "this item is none of rule, macro, list, required_engine_version, required_plugin_versions, and is ignored",
        entry.at,
        code=Code.UNKNOWN_ITEM,
    )
    return None


def _words(entry: Entry) -> frozenset[str]:
    """Return what may be names of lists and macros in an item."""
    return entry.words("condition", "items", "exceptions")


def _read_plugins(entry: Entry) -> Item:
    """Read `[{name, version, alternatives: [{name, version}]}]`."""
    demands = entry.entries("required_plugin_versions")
    entry.warn_of_unknown_keys()
    read_demands = []
    for demand in demands:
        options = [demand, *(demand.entries("alternatives") if "alternatives" in demand else [])]
        read_options = [_read_plugin(option) for option in options]
        read = tuple(option for option in read_options if option is not None)
        if len(read) == len(options) and not demand.is_broken:
            read_demands.append(read)
    return PluginVersions(tuple(read_demands))


def _read_plugin(option: Entry) -> PluginDemand | None:
    name = option.required("name", "name the plugin")
    version = option.required("version", "write a version such as 0.7.0")
    if name is None or version is None:
        return None
    return PluginDemand(name.value, version.value, option.where("name"), option.where("version"))


def _read_list(entry: Entry, name: str) -> Item | None:
    if not TOKENS["bare string"].fullmatch(name):
        hint = "names of lists have no blanks, quotes, commas, equals signs or parentheses"
        entry.fail(f"'{name}' is no proper name of a list", entry.where("list"), hint, Code.INVALID_LIST_NAME)
    change = _read_change(entry, "items")
    if "items" not in entry:
        entry.fail("'items' is missing", entry.at, "write items: [first, second]")
    items = entry.texts("items")
    return None if items is None else ListItem(name, entry.at, items, change)


def _read_macro(entry: Entry, name: str) -> Item | None:
    if not TOKENS["identifier"].fullmatch(name):
        hint = "names of macros are a letter, then letters, digits and '_'"
        entry.fail(f"no condition can name the macro '{name}'", entry.where("macro"), hint, Code.INVALID_MACRO_NAME)
    change = _read_change(entry, "condition")
    condition = entry.required("condition", "write condition: ka.verb = create, or any other condition")
    return None if condition is None else MacroItem(name, entry.at, condition, change)


def _read_change(entry: Entry, key: str) -> Change | None:
    """Read how a list or macro changes an earlier one of its name: `append: true` or `override: {key: how}`."""
    appends = entry.flag("append")
    override = entry.entry("override", f"write override: {{{key}: append}}, or replace")
    if appends:
        entry.fail(
            "'append' is old",
            entry.key_at("append"),
            f"write override: {{{key}: append}}",
            Code.DEPRECATED_ITEM,
        )
    changes = {} if override is None else _read_override(entry, override, frozenset({key}), frozenset({key}))
    if appends and changes:
        entry.fail("'append' and 'override' exclude each other", entry.where("override"), "keep 'override'")
    return Change.APPEND if appends else changes.get(key)


def _read_override(
    entry: Entry, override: Entry, appendable: frozenset[str], replaceable: frozenset[str]
) -> dict[str, Change]:
    changes: dict[str, Change] = {}
    entry.ignore(override.keys())  # a key that cannot be overridden is told here
    for key, at, how in override.every("write append or replace"):
        if how is None:
            entry.is_broken = True
        elif key not in replaceable:
            entry.fail(f"'{key}' cannot be overridden", at, f"{_or(replaceable)} can")
        elif how.value not in {"append", "replace"}:
            entry.fail(f"expected append or replace, found '{how.value}'", how.origins[0])
        elif how.value == "append" and key not in appendable:
            entry.fail(f"'{key}' cannot be appended to", how.origins[0], "write replace")
        elif key not in entry:
            entry.fail(f"'{key}' is named in 'override' and missing", at, f"add {key}: ...")
        elif changes.get(key) is not Change.REPLACE:  # of both, what is appended is replaced
            changes[key] = Change(how.value)
    return changes


def _or(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _read_rule(entry: Entry, name: str) -> Item | None:
    entry.ignore((_SKIP, *_PASSED_OVER))
    appends = entry.flag("append")
    override = entry.entry("override", "write override: {condition: append}, or replace, and so for each key")
    if appends and override is not None and override.keys():
        entry.fail("'append' and 'override' exclude each other", entry.where("override"), "keep 'override'")
    if entry.is_broken:
        # How it changes a rule is not known, so nothing is missing; what its keys hold is looked at all the same.
        _read_rule_change(entry, {}, name)
        return None
    if appends:
        return _read_rule_append(entry, name)
    if override is not None and override.keys():
        return _read_rule_override(entry, override, name)
    if not any(key in entry for key in _DEFINING_KEYS) and "enabled" in entry:
        return _read_toggle(entry, name)
    return _read_definition(entry, name)


def _pass_over(entry: Entry) -> None:
    """Read what has no meaning here: what is wrong with it is told all the same."""
    entry.flag("capture")
    entry.flag("warn_evttypes")
    duration = entry.optional("capture_duration", _DURATION_HINT)
    if duration is not None and not (_DURATION.fullmatch(duration.value) and int(duration.value) <= _MAX_DURATION):
        entry.fail(
            f"'capture_duration' must be a number, not '{duration.value}'",
            entry.where("capture_duration"),
            _DURATION_HINT,
        )


_DURATION: Final = re.compile(r"[0-9]{1,10}")
_MAX_DURATION: Final = 2**32 - 1
_DURATION_HINT: Final = "write a whole number up to 4294967295, or leave it out: it has no meaning here"


def _read_definition(entry: Entry, name: str) -> Item | None:
    condition = entry.required("condition", "write condition: ka.verb = create, or any other condition")
    output = entry.required("output", "say what the alert tells, such as 'Pod created (user=%ka.user.name)'")
    description = entry.required("desc", "say in a sentence what the rule finds")
    priority = entry.priority(entry.required("priority", PRIORITY_HINT))
    source = entry.optional("source", "write source: k8s_audit")
    is_enabled = entry.flag("enabled")
    tags = entry.texts("tags") or ()
    skips = entry.flag(_SKIP)
    _pass_over(entry)
    exceptions = define(read_exceptions(entry, appends=False) or (), entry.fail)
    if source is None and "source" in entry:
        return None  # for what it is meant is not known
    return RuleItem(
        name=name,
        at=entry.at,
        condition=Text.at(_ANY_CONDITION, entry.at) if condition is None else condition,
        output=Text.at(_ANY_OUTPUT, entry.at) if output is None else output.strip(),
        description="" if description is None else description.value,
        priority=Priority.DEBUG if priority is None else priority,
        source=DEFAULT_SOURCE if source is None else source.value,
        tags=frozenset(tag.value for tag in tags),
        is_enabled=is_enabled is not False,
        exceptions=exceptions,
        skips_unknown_fields=skips is True,
    )


_ANY_CONDITION: Final = "evt.num exists"
_ANY_OUTPUT: Final = "-"
"""In place of what could not be read, in rules that are not used: nothing is wrong with them."""


def _read_toggle(entry: Entry, name: str) -> Item | None:
    """Read `rule` and `enabled` alone: the old way to switch a rule on or off."""
    is_enabled = entry.flag("enabled")
    source = _source(entry)
    hint = "add override: {enabled: replace}"
    entry.fail("'enabled' alone is old", entry.key_at("enabled"), hint, Code.DEPRECATED_ITEM)
    if is_enabled is None:
        return None
    return RuleChange(
        name,
        entry.at,
        {"enabled": Change.REPLACE},
        is_enabled=is_enabled,
        source=source,
    )


def _read_rule_append(entry: Entry, name: str) -> Item | None:
    """Read the old `append: true`: only the condition and exceptions count."""
    hint = "write override: {condition: append} or {exceptions: append}"
    entry.fail("'append' is old", entry.key_at("append"), hint, Code.DEPRECATED_ITEM)
    entry.ignore(("source", *_REPLACEABLE))
    condition = entry.optional("condition")
    exceptions = read_exceptions(entry, appends=True)
    if condition is None and exceptions is None:
        entry.fail(
            "there is nothing to append", entry.at, "add condition: and ..., or exceptions: [...]", Code.VALIDATE
        )
        return None
    changes = {"condition": Change.APPEND, "exceptions": Change.APPEND}
    return RuleChange(name, entry.at, changes, condition=condition, exceptions=exceptions)


def _read_rule_override(entry: Entry, override: Entry, name: str) -> Item | None:
    changes = _read_override(entry, override, _APPENDABLE, _REPLACEABLE)
    for key in entry.keys():  # noqa: SIM118 - an entry is no mapping
        if key in _REPLACEABLE and key not in override:
            entry.fail(f"'{key}' is not named in 'override'", entry.key_at(key), f"add {key}: replace to it")
    return _read_rule_change(entry, changes, name)


def _source(entry: Entry) -> str | None:
    """Read the source of an item that changes a rule: there it may be empty."""
    given = entry.text_if_any("source")
    return None if given is None else given.value


def _read_rule_change(entry: Entry, changes: dict[str, Change], name: str) -> Item:
    source = _source(entry)
    condition = entry.optional("condition")
    output = entry.optional("output")
    description = entry.optional("desc")
    priority = entry.priority(entry.optional("priority"))
    tags = entry.texts("tags")
    is_enabled = entry.flag("enabled")
    skips = entry.flag(_SKIP)
    exceptions = read_exceptions(entry, appends=changes.get("exceptions") is Change.APPEND)
    _pass_over(entry)
    return RuleChange(
        name,
        entry.at,
        changes,
        # How a key that 'override' does not name rightly would change the rule is not known.
        condition=condition if "condition" in changes else None,
        output=output if "output" in changes else None,
        description=description.value if description is not None and "desc" in changes else None,
        priority=priority if "priority" in changes else None,
        tags=frozenset(tag.value for tag in tags) if tags is not None and "tags" in changes else None,
        is_enabled=is_enabled if "enabled" in changes else None,
        source=source,
        exceptions=exceptions if "exceptions" in changes else None,
        skips_unknown_fields=skips if _SKIP in changes else None,
    )
