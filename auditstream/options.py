"""Options that several commands have: which rules judge, and where the webhook listens and for whom."""

from pathlib import Path
from typing import Annotated

import typer

from rules.ruleset import Matching

RulesOption = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="PATH", help="Rule file or folder, loaded after the pack. Repeatable."),
]
PackOption = Annotated[bool | None, typer.Option("--no-pack/--pack", help="Leave out the rules that ship.")]
MatchingOption = Annotated[
    Matching | None, typer.Option(help="Alert for the first rule that matches an event, or for all (default).")
]
DisableOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch a rule off; '*' is any text. Repeatable.")
]
EnableOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch a rule on, after all that is off. Repeatable.")
]
DisableTagOption = Annotated[
    list[str] | None, typer.Option(metavar="TAG", help="Switch off the rules with a tag. Repeatable.")
]
EnableTagOption = Annotated[
    list[str] | None,
    typer.Option(metavar="TAG", help="Switch on the rules with a tag, after all that is off. Repeatable."),
]
PriorityOption = Annotated[
    str | None,
    typer.Option("--minimum-priority", metavar="PRIORITY", help="Leave less severe rules off (default Debug)."),
]


def switches(
    disable_rule: list[str] | None,
    disable_tag: list[str] | None,
    enable_rule: list[str] | None,
    enable_tag: list[str] | None,
    minimum_priority: str | None,
) -> dict[str, object]:
    """Return what these options say, by the names of the settings."""
    return {
        "disable_rules": disable_rule,
        "disable_tags": disable_tag,
        "enable_rules": enable_rule,
        "enable_tags": enable_tag,
        "minimum_priority": minimum_priority,
    }


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
