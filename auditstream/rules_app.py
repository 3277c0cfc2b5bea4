"""The commands `auditstream rules ...` as they are typed: arguments and options into settings, and on to who does it.

Registered by `auditstream.cli`.
"""

from pathlib import Path
from typing import Annotated

import typer

from auditstream.explain_command import explain_rule
from auditstream.options import SWITCHES, Chosen, takes_rule_options
from auditstream.rules_commands import Format, check_rules, list_fields, list_rules
from auditstream.samples_command import run_samples
from auditstream.screen import Screen
from auditstream.settings import read_settings

FormatOption = Annotated[Format, typer.Option("--format", help="For people or for machines.")]


@takes_rule_options(without=("rules", "rule_matching"))
def check_rule_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Rule files or folders.")],
    *,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 for warnings too.")] = False,
    chosen: Chosen,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Tell everything that is wrong with rule files.

    They are loaded after the pack. The exit code is 1 if there are errors; warnings alone leave it 0, or make it 1 with
    --strict.
    """
    settings = read_settings({"rules": files, **chosen})
    raise typer.Exit(check_rules(settings, output_format, Screen(), is_strict=strict))


@takes_rule_options(without=("rule_matching",))
def list_all_rules(
    *,
    chosen: Chosen,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """List the rules in the order of their definition.

    JSON is one object a line.
    """
    settings = read_settings(chosen)
    raise typer.Exit(list_rules(settings, output_format, Screen()))


@takes_rule_options(without=("rules", "no_pack", "rule_matching", *SWITCHES))
def list_all_fields(*, chosen: Chosen, output_format: FormatOption = Format.TEXT) -> None:
    """List the fields that conditions and outputs can read.

    With --falco-config also its static_fields. JSON is one object a line.
    """
    raise typer.Exit(list_fields(read_settings(chosen), output_format, Screen()))


@takes_rule_options(without=("rule_matching",))
def explain_one_rule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")],
    *,
    show_source: Annotated[
        bool, typer.Option("--show-source", help="Show the Python function that its condition becomes, too.")
    ] = False,
    chosen: Chosen,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Show what a rule comes to.

    Its condition is shown with lists, macros and exceptions put in, and which fields it reads. JSON is one object.
    """
    settings = read_settings(chosen)
    raise typer.Exit(explain_rule(name, settings, output_format, Screen(), with_source=show_source))


@takes_rule_options(without=("rules", "rule_matching", *SWITCHES))
def judge_samples(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR", help="Folders of rule files. None: the pack.")
    ] = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 for rules without samples too.")] = False,
    chosen: Chosen,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Judge the sample events that are kept beside rules.

    In a folder of rules, samples/FILE/RULE.jsonl holds those of a rule of FILE.yaml, one a line: {"alert": true or
    false, "event": {...}}, with "before": [{...}, ...] where earlier events matter. RULE is the rule's name in lower
    case, with '-' between words. Folders are loaded after the pack. The exit code is 1 if a rule does not alert, or
    not, as a sample says.
    """
    settings = read_settings({"rules": tuple(dict.fromkeys(folders or ())), **chosen})
    raise typer.Exit(run_samples(settings, output_format, Screen(), is_strict=strict))
