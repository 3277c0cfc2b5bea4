"""What libraries log while a service runs, as lines on standard error. Set up by `auditstream.serve_command`.

Errors, and what the processor warns of. Other warnings tell of requests that are no HTTP, and whoever can connect could
fill the log with them; or of tries to reach Kafka, which `auditstream.kafka_watch` sums up. Of a traceback the type of
the error and its place are shown: its text may hold what a client sent.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auditstream.screen import Screen
from rules.text import escape

_WARNS: Final = "processor"

# Faust logs in the name of the class that a service is of, ours included.
_FAUST: Final = re.compile(r"[/\\](faust|mode)[/\\]")


class LineHandler(logging.Handler):
    """Shows each record as one line."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.WARNING)
        self._screen: Final = screen
        self.addFilter(_is_shown)

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            frame = traceback.extract_tb(error.__traceback__)[-1:]
            place = "".join(f" at {at.filename}:{at.lineno}" for at in frame)
            text = f"{text.splitlines()[0]}: {type(error).__name__}{place}"
        self._screen.note([f"auditstream: {escape(text)}"])


def _is_shown(record: logging.LogRecord) -> bool:
    if record.levelno >= logging.ERROR:
        return True
    return record.name.partition(".")[0] == _WARNS and not _FAUST.search(record.pathname)


@contextmanager
def logged(screen: Screen) -> Iterator[None]:
    """Show what is logged while it lasts."""
    handler = LineHandler(screen)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
