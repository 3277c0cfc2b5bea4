"""Which rules are on, beyond what their files say: entries that switch rules on and off, and a minimum priority.

Called by the loader, made by whoever starts a load. Spec section 2.13.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from rules.items import Priority
from rules.ruleset import Matching, Rule


@dataclass(frozen=True, slots=True)
class Choice:
    """Switches rules on or off: those whose name fits a pattern, or those that have a tag."""

    enables: bool
    pattern: str | None = None
    """A rule's name, in which `*` stands for any text."""
    tag: str | None = None
    """A tag, as it is."""

    def concerns(self, rule: Rule) -> bool:
        """Tell whether a rule is one of those."""
        if self.tag is not None and self.tag in rule.tags:
            return True
        return self.pattern is not None and fits(rule.name, self.pattern)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are on, beyond what their files say."""

    choices: tuple[Choice, ...] = ()
    """In their order: of two that concern a rule the later one counts."""
    minimum_priority: Priority | None = None
    """Rules that are less severe are off, whatever the choices say; None where nothing is said."""
    matching: Matching = Matching.ALL

    def apply(self, rules: Iterable[Rule]) -> list[Rule]:
        """Return the rules in the same order, each on or off."""
        return [replace(rule, is_enabled=self._enables(rule)) for rule in rules]

    def _enables(self, rule: Rule) -> bool:
        if self.minimum_priority is not None and rule.priority > self.minimum_priority:
            return False
        chosen = (choice.enables for choice in reversed(self.choices) if choice.concerns(rule))
        return next(chosen, rule.is_enabled)


AS_WRITTEN: Final = Selection()
"""What the files say, and no more."""


@lru_cache(maxsize=4096)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("*"))


def fits(name: str, pattern: str) -> bool:
    """Tell whether a name fits a pattern: `*` is any text, also none, and everything else itself.

    Each piece is looked for once, behind the one before: the first place is as good as any later one, and the last
    piece is looked for at the end.
    """
    first, *pieces = _pieces(pattern)
    if not pieces:
        return name == pattern
    last = pieces.pop()
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    start, end = len(first), len(name) - len(last)
    for piece in pieces:
        at = name.find(piece, start, end)
        if at < 0:
            return False
        start = at + len(piece)
    return True
