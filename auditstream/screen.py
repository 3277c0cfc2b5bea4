"""Where output goes: alerts to standard output, everything else to standard error; and what it looks like there.

Called by every command. Alerts are JSON lines in a pipe or a file, and coloured lines on a terminal. Text given to
`note` and `show` has been escaped by `auditstream.terminal`.
"""

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from auditstream.lines import write_lines
from auditstream.terminal import alert_line, escape_json
from processor.alert import Alert


class Screen:
    """Standard output and standard error of a command."""

    def __init__(self, *, is_human: bool | None = None) -> None:
        # Not rich's own idea of a terminal: FORCE_COLOR may ask for colours in a pipe, but not for other output.
        self._is_human: Final = sys.stdout.isatty() if is_human is None else is_human
        self._out: Final = _console(sys.stdout)
        self._err: Final = _console(sys.stderr)
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def alerts(self, alerts: Sequence[Alert]) -> None:
        """Print alerts, at once: whoever reads a pipe sees them when they are found."""
        if not alerts:
            return
        if self._is_human:
            self.show(alert_line(alert) for alert in alerts)
        else:
            self.documents(alert.to_json() for alert in alerts)

    def documents(self, documents: Iterable[bytes]) -> None:
        """Print JSON documents to standard output, a line each."""
        # Escaped too: a pipe often ends at a terminal. To whoever parses it the JSON is the same.
        lines = "".join(escape_json(document.decode()) + "\n" for document in documents)
        sys.stdout.flush()
        write_lines(sys.stdout.fileno(), lines.encode())

    def show(self, lines: Iterable[Text | str]) -> None:
        """Print lines to standard output."""
        _print(self._out, lines)

    def note(self, lines: Iterable[Text | str]) -> None:
        """Print lines to standard error, if they can be: no work depends on remarks, and nobody else can be told."""
        # While the bar moves, only its own console can print without tearing it.
        with suppress(OSError):
            _print(self._bar.console if self._bar is not None else self._err, lines)

    @contextmanager
    def progress(self, total: int | None) -> Iterator[None]:
        """Show a bar while it lasts, if standard error is a terminal. Its total is in bytes, None if unknown."""
        if not sys.stderr.isatty():
            yield
            return
        # Where alerts go to the terminal too, one console has to draw both.
        console = self._out if self._is_human and sys.stdout.isatty() else self._err
        columns = (
            TextColumn("replaying"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[events]:,} events"),
        )
        with Progress(
            *columns,
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as bar:
            self._bar = bar
            self._task = bar.add_task("", total=total, events=0)
            try:
                yield
            finally:
                self._bar = None

    def advance(self, position: int, events: int) -> None:
        """Move the bar to where the replay is: bytes and events read."""
        if self._bar is not None:
            self._bar.update(self._task, completed=position, events=events)


class _Console(Console):
    """rich's console, but for what it does when nobody reads any more: it would end the process, from any thread."""

    def on_broken_pipe(self) -> None:
        """Let the caller know, as of any other write that fails."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _console(stream: IO[str]) -> Console:
    return _Console(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=True)


def _print(console: Console, lines: Iterable[Text | str]) -> None:
    text = Text("\n").join(line if isinstance(line, Text) else Text(line) for line in lines)
    if text:
        console.print(text)
