"""The second source of a broker: Docker, with Kafka's own image.

The container is ours, not testcontainers' `KafkaContainer`, which calls scripts that only Confluent's images have. The
host's port is chosen before the container is made: so the broker is told at once where clients reach it, and keeps
that address when it is started again. The port is bound to loopback: the engine has to run on this machine.
"""

import atexit
import socket
from contextlib import closing
from typing import Any, Final

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient, get_docker_host

from tests.kafka.broker import HEAP, JVM, SETTINGS, VERSION, Deadline, Unavailable, await_answer, free_ports

IMAGE: Final = f"apache/kafka:{VERSION}"

_UNIX: Final = "unix://"
_DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
_CALL_SECONDS: Final = 30
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20
_LISTENERS: Final = {
    "listeners": "CLIENTS://:9092,INSIDE://localhost:9093,CONTROLLER://localhost:9094",
    "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "INSIDE",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": "1@localhost:9094",
    "log.dirs": "/tmp/kafka-data",
}

# The image's own start formats the data, which is there when the container is started again.
_COMMAND: Final = """\
if [ -e /tmp/kafka-data/meta.properties ]
then exec /opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties
else exec /etc/kafka/docker/run
fi
"""


class _KafkaContainer(DockerContainer):
    """The image with the settings of a test's broker, reached through one port of the host's loopback."""

    def __init__(self, port: int) -> None:
        super().__init__(IMAGE, docker_client_kw={"timeout": _CALL_SECONDS})
        # Docker binds to all addresses unless it is told one, and testcontainers has no method that tells it.
        self.ports["9092/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]
        settings = {
            **SETTINGS,
            **_LISTENERS,
            "advertised.listeners": f"CLIENTS://127.0.0.1:{port},INSIDE://localhost:9093",
        }
        for name, value in settings.items():
            self.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
        self.with_command(["sh", "-c", _COMMAND])
        self.with_env("KAFKA_HEAP_OPTS", " ".join(HEAP))
        self.with_env("KAFKA_JVM_PERFORMANCE_OPTS", " ".join(JVM))


class ContainerBroker:
    """A broker in a container of our own."""

    def __init__(self) -> None:
        (port,) = free_ports(1)
        self.bootstrap = f"127.0.0.1:{port}"
        self._container = _KafkaContainer(port)
        self._ended = False
        atexit.register(self.end)  # instead of testcontainers' own reaper, which is one more image to pull

    def create(self, deadline: Deadline) -> None:
        """Make the container and start it."""
        self._container.start()
        self._await(deadline)

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        self._engine.start()
        self._await(Deadline(_START_SECONDS))

    def kill(self) -> None:
        """End it as a crash does."""
        self._engine.kill()
        self._engine.wait()

    def stop(self) -> None:
        """End it in order."""
        self._engine.stop(timeout=_STOP_SECONDS)

    def pause(self) -> None:
        """Freeze it."""
        self._engine.pause()

    def resume(self) -> None:
        """Let it go on."""
        # Unlike a signal to a process, the engine refuses to let go on what does.
        engine = self._engine
        engine.reload()
        if engine.status == "paused":
            engine.unpause()

    def end(self) -> None:
        """Remove the container with all that is in it."""
        atexit.unregister(self.end)
        if not self._ended:
            self._ended = True
            self._container.stop()

    @property
    def _engine(self) -> Any:
        return self._container.get_wrapped_container()

    def _await(self, deadline: Deadline) -> None:
        try:
            await_answer(self.bootstrap, deadline, self._check_alive)
        except Unavailable as error:
            log = self._engine.logs(tail=15).decode(errors="replace")
            raise Unavailable(f"{error}; the container's log ends:\n{log}") from error

    def _check_alive(self) -> None:
        self._engine.reload()
        if self._engine.status not in {"created", "running"}:
            raise Unavailable(f"the container is {self._engine.status}")


class Docker:
    """An engine on this machine, and containers of it."""

    name = "Docker"
    own = True

    def check(self, deadline: Deadline) -> None:
        """See whether an engine answers."""
        deadline.check()
        testcontainers_config.ryuk_disabled = True
        try:
            _knock(get_docker_host() or _DEFAULT_HOST)
            _connect().close()
        except Exception as error:  # docker's, requests' and testcontainers' errors have no common class
            raise Unavailable(f"no engine answers: {error}") from error

    def fetch(self, deadline: Deadline) -> None:
        """Have the engine pull the image, unless it is here."""
        deadline.check()
        client = _connect()
        try:
            if not client.images.list(name=IMAGE):
                client.images.pull(IMAGE)
        finally:
            client.close()

    def start(self, deadline: Deadline) -> ContainerBroker:
        """Start a broker."""
        broker = ContainerBroker()
        try:
            broker.create(deadline)
        except BaseException:
            broker.end()
            raise
        return broker


def _knock(host: str) -> None:
    """Open the engine's socket and close it: docker's client leaves it open when there is nobody."""
    if host.startswith(_UNIX):
        with closing(socket.socket(socket.AF_UNIX)) as engine:
            engine.settimeout(_CALL_SECONDS)
            engine.connect(host.removeprefix(_UNIX))


def _connect() -> Any:
    return DockerClient(timeout=_CALL_SECONDS).client
