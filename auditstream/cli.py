"""The command `auditstream`: arguments in, an exit code out. The entry point of the console script.

Each subcommand is a function here that reads the settings and calls the module that does the work. `main` turns
everything that can go wrong into one line with the next step; nobody sees a traceback.
"""

import errno
import os
import sys
import traceback
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated

import typer

from auditstream.bodies import open_files
from auditstream.exit_codes import FINDINGS, INTERNAL, INTERRUPTED, OK, USAGE
from auditstream.kafka_commands import create_all_topics, judge_events, print_alerts, take_events
from auditstream.options import (
    CertificateOption,
    Chosen,
    DeadLetterOption,
    HostOption,
    KeyOption,
    PortOption,
    StateOption,
    TokensOption,
    UnauthenticatedOption,
    takes_rule_options,
)
from auditstream.replay_command import run_replay
from auditstream.resources_app import resources_app
from auditstream.rules_app import check_rule_files, explain_one_rule, judge_samples, list_all_fields, list_all_rules
from auditstream.screen import Screen
from auditstream.settings import ServeSettings, read_settings
from auditstream.tokens_command import add_token
from auditstream.usage import UsageError
from ingest.settings import IngestSettings
from rules.text import escape

# Plain help texts: boxes need a wide terminal, and typer's tracebacks are for its own developers.
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
rules_app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.add_typer(rules_app, name="rules")
tokens_app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.add_typer(tokens_app, name="tokens")
topics_app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.add_typer(topics_app, name="topics")
app.add_typer(resources_app, name="resources")

ClusterOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The cluster that the events come from (default 'default').")
]


@app.callback(invoke_without_command=True)
def auditstream(
    context: typer.Context,
    *,
    is_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Judge Kubernetes audit events by rules in Falco's language."""
    if is_version:
        typer.echo(f"auditstream {version('auditstream')}")
        raise typer.Exit
    _help_without_command(context)


@rules_app.callback(invoke_without_command=True)
def rules(context: typer.Context) -> None:
    """Check, list, explain and test rules."""
    _help_without_command(context)


@tokens_app.callback(invoke_without_command=True)
def tokens(context: typer.Context) -> None:
    """Make the tokens that API servers post with."""
    _help_without_command(context)


@topics_app.callback(invoke_without_command=True)
def topics(context: typer.Context) -> None:
    """Make the topics in Kafka."""
    _help_without_command(context)


@app.command("replay")
@takes_rule_options()
def replay_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Audit logs, .gz too; '-' is standard input.")],
    *,
    chosen: Chosen,
    cluster: ClusterOption = None,
) -> None:
    """Judge recorded audit events.

    Files hold audit log lines or EventLists, and are read in the order of their first events. Alerts go to standard
    output, as JSON lines if that is no terminal; everything else goes to standard error. The exit code is 1 if some
    input was rejected; the rest was judged.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_RULES (paths separated
    by ':'), AUDITSTREAM_NO_PACK (true, false), AUDITSTREAM_RULE_MATCHING, AUDITSTREAM_DISABLE_RULES,
    AUDITSTREAM_DISABLE_TAGS, AUDITSTREAM_ENABLE_RULES, AUDITSTREAM_ENABLE_TAGS (all of them separated by ','),
    AUDITSTREAM_MINIMUM_PRIORITY, AUDITSTREAM_FALCO_CONFIG, AUDITSTREAM_CLUSTER. Two more say how alerts look:
    AUDITSTREAM_HOSTNAME is shown instead of this machine's name, and with AUDITSTREAM_TIME_FORMAT_ISO_8601=true their
    text begins with the date.
    """
    settings = read_settings({**chosen, "cluster": cluster})
    raise typer.Exit(run_replay(open_files(files), settings, Screen()))


