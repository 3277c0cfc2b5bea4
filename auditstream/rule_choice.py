"""Which rules are on, of the settings: what the loader takes, and whether the names are those of rules.

Called by all commands that load rules. All that switches off comes before all that switches on, so that
`--disable-rule '*' --enable-rule X` leaves X alone, in whatever order it is given; what a `falco.yaml` switches comes
before both.
"""

from collections.abc import Iterator

from auditstream.settings import Settings, variables
from auditstream.usage import UsageError, did_you_mean
from processor.rule_files import FalcoConfig
from rules.configuration import RULE_MATCHING, TIME_FORMAT
from rules.ruleset import Ruleset
from rules.selection import Choice, Selection, fits


def selection_of(settings: Settings) -> Selection:
    """Return the selection that the settings ask for."""
    choices = (
        *(Choice(enables=False, pattern=pattern) for pattern in settings.disable_rules),
        *(Choice(enables=False, tag=tag) for tag in settings.disable_tags),
        *(Choice(enables=True, pattern=pattern) for pattern in settings.enable_rules),
        *(Choice(enables=True, tag=tag) for tag in settings.enable_tags),
    )
    # Where it is not given, a falco.yaml may say it; given, even the default wins.
    priority = settings.minimum_priority if "minimum_priority" in settings.model_fields_set else None
    return Selection(choices, priority, settings.rule_matching)


def falco_config_of(settings: Settings, *, is_check: bool = False) -> FalcoConfig | None:
    """Return the `falco.yaml` that the settings name, and what of it they answer themselves.

    To a check, which judges nothing, it is all the same how alerts are made.
    """
    if settings.falco_config is None:
        return None
    answered = {RULE_MATCHING, TIME_FORMAT}
    return FalcoConfig(
        settings.falco_config, variables(), frozenset(answered if is_check else answered & settings.model_fields_set)
    )


def refuse_unknown_rules(settings: Settings, ruleset: Ruleset) -> None:
    """Raise UsageError for a name that no rule has: to pass over it would leave on, or off, what was meant."""
    known = ruleset.by_name
    for what, names in (("enable", settings.enable_rules), ("disable", settings.disable_rules)):
        for name in names:
            if "*" not in name and name not in known:
                hint = did_you_mean(name, known, "see 'auditstream rules list'")
                raise UsageError(f"cannot {what} the unknown rule '{name}': {hint}")


def without_effect(settings: Settings, ruleset: Ruleset) -> Iterator[str]:
    """Yield a line for each pattern and tag that fits no rule: files may change, but it may also be misspelt."""
    for pattern in (*settings.enable_rules, *settings.disable_rules):
        if not any(fits(rule.name, pattern) for rule in ruleset.rules):
            yield f"auditstream: no rule is called '{pattern}'"
    for tag in (*settings.enable_tags, *settings.disable_tags):
        if not any(tag in rule.tags for rule in ruleset.rules):
            yield f"auditstream: no rule has the tag '{tag}'"
