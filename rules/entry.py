"""One mapping of a rule file, read key by key; what is wrong with it is reported and reading goes on.

Of equal keys the first counts, a key that nobody asked for draws a warning. Used by the reader, an entry an item.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Final

import yaml

from rules.errors import Code, Problem
from rules.items import PRIORITIES, Priority, ValueList
from rules.list_names import WORD
from rules.text import Sources, Text
from rules.yaml_nodes import Document, is_null

PRIORITY_HINT: Final = f"one of {', '.join(map(str, Priority))}"

TRUE: Final = frozenset({"true", "yes", "on", "y"})
FALSE: Final = frozenset({"false", "no", "off", "n"})

_MAX_VALUES_DEPTH: Final = 2
"""How deep sequences lie in a sequence of values: a tuple of an exception may hold lists."""


class Entry:
    """A mapping and what has been asked of it."""

    def __init__(self, node: yaml.MappingNode, document: Document, sources: Sources, problems: list[Problem]) -> None:
        document.meet(node)
        self.at: Final = document.at(node)
        self.title = ""
        self.part = ""
        self.is_broken = False
        self.number = 0
        """Its place among the elements of the sequence that it is in."""
        self._document: Final = document
        self._sources: Final = sources
        self._problems: Final = problems
        self._keys: Final[dict[str, yaml.Node]] = {}
        self._values: Final[dict[str, yaml.Node]] = {}
        self._pairs: Final = [
            (key.value if isinstance(key, yaml.ScalarNode) else "?", key, value) for key, value in node.value
        ]
        for name, key, value in self._pairs:
            self._keys.setdefault(name, key)
            self._values.setdefault(name, value)
        self._asked: Final[set[str]] = set()

    def call(self, title: str) -> None:
        """Give this item the name by which problems speak of it."""
        self.title = title
        self._sources.begin_item(self.at, title)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fail(self, message: str, at: int, hint: str = "", code: Code = Code.YAML_VALIDATE) -> None:
        """Report a problem of this item; unless it is a warning the item is not used."""
        self.is_broken = self.is_broken or code.is_error
        self._problems.append(Problem(code, message, self._sources.locate(at), self.title, hint, self.part))

    def where(self, key: str) -> int:
        """Return where a key's value stands, or the key itself where the value is empty."""
        value = self._values[key]
        return self._document.at(self._keys[key] if is_null(value) else value)

    def key_at(self, key: str) -> int:
        """Return where a key stands."""
        return self._document.at(self._keys[key])

    def required(self, key: str, hint: str) -> Text | None:
        """Return the text under a key that must be there."""
        if key not in self._values:
            self._asked.add(key)
            self.fail(f"'{key}' is missing", self.at, hint)
            return None
        return self.optional(key, hint)

    def optional(self, key: str, hint: str = "") -> Text | None:
        """Return the text under a key; None where there is no such key. If it is there it must not be empty."""
        self._asked.add(key)
        return self._text(key, self._keys[key], self._values[key], hint) if key in self._values else None

    def _text(self, name: str, key: yaml.Node, value: yaml.Node, hint: str) -> Text | None:
        if isinstance(value, yaml.ScalarNode) and value.value and not is_null(value):
            return self._document.scalar(value)
        what = "is empty" if isinstance(value, yaml.ScalarNode) else "must be text"
        self.fail(f"'{name}' {what}", self._document.at(key if is_null(value) else value), hint)
        return None

    def priority(self, text: Text | None) -> Priority | None:
        """Return the priority that a text of this item names; None where there is none, or the text is none."""
        if text is None:
            return None
        priority = PRIORITIES.get(text.value.lower())
        if priority is None:
            self.fail(f"'{text.value}' is no priority", text.origins[0], PRIORITY_HINT)
        return priority

    def flag(self, key: str) -> bool | None:
        """Return the boolean under a key; None where there is no such key."""
        text = self.optional(key, "write true or false")
        return None if text is None else self.truth(key, text)

    def truth(self, key: str, text: Text) -> bool | None:
        """Return the boolean that the text under a key is; None where it is none."""
        # The reference knows each word in lower case, capitalised and in capitals, and no other.
        word = text.value.lower() if text.value in {text.value.lower(), text.value.title(), text.value.upper()} else ""
        if word not in TRUE | FALSE:
            self.fail(f"'{key}' must be true or false, not '{text.value}'", text.origins[0])
            return None
        return word in TRUE

    def texts(self, key: str) -> tuple[Text, ...] | None:
        """Return the texts of the sequence under a key; None where there is no such key or it is no such sequence."""
        self._asked.add(key)
        node = self._values.get(key)
        if node is None:
            return None
        if not isinstance(node, yaml.SequenceNode):
            self.fail(f"'{key}' must be a sequence", self.where(key), f"write {key}: [first, second]")
            return None
        self._document.meet(node)
        texts = [self._element(key, element) for element in node.value]
        whole = tuple(text for text in texts if text is not None)
        return whole if len(whole) == len(texts) else None

    def _element(self, key: str, element: yaml.Node) -> Text | None:
        """Return the text that an element of a sequence is; None where it is none."""
        if isinstance(element, yaml.ScalarNode) and not is_null(element):
            return self._document.scalar(element)
        self.fail(f"'{key}' holds something that is not text", self._document.at(element), "quote it")
        return None

    def is_empty(self, key: str) -> bool:
        """Tell whether there is no such key, or nothing under it; either counts as asked for."""
        self._asked.add(key)
        return key not in self._values or is_null(self._values[key])

    def text_if_any(self, key: str) -> Text | None:
        """Return the text under a key; None where there is none, be the key there or not."""
        node = self._values.get(key)
        if self.is_empty(key) or (isinstance(node, yaml.ScalarNode) and not node.value):
            return None
        return self.optional(key)

    def values(self, key: str) -> ValueList | None:
        """Return the texts and sequences of texts of the sequence under a key; None where it is no sequence.

        What is neither is told and left out.
        """
        self._asked.add(key)
        node = self._values[key]
        if not isinstance(node, yaml.SequenceNode):
            self.fail(f"'{key}' must be a sequence", self.where(key), f"write {key}: [first, second]")
            return None
        return self._value_list(key, node, 0)

    def _value_list(self, key: str, node: yaml.SequenceNode, depth: int) -> ValueList | None:
        self._document.meet(node)
        items = [
            self._value_list(key, element, depth + 1)
            if isinstance(element, yaml.SequenceNode) and depth < _MAX_VALUES_DEPTH
            else self._element(key, element)
            for element in node.value
        ]
        whole = tuple(item for item in items if item is not None)
        return ValueList(self._document.at(node), whole) if len(whole) == len(items) or depth == 0 else None

    def text_or_values(self, key: str) -> Text | ValueList | None:
        """Return the text or the sequence under a key; None where there is neither."""
        if self.is_empty(key):
            return None
        if isinstance(self._values[key], yaml.SequenceNode):
            return self.values(key)
        return self.optional(key, f"write {key}: [first, second]")

    def entry(self, key: str, hint: str = "") -> "Entry | None":
        """Return the mapping under a key; None where there is no such key, or nothing under it."""
        self._asked.add(key)
        node = self._values.get(key)
        if node is None or is_null(node):
            return None
        if not isinstance(node, yaml.MappingNode):
            self.fail(f"'{key}' must be a mapping", self.where(key), hint)
            return None
        return self._child(node)

    def entries(self, key: str, hint: str = "") -> "list[Entry]":
        """Return the mappings of the sequence under a key."""
        self._asked.add(key)
        node = self._values[key]
        if not isinstance(node, yaml.SequenceNode):
            self.fail(f"'{key}' must be a sequence of mappings", self.where(key), hint)
            return []
        self._document.meet(node)
        children = []
        for number, element in enumerate(node.value):
            if not isinstance(element, yaml.MappingNode):
                self.fail(f"'{key}' must hold mappings", self._document.at(element), hint)
                continue
            child = self._child(element)
            child.number = number
            children.append(child)
        return children

    def texts_or_entries(self, key: str, hint: str) -> "Iterator[Text | Entry]":
        """Yield the texts and mappings of the sequence under a key."""
        self._asked.add(key)
        node = self._values[key]
        if not isinstance(node, yaml.SequenceNode):
            self.fail(f"'{key}' must be a sequence", self.where(key), hint)
            return
        self._document.meet(node)
        for element in node.value:
            if isinstance(element, yaml.MappingNode):
                yield self._child(element)
            elif isinstance(element, yaml.ScalarNode) and element.value and not is_null(element):
                yield self._document.scalar(element)
            else:
                self.fail(f"'{key}' must hold texts and mappings", self._document.at(element), hint)

    def _child(self, node: yaml.MappingNode) -> "Entry":
        child = Entry(node, self._document, self._sources, self._problems)
        child.title = self.title
        child.part = self.part
        return child

    def words(self, *keys: str) -> frozenset[str]:
        """Return the words of all texts under some keys, whatever else is wrong with them."""
        found: set[str] = set()
        waiting = [self._values[key] for key in keys if key in self._values]
        seen = set(map(id, waiting))
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.ScalarNode):
                found.update(WORD.findall(node.value))
                continue
            parts = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
            new = [part for part in parts if id(part) not in seen]
            seen.update(map(id, new))
            waiting += new
        return frozenset(found)

    def every(self, hint: str) -> "Iterator[tuple[str, int, Text | None]]":
        """Yield each key, its place and its text, None where it has none; a key that is repeated each time."""
        for name, key, value in self._pairs:
            self._asked.add(name)
            yield name, self._document.at(key), self._text(name, key, value, hint)

    def keys(self) -> list[str]:
        """Return all keys in their order."""
        return list(self._values)

    def ignore(self, keys: Collection[str]) -> None:
        """Let keys pass that mean nothing here but may be there."""
        self._asked.update(keys)

    def warn_of_unknown_keys(self) -> None:
        """Warn of each key that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                self.fail(f"the key '{key}' is unknown here and ignored", self.key_at(key), code=Code.UNKNOWN_KEY)