@app.command("serve")
@takes_rule_options()
def serve_webhook(  # noqa: PLR0913 - a command's parameters are its options
    *,
    host: HostOption = None,
    port: PortOption = None,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    tokens: TokensOption = None,
    allow_unauthenticated: UnauthenticatedOption = None,
    dead_letter: DeadLetterOption = None,
    state: StateOption = None,
    chosen: Chosen,
    cluster: ClusterOption = None,
) -> None:
    """Judge what API servers post to the webhook, in one process and without Kafka.

    The webhook is /k8s_audit, or /k8s_audit/NAME for a cluster of another name. A body is answered 200 when its alerts
    are written, and 503 when it is to be sent again. Alerts go to standard output, as JSON lines if that is no
    terminal; everything else goes to standard error. SIGTERM and Ctrl-C end it when what it took is judged, a second
    one at once. What is known of resources is kept in memory, or with --state in a folder, which one process at a time
    can have: then a restart forgets nothing.

    With --tokens the token says which cluster posts, and only those it names may; it takes --tls-certificate and
    --tls-key. Beyond this machine it listens only so, or with --allow-unauthenticated. These files are read anew when
    they change.

    The options can be given as variables too, over which the command line wins: those of ingest and of replay, and
    AUDITSTREAM_DEAD_LETTER, AUDITSTREAM_STATE, AUDITSTREAM_MAX_PENDING_EVENTS.
    """
    given = {
        "listen_host": host,
        "listen_port": port,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "tokens": tokens,
        "allow_unauthenticated": allow_unauthenticated,
        "dead_letter": dead_letter,
        "state": state,
        **chosen,
        "cluster": cluster,
    }
    from auditstream.serve_command import run_serve  # noqa: PLC0415 - the web server takes half of a command's start

    raise typer.Exit(run_serve(read_settings(given, ServeSettings), read_settings({}, IngestSettings), Screen()))


topics_app.command("create")(create_all_topics)
app.command("ingest")(take_events)
app.command("process")(judge_events)
app.command("alerts")(print_alerts)


@tokens_app.command("add")
def add_new_token(
    cluster: Annotated[str, typer.Argument(metavar="CLUSTER", help="The cluster that posts with it.")],
    *,
    file: Annotated[Path, typer.Option("--file", metavar="FILE", help="The file of tokens, made if it is not there.")],
) -> None:
    """Make a token for the API servers of a cluster.

    The token is printed once. The file keeps its SHA-256 only, a line CLUSTER: HASH, and is what serve and ingest take
    with --tokens. To renew a token add another, change it at the API servers, and delete the old line.
    """
    raise typer.Exit(add_token(cluster, file, Screen()))


rules_app.command("check")(check_rule_files)
rules_app.command("list")(list_all_rules)
rules_app.command("explain")(explain_one_rule)
rules_app.command("test")(judge_samples)
rules_app.command("fields")(list_all_fields)


@app.command("demo")
def demonstrate(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, and listen where serve would.")] = False,
    to: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Post to a webhook that runs already, and serve none.")
    ] = None,
) -> None:
    """Serve, post recorded events to the webhook, and tell how to go on."""
    from auditstream.demo import run_demo, run_demo_to  # noqa: PLC0415 - the same

    if to is None:
        code = run_demo(read_settings({}, ServeSettings), read_settings({}, IngestSettings), is_kept=keep)
    elif keep:
        raise UsageError("--keep is for a service of the demo's own: leave it out, or --to")
    else:
        code = run_demo_to(to, Screen())
    raise typer.Exit(code)


def main() -> int:
    """Run the command that the arguments name and return the exit code."""
    try:
        _ready_streams()
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has had enough, as `head` has: no failure of ours.
        _drop_output(sys.stdout, sys.stderr)
        return OK
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            return _internal(error)
        _drop_output(sys.stdout)
        return _fail(f"cannot write the output: {error.strerror}; make room and run it again", FINDINGS)
    except KeyboardInterrupt:
        return _fail("stopped by Ctrl-C; what was printed until here is complete", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence, which keeps the cause
        return _internal(error)
    return code


def _run(arguments: list[str]) -> int:
    try:
        # Not `app()`: it would print and exit by itself, in more than one line and with its own exit codes.
        with typer.main.get_command(app).make_context("auditstream", arguments) as context:
            context.command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except UsageError as error:
        return _fail(str(error), USAGE)
    except typer.TyperException as error:
        context_path = getattr(getattr(error, "ctx", None), "command_path", "auditstream")
        told = error.format_message().replace("Value error, ", "").rstrip(".")
        return _fail(f"{told}; see '{context_path} --help'", USAGE)
    return OK


def _help_without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


def _ready_streams() -> None:
    """Make standard output and error fit for any text, whatever the locale and whether or not they are open."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - the same
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _drop_output(*streams: IO[str]) -> None:
    """Let the interpreter's own flush at shutdown go nowhere: it would complain of what was already told."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def _fail(text: str, code: int) -> int:
    with suppress(OSError):
        sys.stderr.write(f"auditstream: {escape(text)}\n")
        sys.stderr.flush()
    return code


def _internal(error: BaseException) -> int:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    told = f"internal error: {type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"
    return _fail(f"{told}; please report this line, and the command that led to it", INTERNAL)
