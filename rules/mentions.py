"""What a configuration names: rules, their tags and sources, held against those that there are.

Never an error: one configuration may serve installations with different rules. Made by `rules.additions` and
`rules.configuration`, told when all rules are known.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rules.errors import Code, Problem
from rules.event_fields import SOURCE
from rules.guesses import Guesses
from rules.items import RuleItem
from rules.selection import fits
from rules.text import Sources

_EVERYWHERE: Final = frozenset({SOURCE, "syscall"})
"""Sources that a configuration may speak of whatever rules there are: ours, and Falco's own."""


class Kind(Enum):
    """What is named."""

    RULE = "rule"
    PATTERN = "pattern"
    """A rule's name, in which `*` is any text."""
    TAG = "tag"
    SOURCE = "source"


_TOLD: Final = {
    Kind.RULE: ("no rule is called", "`auditstream rules list` lists all rules"),
    Kind.PATTERN: ("no rule is called", "`auditstream rules list` lists all rules"),
    Kind.TAG: ("no rule has the tag", "`auditstream rules list` lists all tags"),
    Kind.SOURCE: ("no rule has the source", f"rules for audit events have source: {SOURCE}"),
}
"""What is told where nothing is so named, and the hint where no name is near."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a configuration."""

    kind: Kind
    name: str
    at: int
    item: str
    """In which item, such as `append_output[0]`."""
    outcome: str
    """What comes of it where nothing is so named."""


def unknown(mentions: Iterable[Mention], rules: Collection[RuleItem], sources: Sources) -> Iterator[Problem]:
    """Yield a warning for each name that nothing has."""
    names = {rule.name for rule in rules}
    known = {
        Kind.RULE: names,
        Kind.PATTERN: names,
        Kind.TAG: frozenset[str]().union(*(rule.tags for rule in rules)),
        Kind.SOURCE: _EVERYWHERE.union(rule.source for rule in rules),
    }
    guesses = Guesses()
    for mention in mentions:
        there_are = known[mention.kind]
        if mention.name in there_are or (mention.kind is Kind.PATTERN and _fits_any(mention.name, there_are)):
            continue
        near = guesses.near(mention.name, there_are)
        told, otherwise = _TOLD[mention.kind]
        hint = f"did you mean '{near}'?" if near else otherwise
        message = f"{told} '{mention.name}': {mention.outcome}"
        yield Problem(Code.UNKNOWN_RULE, message, sources.locate(mention.at), mention.item, hint)


def _fits_any(pattern: str, names: Iterable[str]) -> bool:
    return any(fits(name, pattern) for name in names)
