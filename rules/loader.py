"""Rule files into a ruleset: the phases in their order, on one page.

reader -> collector -> resolver -> checker -> ruleset. Each phase appends what is wrong to one list of problems and
goes on with what is right, so that an author sees everything at once; one error and there is no ruleset.
Called by `processor.rule_files`, which reads the files, and by tests.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from rules.advice import Advice
from rules.checker import Report, check
from rules.collector import Definitions, collect, is_ours
from rules.errors import Code, LoadResult, Problem
from rules.items import RuleItem
from rules.output import compile_format, format_errors
from rules.reader import RuleFile, read
from rules.resolver import BrokenMacroError, MacroError, Resolver
from rules.ruleset import Matching, Rule, Ruleset
from rules.text import Sources
from rules.tokenizer import ConditionError

_DIGEST_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are on, beyond what their files say."""

    enabled: frozenset[str] = frozenset()
    """Names of rules to switch on."""
    matching: Matching = Matching.ALL


def load(files: Sequence[RuleFile], selection: Selection = Selection()) -> LoadResult:
    """Return the ruleset that the files make together, in their order, and all problems found on the way."""
    sources = Sources()
    problems: list[Problem] = []
    items = [item for file in files for item in read(file, sources, problems)]
    definitions = collect(items, sources, problems)
    rules = _compile(definitions, sources, problems)
    rules = [replace(rule, is_enabled=rule.is_enabled or rule.name in selection.enabled) for rule in rules]
    problems = _without_repeats(problems)
    is_refused = any(problem.code.is_error for problem in problems)
    ruleset = None if is_refused else Ruleset(rules, selection.matching, _digest(files, rules, selection))
    return LoadResult(ruleset, tuple(problems), len(files), len(definitions.macros), len(definitions.lists))


def _compile(definitions: Definitions, sources: Sources, problems: list[Problem]) -> list[Rule]:
    resolver = Resolver(definitions)
    for (kind, name), error in resolver.errors.items():
        if not isinstance(error, BrokenMacroError):
            problems.append(_condition_problem(error, sources, f"{kind} {name}"))
    rules = []
    for numbered in sorted(definitions.rules.values(), key=lambda rule: rule.index):
        item = numbered.item
        if not is_ours(item):
            message = f"the source '{item.source}' is unknown: this rule is left out"
            hint = "rules for audit events have source: k8s_audit"
            problems.append(Problem(Code.UNKNOWN_SOURCE, message, sources.locate(item.at), f"rule {item.name}", hint))
            continue
        rule = _compile_rule(item, resolver, sources, problems)
        if rule is not None:
            rules.append(rule)
    problems += _unused(definitions, resolver, sources)
    return rules


def _compile_rule(item: RuleItem, resolver: Resolver, sources: Sources, problems: list[Problem]) -> Rule | None:
    title = f"rule {item.name}"
    condition = output = None
    report = Report()
    try:
        condition = check(resolver.resolve(item.condition), report)
    except ConditionError as error:
        report.errors.append(error)
    problems += [
        _condition_problem(error, sources, title) for error in report.errors if not isinstance(error, BrokenMacroError)
    ]
    problems += [_advice_problem(advice, sources, title) for advice in report.advice]
    try:
        output = compile_format(item.output)
    except ConditionError:
        problems += [_problem(Code.COMPILE_OUTPUT, error, sources, title) for error in format_errors(item.output)]
    if condition is None or output is None:
        return None
    return Rule(
        name=item.name,
        description=item.description,
        priority=item.priority,
        tags=tuple(sorted(item.tags)),
        source=item.source,
        is_enabled=item.is_enabled,
        position=sources.locate(item.at),
        condition=condition,
        output=output,
    )


def _condition_problem(error: ConditionError, sources: Sources, title: str) -> Problem:
    return _problem(Code.VALIDATE if isinstance(error, MacroError) else Code.COMPILE_CONDITION, error, sources, title)


def _advice_problem(advice: Advice, sources: Sources, title: str) -> Problem:
    return Problem(advice.code, advice.message, sources.locate(advice.at), title, advice.hint)


def _problem(code: Code, error: ConditionError, sources: Sources, title: str) -> Problem:
    return Problem(code, error.message, sources.locate(error.at), title, error.hint)


def _unused(definitions: Definitions, resolver: Resolver, sources: Sources) -> Iterable[Problem]:
    for name, macro in definitions.macros.items():
        if name not in resolver.used_macros:
            position = sources.locate(macro.item.at)
            yield Problem(Code.UNUSED_MACRO, f"no rule or macro uses the macro '{name}'", position, f"macro {name}")
    for name, named in definitions.lists.items():
        if name not in resolver.used_lists:
            position = sources.locate(named.item.at)
            yield Problem(Code.UNUSED_LIST, f"no rule, macro or list uses the list '{name}'", position, f"list {name}")


def _without_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems once each: what is wrong in a macro would be told again for every rule that uses it."""
    seen = set()
    once = []
    for problem in problems:
        key = (problem.code, problem.message, problem.position)
        if problem.position is None or key not in seen:
            seen.add(key)
            once.append(problem)
    return once


def _digest(files: Sequence[RuleFile], rules: Sequence[Rule], selection: Selection) -> str:
    """Return 12 hex digits of what was loaded and what is on; names of files do not count."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        digest.update(len(file.content).to_bytes(8))
        digest.update(file.content)
    for rule in rules:
        if rule.is_enabled:
            digest.update(rule.name.encode(errors="replace") + b"\0")
    digest.update(selection.matching.value.encode())
    return digest.hexdigest()
