"""The options that say which rules judge: the same for every command that judges."""

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
