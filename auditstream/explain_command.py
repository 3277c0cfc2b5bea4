"""`auditstream rules explain NAME`: what one rule comes to, for people or for machines.

Called by `auditstream.rules_app`.
"""

import json
from collections.abc import Iterator
from typing import Final

from auditstream.exit_codes import FINDINGS, OK
from auditstream.rule_loading import ready_rules
from auditstream.rules_commands import YES_NO, Format, field_members, members, traits
from auditstream.screen import Screen
from auditstream.settings import Settings
from auditstream.terminal import aligned, escape_json
from auditstream.usage import UsageError, did_you_mean
from rules.codegen import CodeGenerator
from rules.explanation import FieldRead, condition_lines, condition_text, fields_read, output_text
from rules.ruleset import Rule
from rules.text import escape

_WIDTH: Final = 100
"""Columns that a condition may take: what is printed is the same in a terminal of any width, and in a pipe."""

_USED: Final = {(True, False): "condition", (False, True): "output", (True, True): "both"}


def explain_rule(name: str, settings: Settings, output_format: Format, screen: Screen, *, with_source: bool) -> int:
    """Print what a rule comes to and return the exit code."""
    ruleset = ready_rules(settings, screen, is_machine=output_format is Format.JSON)
    if ruleset is None:
        return FINDINGS
    rule = ruleset.by_name.get(name)
    if rule is None:
        hint = did_you_mean(name, ruleset.by_name, "see 'auditstream rules list'")
        raise UsageError(f"cannot explain the unknown rule '{name}': {hint}")
    source = CodeGenerator().generate(rule.condition, rule.name).source if with_source else None
    if output_format is Format.JSON:
        screen.show([escape_json(json.dumps(_explained(rule, source), ensure_ascii=False))])
        return OK
    screen.show(_heading(rule))
    screen.show(["", "condition", *_indented(condition_lines(rule.condition, _WIDTH))])
    screen.show(["", "fields that it reads"])
    rows = [_row(read) for read in fields_read(rule)]
    screen.show(aligned([("  field", "in", "type", "list", "what it is"), *rows]))
    screen.show(["", "output", *_indented([output_text(rule.output)])])
    if rule.extra_fields:
        extra = [f"{name}: {text}" for name, text in _extra_fields(rule).items()]
        screen.show(["", "extra fields", *_indented(extra)])
    if source is not None:
        screen.show(["", "source", *_indented(source.rstrip("\n").split("\n"))])
    return OK


def _heading(rule: Rule) -> Iterator[str]:
    pairs = (
        ("rule", rule.name),
        ("description", " ".join(rule.description.split())),
        ("priority", str(rule.priority)),
        ("enabled", YES_NO[rule.is_enabled]),
        ("tags", ", ".join(rule.tags) or "-"),
        ("defined in", f"{rule.position.file}:{rule.position.line}"),
    )
    width = max(len(key) for key, _ in pairs)
    for key, value in pairs:
        yield f"{key:{width}}  {escape(value)}"


def _indented(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"  {escape(line)}".rstrip()


def _row(read: FieldRead) -> tuple[str, ...]:
    kind, is_list, _ = traits(read.field)
    return f"  {read.name}", _USED[read.in_condition, read.in_output], kind, is_list, read.field.description


def _extra_fields(rule: Rule) -> dict[str, str]:
    """Return the text of each extra field: a field, or a format."""
    return {extra.name: output_text(extra.pieces) for extra in rule.extra_fields}


def _explained(rule: Rule, source: str | None) -> dict[str, object]:
    explained = {
        **members(rule),
        "condition": condition_text(rule.condition),
        "fields": [
            {
                "name": read.name,
                "in_condition": read.in_condition,
                "in_output": read.in_output,
                **field_members(read.field),
            }
            for read in fields_read(rule)
        ],
        "output": output_text(rule.output),
        "extra_fields": _extra_fields(rule),
    }
    return explained if source is None else {**explained, "python": source}
