"""`${NAME}` in the texts of a `falco.yaml`: what a variable of the environment holds stands in its place.

A document whose scalars come with that done, whoever reads them; what is not set is told. Made by
`rules.configuration`.
"""

import re
from collections.abc import Mapping
from typing import Final

import yaml

from rules.errors import Code, Problem
from rules.reader import RuleFile
from rules.text import Sources, Text, without_bytes
from rules.yaml_nodes import Document

_MAX_EXPANDED: Final = 25_000_000
"""Characters that texts may have once variables are put in."""

_VARIABLE: Final = re.compile(r"(\$?)\$\{([^}]*)\}")


class ExpandedDocument(Document):
    """A file whose scalars have variables in place of `${NAME}`; `$${NAME}` is the text `${NAME}`."""

    def __init__(self, file: RuleFile, variables: Mapping[str, str], sources: Sources, problems: list[Problem]) -> None:
        super().__init__(file.name, file.content, sources)
        self._variables: Final = variables
        self._problems: Final = problems
        self._lacking: Final[set[int]] = set()
        self._size = 0

    def scalar(self, node: yaml.ScalarNode) -> Text:
        """Return a scalar's value with variables put in; as it is where one of them is not set, which is told."""
        text = super().scalar(node)
        pieces: list[Text] = []
        end = 0
        for match in _VARIABLE.finditer(text.value):
            at = text.origins[match.start()]
            if not match[1] and match[2] not in self._variables:
                self._tell(match[2], at)
                self._lacking.update((self.at(node), text.origins[0]))
                continue
            # A variable may hold any bytes, a field only text.
            value = match.group()[1:] if match[1] else without_bytes(self._variables[match[2]])
            pieces += [text.slice(end, match.start()), Text.at(value, at)]
            end = match.end()
        if not pieces or self.lacks(self.at(node)):
            return text
        expanded = Text.join((*pieces, text.slice(end, len(text.value))))
        self._size += len(expanded.value)
        if self._size > _MAX_EXPANDED:
            message = f"with its variables put in the file holds more than {_MAX_EXPANDED:,} characters"
            raise self.error(message, node, "make the variables shorter")
        return expanded

    def lacks(self, at: int) -> bool:
        """Tell whether the scalar that stands there, or whose text begins there, has a variable that is not set."""
        return at in self._lacking

    def _tell(self, name: str, at: int) -> None:
        message = f"the variable '{name}' is not set"
        hint = f"set it, or write $${{{name}}} for the text itself"
        position = self._sources.locate(at)
        item = "" if position.item is None else position.item.title
        self._problems.append(Problem(Code.YAML_VALIDATE, message, position, item, hint))
