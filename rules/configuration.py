"""What of Falco's configuration file is about rules: `append_output` and `static_fields`.

Bytes of a `falco.yaml` in, a `Configuration` out; appends what is wrong to the problems. Called by the loader, before
the rules are compiled. Spec section 3.4.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import yaml

from rules.additions import APPEND, Addition, AdditionReader, Extra, text_at, title
from rules.catalogue import FIELDS
from rules.checker import Checker
from rules.document import until_nul
from rules.entry import Entry
from rules.errors import Code, Problem
from rules.event_fields import constant
from rules.fields import Catalogue, Field
from rules.items import RuleItem
from rules.mentions import unknown
from rules.output import Reading
from rules.reader import RuleFile
from rules.text import Sources
from rules.tokenizer import TOKENS
from rules.variables import ExpandedDocument
from rules.yaml_nodes import YamlError, is_null

STATIC: Final = "static."
"""What the names of constants begin with."""

_STATIC_FIELDS: Final = "static_fields"

_TAKEN: Final = frozenset({APPEND, _STATIC_FIELDS})

_PASSED_OVER: Final = frozenset(
    """
    base_syscalls buffer_format_base64 buffered_outputs capture config_files container_engines engine falco_libs
    file_output grpc grpc_output http_output json_include_message_property json_include_output_fields_property
    json_include_output_property json_include_tags_property json_output libs_logger load_plugins log_level log_stderr
    log_syslog metadata_download metrics modern_bpf output_timeout outputs outputs_queue plugins plugins_hostinfo
    priority program_output rule_files rule_matching rules rules_file rules_files stdout_output
    syscall_buf_size_preset syscall_drop_failed_exit syscall_event_drops syscall_event_timeouts syslog_output
    time_format_iso_8601 watch_config_files webserver
    """.split()  # noqa: SIM905 - a line a name would be a page
)
"""What else Falco is or was configured by: of no concern here, so that a whole `falco.yaml` is taken as it is."""

_MAX_ENTRIES: Final = 1_000
"""Entries of `append_output`: each is held against each rule."""

_MAX_APPENDED: Final = 25_000_000
"""Characters that all outputs and extra fields of a load may grow by."""

_MAX_GUESSES: Final = 20
"""For so many unknown keys the one that is meant is looked for."""

_ROOT_HINT: Final = f"write '{APPEND}:' and '{_STATIC_FIELDS}:', as in falco.yaml"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a `falco.yaml` says of rules."""

    static_fields: Mapping[str, str] = field(default_factory=dict)
    """Constants by the name of their field."""
    fields: Catalogue = FIELDS
    """All fields that rules can read."""
    additions: tuple[Addition, ...] = ()
    """In their order."""

    @property
    def content(self) -> str:
        """What it says of alerts, told apart from anything else that one could say; places do not count."""
        said = (*self.static_fields.items(), *(addition.content for addition in self.additions))
        return repr(said) if said else ""

    def check_growth(self, rules: Collection[RuleItem], sources: Sources) -> Problem | None:
        """Return what is wrong where rules together would grow by too much."""
        left = _MAX_APPENDED
        for number, addition in enumerate(self.additions):
            left -= addition.size * sum(map(addition.concerns, rules))
            if left < 0 or number >= _MAX_ENTRIES:
                message = f"{APPEND} appends too much"
                hint = f"at most {_MAX_ENTRIES:,} entries, and {_MAX_APPENDED:,} characters to all rules together"
                return Problem(Code.COMPILE_OUTPUT, message, sources.locate(addition.at), title(number), hint)
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
        yield from unknown(appending, rules, sources)


NO_CONFIGURATION: Final = Configuration()


def read_configuration(
    file: RuleFile,
    variables: Mapping[str, str],
    sources: Sources,
    problems: list[Problem],
) -> Configuration:
    """Return what a `falco.yaml` says of rules; `variables` has what `${NAME}` in it stands for."""
    document = ExpandedDocument(file, variables, sources, problems)
    try:
        roots = [root for root in document.roots() if not is_null(root)]
        if not roots:
            return NO_CONFIGURATION
        if len(roots) == 1 and isinstance(roots[0], yaml.MappingNode):
            entry = Entry(roots[0], document, sources, problems)
            return _Reading(entry, document).configuration()
        position = sources.locate(document.at(roots[-1]))
        problems.append(Problem(Code.YAML_VALIDATE, "a configuration is one mapping", position, hint=_ROOT_HINT))
    except YamlError as error:
        problems.append(error.problem)
    return NO_CONFIGURATION


class _Reading:
    """A file under way."""

    def __init__(self, entry: Entry, document: ExpandedDocument) -> None:
        self._entry: Final = entry
        self._document: Final = document

    def configuration(self) -> Configuration:
        self._tell_unknown_keys()
        static_fields = self._static_fields()
        told = "A constant of the installation, from static_fields."
        constants = [Field(name, told, constant(value)) for name, value in static_fields.items()]
        fields = Catalogue((*FIELDS, *constants)) if constants else FIELDS
        reader = AdditionReader(self._document, static_fields, Checker(fields))
        entries = self._entries(APPEND, "begin each entry with '- ', such as '- extra_output: ...'")
        additions = [reader.read(number, entry) for number, entry in enumerate(entries)]
        return Configuration(static_fields, fields, tuple(additions))

    def _entries(self, key: str, hint: str) -> Iterable[Entry]:
        return () if self._entry.is_empty(key) else self._entry.entries(key, hint)

    def _tell_unknown_keys(self) -> None:
        known = _TAKEN | _PASSED_OVER
        guesses = _MAX_GUESSES
        for key in self._entry.keys():  # noqa: SIM118 - no mapping
            if key not in known:
                close = get_close_matches(key, sorted(known), n=1) if guesses else ()
                guesses -= bool(guesses)
                hint = f"did you mean '{close[0]}'?" if close else "Falco has no such key either"
                self._warn(key, f"the key '{key}' is unknown here and ignored", hint)

    def _warn(self, key: str, message: str, hint: str) -> None:
        self._entry.fail(message, self._entry.key_at(key), hint, Code.UNKNOWN_KEY)

    def _static_fields(self) -> dict[str, str]:
        """Return the constants; those whose text is wrong too, so that the rules that read them are not told of it."""
        found: dict[str, str] = {}
        given = self._entry.entry(_STATIC_FIELDS, "write NAME: text")
        if given is None:
            return found
        given.title = self._document.title = _STATIC_FIELDS
        for key in given.keys():  # noqa: SIM118 - no mapping
            text = text_at(given, key, self._document)
            if TOKENS["field"].fullmatch(f"{STATIC}{key}"):
                found[f"{STATIC}{key}"] = "" if text is None else until_nul(text.value)
            else:
                hint = "names are a letter, then letters, digits and '_'"
                given.fail(f"no rule can name the field '{STATIC}{key}'", given.key_at(key), hint)
        return found
