"""Being a user whom permissions bind: those who run tests as root are bound by none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_NOBODY: Final = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be nobody while it lasts, if we are root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can look into; pytest's own are closed."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
