"""YAML as rule files need it: a tree of nodes with the source text and place of every scalar, and no typing.

`yes`, `2.50` or `0x10` in a list stay those very characters, so nothing is resolved but null. Used by the reader.
"""

from collections.abc import Iterator
from typing import Final

import yaml

from rules.errors import Code, Problem
from rules.text import Sources, Text, align, escape

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_MAX_DEPTH: Final = 50

_BROKEN_HINT: Final = "check the indentation, and put text with ': ' or ' #' between quotes"

_MAX_NODES: Final = 1_000_000
"""Texts, sequences and mappings of one file: some fifty thousand rules."""

_MAX_REPEATED: Final = 1_000_000
"""Characters and nodes that aliases may repeat in one file: aliases of aliases multiply."""

try:
    from yaml import CBaseLoader as _Loader
except ImportError:  # pragma: no cover - PyYAML without libyaml: slower, otherwise the same
    from yaml import BaseLoader as _Loader  # type: ignore[assignment]


class Document:
    """The text of one rule file and where it stands in the sources."""

    def __init__(self, name: str, content: bytes, sources: Sources) -> None:
        self.name: Final = name
        self.text: Final = content.decode(errors="replace").removeprefix("\ufeff")
        self._sources: Final = sources
        self._start: Final = sources.add(name, self.text)
        self._texts: Final[dict[int, Text]] = {}
        self._met: Final[set[int]] = set()
        self._repeated = 0
        self._invalid_utf8: Final = _first_invalid(content)

    def roots(self) -> Iterator[yaml.Node]:
        """Yield the root of each YAML document of the file. Raises `YamlError`."""
        if self._invalid_utf8 is not None:
            raise self._error("the file is not UTF-8", self._invalid_utf8, "save it as UTF-8")
        try:
            self._refuse_excess()
            yield from yaml.compose_all(self.text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._broken(error.problem or error.context or "broken", mark.index if mark else 0) from None
        except yaml.reader.ReaderError as error:
            raise self._no_text(chr(error.character)) from None

    def _refuse_excess(self) -> None:
        """Raise where the file nests deeper than any rule file does, or holds far more.

        PyYAML's own recursion would end the process, and what is made of each node takes some 600 bytes.
        """
        depth = nodes = 0
        for event in yaml.parse(self.text, Loader=_Loader):
            if isinstance(event, yaml.NodeEvent):
                nodes += 1
                if nodes > _MAX_NODES:
                    message = f"the file holds more than {_MAX_NODES:,} texts, sequences and mappings"
                    raise self._error(message, _index(event), "share its items out among several files")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise self._broken("it is nested too deeply", _index(event))
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _no_text(self, character: str) -> "YamlError":
        # Of the place libyaml tells how many bytes come before it. It stops at the first such character.
        index = self.text.find(character)
        if character == "\0":
            return self._broken(
                "a NUL character is no text", index, "leave it out, and save the file as UTF-8 if it is UTF-16"
            )
        shown = escape(character)
        hint = f'leave it out, or write it as an escape between double quotes, such as "{shown}"'
        return self._broken(f"the control character '{shown}' is no text", index, hint)

    def _broken(self, reason: str, index: int, hint: str = _BROKEN_HINT) -> "YamlError":
        return self._error(f"the file is not YAML: {reason}", index, hint)

    def _error(self, message: str, index: int, hint: str) -> "YamlError":
        position = self._sources.locate(self._start + min(index, len(self.text)))
        return YamlError(Problem(Code.YAML_PARSE, message, position, hint=hint))

    def at(self, node: yaml.Node) -> int:
        """Return where a node begins, as an offset of the sources."""
        return self._start + int(node.start_mark.index)

    def scalar(self, node: yaml.ScalarNode) -> Text:
        """Return a scalar's value with the place of each of its characters. Raises `YamlError`.

        To be asked once for each place that has it: again, and it is taken for one that an alias repeats.
        """
        text = self._texts.get(id(node))
        if text is not None:
            self._repeat(node, 1 + len(node.value))
            return text
        origins = align(node.value, self.text, int(node.start_mark.index), node.style)
        text = self._texts[id(node)] = Text.from_offsets(node.value, self._start, origins)
        return text

    def meet(self, node: yaml.CollectionNode) -> None:
        """Take note of a sequence or mapping that is read. Raises `YamlError` where aliases repeat too much."""
        if id(node) in self._met:
            # What is wrong with a key is told each time, so that a mapping costs more than text does.
            self._repeat(node, (10 if isinstance(node, yaml.MappingNode) else 1) * (1 + len(node.value)))
        self._met.add(id(node))

    def _repeat(self, node: yaml.Node, size: int) -> None:
        self._repeated += size
        if self._repeated > _MAX_REPEATED:
            hint = "write out what is meant, or use lists and macros"
            raise self.error("aliases repeat too much of the file", node, hint)

    def error(self, message: str, node: yaml.Node, hint: str) -> "YamlError":
        """Return that a file cannot be read as a whole, because of a node."""
        return self._error(message, int(node.start_mark.index), hint)


def _index(event: yaml.Event) -> int:
    return int(event.start_mark.index) if event.start_mark else 0


class YamlError(Exception):
    """A file whose YAML cannot be read at all. Raised and caught within a load."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def is_null(node: yaml.Node) -> bool:
    """Tell whether a node is YAML's null: a plain one, for the quoted words are text."""
    return isinstance(node, yaml.ScalarNode) and node.style in {None, ""} and node.value in _NULLS


def _first_invalid(content: bytes) -> int | None:
    """Return how many characters come before the first byte that is no UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return len(content[: error.start].decode())
    return None
