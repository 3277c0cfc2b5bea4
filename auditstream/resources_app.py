"""The commands `auditstream resources ...` as they are typed: arguments and options into settings, and on to the work.

Registered by `auditstream.cli`. Kafka's client libraries are imported within a command, when it needs them.
"""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from auditstream.import_command import Batches, import_files
from auditstream.kafka_away import quiet
from auditstream.kafka_commands import BootstrapOption, TopicPrefixOption, kafka_extra
from auditstream.object_files import object_files
from auditstream.resource_choice import Choice, resource_called
from auditstream.resources_command import Read, Take, list_resources
from auditstream.screen import Screen
from auditstream.settings import ClusterSettings, read_settings
from auditstream.state_directory import opened_state, read_state
from auditstream.state_import import take_in
from auditstream.usage import UsageError
from wire.kafka_settings import KafkaSettings

resources_app = typer.Typer(rich_markup_mode=None, add_completion=False)

_MILLISECONDS: Final = 1000

StateOption = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="The state of 'serve --state DIR', instead of Kafka's."),
]


@resources_app.callback(invoke_without_command=True)
def list_known_resources(  # noqa: PLR0913 - a command's parameters are its options
    context: typer.Context,
    *,
    cluster: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this cluster.")] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Only of this namespace.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only of this kind: Deployment, deployments, ...")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is called so.")] = None,
    created_by: Annotated[str | None, typer.Option(metavar="USER", help="Only what this user created.")] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also what is gone and still remembered.")] = False,
    state: StateOption = None,
    bootstrap: BootstrapOption = None,
    topic_prefix: TopicPrefixOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List what is known of the clusters' resources: who created them, and when.

    It reads what the workers of 'process' have written to Kafka, or with --state what 'serve' keeps, as of now, and
    changes nothing. A namespace itself is cluster-scoped: it has no namespace. What is not known is a dash, and null in
    JSON. That nothing is found is told on standard error. The exit code is 1 where Kafka, the topic or the state cannot
    be read.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_KAFKA_BOOTSTRAP,
    AUDITSTREAM_KAFKA_TOPIC_PREFIX.
    """
    given = (cluster, namespace, kind, name, created_by, state, bootstrap, topic_prefix)
    if context.invoked_subcommand is not None:
        if show_all or json or any(value is not None for value in given):
            raise UsageError(f"options of '{context.invoked_subcommand}' stand behind it")
        return
    resource = None if kind is None else resource_called(kind)
    choice = Choice(cluster, namespace, resource, name, created_by, with_gone=show_all)
    screen = Screen()
    read = _reader(state, {"bootstrap": bootstrap, "topic_prefix": topic_prefix})
    with quiet(screen):
        code = list_resources(read, choice, screen, is_json=json)
    raise typer.Exit(code)


@resources_app.command("import")
def import_objects(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="What kubectl printed, .gz too; '-' is standard input.")
    ],
    *,
    cluster: Annotated[
        str | None, typer.Option(metavar="NAME", help="The cluster that they are of (default 'default').")
    ] = None,
    state: StateOption = None,
    bootstrap: BootstrapOption = None,
    topic_prefix: TopicPrefixOption = None,
) -> None:
    """Make known what kubectl lists, as what is older than the pipeline.

    Files hold what 'kubectl get KINDS -A -o json' prints: a list or an object, or several behind one another, JSON
    lines too. Import a listing when it is fresh. What is known from events already stays, but for who is behind what
    was scaled since; a repeat changes nothing. The objects go to the topic of events, or with --state into what 'serve'
    keeps, while no 'serve' runs.

    What may hold a secret stays behind: contents of Secrets and ConfigMaps, annotations, and of containers the
    variables, commands and arguments. A file may have 1 GiB and is held in memory. What is broken is told and passed
    over, and makes the exit code 1.

    The options can be given as variables too, over which the command line wins: AUDITSTREAM_CLUSTER,
    AUDITSTREAM_KAFKA_BOOTSTRAP, AUDITSTREAM_KAFKA_TOPIC_PREFIX.
    """
    settings = read_settings({"cluster": cluster}, ClusterSettings)
    screen = Screen()
    given = {"bootstrap": bootstrap, "topic_prefix": topic_prefix}
    work = partial(import_files, object_files(files), settings.cluster, round(time.time() * _MILLISECONDS))
    if state is not None:
        _refuse_kafka(given)
        with opened_state(state) as opened:
            code = work(lambda batches: take_in(batches, opened, opened.commit), screen)
        raise typer.Exit(code)
    kafka = read_settings(given, KafkaSettings)
    with kafka_extra():
        from auditstream.kafka_import import send_records  # noqa: PLC0415 - other commands run without Kafka

    def send(batches: Batches) -> None:
        send_records(kafka, batches)

    with quiet(screen):
        code = work(send, screen)
    raise typer.Exit(code)


def _reader(state: Path | None, given: dict[str, str | None]) -> Read:
    """Return who reads the state: of a folder, else of Kafka."""
    if state is not None:
        _refuse_kafka(given)
        return partial(_read_folder, state)
    kafka = read_settings(given, KafkaSettings)
    with kafka_extra():
        from auditstream.kafka_inventory import read_inventory  # noqa: PLC0415 - other commands run without Kafka
    return partial(read_inventory, kafka)


def _read_folder(state: Path, take: Take) -> None:
    with read_state(state) as opened:
        take(opened.pairs(), opened.get)


def _refuse_kafka(given: dict[str, str | None]) -> None:
    if any(value is not None for value in given.values()):
        raise UsageError("--state is for the one process, without Kafka: leave it out, or --bootstrap and its like")
