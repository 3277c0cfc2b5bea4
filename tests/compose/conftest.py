"""The image, built once, and a compose project for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.compose.stack import IMAGE, Stack, docker, project, succeed


@pytest.fixture(scope="session")
def image() -> str:
    """Build the image as the compose file does."""
    succeed(docker("build", "--file", "deploy/Dockerfile", "--tag", IMAGE, "."))
    return IMAGE


@pytest.fixture(scope="module")
def stack(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give a project of which nothing runs yet; whatever there is of it at the end is removed."""
    assert image
    with project(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
