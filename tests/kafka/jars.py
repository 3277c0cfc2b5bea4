"""The third source of a broker: Kafka's jars from Maven, run by this machine's Java.

The jars are fetched once and kept in the user's cache. A broker is one process, controller and broker in one, on
loopback, with its settings, data and log in a temporary folder that goes when it ends.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.kafka.broker import HEAP, JVM, SETTINGS, VERSION, Deadline, Unavailable, await_answer, free_ports, tail

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_CLUSTER: Final = "YXVkaXRzdHJlYW0tdGVzdA"  # any 16 bytes in base64

# log4j 2 behind slf4j 1.7, as in Kafka's own distribution: without them a broker that fails does not say why.
_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>auditstream.tests</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""
# Waits for the end of its input, which comes when the run of the tests is gone, however that happened.
_KEEPER: Final = 'read -r _; kill -9 "$1"; rm -rf "$2"'

_LOG4J: Final = """\
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c)%n
"""


class JarsBroker:
    """A broker in a process of our own."""

    def __init__(self, jars: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="auditstream-kafka-"))
        log4j = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        self._java = ("java", *HEAP, *JVM, log4j, "-cp", f"{jars}/*")
        self._settings = self._folder / "server.properties"
        self._log = self._folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: subprocess.Popen[bytes] | None = None
        self.bootstrap = ""
        atexit.register(self.end)  # for ways out on which no fixture is torn down

    def create(self, deadline: Deadline) -> None:
        """Choose ports, format the folder of the data, and start."""
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        settings = {
            **SETTINGS,
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self._folder / "data"),
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        (self._folder / "log4j2.properties").write_text(_LOG4J)
        format_data = ("kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER, "--config", str(self._settings))
        _run((*self._java, *format_data), self._folder / "format.log", deadline)
        self.start(deadline)

    def start(self, deadline: Deadline | None = None) -> None:
        """Start it, and wait until it answers."""
        assert self._process is None, "it is running"
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for pytest, which then ends it in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                (*self._java, "kafka.Kafka", str(self._settings)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._keeper = subprocess.Popen(  # noqa: S603 - our own arguments
            ("/bin/sh", "-c", _KEEPER, "keeper", str(self._process.pid), str(self._folder)),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            await_answer(self.bootstrap, deadline or Deadline(_START_SECONDS), self._check_alive)
        except Unavailable as error:
            raise Unavailable(f"{error}; the broker's log ends:\n{tail(self._log)}") from error

    def kill(self) -> None:
        """End it as a crash does."""
        process = self._running()
        self._release()
        process.kill()
        process.wait()
        self._process = None

    def stop(self) -> None:
        """End it in order; if it cannot, at once."""
        process = self._running()
        process.send_signal(signal.SIGCONT)
        self._release()
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze it."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._running().send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.end)

    def _release(self) -> None:
        """End the keeper, before the process's number may become another's."""
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.communicate()
            self._keeper = None

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it is not running"
        return self._process

    def _check_alive(self) -> None:
        if (code := self._running().poll()) is not None:
            raise Unavailable(f"the broker ended with code {code}")


class Jars:
    """Jars in the cache, and brokers of them."""

    name = "Maven's jars"
    own = True

    def __init__(self, cache: Path | None = None) -> None:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._jars = (cache or home / "auditstream-tests") / f"kafka-{VERSION}"

    def check(self, deadline: Deadline) -> None:
        """See whether there is a Java that starts, and Maven if there is something to fetch."""
        missing = [tool for tool in ("java", "mvn") if not shutil.which(tool)]
        if "java" in missing or (missing and not self._jars.is_dir()):
            raise Unavailable(f"not on PATH: {', '.join(missing)}")
        with tempfile.TemporaryDirectory(prefix="auditstream-kafka-") as folder:
            _run(("java", "-version"), Path(folder, "java.log"), deadline)

    def fetch(self, deadline: Deadline) -> None:
        """Have Maven copy the jars, unless they are here; whole or not at all, whoever else is fetching."""
        if self._jars.is_dir():
            return
        self._jars.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=self._jars.parent) as folder:
            pom, fetched = Path(folder, "pom.xml"), Path(folder, "jars")
            pom.write_text(_POM)
            copy = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fetched}")
            _run(("mvn", "--quiet", "--batch-mode", "--file", str(pom), *copy), Path(folder, "maven.log"), deadline)
            with contextlib.suppress(OSError):  # another run of the tests was first
                fetched.rename(self._jars)

    def start(self, deadline: Deadline) -> JarsBroker:
        """Start a broker."""
        broker = JarsBroker(self._jars)
        try:
            broker.create(deadline)
        except BaseException:
            broker.end()
            raise
        return broker


def _run(command: Sequence[str], log: Path, deadline: Deadline) -> None:
    """Run a command to its end; its output goes to a file, whose end tells why it failed."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while process.poll() is None:
            deadline.pause(0.05)
    except Unavailable as error:
        raise Unavailable(f"`{command[0]}` was {error}; its output ends:\n{tail(log)}") from error
    finally:
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise Unavailable(f"`{command[0]}` ended with code {process.returncode}; its output ends:\n{tail(log)}")
