"""Names of lists and macros into what they stand for.

Lists are put into the text of a condition before it is parsed, macros into its tree after: the reference's way, which
rule files rely on. The third phase of a load; the checker comes next. Spec section 2.9.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from rules.collector import Definitions, Numbered
from rules.items import MacroItem
from rules.list_names import ListNames, Misplaced, misplaced
from rules.nodes import And, MacroRef, Node, Not, Or
from rules.parser import parse
from rules.text import Text
from rules.tokenizer import ConditionError

_MAX_LIST_TEXT: Final = 4_000_000
"""Characters that one condition may grow to once its lists are put in."""

_MAX_LIST_ITEMS: Final = 1_000_000
"""Items that one list may hold once lists in it are resolved: lists of lists multiply."""

_MAX_VISITS: Final = 10_000
"""How often lists in one list are opened: empty ones that hold each other multiply without an item to show for it."""

_MAX_ALL_LISTS: Final = 25_000_000
"""Characters that all lists and conditions of a load may grow to once lists are put in: bounded for each, the load is
still as long as their number."""

_MAX_ALL_VISITS: Final = 200_000
"""How often lists in lists are opened in a load."""

_MAX_GUESSES: Final = 100
"""For so many unknown macros a name that is meant is looked for among all others; who has more has another problem."""

_MAX_CHECKS: Final = 100_000
"""Comparisons that one condition may hold once its macros are put in: macros of macros multiply."""

_MAX_ALL_CHECKS: Final = 500_000
"""Comparisons that all conditions of a load may hold together: ten thousand rules of fifty each."""

_MAX_DEPTH: Final = 250
"""How deep one condition may nest once its macros are put in: the tree is walked by recursion, for every event. A
condition by itself gets no deeper than this."""

_MAX_CHAIN: Final = 50
"""How many lists may hold each other in a row, and how many macros may use one that is not resolved yet."""


class Resolver:
    """The lists and macros of one load, ready to be put into conditions."""

    def __init__(self, definitions: Definitions, later_macros: Collection[str] = ()) -> None:
        """Take the definitions, and the names of macros that only a later file defines."""
        self.used_lists: Final[set[str]] = set()
        self.used_macros: Final[set[str]] = set()
        self.errors: Final[dict[tuple[str, str], ConditionError]] = {}
        """What is wrong with lists and macros themselves, by ("list" or "macro", name)."""
        self.misplaced: Final[list[tuple[Misplaced, int, str]]] = []
        """Names of lists where their items can hardly be meant, the offset at which each stands, and in which macro."""
        self._definitions: Final = definitions
        self._later_macros: Final = later_macros
        self._visits = 0
        self._checks = 0
        self._all_visits = 0
        self._size = 0
        self._guesses = 0
        items_of = {name: self._items_of(name) for name in definitions.lists}
        self._lists: Final = {name: _joined(items) for name, items in items_of.items()}
        self._sizes: Final = {name: len(items) for name, items in items_of.items()}
        self._list_names: Final = ListNames(self._lists)
        self._trees: Final[dict[str, _Tree]] = {}
        self._resolving: Final[set[str]] = set()
        for name in self._definitions.macros:
            self._resolve_macro(name)

    def resolve(self, condition: Text) -> Node:
        """Return a condition of a rule without names of lists and macros. Raises ConditionError."""
        tree = self._expand(parse(self._substitute(condition)), None)
        if tree.depth > _MAX_DEPTH:
            raise ConditionError(TOO_DEEP, condition.origins[0], FLATTEN)
        if tree.checks > _MAX_CHECKS:
            message = f"the condition holds more than {_MAX_CHECKS:,} comparisons with its macros put in"
            raise ConditionError(message, condition.origins[0], FLATTEN)
        self._checks += tree.checks
        if self._checks > _MAX_ALL_CHECKS:
            message = f"with this condition all rules together hold more than {_MAX_ALL_CHECKS:,} comparisons"
            raise ConditionError(message, condition.origins[0], FLATTEN)
        return tree.node

    def _items_of(self, name: str) -> list[Text]:
        """Return a list's items, lists among them replaced by theirs at any depth and in any order of definition."""
        items: list[Text] = []
        self._visits = 0
        try:
            self._gather(name, (), items)
            self._grow(
                sum(len(item.value) for item in items), f"the list '{name}'", self._definitions.lists[name].item.at
            )
        except ConditionError as error:
            self.errors["list", name] = error
            return []
        return items

    def _gather(self, name: str, inside: tuple[str, ...], items: list[Text]) -> None:
        """Append a list's items; a list that holds itself stays a word there."""
        lists = self._definitions.lists
        self._visits += 1
        self._all_visits += 1
        if self._visits > _MAX_VISITS or self._all_visits > _MAX_ALL_VISITS + len(lists):
            raise ConditionError("lists hold each other in too many ways", lists[name].item.at, "name fewer lists")
        for item in lists[name].item.items:
            if item.value in lists:
                self.used_lists.add(item.value)
                if item.value not in (*inside, name):
                    if len(inside) >= _MAX_CHAIN:
                        raise ConditionError("lists hold each other too deeply", item.origins[0], "name fewer lists")
                    self._gather(item.value, (*inside, name), items)
                    continue
            items.append(item)
            if len(items) > _MAX_LIST_ITEMS:
                message = f"the list '{name}' grows beyond {_MAX_LIST_ITEMS:,} items with its lists put in"
                raise ConditionError(message, item.origins[0], "make it shorter")

    def _grow(self, size: int, what: str, at: int) -> None:
        """Count what lists have become; raise ConditionError where it is too much, for one or for the load."""
        if size > _MAX_LIST_TEXT:
            message = f"{what} grows beyond {_MAX_LIST_TEXT:,} characters with its lists put in"
            raise ConditionError(message, at, "make its lists shorter")
        if self._size + size > _MAX_ALL_LISTS:
            message = f"with {what} all lists together grow beyond {_MAX_ALL_LISTS:,} characters"
            raise ConditionError(message, at, "make lists shorter, or use a macro where many rules share one")
        self._size += size

    def _substitute(self, text: Text, macro: str = "") -> Text:
        """Return the text with each name of a list replaced by its items."""
        spans = self._list_names.find(text.value)
        if not spans:
            return text
        self.misplaced.extend((one, text.origins[one.at], macro) for one in misplaced(text.value, spans, self._sizes))
        pieces: list[Text] = []
        end = 0
        size = len(text.value)
        for start, after in spans:
            name, at = text.value[start:after], text.origins[start]
            self.used_lists.add(name)
            items = self._lists[name]
            size += len(items.value)
            if size > _MAX_LIST_TEXT:
                message = f"the condition grows beyond {_MAX_LIST_TEXT:,} characters with its lists put in"
                raise ConditionError(message, at, "make its lists shorter")
            self._grow(len(items.value), "the condition", at)
            span = (start, after) if items.value else _with_comma(text.value, start, after, end)
            pieces += (text.slice(end, span[0]), items)
            end = span[1]
        pieces.append(text.slice(end, len(text.value)))
        return Text.join(pieces)

    def _resolve_macro(self, name: str) -> None:
        """Put a macro's tree among the trees, or what is wrong with it among the errors."""
        if name in self._trees or ("macro", name) in self.errors:
            return
        macro = self._definitions.macros[name]
        self._resolving.add(name)
        try:
            self._trees[name] = self._expand(parse(self._substitute(macro.item.condition, macro.item.name)), macro)
        except ConditionError as error:
            self.errors["macro", name] = error
        except RecursionError:  # how deep is too deep Python alone knows: it depends on who called
            self.errors["macro", name] = ConditionError(TOO_DEEP, macro.item.condition.origins[0], FLATTEN)
        self._resolving.discard(name)

    def _expand(self, node: Node, inside: Numbered[MacroItem] | None) -> "_Tree":
        """Return the tree with each macro's name replaced by the macro's tree."""
        match node:
            case And(children) | Or(children):
                trees = self._expand_all(children, inside)
                checks = sum(tree.checks for tree in trees)
                depth = max(tree.depth for tree in trees) + 1
                return _Tree(type(node)(tuple(tree.node for tree in trees)), checks, depth)
            case Not(child):
                tree = self._expand(child, inside)
                return _Tree(Not(tree.node), tree.checks, tree.depth + 1)
            case MacroRef():
                return self._tree(node, inside)
        return _Tree(node, 1, 0)

    def _expand_all(self, children: Sequence[Node], inside: Numbered[MacroItem] | None) -> list["_Tree"]:
        """Return the trees of all; where one cannot be, the others are looked at too, for the macros that they use."""
        trees = []
        first: ConditionError | None = None
        for child in children:
            try:
                trees.append(self._expand(child, inside))
            except ConditionError as error:
                first = first or error
        if first is not None:
            raise first
        return trees

    def _tree(self, node: MacroRef, inside: Numbered[MacroItem] | None) -> "_Tree":
        macro = self._definitions.macros.get(node.name)
        if macro is None and ("macro", node.name) in self._definitions.broken:
            raise BrokenMacroError(f"the macro '{node.name}' is broken", node.at)
        if macro is None and node.name in self._later_macros:
            raise MacroError(f"the macro '{node.name}' is defined in a later file only", node.at, LATER_FILE)
        if macro is None:
            self._guesses += 1
            known = self._definitions.macros if self._guesses <= _MAX_GUESSES else ()
            close = get_close_matches(node.name, known, n=1)
            hint = (
                f"did you mean '{close[0]}'?"
                if close
                else "define it, or write a field (with its dot) and a comparison"
            )
            raise MacroError(f"there is no macro '{node.name}'", node.at, hint)
        self.used_macros.add(node.name)
        if inside is not None and macro.index >= inside.visibility:
            hint = f"move '{node.name}' before '{inside.item.name}'"
            raise MacroError(f"the macro '{node.name}' is defined later than the one that uses it", node.at, hint)
        if node.name in self._resolving:
            raise MacroError(f"the macro '{node.name}' refers to itself", node.at, "break the loop")
        if len(self._resolving) > _MAX_CHAIN:
            raise MacroError("macros use each other too deeply", node.at, FLATTEN)
        self._resolve_macro(node.name)
        if ("macro", node.name) in self.errors:
            raise BrokenMacroError(f"the macro '{node.name}' is broken", node.at)
        tree = self._trees[node.name]
        if tree.checks > _MAX_CHECKS:
            raise ConditionError(f"the macro '{node.name}' holds more than {_MAX_CHECKS:,} comparisons", node.at)
        if tree.depth > _MAX_DEPTH:
            raise ConditionError(f"the macro '{node.name}' nests too deeply", node.at, FLATTEN)
        return tree


