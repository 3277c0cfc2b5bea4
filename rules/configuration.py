"""What of Falco's configuration file is about rules: `append_output` and `static_fields`.

Bytes of a `falco.yaml` in, what is appended to outputs and the constants that rules can read out; appends what is wrong
to the problems. Called by the loader, before the rules are compiled. Spec section 3.4.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import yaml

from rules.catalogue import FIELDS
from rules.document import until_nul
from rules.entry import Entry
from rules.errors import Code, Problem
from rules.event_fields import SOURCE, constant
from rules.fields import Catalogue, Field
from rules.items import RuleItem
from rules.reader import RuleFile
from rules.text import Sources, Text, without_bytes
from rules.tokenizer import TOKENS
from rules.yaml_nodes import Document, YamlError, is_null

STATIC: Final = "static."
"""What the names of constants begin with."""

_APPEND: Final = "append_output"
_STATIC_FIELDS: Final = "static_fields"

_VARIABLE: Final = re.compile(r"(\$?)\$\{([^}]*)\}")

_MAX_ADDITIONS: Final = 1_000
"""Entries of `append_output`: each is held against each rule."""

_MAX_APPENDED: Final = 25_000_000
"""Characters that all outputs and extra fields of a load may grow by."""

_MAX_GUESSES: Final = 20
"""For so many rules that there are not the one that is meant is looked for among all."""

_FIELDS_HINT: Final = "write a field, or NAME: 'a text with %fields'"
_MAX_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class ExtraText:
    """A field that `output_fields` get besides those of the output."""

    name: str
    """Its key; of a plain field the field."""
    text: Text
    """A format, or a field's name."""
    is_format: bool


@dataclass(frozen=True, slots=True)
class Addition:
    """One entry of `append_output`: what is appended, and to the outputs of which rules."""

    at: int
    source: str | None
    tags: frozenset[str]
    """All of which a rule must have."""
    rule: str | None
    output: tuple[Text, ...]
    """Formats, each appended to the output with a blank before it."""
    extra_fields: tuple[ExtraText, ...]

    def concerns(self, rule: RuleItem) -> bool:
        """Tell whether it is for a rule."""
        return self.source in {None, rule.source} and self.rule in {None, rule.name} and self.tags <= rule.tags


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a `falco.yaml` says of rules."""

    static_fields: Mapping[str, str] = field(default_factory=dict)
    """Constants by the name of their field."""
    additions: tuple[Addition, ...] = ()
    """In their order."""

    @property
    def fields(self) -> Catalogue:
        """All fields that rules can read."""
        if not self.static_fields:
            return FIELDS
        told = "A constant of the installation, from static_fields."
        return Catalogue((*FIELDS, *(Field(name, told, constant(value)) for name, value in self.static_fields.items())))

    @property
    def content(self) -> str:
        """What it says, told apart from anything else that one could say; places do not count."""
        said = (
            *self.static_fields.items(),
            *(
                (
                    addition.source,
                    sorted(addition.tags),
                    addition.rule,
                    [text.value for text in addition.output],
                    [(extra.name, extra.text.value, extra.is_format) for extra in addition.extra_fields],
                )
                for addition in self.additions
            ),
        )
        return repr(said) if said else ""

    def check_growth(self, rules: Collection[RuleItem], sources: Sources) -> Problem | None:
        """Return what is wrong where rules together would grow by too much."""
        left = _MAX_APPENDED
        for number, addition in enumerate(self.additions):
            texts = (*addition.output, *(extra.text for extra in addition.extra_fields))
            size = sum(len(text.value) for text in texts)
            left -= size * sum(map(addition.concerns, rules))
            if left < 0 or number >= _MAX_ADDITIONS:
                message = "append_output appends too much"
                hint = f"at most {_MAX_ADDITIONS:,} entries, and {_MAX_APPENDED:,} characters to all rules together"
                return Problem(Code.COMPILE_OUTPUT, message, sources.locate(addition.at), _title(number), hint)
        return None

    def appended(self, rule: RuleItem) -> Text:
        """Return a rule's output with what is appended to it."""
        pieces = [rule.output]
        for addition in self.additions:
            if addition.concerns(rule):
                for text in addition.output:
                    pieces += (Text.at(" ", text.origins[0]), text)
        return Text.join(pieces) if len(pieces) > 1 else rule.output

    def extra_fields(self, rule: RuleItem) -> Iterable[ExtraText]:
        """Return the fields that a rule's alerts get; of equal names the last."""
        return {
            extra.name: extra
            for addition in self.additions
            if addition.concerns(rule)
            for extra in addition.extra_fields
        }.values()

    def unmatched(self, rules: Mapping[str, object], sources: Sources) -> Iterator[Problem]:
        """Yield a warning for each entry that names a rule which there is not."""
        guesses = _MAX_GUESSES
        for number, addition in enumerate(self.additions):
            if addition.rule is not None and addition.rule not in rules and addition.source in {None, SOURCE}:
                close = get_close_matches(addition.rule, rules, n=1) if guesses else ()
                guesses -= bool(guesses)
                hint = f"did you mean '{close[0]}'?" if close else "`auditstream rules list` lists all rules"
                message = f"no rule is called '{addition.rule}': nothing is appended"
                yield Problem(Code.UNKNOWN_RULE, message, sources.locate(addition.at), _title(number), hint)


def _title(number: int) -> str:
    return f"{_APPEND}[{number}]"


NO_CONFIGURATION: Final = Configuration()


