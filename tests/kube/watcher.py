"""`auditstream serve` as the process that a real API server posts to, over TLS and with a token, and what it leaves.

It can be killed and started again at the same address, with the same state: its alerts are added to one file.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import trustme
import yaml

from tests.credentials import SECURED, write_certificate
from tests.e2e.pipeline import COMMAND
from tests.e2e.recorded import Alert, nameless
from tests.kube.testbed import PATIENCE_SECONDS, until

CLUSTER: Final = "kube"

APISERVER: Final = Path(__file__).parents[2] / "deploy" / "apiserver"
"""The files that whoever sets up an API server is given."""

_LISTENS: Final = re.compile(r"^auditstream: listening on (https://127\.0\.0\.1:(\d+)), webhook", re.MULTILINE)


class Watcher:
    """The service, its folder and its files."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder: Final = folder
        self._options: Final = options
        self._alerts: Final = folder / "alerts.jsonl"
        self._told: Final = folder / "told.txt"
        # Variables of whoever runs the tests are none of the commands' business.
        self._environment: Final = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = "0"
        authority = trustme.CA()
        write_certificate(folder, authority)
        authority.cert_pem.write_to_path(str(folder / "authority.crt"))
        self._token: Final = self.run("tokens", "add", CLUSTER, "--file", "tokens").strip()

    def run(self, *arguments: str) -> str:
        """Run another command of ours in the folder, which has to succeed, and return what it prints."""
        ended = subprocess.run(  # noqa: S603 - our own command
            [COMMAND, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self._environment,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def start(self) -> None:
        """Start it, at the address that it had before, if any, and wait until it listens."""
        command = [COMMAND, "serve", "--port", self._port, "--dead-letter", "rejected.jsonl", *SECURED, *self._options]
        start = len(self.told())
        with self._alerts.open("ab") as alerts, self._told.open("ab") as told:
            self._process = process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=subprocess.DEVNULL,
                stdout=alerts,
                stderr=told,
                cwd=self.folder,
                env=self._environment,
            )
        until(lambda: process.poll() is not None or _LISTENS.search(self.told(), start), "serve listens")
        found = _LISTENS.search(self.told(), start)
        assert found is not None, self.told()
        self._port = found[2]

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Ask it to end, wait until it has, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE_SECONDS)

    def kubeconfig(self) -> Path:
        """Write the kubeconfig that ships, filled in as its comments say."""
        config: dict[str, Any] = yaml.safe_load((APISERVER / "webhook-kubeconfig.yaml").read_text())
        ((cluster,), (user,)) = config["clusters"], config["users"]
        cluster["cluster"]["server"] = f"https://127.0.0.1:{self._port}/k8s_audit"
        cluster["cluster"]["certificate-authority"] = str(self.folder / "authority.crt")
        user["user"]["token"] = self._token
        file = self.folder / "webhook-kubeconfig.yaml"
        file.touch(0o600)
        file.write_text(yaml.safe_dump(config))
        return file

    def told(self) -> str:
        """Return what it has told on standard error until now."""
        return self._told.read_text() if self._told.exists() else ""

    def alerts(self) -> dict[str, Alert]:
        """Return its alerts by id, nameless; of one that came again, the first."""
        found: dict[str, Alert] = {}
        for line in self._alerts.read_text().splitlines():
            alert = nameless(json.loads(line))
            found.setdefault(alert["id"], alert)
        return found

    def rejected(self) -> list[Mapping[str, Any]]:
        """Return what is in the dead letter."""
        file = self.folder / "rejected.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _is_ours(name: str) -> bool:
    return name.upper().startswith("AUDITSTREAM_")


@contextmanager
def watching(folder: Path, *options: str) -> Iterator[Watcher]:
    """Give a service that listens, and end it."""
    watcher = Watcher(folder, *options)
    try:
        watcher.start()
        yield watcher
    finally:
        watcher.kill()
        print(watcher.told())  # noqa: T201 - pytest shows it when a test fails
