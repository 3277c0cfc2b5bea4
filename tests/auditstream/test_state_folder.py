"""The state of the one process: refused in a line, as long as nothing keeps one."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


@pytest.mark.parametrize("arguments", [("resources",), ("resources", "import", "rules.yaml")])
def test_nothing_keeps_one_yet(arguments: tuple[str, ...], run_here: "Run") -> None:
    ended = run_here(*arguments, "--state", "known")
    told = "auditstream: nothing keeps a state in known: this version has no 'serve --state', leave --state out\n"
    assert (ended.code, ended.out, ended.err) == (2, "", told)
