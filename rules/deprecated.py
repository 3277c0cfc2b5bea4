"""Old fields that the reference still speaks of: `%container.info`, `evt.dir`, `evt.latency`, `evt.wait_latency`.

Called by the compiler, which warns of them. Spec sections 2.12 and 3.4.
"""

import re
from collections.abc import Iterator
from typing import Final

from rules.text import Text

CONTAINER_INFO: Final = "%container.info"

_OLD_FIELD: Final = re.compile(r"(?<![\w.])evt\.(?:dir|wait_latency|latency(?:\.\w+)*)(?!\w)", re.ASCII)


def is_old(field: str) -> bool:
    """Tell whether a field is one of those that Falco has no more."""
    return _OLD_FIELD.fullmatch(field) is not None


def old_fields(output: Text) -> Iterator[tuple[str, int]]:
    """Yield the old fields that an output names, and where."""
    for match in _OLD_FIELD.finditer(output.value):
        yield match.group(), output.origins[match.start()]


def without_container_info(output: Text) -> tuple[Text, list[int]]:
    """Return an output with nothing in place of `%container.info`, and where that stood."""
    pieces = []
    places = []
    end = 0
    while (start := output.value.find(CONTAINER_INFO, end)) >= 0:
        pieces.append(output.slice(end, start))
        places.append(output.origins[start])
        end = start + len(CONTAINER_INFO)
    if not places:
        return output, places
    return Text.join((*pieces, output.slice(end, len(output.value)))), places
