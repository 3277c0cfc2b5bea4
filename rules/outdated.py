"""What of earlier files a later one gives another meaning: the lists, macros and rules to look at as they were.

Each file must be right with those before it, whatever comes later. A condition that no later file has a hand in is what
it was: the look at what counts in the end has told what is wrong with it. Called by the compiler, which goes back from
file to file. Spec section 2.9.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rules.collector import Collected, Definitions, Former, Numbered
from rules.exceptions import compose
from rules.items import ListItem, MacroItem, RuleItem
from rules.list_names import WORD
from rules.text import Text

_IDENTIFIER: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Outdated:
    """What a file gives another meaning."""

    names: Sequence[str]
    """Lists and macros that it changes or adds, and those before it that use them."""
    rules: Sequence[str]
    """Rules before it that use any of these, or that it changes."""


class Users:
    """What uses a name, be it that of a list or of a macro, in any state that a file but the last leaves.

    Names are taken wherever they could be meant: rather one too many than one too few.
    """

    def __init__(self, collected: Collected) -> None:
        self._names: Final[dict[str, set[str]]] = defaultdict(set)
        """Lists and macros, by the words that stand in them."""
        self._rules: Final[dict[str, set[str]]] = defaultdict(set)
        """Rules, by the words that stand in them."""
        for numbered in _earlier(collected):
            item = numbered.item
            if isinstance(item, RuleItem):
                self._add(self._rules, item.name, chain.from_iterable(map(_words, _texts(item))))
            elif isinstance(item, MacroItem):
                self._add(self._names, item.name, _words(item.condition))
            else:  # only what is as a whole the name of a list is put into a list
                self._add(self._names, item.name, [text.value for text in item.items])

    @staticmethod
    def _add(users: dict[str, set[str]], name: str, words: Iterable[str]) -> None:
        for word in words:
            users[word].add(name)

    def outdated(self, former: Former, after: Definitions) -> Outdated:
        """Return what a file gives another meaning; `after` are the definitions as it leaves them."""
        broken = (name for kind, name in former.broken if kind != "rule")  # what uses them is not told to lack them
        waiting = [*former.lists, *former.macros, *broken]
        names = set(waiting)
        rules = {
            name
            for name, before in former.rules.items()
            if before is not None and _judged(before.item) != _judged(after.rules[name].item)
        }
        while waiting:
            name = waiting.pop()
            rules |= _users(self._rules, name)
            new = _users(self._names, name) - names
            names |= new
            waiting += new
        return Outdated(sorted(names), sorted(rules))


def _users(by_word: dict[str, set[str]], name: str) -> set[str]:
    """Return the users of a name; where it is no single word, what has the first of its words, if it has any."""
    users = by_word.get(name, set())
    if WORD.fullmatch(name) is not None:
        return users
    word = WORD.search(name)
    return users.union(*by_word.values()) if word is None else users | by_word.get(word.group(), set())


_Any = Numbered[ListItem] | Numbered[MacroItem] | Numbered[RuleItem]


def _earlier(collected: Collected) -> Iterator[_Any]:
    """Yield all that some file but the last leaves."""
    last = collected.formers[-1].start
    definitions = collected.definitions
    kinds: tuple[Mapping[str, _Any], ...] = (definitions.lists, definitions.macros, definitions.rules)
    for kind in kinds:
        yield from (one for one in kind.values() if one.visibility <= last)
    for former in collected.formers:
        befores: tuple[Mapping[str, _Any | None], ...] = (former.lists, former.macros, former.rules)
        for before in befores:
            yield from filter(None, before.values())


def _judged(rule: RuleItem) -> tuple[object, ...]:
    # By its tags a configuration knows what to append.
    return rule.condition, rule.output, rule.exceptions, rule.skips_unknown_fields, rule.tags


def _words(text: Text) -> Iterator[str]:
    yield from WORD.findall(text.value)
    yield from _IDENTIFIER.findall(text.value)


def _texts(rule: RuleItem) -> Iterator[Text]:
    """Yield what lists and macros are looked for in."""
    yield rule.condition
    for exception in rule.exceptions:
        text = compose(exception).text
        if text is not None:
            yield text
