"""`auditstream rules check`, `list` and `fields`: rule files and their language told about, nothing judged.

Called by `auditstream.rules_app`.
"""

import json
from collections.abc import Sequence
from enum import Enum
from typing import Final

from auditstream.exit_codes import FINDINGS, OK, USAGE
from auditstream.rule_choice import refuse_unknown_rules, without_effect
from auditstream.rule_loading import (
    load_settings,
    load_what_is_there,
    missing,
    ready_rules,
    result_json,
    tell_refused,
    waiting,
)
from auditstream.screen import Screen
from auditstream.settings import Settings
from auditstream.terminal import aligned, counted, escape_json, escape_lines
from rules.errors import LoadResult
from rules.fields import Argument, Field, Type
from rules.ruleset import Rule, Ruleset
from rules.text import escape


class Format(Enum):
    """Who the output is for."""

    TEXT = "text"
    JSON = "json"


YES_NO: Final = {True: "yes", False: "no"}
_TYPES: Final = {
    Type.STRING: "text",
    Type.NUMBER: "number",
    Type.ABSTIME: "time",
    Type.RELTIME: "duration",
    Type.BOOL: "boolean",
}
_ARGUMENTS: Final = {
    Argument.NONE: "-",
    Argument.KEY: "[key]",
    Argument.NONEMPTY_KEY: "[key]",
    Argument.INDEX: "[index], or none",
}


def check_rules(settings: Settings, output_format: Format, screen: Screen, *, is_strict: bool = False) -> int:
    """Print what is wrong with rule files and return the exit code; a strict one takes warnings for errors."""
    is_machine = output_format is Format.JSON
    result = load_what_is_there(settings, is_check=True)
    if result.ruleset is not None:
        refuse_unknown_rules(settings, result.ruleset)
        screen.note(escape(line) for line in without_effect(settings, result.ruleset))
    if is_machine:
        screen.show([result_json(result)])
    else:
        screen.show([escape_lines(result.to_text())] if result.problems else [])
        files = len(result.files) - (settings.falco_config is not None)
        screen.show([_ending(result, files, is_strict=is_strict)])
    if missing(settings) is not None:
        return USAGE
    return FINDINGS if result.ruleset is None or (is_strict and result.warnings) else OK


def list_rules(settings: Settings, output_format: Format, screen: Screen) -> int:
    """Print the rules in the order of definition and return the exit code."""
    ruleset = ready_rules(settings, screen, is_machine=output_format is Format.JSON)
    if ruleset is None:
        return FINDINGS
    if output_format is Format.JSON:
        screen.show(escape_json(json.dumps(members(rule), ensure_ascii=False)) for rule in ruleset.rules)
    else:
        rows = [_row(rule) for rule in ruleset.rules]
        screen.show(aligned([("rule", "priority", "enabled", "tags", "where"), *rows]))
    screen.note(waiting(ruleset))
    return OK


def list_fields(settings: Settings, output_format: Format, screen: Screen) -> int:
    """Print the fields that conditions and outputs can read and return the exit code."""
    # Of no rules: whether those of the installation are right is not asked.
    is_machine = output_format is Format.JSON
    alone = settings.model_copy(update={"rules": (), "no_pack": True})
    result = load_settings(alone, screen if is_machine else None)
    if result.errors:
        tell_refused(result, screen, is_machine=is_machine)
        return FINDINGS
    if is_machine:
        screen.show(json.dumps(field_members(field)) for field in result.fields)
    else:
        rows = [(field.name, *traits(field), field.description) for field in result.fields]
        screen.show(aligned([("field", "type", "list", "argument", "what it is"), *rows]))
    return OK


def traits(field: Field) -> tuple[str, str, str]:
    """Return the words for a field's type, whether it is a list, and its argument."""
    return _TYPES[field.type], "list" if field.is_list else "-", _ARGUMENTS[field.argument]


def field_members(field: Field) -> dict[str, object]:
    """Return what is told of a field to machines."""
    kind, _, argument = traits(field)
    return {
        "field": field.name,
        "type": kind,
        "is_list": field.is_list,
        "argument": None if field.argument is Argument.NONE else argument,
        "description": field.description,
    }


def members(rule: Rule) -> dict[str, object]:
    """Return what is told of a rule to machines."""
    return {
        "rule": rule.name,
        "description": rule.description,
        "priority": str(rule.priority),
        "enabled": rule.is_enabled,
        "source": rule.source,
        "tags": rule.tags,
        "file": rule.position.file,
        "line": rule.position.line,
    }


def _ending(result: LoadResult, files: int, *, is_strict: bool) -> str:
    """Return the line that says what came of a check."""
    errors, warnings = counted(len(result.errors), "error"), counted(len(result.warnings), "warning")
    if result.ruleset is None:
        return f"not ok: {errors}, {warnings}" if result.warnings else f"not ok: {errors}"
    if is_strict and result.warnings:
        return f"not ok: {warnings}, and --strict allows none"
    return _contents(result, result.ruleset, files)


def _contents(result: LoadResult, ruleset: Ruleset, files: int) -> str:
    enabled = sum(rule.is_enabled for rule in ruleset.rules)
    return (
        f"ok: {counted(len(ruleset.rules), 'rule')} ({enabled:,} enabled), {counted(result.macros, 'macro')}, "
        f"{counted(result.lists, 'list')} in {counted(files, 'file')}"
    )


def _row(rule: Rule) -> Sequence[str]:
    where = f"{rule.position.file}:{rule.position.line}"
    return rule.name, str(rule.priority), YES_NO[rule.is_enabled], ",".join(rule.tags) or "-", where
