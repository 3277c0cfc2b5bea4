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
EnableOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Switch on a rule that is off. Repeatable.")
]

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
