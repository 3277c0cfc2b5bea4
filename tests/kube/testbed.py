"""A real kube-apiserver with its controllers, from the program that `KUBE_TESTBED` names (see CONTRIBUTING.md).

Started with the audit policy and the webhook's kubeconfig of a test, driven by kubectl as several users, removed whole.
"""

import json
import os
import shlex
import shutil
import ssl
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests import waiting

VARIABLE: Final = "KUBE_TESTBED"
"""Without our prefix, since a variable of that prefix which no command knows is an error of every command."""

PATIENCE_SECONDS: Final = 120.0
"""For what controllers do within seconds on a machine that has nothing else to do."""
until: Final = partial(waiting.until, seconds=PATIENCE_SECONDS)

_UP_SECONDS: Final = 600.0
_DOWN_SECONDS: Final = 300.0
"""The API server ends when its last batches have been taken."""

Manifest = dict[str, Any]


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Answer(NamedTuple):
    """What the API server answered to a request that kubectl would not make."""

    code: int
    body: Any


def program() -> str:
    """Return the program; without it the test fails, since who asked for these tests asked for a real API server."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        missing = f"{VARIABLE} is not set: it names a program that starts a kube-apiserver, see CONTRIBUTING.md"
        pytest.fail(missing, pytrace=False)
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{VARIABLE} is {name}, which cannot be run", pytrace=False)
    return found


class Testbed:
    """A cluster of its own folder."""

    __test__ = False  # pytest takes every class of this name for tests

    def __init__(self, folder: Path) -> None:
        self._command: Final = (program(), "--state", str(folder / "cluster"))
        self.audit_log: Final = folder / "audit.log"

    def up(self, policy: Path, webhook: Path, flags: Sequence[str]) -> None:
        """Start it, and wait until pods can be made."""
        files = ("--policy", str(policy), "--webhook-kubeconfig", str(webhook), "--audit-log", str(self.audit_log))
        more = [f"--apiserver-arg={flag}" for flag in flags]
        self._succeed("up", *files, *more, seconds=_UP_SECONDS)

    def down(self) -> None:
        """Stop it; what its API server still holds of events is sent before."""
        self._succeed("down", seconds=_DOWN_SECONDS)

    def purge(self) -> None:
        """Stop what runs of it, and remove its folder."""
        self._succeed("down", "--purge", seconds=_DOWN_SECONDS)

    def kubectl(self, user: str, arguments: Sequence[str], stdin: str = "") -> Ended:
        """Run kubectl as a user to its end."""
        return self._run("kubectl", "--as-user", user, "--", *arguments, stdin=stdin)

    def _run(self, *arguments: str, stdin: str = "", seconds: float = PATIENCE_SECONDS) -> Ended:
        ended = subprocess.run(  # noqa: S603 - the program that whoever runs the tests names
            [*self._command, *arguments], input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def _succeed(self, *arguments: str, seconds: float) -> None:
        ended = self._run(*arguments, seconds=seconds)
        assert ended.code == 0, f"{arguments[0]}: {ended.out}\n{ended.err}"


class User:
    """Somebody with credentials of their own; `user("get pods")` runs kubectl, which has to succeed."""

    def __init__(self, name: str, testbed: Testbed) -> None:
        self.name: Final = name
        self._testbed: Final = testbed
        self._address: tuple[str, int, ssl.SSLContext, Mapping[str, str]] | None = None

    def __call__(self, command: str, *manifests: Manifest) -> str:
        """Run kubectl, manifests on its standard input, and return what it printed."""
        ended = self._kubectl(command, manifests)
        assert ended.code == 0, f"{self.name}: kubectl {command}: {ended.err}"
        return ended.out

    def create(self, *manifests: Manifest, options: str = "") -> list[str]:
        """Create objects, and return their names: the server's, where it makes them up."""
        return self(f"create -f - -o name {options}", *manifests).split()

    def apply(self, *manifests: Manifest, options: str = "") -> None:
        """Apply objects."""
        self(f"apply -f - {options}", *manifests)

    def is_refused(self, command: str, *manifests: Manifest) -> str:
        """Run kubectl, which has to fail, and return what it says."""
        ended = self._kubectl(command, manifests)
        assert ended.code != 0, f"{self.name}: kubectl {command}: {ended.out}"
        return ended.err

    def list(self, kinds: str, options: str = "") -> list[Manifest]:
        """Return the objects of some kinds."""
        return json.loads(self(f"get {kinds} -o json {options}"))["items"]  # type: ignore[no-any-return]

    def request(
        self, method: str, path: str, body: Any = None, *, accept: str = "application/json", content: str = ""
    ) -> Answer:
        """Make a request as kubectl would not: with another form of answer, or by a verb that it does not use."""
        host, port, context, credentials = self._server()
        connection = HTTPSConnection(host, port, context=context, timeout=PATIENCE_SECONDS)
        headers = {"Accept": accept, "Content-Type": content or "application/json", **credentials}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()))
        finally:
            connection.close()

    def _kubectl(self, command: str, manifests: Sequence[Manifest]) -> Ended:
        listed = {"apiVersion": "v1", "kind": "List", "items": manifests}
        # One object is given as it is: for a list, kubectl makes a request for each, but `--raw` sends it as one body.
        stdin = json.dumps(manifests[0] if len(manifests) == 1 else listed) if manifests else ""
        return self._testbed.kubectl(self.name, shlex.split(command), stdin)

    def _server(self) -> tuple[str, int, ssl.SSLContext, Mapping[str, str]]:
        if self._address is None:
            config = json.loads(self("config view --raw --flatten --minify -o json"))
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            target = urlsplit(cluster["server"])
            context = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
            credentials = {"Authorization": f"Bearer {user['token']}"}
            self._address = (target.hostname or "", target.port or 443, context, credentials)
        return self._address


class Cluster:
    """A cluster and its people."""

    def __init__(self, testbed: Testbed) -> None:
        self.testbed: Final = testbed
        self.admin: Final = User("admin", testbed)
        self.alice: Final = User("alice", testbed)
        self.bob: Final = User("bob", testbed)
        self.carol: Final = User("carol", testbed)
        self.mallory: Final = User("mallory", testbed)

    def running(self, selector: str, namespace: str, count: int) -> list[str]:
        """Return the names of the pods of a label, once so many run and no other is there."""

        def pods() -> list[Manifest]:
            return self.admin.list("pods", f"-n {namespace} -l {selector}")

        def is_so() -> bool:
            found = pods()
            return len(found) == count and all(
                pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"] for pod in found
            )

        until(is_so, f"{count} pods of {selector} run in {namespace}")
        return sorted(pod["metadata"]["name"] for pod in pods())

    def gone(self, what: str, namespace: str) -> None:
        """Wait until there is nothing of some kind or name any more."""
        until(
            lambda: not self.admin(f"get {what} -n {namespace} --ignore-not-found -o name").strip(), f"{what} is gone"
        )


@contextmanager
def started(folder: Path, policy: Path, webhook: Path, flags: Sequence[str]) -> Iterator[Cluster]:
    """Give a cluster, and remove it whole, however far its start got."""
    testbed = Testbed(folder)
    try:
        testbed.up(policy, webhook, flags)
        yield Cluster(testbed)
    finally:
        testbed.purge()
