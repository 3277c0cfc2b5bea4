"""The compose project of a test: its own name, ports, image tag and folders, so that it meets nobody else's.

Commands are those that the README gives, run as a user runs them; what they leave is asked of the engine.
"""

import http.client
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests import waiting
from tests.e2e.pipeline import QUICK_SESSION
from tests.e2e.recorded import Alert, nameless
from tests.kafka.broker import free_ports
from wire.kafka_settings import KafkaSettings

ROOT: Final = Path(__file__).parents[2]
IMAGE: Final = "auditstream-e2e"

PATIENCE_SECONDS: Final = 120.0
until: Final = partial(waiting.until, seconds=PATIENCE_SECONDS)

_COMMAND_SECONDS: Final = 300.0
_ANSWER_SECONDS: Final = 60.0

_LABEL: Final = "com.docker.compose.project"


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def docker(*arguments: str, variables: Mapping[str, str] | None = None) -> Ended:
    """Run docker to its end. Without it the test fails: that is what these tests are about."""
    program = shutil.which("docker")
    assert program is not None, "no docker on PATH"
    command = [program, *arguments]
    ended = subprocess.run(  # noqa: S603 - the program whose use is tested
        command, capture_output=True, cwd=ROOT, env=variables, timeout=_COMMAND_SECONDS, check=False
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def succeed(ended: Ended) -> str:
    """Return what a command printed, which has to have succeeded."""
    assert ended.code == 0, f"{ended.out}\n{ended.err}"
    return ended.out


class Stack:
    """A compose project."""

    def __init__(self, folder: Path) -> None:
        self.name: Final = f"auditstream-e2e-{uuid.uuid4().hex[:8]}"
        self.rules: Final = _shared(folder / "rules.d")
        webhook, kafka = free_ports(2)
        self.kafka: Final = KafkaSettings(bootstrap=f"127.0.0.1:{kafka}")
        self.webhook: Final = ("127.0.0.1", webhook)
        self.tls: Final = _shared(folder / "tls")
        self._file: Final = folder / "environment"
        self.choose(
            {
                "DEPLOY_PORT": str(webhook),
                "DEPLOY_KAFKA_PORT": str(kafka),
                "DEPLOY_IMAGE": IMAGE,
                "DEPLOY_RULES": str(self.rules),
                "DEPLOY_TLS": str(self.tls),
                **QUICK_SESSION,
            }
        )

    def choose(self, values: Mapping[str, str]) -> None:
        """Add lines to what stands for .env."""
        with self._file.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())

    def compose(self, *arguments: str) -> Ended:
        """Run `docker compose`, without the variables that whoever runs the tests has."""
        mine = ("AUDITSTREAM_", "COMPOSE_", "DEPLOY_")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
        # Where images come from is for whoever runs the tests to say.
        if image := os.environ.get("DEPLOY_KAFKA_IMAGE"):
            variables["DEPLOY_KAFKA_IMAGE"] = image
        return docker("compose", "-p", self.name, "--env-file", str(self._file), *arguments, variables=variables)

    def up(self, *arguments: str) -> str:
        """Run `docker compose up --wait`, which has to succeed."""
        return succeed(self.compose("up", "--wait", *arguments))

    # --- what runs

    def containers(self, service: str) -> list[str]:
        """Return the containers of a service, those that have ended too."""
        return succeed(self.compose("ps", "--all", "--quiet", service)).split()

    def container(self, service: str) -> str:
        """Return the only container of a service."""
        (found,) = self.containers(service)
        return found

    def told(self, service: str) -> str:
        """Return what a service has told, on standard output and error."""
        ended = docker("logs", self.container(service))
        return ended.out + ended.err

    def is_healthy(self, service: str) -> bool:
        """Tell whether all containers of a service are."""
        return all(inspected(each, ".State.Health.Status") == "healthy" for each in self.containers(service))

    def left_behind(self) -> dict[str, list[str]]:
        """Return what there is of the project on the engine, by kind."""
        kinds = {"container": ("--all",), "volume": (), "network": ()}
        asked = {
            kind: succeed(docker(kind, "ls", *more, "--quiet", "--filter", f"label={_LABEL}={self.name}")).split()
            for kind, more in kinds.items()
        }
        return {kind: found for kind, found in asked.items() if found}

    # --- what goes in and out

    def offer(self, body: bytes, cluster: str) -> tuple[int, str]:
        """Post a body once, from this machine; return code and `Retry-After`. Raises what a connection does."""
        connection = http.client.HTTPConnection(*self.webhook, timeout=_ANSWER_SECONDS)
        try:
            connection.request("POST", f"/k8s_audit/{cluster}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Retry-After", "")
        finally:
            connection.close()

    def post(self, body: bytes, cluster: str) -> None:
        """Post a body, which has to be taken."""
        code, _ = self.offer(body, cluster)
        assert code == http.client.OK

    def printed_alerts(self) -> dict[str, Alert]:
        """Return what `auditstream alerts` prints in the container of the webhook, by id and nameless."""
        printed = succeed(self.compose("exec", "-T", "ingest", "auditstream", "alerts", "--json"))
        alerts = [nameless(json.loads(line)) for line in printed.splitlines()]
        by_id = {alert["id"]: alert for alert in alerts}
        assert len(by_id) == len(alerts)
        return by_id

    def alerts_of(self, cluster: str) -> dict[str, Alert]:
        """Return those of a cluster."""
        return {id_: alert for id_, alert in self.printed_alerts().items() if alert["cluster"] == cluster}


def _shared(folder: Path) -> Path:
    """Make a folder that the containers' user may look into, whatever the rights of others."""
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def inspected(container: str, what: str) -> Any:
    """Return a value of what the engine knows of a container."""
    return json.loads(succeed(docker("inspect", "--format", f"{{{{json {what}}}}}", container)))


def asked(container: str, url: str) -> str:
    """Return what is answered inside a container, where no port leads from outside."""
    return succeed(docker("exec", container, "python", "-m", "auditstream.health_check", url))


def crash(container: str) -> None:
    """End a container's process as a crash does. `docker kill` would count as a stop: nothing would start it again."""
    number = inspected(container, ".State.Pid")
    command = "--rm", "--pid=host", "--user=0:0", "--entrypoint=python", IMAGE
    succeed(docker("run", *command, "-c", f"import os, signal; os.kill({number}, signal.SIGKILL)"))


@contextmanager
def project(folder: Path) -> Iterator[Stack]:
    """Give a project, print what its services told, and remove all of it."""
    stack = Stack(folder)
    try:
        yield stack
    finally:
        ended = stack.compose("logs", "--no-color", "--timestamps", "ingest", "processor", "topics")
        print(ended.out)  # noqa: T201 - pytest shows it when a test fails
        succeed(stack.compose("--profile", "demo", "down", "--volumes", "--remove-orphans", "--timeout", "20"))
