"""The settings of the commands: `AUDITSTREAM_*` variables, the command line over them.

Called once a command and settings class, by `auditstream.cli`, and passed down as values. The only file here that reads
the environment, for the classes of other rooms too.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar, overload

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from auditstream.usage import UsageError, did_you_mean
from ingest.settings import IngestSettings
from processor.settings import ProcessorSettings
from rules.items import PRIORITIES, Priority
from rules.ruleset import Matching
from wire.kafka_settings import KafkaSettings
from wire.record import CLUSTER_NAME

PREFIX: Final = "AUDITSTREAM_"

# In a pod, Kubernetes adds such variables for every Service of the namespace, ours named `auditstream-…` included.
_SERVICE_LINK: Final = re.compile(r".*_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")


def _split_at(separator: str) -> BeforeValidator:
    def split(value: object) -> object:
        return [part.strip() for part in value.split(separator) if part.strip()] if isinstance(value, str) else value

    return BeforeValidator(split)


def _priority(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in PRIORITIES:
        raise ValueError(f"must be one of {', '.join(map(str, Priority))}")
    return PRIORITIES[value.lower()]


class ClusterSettings(BaseSettings):
    """What whoever takes events may be told. Each attribute is a variable: `cluster` is `AUDITSTREAM_CLUSTER`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    cluster: Annotated[str, Field(pattern=f"^{CLUSTER_NAME}$")] = "default"
    """The cluster that the events come from, as alerts name it; alert ids and state depend on it. An audit event does
    not say its cluster, so that the default cannot do better than a fixed word."""


class Settings(ClusterSettings):
    """What `replay` and `rules` may be told."""

    rules: Annotated[tuple[Path, ...], NoDecode, _split_at(os.pathsep)] = ()
    """Rule files and folders, loaded after the pack in this order. In the variable they are separated as in `PATH`
    (by `:`), since a path may hold a comma."""

    no_pack: bool = False
    """Leaves out the rules that ship, for those who bring a complete set of their own."""

    rule_matching: Matching = Matching.ALL
    """`all`: every rule that matches an event alerts. `first`: only the first does, in the order of definition, as
    Falco has it by default. All is the default here, since a broad rule would otherwise hide a precise one."""

    disable_rules: Annotated[tuple[str, ...], NoDecode, _split_at(",")] = ()
    """Names of rules to switch off; `*` in them is any text. In the variable they are separated by commas: a rule with
    a comma in its name can only be named on the command line, or with `*` in its place."""

    disable_tags: Annotated[tuple[str, ...], NoDecode, _split_at(",")] = ()
    """Switches off the rules that have one of these tags."""

    enable_rules: Annotated[tuple[str, ...], NoDecode, _split_at(",")] = ()
    """Names of rules to switch on, as for `disable_rules`. What switches on comes after what switches off, so that
    all rules may be off but a few."""

    enable_tags: Annotated[tuple[str, ...], NoDecode, _split_at(",")] = ()
    """Switches on the rules that have one of these tags."""

    minimum_priority: Annotated[Priority, BeforeValidator(_priority)] = Priority.DEBUG
    """Rules that are less severe are off, whatever switches them on. Where it is not given, the `falco.yaml` counts."""

    falco_config: Path | None = None
    """A `falco.yaml`: what its `rules` and `priority` switch off and on, before all settings here, and what its
    `append_output` and `static_fields` say of alerts. `${NAME}` in it is a variable of the environment. What else Falco
    is configured by has settings of its own."""

    hostname: str | None = None
    """What alerts give as `hostname`; without it, the name of this machine. A fixed one makes output comparable
    between machines."""

    time_format_iso_8601: bool = False
    """Begins an alert's `output` with date, time and zone instead of the time of day, as Falco's setting of this name
    does; `output_fields` then have `evt.time.iso8601` in place of `evt.time`."""


