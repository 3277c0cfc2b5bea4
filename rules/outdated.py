"""What of earlier files a later one gives another meaning: the lists, macros and rules to look at as they were.

Each file must be right with those before it, whatever comes later. A condition that no later file has a hand in is what
it was: the look at what counts in the end has told what is wrong with it. Called by the compiler. Spec section 2.9.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rules.collector import Definitions
from rules.items import RuleItem, ValueList
from rules.list_names import ListNames
from rules.text import Text

_IDENTIFIER: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


def outdated(before: Definitions, after: Definitions) -> Definitions:
    """Return those of a file's definitions that the next file changes, or that use what it changes or adds.

    Names are taken wherever they could be meant: rather one too many than one too few.
    """
    names = _Names(after)
    users: dict[str, list[str]] = defaultdict(list)
    for name, used in names.used_by(before):
        users[used].append(name)
    waiting = [*_changed(before.lists, after.lists), *_changed(before.macros, after.macros)]
    touched = set(waiting)
    while waiting:
        for name in users[waiting.pop()]:
            if name not in touched:
                touched.add(name)
                waiting.append(name)
    return Definitions(
        {name: one for name, one in before.lists.items() if name in touched},
        {name: one for name, one in before.macros.items() if name in touched},
        {
            name: rule
            for name, rule in before.rules.items()
            if _is_other(rule.item, after.rules[name].item) or not touched.isdisjoint(names.used_in(_texts(rule.item)))
        },
    )


class _Names:
    """The names of all lists and macros, ready to be found in text."""

    def __init__(self, definitions: Definitions) -> None:
        self._lists: Final = ListNames(definitions.lists)
        self._macros: Final = frozenset(definitions.macros)

    def used_by(self, definitions: Definitions) -> Iterator[tuple[str, str]]:
        """Yield each name of a list or macro and a name that its text uses."""
        for name, one in definitions.lists.items():
            for used in self.used_in(one.item.items):
                yield name, used
        for name, macro in definitions.macros.items():
            for used in self.used_in((macro.item.condition,)):
                yield name, used

    def used_in(self, texts: Iterable[Text]) -> set[str]:
        """Return the names that stand in texts."""
        used: set[str] = set()
        for text in texts:
            used.update(text.value[slice(*span)] for span in self._lists.find(text.value))
            used.update(self._macros.intersection(_IDENTIFIER.findall(text.value)))
        return used


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    return (name for name, one in after.items() if before.get(name) is not one)


def _is_other(before: RuleItem, after: RuleItem) -> bool:
    """Tell whether a rule may be right now though it was wrong before."""
    return before is not after and _judged(before) != _judged(after)


def _judged(rule: RuleItem) -> tuple[object, ...]:
    # By its tags a configuration knows what to append.
    return rule.condition, rule.output, rule.exceptions, rule.skips_unknown_fields, rule.tags


def _texts(rule: RuleItem) -> Iterator[Text]:
    """Yield what lists and macros are looked for in."""
    yield rule.condition
    for exception in rule.exceptions:
        yield from exception.fields
        yield from _flat(exception.values)


def _flat(values: Iterable[Text | ValueList]) -> Iterator[Text]:
    for value in values:
        if isinstance(value, Text):
            yield value
        else:
            yield from _flat(value.items)
