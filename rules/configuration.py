"""What of Falco's configuration file is about rules: which are on, what is appended to outputs, constants to read.

Bytes of a `falco.yaml` in, a `Configuration` out; appends what is wrong to the problems. Called by the loader, before
the rules are compiled. Spec sections 2.13 and 3.4.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import yaml

from rules.additions import APPEND, Addition, AdditionReader, Extra, text_at
from rules.catalogue import FIELDS
from rules.checker import Checker
from rules.document import until_nul
from rules.entry import FALSE, TRUE, Entry
from rules.errors import Code, Problem
from rules.event_fields import constant
from rules.fields import Catalogue, Field
from rules.guesses import Guesses
from rules.items import Priority, RuleItem
from rules.mentions import Kind, Mention, unknown
from rules.output import Reading
from rules.reader import RuleFile
from rules.ruleset import Matching
from rules.selection import Choice, Selection
from rules.text import Sources
from rules.tokenizer import TOKENS
from rules.variables import ExpandedDocument
from rules.yaml_nodes import YamlError, is_null

STATIC: Final = "static."
"""What the names of constants begin with."""

RULE_MATCHING: Final = "rule_matching"
TIME_FORMAT: Final = "time_format_iso_8601"

_STATIC_FIELDS: Final = "static_fields"
_RULES: Final = "rules"
_PRIORITY: Final = "priority"

_ALWAYS: Final = {
    "json_include_output_property": True,
    "json_include_message_property": False,
    "json_include_output_fields_property": True,
    "json_include_tags_property": True,
}
"""What alerts have, and have not, by the key that says so in Falco."""

_SPOKEN_OF: Final = frozenset({APPEND, _STATIC_FIELDS, _RULES, _PRIORITY, RULE_MATCHING, TIME_FORMAT, *_ALWAYS})

_PASSED_OVER: Final = frozenset(
    """
    base_syscalls buffer_format_base64 buffered_outputs capture config_files container_engines engine falco_libs
    file_output grpc grpc_output http_output json_output libs_logger load_plugins log_level log_stderr log_syslog
    metadata_download metrics modern_bpf output_timeout outputs outputs_queue plugins plugins_hostinfo
    program_output rule_files rules_file rules_files stdout_output syscall_buf_size_preset syscall_drop_failed_exit
    syscall_event_drops syscall_event_timeouts syslog_output watch_config_files webserver
    """.split()  # noqa: SIM905 - a line a name would be a page
)
"""What else Falco is or was configured by: of no concern here, so that a whole `falco.yaml` is taken as it is."""

_MAX_ENTRIES: Final = 1_000
"""Entries of `append_output`, and of `rules`: each is held against each rule."""

_MAX_APPENDED: Final = 25_000_000
"""Characters that all outputs and extra fields of a load may grow by."""

_ROOT_HINT: Final = f"write '{APPEND}:', '{_STATIC_FIELDS}:', '{_RULES}:' or '{_PRIORITY}:', as in falco.yaml"
_CHOICE_HINT: Final = "write enable: {rule: NAME} or disable: {rule: NAME}, or tag"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a `falco.yaml` says of rules."""

    static_fields: Mapping[str, str] = field(default_factory=dict)
    """Constants by the name of their field."""
    fields: Catalogue = FIELDS
    """All fields that rules can read."""
    additions: tuple[Addition, ...] = ()
    """In their order."""
    choices: tuple[Choice, ...] = ()
    """What switches rules on and off, in its order."""
    minimum_priority: Priority | None = None
    mentions: tuple[Mention, ...] = ()
    """The rules and tags that the choices name."""
    lacks_static_fields: bool = False
    """Whether constants could not be read: rules that read one are not told that there is none."""

    @property
    def content(self) -> str:
        """What it says of alerts, told apart from anything else that one could say; places do not count."""
        said = (*self.static_fields.items(), *(addition.content for addition in self.additions))
        return repr(said) if said else ""

    def under(self, selection: Selection) -> Selection:
        """Return a selection with what is said here before it, so that it counts where both speak of a rule."""
        priority = self.minimum_priority if selection.minimum_priority is None else selection.minimum_priority
        return replace(selection, choices=(*self.choices, *selection.choices), minimum_priority=priority)

    def check_growth(self, rules: Collection[RuleItem], sources: Sources) -> Problem | None:
        """Return what is wrong where rules together would grow by too much."""
        left = _MAX_APPENDED
        for addition in self.additions:
            left -= addition.size * sum(map(addition.concerns, rules))
            if left < 0:
                message = f"{APPEND} appends too much"
                hint = f"at most {_MAX_APPENDED:,} characters to all rules together"
                return Problem(Code.COMPILE_OUTPUT, message, sources.locate(addition.at), addition.title, hint)
        return None

    def appended(self, rule: RuleItem) -> list[Reading]:
        """Return what is put behind a rule's output."""
        return [part for addition in self.additions if addition.concerns(rule) for part in addition.output]

    def extra_fields(self, rule: RuleItem) -> Collection[Extra]:
        """Return the fields that a rule's alerts get; of equal names the last."""
        return {
            extra.name: extra
            for addition in self.additions
            if addition.concerns(rule)
            for extra in addition.extra_fields
        }.values()

    def unmatched(self, rules: Collection[RuleItem], sources: Sources) -> Iterator[Problem]:
        """Yield a warning for each rule, tag or source that it names and that there is not."""
        appending = (mention for addition in self.additions for mention in addition.mentions)
        yield from unknown((*appending, *self.mentions), rules, sources)