class MacroError(ConditionError):
    """A macro's name that stands for nothing here."""


class BrokenMacroError(MacroError):
    """A condition that is unusable only because a macro of it is; that is told once, at the macro."""


@dataclass(frozen=True, slots=True)
class _Tree:
    node: Node
    checks: int
    """How many comparisons it holds."""
    depth: int
    """How many conjunctions, disjunctions and negations lie over the deepest of them."""


TOO_DEEP: Final = "the condition nests too deeply with its macros put in"
LATER_FILE: Final = "every file must be complete with those before it: define the macro there"
FLATTEN: Final = "use fewer macros within macros"


def _joined(items: Sequence[Text]) -> Text:
    """Return items as they stand in a condition: with commas, in quotes where they hold a blank."""
    pieces: list[Text] = []
    for item in items:
        at = item.origins[0]
        if pieces:
            pieces.append(Text.at(", ", at))
        if " " in item.value and not item.value.startswith(("'", '"')):
            quote = Text.at('"', at)
            pieces += (quote, item, quote)
        else:
            pieces.append(item)
    return Text.join(pieces)


_BLANKS: Final = " \t\r\n"


def _with_comma(text: str, start: int, after: int, end: int) -> tuple[int, int]:
    """Return the span of an empty list's name widened by a comma beside it, the one before it first."""
    before = len(text[end:start].rstrip(_BLANKS)) + end
    if before > end and text[before - 1] == ",":
        return before - 1, after
    behind = len(text) - len(text[after:].lstrip(_BLANKS))
    return (start, behind + 1) if text.startswith(",", behind) else (start, after)