def read_configuration(
    file: RuleFile, variables: Mapping[str, str], sources: Sources, problems: list[Problem]
) -> Configuration:
    """Return what a `falco.yaml` says of rules; `variables` has what `${NAME}` in it stands for."""
    document = Document(file.name, file.content, sources)
    try:
        roots = [root for root in document.roots() if not is_null(root)]
        if not roots:
            return NO_CONFIGURATION
        if len(roots) == 1 and isinstance(roots[0], yaml.MappingNode):
            entry = Entry(roots[0], document, sources, problems)
            return _Reading(entry, variables).configuration()
        at, hint = document.at(roots[-1]), f"write '{_APPEND}:' and '{_STATIC_FIELDS}:', as in falco.yaml"
        problems.append(Problem(Code.YAML_VALIDATE, "a configuration is one mapping", sources.locate(at), hint=hint))
    except YamlError as error:
        problems.append(error.problem)
    return NO_CONFIGURATION


class _Reading:
    """A file under way."""

    def __init__(self, entry: Entry, variables: Mapping[str, str]) -> None:
        self._entry: Final = entry
        self._variables: Final = variables

    def configuration(self) -> Configuration:
        static_fields = self._static_fields()
        additions = (
            []
            if self._entry.is_empty(_APPEND)
            else self._entry.entries(_APPEND, "begin each entry with '- ', such as '- extra_output: ...'")
        )
        for number, addition in enumerate(additions):
            addition.title = _title(number)
        read = tuple(self._addition(addition, static_fields) for addition in additions)
        self._tell_what_is_left()
        return Configuration(static_fields, read)

    def _tell_what_is_left(self) -> None:
        left = [key for key in self._entry.keys() if key not in {_APPEND, _STATIC_FIELDS}]  # noqa: SIM118 - no mapping
        if left:
            names = ", ".join(f"'{key}'" for key in left[:_MAX_NAMED])
            more = f" and {len(left) - _MAX_NAMED} more" if len(left) > _MAX_NAMED else ""
            message = f"only '{_APPEND}' and '{_STATIC_FIELDS}' count here: {names}{more} passed over"
            hint = "what else there is to say has options and variables of its own"
            self._entry.fail(message, self._entry.key_at(left[0]), hint, Code.UNKNOWN_KEY)

    def _static_fields(self) -> dict[str, str]:
        found: dict[str, str] = {}
        given = self._entry.entry(_STATIC_FIELDS, "write NAME: text")
        if given is None:
            return found
        for key in given.keys():  # noqa: SIM118 - no mapping
            value = given.optional(key, "write its text")
            if not TOKENS["field"].fullmatch(f"{STATIC}{key}"):
                hint = "names are a letter, then letters, digits and '_'"
                given.fail(f"no rule can name the field '{STATIC}{key}'", given.key_at(key), hint)
            elif value is not None:
                found[f"{STATIC}{key}"] = until_nul(self._expanded(value, given).value)
        return found

    def _addition(self, entry: Entry, static_fields: Iterable[str]) -> Addition:
        match = entry.entry("match", "write match: {rule: NAME}, or source, or tags")
        source = rule = None
        tags: tuple[Text, ...] = ()
        if match is not None:
            source, rule = match.text_if_any("source"), match.text_if_any("rule")
            tags = () if match.is_empty("tags") else match.texts("tags") or ()
            match.warn_of_unknown_keys()
        output = entry.optional("extra_output", "leave it out, or write what is appended")
        formats = [] if output is None else [self._expanded(output, entry)]
        if entry.flag("suggested_output"):
            at = entry.where("suggested_output")
            formats += [Text.at(f"{name.replace('.', '_')}=%{name}", at) for name in static_fields]
        extra_fields = () if entry.is_empty("extra_fields") else tuple(self._extra_fields(entry))
        entry.warn_of_unknown_keys()
        return Addition(entry.at, source, frozenset(tag.value for tag in tags), rule, tuple(formats), extra_fields)

    def _extra_fields(self, entry: Entry) -> Iterator[ExtraText]:
        names = set()
        for one in entry.texts_or_entries("extra_fields", f"{_FIELDS_HINT}, for each"):
            extra = self._extra_field(one)
            if extra is None:
                continue
            if extra.name in names:
                entry.fail(f"there are two extra fields '{extra.name}'", extra.text.origins[0], "leave one out")
            names.add(extra.name)
            yield extra

    def _extra_field(self, one: Text | Entry) -> ExtraText | None:
        if isinstance(one, Text):
            field_name = self._expanded(one, self._entry)
            return ExtraText(field_name.value, field_name, is_format=False)
        keys = one.keys()
        if len(keys) != 1:
            one.fail("an extra field has one name", one.at, _FIELDS_HINT)
            return None
        text = one.optional(keys[0], "write the text, with %fields in it")
        return None if text is None else ExtraText(keys[0], self._expanded(text, one), is_format=True)

    def _expanded(self, text: Text, entry: Entry) -> Text:
        """Return text with variables in place of `${NAME}`; `$${NAME}` is the text `${NAME}`."""
        pieces: list[Text] = []
        end = 0
        for match in _VARIABLE.finditer(text.value):
            at = text.origins[match.start()]
            name = match[2]
            if not match[1] and name not in self._variables:
                entry.fail(
                    f"the variable '{name}' is not set", at, f"set it, or write $${{{name}}} for the text itself"
                )
            # A variable may hold any bytes, a field only text.
            value = match.group()[1:] if match[1] else without_bytes(self._variables.get(name, ""))
            pieces += [text.slice(end, match.start()), Text.at(value, at)]
            end = match.end()
        return Text.join((*pieces, text.slice(end, len(text.value)))) if pieces else text
