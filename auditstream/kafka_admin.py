"""`auditstream topics create`: the topics of `wire.topics` as they should be, whatever is there already.

Called by `auditstream.cli`, with settings; returns the exit code. Any number may run at once. It never changes how many
partitions a topic has, or on how many brokers it is kept.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

from auditstream.exit_codes import FINDINGS, OK
from auditstream.kafka_away import away, quiet
from auditstream.screen import Screen
from rules.text import escape
from wire.kafka_settings import KafkaSettings
from wire.topics import Topic

ATTEMPT_SECONDS: Final = 8.0
_PAUSE_SECONDS: Final = 0.5
_MAKING_MS: Final = 6_000

_TOPIC: Final = 2
_SET: Final = 0
_NO_ERROR: Final = 0


class _Refused(Exception):  # noqa: N818 - it says what Kafka, or this command, did
    """What was asked for cannot be had by trying again. The text says what to do next."""


class _TooFewBrokers(_Refused):
    """Fewer brokers than replicas: more may be about to start."""


class _Found(msgspec.Struct, frozen=True):
    """A topic that is there."""

    partitions: int
    replication: int


def create_topics(settings: KafkaSettings, wait_seconds: float, screen: Screen) -> int:
    """Make the topics, waiting so long for Kafka to come up, and return the exit code."""
    with quiet(screen):
        return asyncio.run(_create_when_up(settings, wait_seconds, screen))


async def _create_when_up(settings: KafkaSettings, wait_seconds: float, screen: Screen) -> int:
    end = time.monotonic() + wait_seconds
    told = ""
    while True:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                await _create(settings, screen)
        except _TooFewBrokers as error:
            problem = str(error)
            waiting = f"{problem}; waiting up to {wait_seconds:g} s for that"
        except _Refused as error:
            screen.note([f"auditstream: {escape(str(error))}"])
            return FINDINGS
        except (KafkaError, OSError, TimeoutError) as error:
            problem = away(settings, error)
            waiting = f"waiting up to {wait_seconds:g} s for Kafka at {settings.bootstrap}"
        else:
            return OK
        if time.monotonic() + _PAUSE_SECONDS >= end:
            # What was told with its next step already is not told again.
            ended = f"gave up after {wait_seconds:g} s" if told.startswith(problem) else problem
            screen.note([f"auditstream: {escape(ended)}"])
            return FINDINGS
        if waiting != told:
            screen.note([f"auditstream: {escape(waiting)}"])
            told = waiting
        await asyncio.sleep(_PAUSE_SECONDS)


async def _create(settings: KafkaSettings, screen: Screen) -> None:
    client = AIOKafkaClient(
        bootstrap_servers=settings.bootstrap,
        client_id="auditstream-topics",
        request_timeout_ms=round(ATTEMPT_SECONDS * 1000),
    )
    wanted = {topic.name: _settings_of(topic, settings) for topic in settings.topics.all}
    try:
        await client.bootstrap()
        found = await _found(client)
        _hold(found, wanted, settings)
        missing = [name for name in wanted if name not in found]
        made = await _make(client, {name: wanted[name] for name in missing}, settings)
        if len(made) < len(missing):
            # Somebody else made them since: they are judged as any others that are there.
            _hold(await _found_all(client, wanted), wanted, settings)
        changed = await _set_right(client, {name: wanted[name] for name in wanted if name not in made})
        screen.show(_line(name, made, changed, settings) for name in wanted)
    finally:
        with suppress(KafkaError, OSError, TimeoutError):
            await client.close()


def _settings_of(topic: Topic, settings: KafkaSettings) -> dict[str, str]:
    return {**topic.settings, "min.insync.replicas": str(max(1, settings.replication - 1))}


def _line(
    name: str, made: Sequence[str], changed: Mapping[str, Sequence[tuple[str, str, str]]], settings: KafkaSettings
) -> str:
    if name in made:
        return f"{name}: created, partitions {settings.partitions}, replication {settings.replication}"
    if name in changed:
        told = ", ".join(f"{key} {old} -> {new}" for key, old, new in changed[name])
        return escape(f"{name}: settings changed: {told}")
    return f"{name}: is there"


# --- what is there ---------------------------------------------------------------------------------------------------


async def _found(client: AIOKafkaClient) -> dict[str, _Found]:
    """Return all topics. One that is asked for by name might be made by the asking."""
    answer = (await _ask(client, MetadataRequest(None))).to_object()
    return {
        topic["topic"]: _Found(len(topic["partitions"]), min(len(each["replicas"]) for each in topic["partitions"]))
        for topic in answer["topics"]
        if topic["error_code"] == _NO_ERROR and topic["partitions"]
    }


async def _found_all(client: AIOKafkaClient, names: Mapping[str, object]) -> dict[str, _Found]:
    """Return all topics, these among them: a broker learns of a new one a moment after it was made."""
    while True:
        found = await _found(client)
        if all(name in found for name in names):
            return found
        await asyncio.sleep(_PAUSE_SECONDS / 5)


def _hold(found: Mapping[str, _Found], wanted: Mapping[str, object], settings: KafkaSettings) -> None:
    """Raise _Refused if topics that are there are cut or kept otherwise than asked for."""
    partitions = {name: found[name].partitions for name in wanted if name in found}
    if others := {name: count for name, count in partitions.items() if count != settings.partitions}:
        told = ", ".join(f"{name} has {count}" for name, count in others.items())
        counts = set(partitions.values())
        way_on = (
            f"give --partitions {counts.pop()}, or start anew under another --topic-prefix"
            if len(counts) == 1
            else "delete the odd one with kafka-topics.sh if it holds nothing yet, else start anew under another "
            "--topic-prefix"
        )
        raise _Refused(
            f"partitions are not changed from what is there to {settings.partitions} ({told}): state would be looked "
            f"for where it is not; {way_on}"
        )
    replication = {name: found[name].replication for name in wanted if name in found}
    if others := {name: count for name, count in replication.items() if count != settings.replication}:
        told = ", ".join(f"{name} has {count}" for name, count in others.items())
        raise _Refused(
            f"replication is not changed from what is there to {settings.replication} ({told}): change it with "
            f"kafka-reassign-partitions.sh, or give --replication {min(others.values())}"
        )


# --- what is changed -------------------------------------------------------------------------------------------------


async def _make(
    client: AIOKafkaClient, wanted: Mapping[str, Mapping[str, str]], settings: KafkaSettings
) -> Sequence[str]:
    """Make topics and return those that this run made."""
    if not wanted:
        return ()
    no_places: Sequence[object] = ()
    requests = [
        (name, settings.partitions, settings.replication, no_places, list(its.items())) for name, its in wanted.items()
    ]
    answer = await _ask(client, CreateTopicsRequest(requests, _MAKING_MS, validate_only=False), to_controller=True)
    made = []
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if code == _NO_ERROR:
            made.append(name)
        elif error is InvalidReplicationFactorError:
            brokers = len(client.cluster.brokers())
            raise _TooFewBrokers(
                f"{name} cannot be kept on {settings.replication} brokers, Kafka has {brokers}: start the others, or "
                f"give --replication {brokers}"
            )
        elif error is not TopicAlreadyExistsError:
            raise _problem(f"make {name}", code, message[0] if message else None)
    return made


async def _set_right(
    client: AIOKafkaClient, wanted: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Sequence[tuple[str, str, str]]]:
    """Change the settings of topics that differ, no others; return what changed: name, old value, new value."""
    if not wanted:
        return {}
    asked = [(_TOPIC, name, list(its)) for name, its in wanted.items()]
    changed = {}
    for code, message, _, name, entries in (await _ask(client, DescribeConfigsRequest(asked))).resources:
        if code != _NO_ERROR:
            raise _problem(f"read the settings of {name}", code, message)
        now = {entry[0]: entry[1] for entry in entries}
        if differing := [(key, now.get(key, ""), new) for key, new in wanted[name].items() if now.get(key) != new]:
            changed[name] = differing
    if changed:
        alter = _AlterRequest(
            [(_TOPIC, name, [(key, _SET, new) for key, _old, new in its]) for name, its in changed.items()]
        )
        for code, message, _, name in (await _ask(client, alter, to_controller=True)).resources:
            if code != _NO_ERROR:
                raise _problem(f"change the settings of {name}", code, message)
    return changed


def _problem(what: str, code: int, message: str | None) -> Exception:
    """Return the error that an answer's code stands for: one to try again after, or a refusal."""
    error: type[KafkaError] = for_code(code)
    if error in (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
        return _Refused(
            f"Kafka lets this user not {what}: grant it Create, Describe, DescribeConfigs, AlterConfigs on topics"
        )
    if error.retriable:
        return error(message)  # type: ignore[no-any-return]  # aiokafka has no types
    return _Refused(f"Kafka did not {what}: {message or error.__name__}; see the settings of its brokers")


async def _ask(client: AIOKafkaClient, request: Request[Any], *, to_controller: bool = False) -> Any:  # noqa: ANN401 - its answers are made at run time
    # With KRaft any broker passes changes on, and one is named as the controller; with ZooKeeper it has to be that one.
    controller = client.cluster.controller if to_controller else None
    node = client.get_random_node() if controller is None else controller.nodeId
    return await client.send(node, request)


# --- a request that aiokafka does not have ---------------------------------------------------------------------------
# AlterConfigs, which it has, takes away every setting that is not given: also those that somebody else made.


class _AlterResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "resources",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class _AlterStruct(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = _AlterResponse
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(("name", String("utf-8")), ("config_operation", Int8), ("value", String("utf-8"))),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class _AlterRequest(Request[_AlterStruct]):  # type: ignore[misc]  # aiokafka has no types
    """IncrementalAlterConfigs: KIP-339."""

    API_KEY = 44

    def __init__(self, resources: Sequence[tuple[int, str, Sequence[tuple[str, int, str]]]]) -> None:
        self._resources = resources

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        """Return the request in the version that both ends know."""
        return request_struct_class(self._resources, False)  # noqa: FBT003 - fields have places, not names
