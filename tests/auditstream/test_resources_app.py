"""`auditstream resources` and its import as they are typed: options, and the whole way through a real Kafka."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.auditstream.conftest import COMMAND, Ended
from tests.auditstream.listings import a_list, an_object
from tests.e2e.pipeline import Pipeline, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auditstream.conftest import Run
    from wire.kafka_settings import KafkaSettings

NONE = "auditstream: nothing of what you ask for is known"

LISTING = a_list(
    an_object("Deployment", "web", "apps/v1"),
    an_object("Pod", "web-1"),
    an_object("Namespace", "shop", namespace=None),
    an_object("Secret", "login"),
    an_object("Node", "n1", namespace=None),
)


@pytest.fixture
def pipeline(commands_find_topics: "KafkaSettings", tmp_path: Path) -> "Iterator[Pipeline]":
    """Give a pipeline whose topics commands find."""
    with running(commands_find_topics, tmp_path) as one:
        yield one


def _stop_reading(*arguments: str) -> None:
    """Read the first line of what a command prints, and find that it ends quietly."""
    with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def names(ended: Ended) -> list[str]:
    assert (ended.code, ended.err) == (0, "")
    return [json.loads(line)["name"] for line in ended.out.splitlines()]


@pytest.mark.partitions(2)
def test_what_is_imported_is_listed_once_a_worker_has_seen_it(pipeline: Pipeline, run: "Run") -> None:
    ended = run("resources", "import", "-", "--cluster", "prod", stdin=LISTING)
    assert ended == Ended(
        0,
        "",
        "auditstream: 4 objects of cluster prod imported\n"
        "auditstream: 1 object passed over, as nothing is remembered of their kinds: Node 1\n",
    )
    assert run("resources") == Ended(0, "", f"{NONE}, or is gone: what is remembered of that is shown with --all\n")
    many = a_list(*(an_object("Pod", f"a-pod-with-a-rather-long-name-{number}") for number in range(3_000)))
    assert run("resources", "import", "-", "--cluster", "large", stdin=many).code == 0
    pipeline.workers(1)

    def is_listed() -> bool:
        return run("resources", "--json").out.count("\n") == 3_004

    until(is_listed, "the worker has written to its changelog what was imported")
    for arguments in ((), ("--json",)):
        _stop_reading("resources", *arguments)
    lines = run("resources", "--json", "--cluster", "prod").out.splitlines()
    found: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [(each["namespace"], each["kind"], each["name"], each["uid"]) for each in found] == [
        ("", "Namespace", "shop", "uid-Namespace-shop"),
        ("shop", "Deployment", "web", "uid-Deployment-web"),
        ("shop", "Pod", "web-1", "uid-Pod-web-1"),
        ("shop", "Secret", "login", "uid-Secret-login"),
    ]
    assert {(each["cluster"], each["exists"], each["created"]["user"]) for each in found} == {("prod", True, None)}
    assert names(run("resources", "--json", "--kind", "PODS", "--cluster", "prod")) == ["web-1"]
    assert names(run("resources", "--json", "-n", "shop", "--name", "web", "--cluster", "prod")) == ["web"]
    assert names(run("resources", "--json", "--namespace", "")) == ["shop"]
    assert run("resources", "--created-by", "alice", "--all") == Ended(0, "", f"{NONE}\n")
    table = run("resources", "--kind", "deployment", "--all").out.splitlines()
    assert [line.split() for line in table] == [
        ["CLUSTER", "NAMESPACE", "KIND", "NAME", "CREATED", "BY", "ROOT", "STATE", "DELETED", "BY", "LIVED"],
        ["prod", "shop", "Deployment", "web", "2026-11-23T20:34:01Z", "-", "-", "there", "-", "-", "-"],
    ]


@pytest.mark.usefixtures("commands_find_no_topics")
def test_missing_topics_are_told(run: "Run") -> None:
    ended = run("resources")
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert ended.err.endswith(": make it with 'auditstream topics create'\n")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("resources", "--kind", "pood"), "nothing is remembered of the kind 'pood': did you mean 'Pod'?"),
        (("resources", "--json", "import", "x"), "options of 'import' stand behind it"),
        (("resources", "--cluster", "c", "import", "x"), "options of 'import' stand behind it"),
        (
            ("resources", "import", "none.json"),
            "cannot read none.json: No such file or directory; check the path and its permissions",
        ),
        (
            ("resources", "import", "rules.yaml", "--cluster", "A"),
            "--cluster=A: string should match pattern '^[a-z0-9][a-z0-9.-]{0,62}$'",
        ),
        (
            ("resources", "--state", "s", "--bootstrap", "a:1"),
            "--state is for the one process, without Kafka: leave it out, or --bootstrap and its like",
        ),
        (
            ("resources", "import", "rules.yaml", "--state", "s", "--topic-prefix", "a"),
            "--state is for the one process, without Kafka: leave it out, or --bootstrap and its like",
        ),
    ],
)
def test_what_cannot_be_run_so_is_told_in_a_line(arguments: tuple[str, ...], text: str, run_here: "Run") -> None:
    assert run_here(*arguments) == Ended(2, "", f"auditstream: {text}\n")


@pytest.mark.parametrize("arguments", [("resources",), ("resources", "import")])
def test_help_is_plain_and_fits_a_terminal(arguments: tuple[str, ...], run_here: "Run") -> None:
    ended = run_here(*arguments, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Usage: auditstream resources ")
    assert ended.out.isascii()
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [("resources",), ("resources", "import", "list.json")])
def test_without_the_extra_it_says_what_to_install(arguments: tuple[str, ...], folder: Path) -> None:
    (folder / "list.json").write_bytes(LISTING)
    code = f"import sys; sys.modules['aiokafka'] = None; sys.argv = ['auditstream', *{arguments!r}]\n"
    code += "from auditstream.cli import main; sys.exit(main())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.endswith(" is missing: install 'auditstream[kafka]'\n")
