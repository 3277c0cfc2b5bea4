"""The end of a worker that cannot trust its work: told, at once, and with no clean-up that could commit."""

import subprocess
import sys
from typing import Final

from processor.stream.leave import EXIT_CODE

_LEAVE: Final = """
import atexit, logging
from processor.stream.leave import leave
logging.basicConfig(format="%(levelname)s %(message)s")
atexit.register(print, "committed")
try:
    leave("the reason", {error})
finally:
    print("committed")
"""


def _run(error: str) -> subprocess.CompletedProcess[str]:
    code = _LEAVE.format(error=error)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code


def test_leaving_ends_the_process_there_and_then() -> None:
    ended = _run("None")
    assert ended.returncode == EXIT_CODE == 70
    assert ended.stdout == ""
    assert ended.stderr == "CRITICAL leaving without a commit: the reason\n"


def test_the_cause_is_logged() -> None:
    ended = _run("ValueError('the cause')")
    assert ended.returncode == EXIT_CODE
    assert ended.stderr.startswith("CRITICAL leaving without a commit: the reason\n")
    assert ended.stderr.endswith("ValueError: the cause\n")


def test_it_ends_without_a_standard_error_too() -> None:
    code = "import sys; sys.stderr = None\nfrom processor.stream.leave import leave\nleave('the reason')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code
    assert (ended.returncode, ended.stdout) == (EXIT_CODE, "")
