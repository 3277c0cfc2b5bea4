"""The image by itself: what it does with no right at all, and what is not in it."""

import subprocess
from importlib.metadata import version
from typing import Final

import pytest

from tests.compose.stack import docker, succeed
from tests.e2e.recorded import BODIES, replayed

pytestmark = pytest.mark.e2e

CLOSED: Final = ("--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")


def test_it_is_the_command(image: str) -> None:
    assert succeed(docker("run", *CLOSED, image, "--version")) == f"auditstream {version('auditstream')}\n"


@pytest.mark.parametrize("user", ["10001:10001", "54321:99"])
def test_it_judges_standard_input_for_any_user(image: str, user: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    command = ["docker", "run", *CLOSED, "--interactive", f"--user={user}", image, "replay", "-"]
    ended = subprocess.run(command, input=b"\n".join(BODIES), capture_output=True, timeout=120, check=False)  # noqa: S603 - what is tested
    assert ended.returncode == 0, ended.stderr
    expected = replayed(BODIES, "default", tmp_path_factory.mktemp("replayed"))
    assert len(ended.stdout.splitlines()) == len(expected)


def test_its_demo_runs_with_a_folder_for_temporary_files_and_asks_for_one_without(image: str) -> None:
    assert docker("run", *CLOSED, "--tmpfs=/tmp", image, "demo").code == 0
    ended = docker("run", *CLOSED, image, "demo")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("auditstream: no folder for temporary files: ")
    assert ended.err.endswith("or give a container one with --tmpfs /tmp\n")


def test_neither_what_built_it_nor_the_source_is_in_it(image: str) -> None:
    listing = "import os, sys; print(*os.listdir(os.path.dirname(sys.executable)), *os.listdir('/'))"
    found = succeed(docker("run", *CLOSED, "--entrypoint=python", image, "-c", listing)).split()
    assert {"auditstream", "python"} <= set(found)
    assert not {"pip", "uv", "hatchling", "source", "wheels"} & set(found)