class ListenSettings(ClusterSettings):
    """What `serve` and `ingest` may be told of the webhook."""

    # Not `host` and `port`: AUDITSTREAM_PORT is what Kubernetes sets for a Service of our name.
    listen_host: str = "127.0.0.1"
    """Where the webhook listens; by default it is reached from this machine only."""

    listen_port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """The port of the webhook; 0 takes any that is free."""

    tls_certificate: Path | None = None
    """The webhook's certificate in PEM, those of its authorities behind it; with it, only TLS is spoken."""

    tls_key: Path | None = None
    """The certificate's key in PEM, without a passphrase."""

    tokens: Path | None = None
    """The file of the tokens that may post, `CLUSTER: HASH` a line. The token then says which cluster posts. It needs
    TLS: whoever can read a token on its way can post as that cluster."""

    allow_unauthenticated: bool = False
    """Lets the webhook listen beyond this machine although whoever reaches it can post, for networks that are closed
    in another way. Where there are tokens, they are asked for all the same."""

    published_host: str | None = None
    """Where the webhook is reached, if not where it listens: a container listens on all addresses of its own, and it is
    the address on which its port is published that says who reaches it."""


class ServeSettings(Settings, ListenSettings):
    """What `serve` may be told besides."""

    dead_letter: Path = Path("auditstream-dead-letter.jsonl")
    """The file to which rejected events are added, unredacted, since they could not be read."""

    state: Path | None = None
    """The folder that keeps what is known of resources; without one it is in memory, and forgotten at the end."""

    max_pending_events: Annotated[int, Field(gt=0)] = 10_000
    """How many events may wait to be judged; bodies beyond are answered 503, and come again. More lets longer bursts
    pass at the cost of memory and of the time that an answer takes; a larger body is taken when nothing else waits."""


def variables() -> Mapping[str, str]:
    """Return the environment, for files in which `${NAME}` stands for a variable."""
    return os.environ


_CLASSES: Final[tuple[type[BaseSettings], ...]] = (ServeSettings, IngestSettings, KafkaSettings, ProcessorSettings)
"""All settings classes of the project: a variable that another command reads is known to every command."""

_Kind = TypeVar("_Kind", bound=BaseSettings)


@overload
def read_settings(given: Mapping[str, object]) -> Settings: ...


@overload
def read_settings(given: Mapping[str, object], kind: type[_Kind]) -> _Kind: ...


def read_settings(given: Mapping[str, object], kind: type[BaseSettings] = Settings) -> BaseSettings:
    """Return the settings: what was given on the command line (None: was not), else the environment's, else defaults.

    Raises UsageError for a value that cannot be used, and for a variable with our prefix that no command reads: it is
    a misspelt one, and to pass over it would run with something else than was asked for.
    """
    _refuse_unknown_variables(os.environ)
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return kind(**chosen)  # type: ignore[arg-type]  # checked by pydantic, at run time
    except ValidationError as error:
        raise UsageError(_first_problem(error, chosen, kind)) from None


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = {_variable(kind, field) for kind in _CLASSES for field in kind.model_fields}
    for name in sorted(environ):
        # Settings are read whatever their letter case, so they are refused so too.
        if name.upper().startswith(PREFIX) and name.upper() not in known and not _SERVICE_LINK.fullmatch(name):
            hint = did_you_mean(name, known, f"known are {', '.join(sorted(known))}", prefix=PREFIX)
            raise UsageError(f"unknown variable {name}: {hint}")


def _first_problem(error: ValidationError, given: Mapping[str, object], kind: type[BaseSettings]) -> str:
    problem = error.errors()[0]
    field = str(problem["loc"][0])
    name = "--" + field.replace("_", "-") if field in given else _variable(kind, field)
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{name}={problem['input']}: {reason[0].lower()}{reason[1:]}"


def _variable(kind: type[BaseSettings], field: str) -> str:
    return f"{kind.model_config['env_prefix']}{field}".upper()