NO_CONFIGURATION: Final = Configuration()
_UNREADABLE: Final = Configuration(lacks_static_fields=True)


def read_configuration(
    file: RuleFile,
    variables: Mapping[str, str],
    answered: Collection[str],
    sources: Sources,
    problems: list[Problem],
) -> Configuration:
    """Return what a `falco.yaml` says of rules; `variables` has what `${NAME}` in it stands for.

    Of the keys that are not taken, those `answered` by a setting need not be told.
    """
    document = ExpandedDocument(file, variables, sources, problems)
    try:
        roots = [root for root in document.roots() if not is_null(root)]
        if not roots:
            return NO_CONFIGURATION
        if len(roots) == 1 and isinstance(roots[0], yaml.MappingNode):
            entry = Entry(roots[0], document, sources, problems)
            return _Reading(entry, document, answered).configuration()
        position = sources.locate(document.at(roots[-1]))
        problems.append(Problem(Code.YAML_VALIDATE, "a configuration is one mapping", position, hint=_ROOT_HINT))
    except YamlError as error:
        problems.append(error.problem)
    return _UNREADABLE


class _Reading:
    """A file under way."""

    def __init__(self, entry: Entry, document: ExpandedDocument, answered: Collection[str]) -> None:
        self._entry: Final = entry
        self._document: Final = document
        self._answered: Final = answered
        self._lacks_static_fields = False

    def configuration(self) -> Configuration:
        priority = self._priority()
        self._tell_what_is_not_taken()
        static_fields = self._static_fields()
        told = "A constant of the installation, from static_fields."
        constants = [Field(name, told, constant(value)) for name, value in static_fields.items()]
        fields = Catalogue((*FIELDS, *constants)) if constants else FIELDS
        reader = AdditionReader(self._document, static_fields, Checker(fields))
        entries = self._entries(APPEND, "begin each entry with '- ', such as '- extra_output: ...'")
        additions = [reader.read(entry) for entry in entries]
        choices, mentions = self._choices()
        return Configuration(
            static_fields,
            fields,
            tuple(additions),
            tuple(choices),
            priority,
            tuple(mentions),
            self._lacks_static_fields,
        )

    def _entries(self, key: str, hint: str) -> Iterator[Entry]:
        """Yield the entries of a sequence, each under its title."""
        for entry in () if self._entry.is_empty(key) else self._entry.entries(key, hint):
            entry.call(f"{key}[{entry.number}]")
            if entry.number >= _MAX_ENTRIES:
                entry.fail(f"'{key}' has too many entries", entry.at, f"at most {_MAX_ENTRIES:,}")
                return
            yield entry

    def _priority(self) -> Priority | None:
        return self._entry.priority(text_at(self._entry, _PRIORITY, self._document))

    def _tell_what_is_not_taken(self) -> None:
        """Warn of what is set in another way here, unless it is as it is here anyway, and of keys that nobody knows."""
        matching = self._untaken(RULE_MATCHING)
        if matching not in {None, Matching.ALL.value}:
            hint = "say --rule-matching first, or AUDITSTREAM_RULE_MATCHING=first; all is the default"
            self._warn(RULE_MATCHING, f"'{RULE_MATCHING}' is not taken from here: all rules that match alert", hint)
        for key, usual in _ALWAYS.items():
            if self._untaken(key) not in {None, *(TRUE if usual else FALSE)}:
                told = "is there" if usual else "is not there"
                self._warn(key, f"'{key}' is not taken: what it speaks of {told} in every alert", "leave it out")
        if self._untaken(TIME_FORMAT) not in {None, *FALSE}:
            hint = "set AUDITSTREAM_TIME_FORMAT_ISO_8601=true; false is the default"
            self._warn(TIME_FORMAT, f"'{TIME_FORMAT}' is not taken from here: outputs begin with the time of day", hint)
        known = _SPOKEN_OF | _PASSED_OVER
        guesses = Guesses()
        for key in self._entry.keys():  # noqa: SIM118 - no mapping
            if key not in known:
                near = guesses.near(key, sorted(known))
                hint = f"did you mean '{near}'?" if near else "Falco has no such key either"
                self._warn(key, f"the key '{key}' is unknown here and ignored", hint)

    def _untaken(self, key: str) -> str | None:
        text = text_at(self._entry, key, self._document)
        return None if text is None or key in self._answered else text.value.lower()

    def _warn(self, key: str, message: str, hint: str) -> None:
        self._entry.fail(message, self._entry.key_at(key), hint, Code.UNKNOWN_KEY)

    def _static_fields(self) -> dict[str, str]:
        """Return the constants; those whose text is wrong too, so that the rules that read them are not told of it."""
        found: dict[str, str] = {}
        given = self._entry.entry(_STATIC_FIELDS, "write NAME: text")
        if given is None:
            self._lacks_static_fields = not self._entry.is_empty(_STATIC_FIELDS)
            return found
        given.call(_STATIC_FIELDS)
        for key in given.keys():  # noqa: SIM118 - no mapping
            text = text_at(given, key, self._document)
            if TOKENS["field"].fullmatch(f"{STATIC}{key}"):
                found[f"{STATIC}{key}"] = "" if text is None else until_nul(text.value)
            else:
                hint = "names are a letter, then letters, digits and '_'"
                given.fail(f"no rule can name the field '{STATIC}{key}'", given.key_at(key), hint)
        return found

    def _choices(self) -> tuple[list[Choice], list[Mention]]:
        choices: list[Choice] = []
        mentions: list[Mention] = []
        for entry in self._entries(_RULES, "begin each entry with '- ', such as '- disable: ...'"):
            choice = self._choice(entry, mentions)
            choices += () if choice is None else (choice,)
        return choices, mentions

    def _choice(self, entry: Entry, mentions: list[Mention]) -> Choice | None:
        verb = next((verb for verb in ("enable", "disable") if verb in entry), None)
        if verb is None:
            entry.fail(f"an entry of '{_RULES}' enables or disables", entry.at, _CHOICE_HINT)
            entry.warn_of_unknown_keys()
            return None
        if verb == "enable" and "disable" in entry:
            entry.ignore({"disable"})
            message = "'disable' is ignored beside 'enable'"
            entry.fail(message, entry.key_at("disable"), "make it an entry of its own", Code.UNKNOWN_KEY)
        is_empty = entry.is_empty(verb)
        named = entry.entry(verb, _CHOICE_HINT)
        entry.warn_of_unknown_keys()
        if named is not None:
            return self._named(named, verb, mentions)
        if is_empty:
            entry.fail(f"'{verb}' names neither a rule nor a tag", entry.where(verb), _CHOICE_HINT)
        return None

    def _named(self, named: Entry, verb: str, mentions: list[Mention]) -> Choice | None:
        pattern, tag = (text_at(named, key, self._document) for key in ("rule", "tag"))
        named.warn_of_unknown_keys()
        if pattern is None and tag is None:
            is_told = any(key in named and self._document.lacks(named.where(key)) for key in ("rule", "tag"))
            if not (is_told or named.is_broken):
                named.fail(f"'{verb}' names neither a rule nor a tag", named.at, _CHOICE_HINT)
            return None
        for kind, text in ((Kind.PATTERN, pattern), (Kind.TAG, tag)):
            if text is not None:
                mentions.append(Mention(kind, text.value, text.origins[0], named.title, f"nothing is {verb}d by it"))
        return Choice(verb == "enable", None if pattern is None else pattern.value, None if tag is None else tag.value)
