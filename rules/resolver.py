"""Names of lists and macros into what they stand for.

Lists are put into the text of a condition before it is parsed, macros into its tree after: the reference's way, which
rule files rely on. The third phase of a load; the checker comes next. Spec section 2.9.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rules.collector import Definitions, Former, Numbered
from rules.guesses import Guesses
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

    def __init__(self, definitions: Definitions) -> None:
        """Take the definitions as the last file leaves them."""
        self.definitions: Final = definitions.copy()
        self.used_lists: Final[set[str]] = set()
        self.used_macros: Final[set[str]] = set()
        self.errors: Final[dict[tuple[str, str], list[ConditionError]]] = {}
        """What is wrong with lists and macros themselves, by ("list" or "macro", name)."""
        self.misplaced: Final[list[tuple[Misplaced, int, str]]] = []
        """Names of lists where their items can hardly be meant, the offset at which each stands, and in which macro."""
        self._all_macros: Final = definitions.macros
        self._guesses: Final = Guesses()
        self._lists: Final[dict[str, Text]] = {}
        self._sizes: Final[dict[str, int]] = {}
        self._list_names = ListNames(self.definitions.lists)
        self._trees: Final[dict[str, _Tree]] = {}
        self._resolving: Final[set[str]] = set()
        self._resolve_all(self.definitions.lists, self.definitions.macros)

    def is_empty(self, name: str) -> bool:
        """Tell whether there is a list of this name, and no item in it, nor in the lists that it holds."""
        return self._sizes.get(name) == 0

    def go_back(self, former: Former, outdated: Collection[str]) -> None:
        """Take the definitions as they were before a file; lists and macros that are not outdated stay as they are."""
        self.definitions.undo(former)
        for name in outdated:
            for known in (self._lists, self._sizes, self._trees):
                known.pop(name, None)
            self.errors.pop(("list", name), None)
            self.errors.pop(("macro", name), None)
        if self._list_names.has_odd:
            self._list_names = ListNames(self.definitions.lists)
        lists, macros = self.definitions.lists, self.definitions.macros
        self._resolve_all(
            [name for name in outdated if name in lists],
            # In the order of definition none has to wait for a long chain of others.
            sorted((name for name in outdated if name in macros), key=lambda name: macros[name].index),
        )

    def _resolve_all(self, lists: Iterable[str], macros: Iterable[str]) -> None:
        self._visits = 0
        self._checks = 0
        self._all_visits = 0
        self._size = 0
        for name in lists:
            items = self._items_of(name)
            self._lists[name] = _joined(items)
            self._sizes[name] = len(items)
        for name in macros:
            self._resolve_macro(name)

    def resolve(self, condition: Text) -> "Resolved":
        """Return a condition without names of lists and macros. Raises ConditionError where it cannot be one."""
        errors: list[ConditionError] = []
        tree = self._expand(parse(self._substitute(condition)), None, errors)
        if tree.depth > _MAX_DEPTH:
            raise ConditionError(TOO_DEEP, condition.origins[0], FLATTEN)
        if tree.checks > _MAX_CHECKS:
            message = f"the condition holds more than {_MAX_CHECKS:,} comparisons with its macros put in"
            raise ConditionError(message, condition.origins[0], FLATTEN)
        self._checks += tree.checks
        if self._checks > _MAX_ALL_CHECKS:
            message = f"with this condition all rules together hold more than {_MAX_ALL_CHECKS:,} comparisons"
            raise ConditionError(message, condition.origins[0], FLATTEN)
        return Resolved(tree.node, errors)

    def _items_of(self, name: str) -> list[Text]:
        """Return a list's items, lists among them replaced by theirs at any depth and in any order of definition."""
        items: list[Text] = []
        self._visits = 0
        try:
            self._gather(name, (), items)
            self._grow(
                sum(len(item.value) for item in items), f"the list '{name}'", self.definitions.lists[name].item.at
            )
        except ConditionError as error:
            self.errors["list", name] = [error]
            return []
        return items

    def _gather(self, name: str, inside: tuple[str, ...], items: list[Text]) -> None:
        """Append a list's items; a list that holds itself stays a word there."""
        lists = self.definitions.lists
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
        """Put a macro's tree among the trees, and what is wrong with it among the errors."""
        if name in self._trees or ("macro", name) in self.errors:
            return
        macro = self.definitions.macros[name]
        errors: list[ConditionError] = []
        self._resolving.add(name)
        try:
            node = parse(self._substitute(macro.item.condition, macro.item.name))
            self._trees[name] = self._expand(node, macro, errors)
        except ConditionError as error:
            errors.append(error)
        except RecursionError:  # how deep is too deep Python alone knows: it depends on who called
            errors.append(ConditionError(TOO_DEEP, macro.item.condition.origins[0], FLATTEN))
        if errors:
            self.errors["macro", name] = errors
        self._resolving.discard(name)

    def _expand(self, node: Node, inside: Numbered[MacroItem] | None, errors: list[ConditionError]) -> "_Tree":
        """Return the tree with each macro's name replaced by the macro's tree, and what is a gap alone left out."""
        match node:
            case And(children) | Or(children):
                all_trees = [self._expand(child, inside, errors) for child in children]
                trees = [tree for tree in all_trees if tree is not _GAP]
                if not trees:
                    return _GAP
                checks = sum(tree.checks for tree in trees)
                depth = max(tree.depth for tree in trees) + 1
                return _Tree(type(node)(tuple(tree.node for tree in trees), node.at), checks, depth)
            case Not(child):
                tree = self._expand(child, inside, errors)
                return tree if tree is _GAP else _Tree(Not(tree.node, node.at), tree.checks, tree.depth + 1)
            case MacroRef():
                return self._tree(node, inside, errors)
        return _Tree(node, 1, 0)

    def _tree(self, node: MacroRef, inside: Numbered[MacroItem] | None, errors: list[ConditionError]) -> "_Tree":
        """Return the tree of a macro, or a gap and what is wrong; raise ConditionError where it is too much."""
        macro = self.definitions.macros.get(node.name)
        if macro is None:
            errors.append(self._missing(node))
            return _GAP
        self.used_macros.add(node.name)
        if node.name in self._resolving:
            errors.append(MacroError(f"the macro '{node.name}' refers to itself", node.at, "break the loop"))
            return _GAP
        if inside is not None and macro.index >= inside.visibility:
            hint = f"move '{node.name}' before '{inside.item.name}'"
            message = f"the macro '{node.name}' is defined later than the one that uses it"
            errors.append(MacroError(message, node.at, hint))
            return _GAP
        if len(self._resolving) > _MAX_CHAIN:
            raise MacroError("macros use each other too deeply", node.at, FLATTEN)
        self._resolve_macro(node.name)
        if ("macro", node.name) in self.errors:
            errors.append(_broken(node))
        tree = self._trees.get(node.name, _GAP)
        if tree.checks > _MAX_CHECKS:
            raise ConditionError(f"the macro '{node.name}' holds more than {_MAX_CHECKS:,} comparisons", node.at)
        if tree.depth > _MAX_DEPTH:
            raise ConditionError(f"the macro '{node.name}' nests too deeply", node.at, FLATTEN)
        return tree

    def _missing(self, node: MacroRef) -> "MacroError":
        """Return what is wrong with the name of a macro that there is not."""
        if self.definitions.may_hold("macro", node.name):
            return _broken(node)
        if node.name in self._all_macros:
            return MacroError(f"the macro '{node.name}' is defined in a later file only", node.at, LATER_FILE)
        near = self._guesses.near(node.name, self.definitions.macros)
        hint = f"did you mean '{near}'?" if near else "define it, or write a field (with its dot) and a comparison"
        return MacroError(f"there is no macro '{node.name}'", node.at, hint)


class MacroError(ConditionError):
    """A macro's name that stands for nothing here."""


class BrokenMacroError(MacroError):
    """A condition that is unusable only because a macro of it is; that is told once, at the macro."""


def _broken(node: MacroRef) -> BrokenMacroError:
    return BrokenMacroError(f"the macro '{node.name}' is broken", node.at)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A condition without names of lists and macros."""

    node: Node
    """Without the macros that are wrong."""
    errors: list[ConditionError]
    """What is wrong with its macros."""


@dataclass(frozen=True, slots=True)
class _Tree:
    node: Node
    checks: int
    """How many comparisons it holds."""
    depth: int
    """How many conjunctions, disjunctions and negations lie over the deepest of them."""


_GAP: Final = _Tree(And((), 0), 0, 0)
"""In place of a macro that is wrong: what stands beside it is looked at all the same."""

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
