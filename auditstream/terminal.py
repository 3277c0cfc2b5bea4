r"""Alerts and tables as lines for a person at a terminal, in which nothing from outside can act.

User agents, names and commands are an attacker's to choose, and so are file names and rule files at times. Everything
of theirs passes through `escape` and stands in `rich.text.Text`, which is never read as markup. Called by whatever
prints; prints nothing itself.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from processor.alert import Alert
from rules.text import escape

_MILLISECONDS: Final = len("2026-11-23T20:34:01.258")
_PRIORITY_WIDTH: Final = len("Informational")
_GAP: Final = "  "

_STYLES: Final = {
    "Emergency": "bold white on red",
    "Alert": "bold white on red",
    "Critical": "bold red",
    "Error": "red",
    "Warning": "yellow",
    "Notice": "cyan",
    "Informational": "green",
    "Debug": "dim",
}


def escape_lines(text: str) -> str:
    """Return text of several lines, escaped but for its line breaks."""
    return "\n".join(escape(line) for line in text.split("\n"))


def escape_json(document: str) -> str:
    r"""Return a JSON document of one line that means the same, with `\u….` for every character that `escape` spells."""
    if document.isprintable():
        return document
    return "".join(character if character.isprintable() else _spell_json(character) for character in document)


def alert_line(alert: Alert) -> Text:
    """Return an alert as one line, however long: time, priority, rule, cluster unless it is the default, text."""
    text = alert.output.partition(": ")[2].removeprefix(alert.priority + " ")
    line = Text()
    line.append(escape(alert.time[:_MILLISECONDS]) + "Z", "dim")
    line.append(_GAP)
    line.append(escape(alert.priority).ljust(_PRIORITY_WIDTH), _STYLES.get(alert.priority, ""))
    line.append(_GAP)
    line.append(escape(alert.rule), "bold")
    if alert.cluster != "default":
        line.append(_GAP)
        line.append(escape(alert.cluster), "magenta")
    line.append(_GAP)
    line.append(escape(text))
    return line


def aligned(rows: Sequence[Sequence[str]], *, last_is_number: bool = False) -> Iterable[Text]:
    """Return rows, the first of them the heading, as lines with their columns one below the other; nothing is cut."""
    cells = [[escape(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        if last_is_number:
            padded[-1] = row[-1].rjust(widths[-1])
        yield Text(_GAP.join(padded).rstrip(), "bold" if number == 0 else "")


def counted(count: int, noun: str) -> str:
    """Return `1 event`, `2 events`, `8,767 events`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _spell_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
