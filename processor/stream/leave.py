"""The end of a worker whose work can no longer be trusted. Called from wherever in `processor.stream` that is found."""

import logging
import os
import sys
from typing import Final, NoReturn

EXIT_CODE: Final = 70

_log: Final = logging.getLogger(__name__)


def leave(reason: str, error: BaseException | None = None) -> NoReturn:
    """End the process at once, without a commit: the next worker does again what was not made durable.

    No exception may reach Faust instead. It takes the event that failed for done, commits it, and goes on behind it.
    """
    _log.critical("leaving without a commit: %s", reason, exc_info=error)
    end(EXIT_CODE)


def end(code: int) -> NoReturn:
    """End the process, whatever threads it has."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)
