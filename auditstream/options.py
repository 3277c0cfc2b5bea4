"""Options that several commands have: which rules judge, and where the webhook listens and for whom."""

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rules.ruleset import Matching

_RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="PATH", help="Rule file or folder, loaded after the pack. Repeatable."),
]
_PackOption = Annotated[bool | None, typer.Option("--no-pack/--pack", help="Leave out the rules that ship.")]
_FalcoConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--falco-config", metavar="FILE", help="A falco.yaml, for its rules, priority, append_output, static_fields."
    ),
]
_MatchingOption = Annotated[
    Matching | None, typer.Option(help="Alert for the first rule that matches an event, or for all (default).")
]
_DisableOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch a rule off; '*' is any text. Repeatable.")
]
_EnableOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch a rule on, after all that is off. Repeatable.")
]
_DisableTagOption = Annotated[
    list[str] | None, typer.Option(metavar="TAG", help="Switch off the rules with a tag. Repeatable.")
]
_EnableTagOption = Annotated[
    list[str] | None,
    typer.Option(metavar="TAG", help="Switch on the rules with a tag, after all that is off. Repeatable."),
]
_PriorityOption = Annotated[
    str | None,
    typer.Option(
        "--minimum-priority",
        metavar="PRIORITY",
        help="Leave less severe rules off (default Debug, or as in the falco.yaml).",
    ),
]


_RULE_OPTIONS: Final[Mapping[str, tuple[str, object]]] = {
    "rules_paths": ("rules", _RulesOption),
    "no_pack": ("no_pack", _PackOption),
    "falco_config": ("falco_config", _FalcoConfigOption),
    "rule_matching": ("rule_matching", _MatchingOption),
    "disable_rule": ("disable_rules", _DisableOption),
    "disable_tag": ("disable_tags", _DisableTagOption),
    "enable_rule": ("enable_rules", _EnableOption),
    "enable_tag": ("enable_tags", _EnableTagOption),
    "minimum_priority": ("minimum_priority", _PriorityOption),
}
"""The options that say which rules judge, each with the name of its setting."""

SWITCHES: Final = ("disable_rules", "disable_tags", "enable_rules", "enable_tags", "minimum_priority")
"""The settings that switch rules on and off."""

Chosen = Mapping[str, object]
"""What the rule options say, by the names of the settings; None for what is not given."""


def takes_rule_options(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that say which rules judge, in place of its parameter `chosen`, which gets them.

    `without` names settings that the command has no option for. Raises ValueError where it names none of them, or the
    command has no such parameter.
    """
    unknown = set(without) - {setting for setting, _ in _RULE_OPTIONS.values()}
    if unknown:
        raise ValueError(f"no rule option is for the setting {', '.join(sorted(unknown))}")
    options = {name: (setting, kind) for name, (setting, kind) in _RULE_OPTIONS.items() if setting not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        if "chosen" not in signature.parameters:
            raise ValueError(f"{command.__name__} has no parameter 'chosen' for the rule options")

        @functools.wraps(command)
        def run(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
            chosen = {setting: given.pop(name) for name, (setting, _) in options.items()}
            command(**given, chosen=chosen)

        parameters = []
        for parameter in signature.parameters.values():
            if parameter.name != "chosen":
                parameters.append(parameter)
                continue
            parameters += [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
                for name, (_, kind) in options.items()
            ]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # typer looks there
        return run

    return decorate


HostOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Where to listen (default 127.0.0.1: this machine only).")
]
PortOption = Annotated[
    int | None, typer.Option(min=0, max=65535, help="The port (default 8765); 0 for any that is free.")
]
CertificateOption = Annotated[
    Path | None, typer.Option("--tls-certificate", metavar="FILE", help="Speak TLS: the webhook's certificate, in PEM.")
]
KeyOption = Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key, in PEM.")]
TokensOption = Annotated[
    Path | None,
    typer.Option("--tokens", metavar="FILE", help="Who may post: the file that 'auditstream tokens add' writes."),
]
UnauthenticatedOption = Annotated[
    bool | None,
    typer.Option(
        "--allow-unauthenticated",
        help="Listen beyond this machine though whoever reaches the address can post.",
    ),
]
DeadLetterOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where rejected events go (default auditstream-dead-letter.jsonl).")
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="Keep what is known of resources here, made if it is not there."),
]
