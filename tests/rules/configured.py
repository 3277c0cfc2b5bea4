"""Rules loaded with a `falco.yaml`, for tests of what it does to them."""

from collections.abc import Collection, Mapping

from rules.errors import LoadResult
from rules.event import Event
from rules.loader import load
from rules.output import render, values
from rules.reader import RuleFile
from rules.ruleset import Rule
from rules.selection import AS_WRITTEN, Selection
from tests.rules.rule_text import rule_text

RULE = rule_text(output="o", extra="  tags: [a, b]\n")


def load_with(
    configuration: str,
    *texts: str,
    variables: Mapping[str, str] | None = None,
    selection: Selection = AS_WRITTEN,
    answered: Collection[str] = (),
) -> LoadResult:
    """Return the outcome of loading rule files, by default one rule, with a configuration."""
    files = [RuleFile(f"{number}.yaml", text.encode()) for number, text in enumerate(texts or (RULE,))]
    return load(files, selection, RuleFile("falco.yaml", configuration.encode()), variables, answered)


def only_rule(result: LoadResult) -> Rule:
    """Return the one rule of a load."""
    assert result.ruleset is not None, result.to_text()
    (rule,) = result.ruleset.rules
    return rule


def output_of(result: LoadResult, event: Event) -> str:
    """Return what the one rule of a load says of an event."""
    pieces = only_rule(result).output
    return render(pieces, values(pieces, event))
