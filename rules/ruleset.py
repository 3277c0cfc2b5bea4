"""The rules of one load, ready to be asked: `Ruleset.match(event)` is all that the engine needs of this package."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rules.codegen import CodeGenerator, Values
from rules.conditions import Condition
from rules.event import Event
from rules.index import Index
from rules.items import Priority
from rules.output import ExtraField, Format
from rules.text import Position


class Matching(Enum):
    """How many rules one event may match."""

    ALL = "all"
    """Every rule that matches alerts."""
    FIRST = "first"
    """Only the first that matches, in the order of definition, as Falco does by default."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, compiled."""

    name: str
    description: str
    priority: Priority
    tags: tuple[str, ...]
    """Sorted."""
    source: str
    is_enabled: bool
    position: Position
    """Where it is defined."""
    condition: Condition
    output: Format
    extra_fields: tuple[ExtraField, ...] = ()
    """What its alerts' `output_fields` have besides the fields of the output."""
    empty_lists: tuple[str, ...] = ()
    """The lists that it means nothing without, as its tags say, and that nobody has filled."""


_NEEDS_LIST: Final = "needs_list:"


def needed_lists(tags: Iterable[str]) -> Iterator[str]:
    """Yield the lists that a rule means nothing without: those of its tags `needs_list:NAME`, sorted."""
    for tag in sorted(tags):
        if tag.startswith(_NEEDS_LIST):
            yield tag.removeprefix(_NEEDS_LIST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of an event."""

    matches: tuple[Rule, ...]
    """The rules that match, in the order of definition."""
    failures: tuple[tuple[Rule, str], ...] = ()
    """Rules whose evaluation failed, and how: a defect of this package. They are passed over, the event is not."""


class Ruleset:
    """Rules in their order."""

    def __init__(self, rules: Sequence[Rule], matching: Matching, digest: str) -> None:
        self.rules: Final = tuple(rules)
        """All rules, disabled ones too."""
        self.matching: Final = matching
        self.digest: Final = digest
        """12 hex digits that tell this set of rules from any other."""
        generator = CodeGenerator()
        enabled = [rule for rule in rules if rule.is_enabled]
        self._index: Final = Index(
            [(rule.condition, (rule, generator.generate(rule.condition, rule.name).matches)) for rule in enabled],
            generator.slot,
        )

    @property
    def waiting(self) -> Sequence[Rule]:
        """Rules that are off and will be of use when somebody fills their lists."""
        return [rule for rule in self.rules if rule.empty_lists and not rule.is_enabled]

    @property
    def by_name(self) -> Mapping[str, Rule]:
        """All rules by name."""
        return {rule.name: rule for rule in self.rules}

    def match(self, event: Event) -> Verdict:
        """Tell which enabled rules match an event."""
        matches: list[Rule] = []
        failures: list[tuple[Rule, str]] = []
        values = Values(event)
        try:
            candidates = self._index.candidates(values)
        except Exception:  # noqa: BLE001 - each rule then fails by itself, or does not
            candidates = self._index.entries
        for rule, matches_rule in candidates:
            try:
                is_match = matches_rule(values)
            except Exception as error:  # noqa: BLE001 - one defect must not blind the other rules
                failures.append((rule, f"{type(error).__name__}: {error}"))
                continue
            if is_match:
                matches.append(rule)
                if self.matching is Matching.FIRST:
                    break
        return Verdict(tuple(matches), tuple(failures))
