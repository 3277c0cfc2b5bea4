"""The state of the one process: refused in a line, as long as there is none."""

from pathlib import Path

import pytest

from auditstream.state_folder import opened_state, stored_pairs
from auditstream.usage import UsageError


@pytest.mark.parametrize("use", [stored_pairs, opened_state])
def test_there_is_none_yet(use: object, tmp_path: Path) -> None:
    assert callable(use)
    with pytest.raises(UsageError, match=r"^--state is for the state that serve --state keeps, "):
        use(tmp_path)
