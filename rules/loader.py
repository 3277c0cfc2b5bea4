"""Rule files into a ruleset: the phases in their order, on one page.

reader -> collector -> compiler (over resolver and checker) -> selection -> ruleset. Each phase appends what is wrong to
one list of problems and goes on with what is right, so that an author sees everything at once; one error and there is
no ruleset.
Called by `processor.rule_files`, which reads the files, and by tests.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

from rules.collector import collect
from rules.compiler import compile_rules
from rules.errors import LoadResult, Problem
from rules.reader import RuleFile, read
from rules.ruleset import Rule, Ruleset
from rules.selection import AS_WRITTEN, Selection
from rules.text import Sources

_DIGEST_BYTES: Final = 6


def load(files: Sequence[RuleFile], selection: Selection = AS_WRITTEN) -> LoadResult:
    """Return the ruleset that the files make together, in their order, and all problems found on the way."""
    sources = Sources()
    problems: list[Problem] = []
    items = [read(file, sources, problems) for file in files]
    states = collect(items, sources, problems)
    rules = selection.apply(compile_rules(states, sources, problems))
    problems = _without_repeats(problems)
    is_refused = any(problem.code.is_error for problem in problems)
    ruleset = None if is_refused else Ruleset(rules, selection.matching, _digest(files, rules, selection))
    return LoadResult(
        ruleset,
        tuple(problems),
        tuple(file.name for file in files),
        macros=len(states[-1].macros),
        lists=len(states[-1].lists),
    )


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
