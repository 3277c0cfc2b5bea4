"""`append_output` of a `falco.yaml`: what outputs and the fields of alerts get besides what rules say.

Each text is read once, whatever rules it is for; what is wrong with it is told where a rule gets it. Called by
`rules.configuration`. Spec section 3.4.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from rules.checker import Checker
from rules.deprecated import old_fields
from rules.entry import Entry
from rules.event_fields import SOURCE
from rules.items import RuleItem
from rules.mentions import Kind, Mention
from rules.output import ExtraField, Reading, read_extra_field, read_output
from rules.text import Text
from rules.tokenizer import ConditionError
from rules.variables import ExpandedDocument

APPEND: Final = "append_output"

_FIELDS_HINT: Final = "write a field, or NAME: 'a text with %fields'"


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that `output_fields` get besides those of the output."""

    name: str
    """Its key; of a plain field the field as written."""
    text: str
    """A format, or a field's name."""
    field: ExtraField
    errors: tuple[ConditionError, ...]
    old_fields: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Addition:
    """One entry of `append_output`: what is appended, and to the outputs of which rules."""

    at: int
    title: str
    """How problems name it."""
    source: str | None
    tags: frozenset[str]
    """All of which a rule must have."""
    rule: str | None
    texts: tuple[str, ...]
    """What is put behind outputs, each with a blank before it."""
    output: tuple[Reading, ...]
    """The same, read."""
    extra_fields: tuple[Extra, ...]
    mentions: tuple[Mention, ...]

    def concerns(self, rule: RuleItem) -> bool:
        """Tell whether it is for a rule."""
        return self.source in {None, rule.source} and self.rule in {None, rule.name} and self.tags <= rule.tags

    @property
    def size(self) -> int:
        """How many characters a rule grows by."""
        return sum(map(len, self.texts)) + sum(len(extra.text) for extra in self.extra_fields)

    @property
    def content(self) -> tuple[object, ...]:
        """What it says, places left out."""
        extra_fields = [(extra.name, extra.text, extra.field.is_format) for extra in self.extra_fields]
        return self.source, sorted(self.tags), self.rule, self.texts, extra_fields


def text_at(entry: Entry, key: str, document: ExpandedDocument) -> Text | None:
    """Return the text under a key; None where there is none, be it for an empty variable, or one that lacks one."""
    text = entry.text_if_any(key)
    return None if text is None or not text.value or document.lacks(text.origins[0]) else text


class AdditionReader:
    """The entries of a file under way."""

    def __init__(self, document: ExpandedDocument, static_fields: Collection[str], checker: Checker) -> None:
        self._document: Final = document
        self._checker: Final = checker
        self._suggested: Final = [f"{name.replace('.', '_')}=%{name}" for name in static_fields]

    def read(self, entry: Entry) -> Addition:
        """Return an entry; what is wrong with it is told."""
        match = entry.entry("match", "write match: {rule: NAME}, or source, or tags")
        source = rule = None
        tags: list[Text] = []
        if match is not None:
            source, rule = (text_at(match, key, self._document) for key in ("source", "rule"))
            found = () if match.is_empty("tags") else match.texts("tags") or ()
            tags = [tag for tag in found if not self._document.lacks(tag.origins[0])]
            match.warn_of_unknown_keys()
        texts = list(self._texts(entry))
        extra_fields = () if entry.is_empty("extra_fields") else tuple(self._extra_fields(entry))
        entry.warn_of_unknown_keys()
        return Addition(
            entry.at,
            entry.title,
            None if source is None else source.value,
            frozenset(tag.value for tag in tags),
            None if rule is None else rule.value,
            tuple(text.value for text in texts),
            tuple(read_output(Text.join((Text.at(" ", text.origins[0]), text)), self._checker) for text in texts),
            extra_fields,
            tuple(_mentions(entry.title, source, rule, tags)),
        )

    def _texts(self, entry: Entry) -> Iterator[Text]:
        output = text_at(entry, "extra_output", self._document)
        if output is not None:
            yield output
        key = "suggested_output"
        flag = entry.optional(key, "write true or false")
        if flag is not None and not self._document.lacks(flag.origins[0]) and entry.truth(key, flag):
            for text in self._suggested:
                yield Text.at(text, flag.origins[0])

    def _extra_fields(self, entry: Entry) -> Iterator[Extra]:
        met: dict[str, bool] = {}
        for one in entry.texts_or_entries("extra_fields", f"{_FIELDS_HINT}, for each"):
            named = self._extra_field(one)
            if named is None:
                continue
            name, text, is_format = named
            if name in met and (is_format or met[name]):  # a plain field twice is the same field
                entry.fail(f"there are two extra fields '{name}'", text.origins[0], "leave one out")
            met[name] = is_format
            field, errors = read_extra_field(name, text, self._checker, is_format=is_format)
            yield Extra(name, text.value, field, tuple(errors), tuple(old_fields(text)))

    def _extra_field(self, one: Text | Entry) -> tuple[str, Text, bool] | None:
        """Return a field's name, its text, and whether that is a format; None for what is told to be wrong."""
        if isinstance(one, Text):
            return None if self._document.lacks(one.origins[0]) else (one.value, one, False)
        keys = one.keys()
        if len(keys) != 1:
            one.fail("an extra field has one name", one.at, _FIELDS_HINT)
            return None
        text = one.optional(keys[0], "write the text, with %fields in it")
        return None if text is None or self._document.lacks(text.origins[0]) else (keys[0], text, True)


def _mentions(item: str, source: Text | None, rule: Text | None, tags: Collection[Text]) -> Iterator[Mention]:
    outcome = "nothing is appended"
    if source is not None:
        yield Mention(Kind.SOURCE, source.value, source.origins[0], item, outcome)
    if source is None or source.value == SOURCE:  # of rules for other sources nothing need be here
        if rule is not None:
            yield Mention(Kind.RULE, rule.value, rule.origins[0], item, outcome)
        for tag in tags:
            yield Mention(Kind.TAG, tag.value, tag.origins[0], item, outcome)
