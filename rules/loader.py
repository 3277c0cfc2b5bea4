"""Rule files into a ruleset: the phases in their order, on one page.

configuration, reader -> collector -> compiler (over resolver, checker and output) -> selection -> ruleset. Each phase
appends what is wrong to one list of problems and goes on with what is right, so that an author sees everything at once;
one error and there is no ruleset.
Called by `processor.rule_files`, which reads the files, and by tests.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from rules.checker import Checker
from rules.collector import collect
from rules.compiler import compile_rules
from rules.configuration import NO_CONFIGURATION, Configuration, read_configuration
from rules.errors import Code, LoadResult, Problem
from rules.reader import RuleFile, read
from rules.ruleset import Rule, Ruleset
from rules.selection import AS_WRITTEN, Selection
from rules.text import Sources

_DIGEST_BYTES: Final = 6

_OF_RULES: Final = frozenset({Code.UNKNOWN_FILTER, Code.UNSAFE_NA_CHECK})
"""Warnings of a rule, wherever the cause stands: one is left out, one does not what its author thinks."""


def load(
    files: Sequence[RuleFile],
    selection: Selection = AS_WRITTEN,
    falco_config: RuleFile | None = None,
    variables: Mapping[str, str] | None = None,
    answered: Collection[str] = (),
) -> LoadResult:
    """Return the ruleset that the files make together, in their order, and all problems found on the way.

    Of a `falco.yaml` counts what it says of rules; `variables` has what `${NAME}` in it stands for. Of its keys that do
    not count though they could, those `answered` otherwise are not told of.
    """
    sources = Sources()
    problems: list[Problem] = []
    configuration = NO_CONFIGURATION
    if falco_config is not None:
        configuration = read_configuration(falco_config, variables or {}, answered, sources, problems)
    checker = Checker(configuration.fields)
    items = [read(file, sources, problems) for file in files]
    collected = collect(items, sources, problems)
    compiled = compile_rules(collected, configuration, checker, sources, problems)
    rules = configuration.under(selection).apply(compiled)
    problems = [*_without_repeats(problems), *_needed(rules)]
    is_refused = any(problem.code.is_error for problem in problems)
    ruleset = (
        None if is_refused else Ruleset(rules, selection.matching, _digest(files, rules, selection, configuration))
    )
    return LoadResult(
        ruleset,
        tuple(problems),
        tuple(file.name for file in (*filter(None, [falco_config]), *files)),
        macros=len(collected.definitions.macros),
        lists=len(collected.definitions.lists),
        fields=checker.fields,
    )


def _without_repeats(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems once each: what is wrong in a macro would be told again for every rule that uses it.

    But not what comes of it for the rule.
    """
    seen = set()
    once = []
    for problem in problems:
        concerned = problem.item if problem.code in _OF_RULES else ""
        key = (problem.code, problem.message, problem.position, concerned)
        if problem.position is None or key not in seen:
            seen.add(key)
            once.append(problem)
    return once


def _needed(rules: Iterable[Rule]) -> Iterator[Problem]:
    """Yield a warning for each empty list that a rule which is on, whatever switched it on, means nothing without."""
    for rule in rules:
        for name in rule.empty_lists if rule.is_enabled else ():
            message = f"this rule is on, and its list '{name}' is empty: fill the list or switch the rule off"
            hint = f"in a file of your own, write `- list: {name}` and its `items`"
            title = f"rule {rule.name}"
            yield Problem(Code.NEEDED_LIST_EMPTY, message, rule.position, title, hint, "tags")


def _digest(
    files: Sequence[RuleFile], rules: Sequence[Rule], selection: Selection, configuration: Configuration
) -> str:
    """Return 12 hex digits of what was loaded and what is on; names of files do not count."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        digest.update(len(file.content).to_bytes(8))
        digest.update(file.content)
    for rule in rules:
        if rule.is_enabled:
            digest.update(rule.name.encode(errors="replace") + b"\0")
    digest.update(selection.matching.value.encode())
    digest.update(configuration.content.encode())
    return digest.hexdigest()
