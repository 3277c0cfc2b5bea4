"""The rules that the settings ask for, loaded and told of: what every command begins with that needs rules.

Between `auditstream.rule_choice`, which reads the settings, and `processor.rule_files`, which reads the disk.
"""

import socket
from collections.abc import Callable
from typing import Final

from auditstream.rule_choice import falco_config_of, refuse_unknown_rules, selection_of, without_effect
from auditstream.screen import Screen
from auditstream.settings import Settings
from auditstream.terminal import escape_json, escape_lines
from auditstream.usage import UsageError
from processor.alert import Prefix
from processor.engine import Engine
from processor.rule_files import load_rules
from rules.errors import Code, LoadResult, Problem
from rules.ruleset import Ruleset
from rules.text import escape, without_bytes

_MAX_NAMED: Final = 20
"""So many rules that wait are named: the line is to stay one."""


def load_settings(settings: Settings, machine: Screen | None = None) -> LoadResult:
    """Return the outcome of loading the rules that the settings ask for.

    Raises UsageError for a path that does not exist; a machine's screen has it as a file that cannot be read.
    """
    absent = missing(settings)
    if absent is not None:
        if machine is not None:
            machine.show([result_json(LoadResult(None, [absent]))])
        raise UsageError(f"{absent.message}; {absent.hint}")
    return load_what_is_there(settings)


def load_what_is_there(settings: Settings, *, is_check: bool = False) -> LoadResult:
    """Do so, with a path that does not exist told beside all else that is wrong."""
    return load_rules(
        settings.rules,
        with_pack=not settings.no_pack,
        selection=selection_of(settings),
        falco_config=falco_config_of(settings, is_check=is_check),
    )


def ready_rules(settings: Settings, screen: Screen, *, is_machine: bool = False) -> Ruleset | None:
    """Return the rules that the settings ask for, None if their files have errors; what is wrong is told.

    A machine is told of errors on standard output, as one JSON object.
    """
    result = load_settings(settings, screen if is_machine else None)
    if result.ruleset is None:
        tell_refused(result, screen, is_machine=is_machine)
        return None
    screen.note(_warning(problem) for problem in result.warnings)
    refuse_unknown_rules(settings, result.ruleset)
    screen.note(escape(line) for line in without_effect(settings, result.ruleset))
    return result.ruleset


def waiting(ruleset: Ruleset) -> list[str]:
    """Return the line that says which rules wait for a list of the user's, if any do."""
    rules = ruleset.waiting
    if not rules:
        return []
    named = ", ".join(f"'{rule.name}' ({', '.join(rule.empty_lists)})" for rule in rules[:_MAX_NAMED])
    more = f" and {len(rules) - _MAX_NAMED:,} more" if len(rules) > _MAX_NAMED else ""
    are = "rule is off and waits" if len(rules) == 1 else "rules are off and wait"
    return [escape(f"auditstream: {len(rules):,} {are} for a list of yours (docs/rules.md): {named}{more}")]


def tell_refused(result: LoadResult, screen: Screen, *, is_machine: bool) -> None:
    """Tell the errors that refuse a load: a person on standard error, a machine on standard output."""
    if is_machine:
        screen.show([result_json(result)])
    else:
        screen.note([escape_lines(LoadResult(None, result.errors, result.files).to_text())])


def result_json(result: LoadResult) -> str:
    """Return the outcome of a load as one line of JSON for a terminal."""
    return escape_json(result.to_json())


def ready_engine(ruleset: Ruleset, settings: Settings) -> Engine:
    """Return rules at work, whose alerts are as the settings ask for."""
    prefix = Prefix.ISO_8601 if settings.time_format_iso_8601 else Prefix.CLOCK
    # A variable may hold any bytes, an alert only text.
    return Engine(ruleset, without_bytes(settings.hostname or socket.gethostname()), prefix)


def missing(settings: Settings) -> Problem | None:
    """Return what is wrong with the first path of rule files, or of the configuration, that does not exist."""
    for path in settings.rules:
        if not _is_so(path.exists):
            hint = "check the path of the rule files"
            return Problem(Code.FILE_READ, f"cannot read {path}: no such file or folder", hint=hint)
    config = settings.falco_config
    if config is not None and not _is_so(lambda: config.exists() and not config.is_dir()):
        return Problem(Code.FILE_READ, f"cannot read {config}: no such file", hint="check the path of the falco.yaml")
    return None


def _is_so(ask: Callable[[], bool]) -> bool:
    """Tell what the file system says; where it says nothing, reading is to tell why."""
    try:
        return ask()
    except OSError:
        return True


def _warning(problem: Problem) -> str:
    place = f"{problem.position}: " if problem.position is not None else ""
    return escape(f"{place}warning: {problem.message} [{problem.code.value}]")
