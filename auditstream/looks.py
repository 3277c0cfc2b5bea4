"""Lines for an operator, of what a service sees again and again: that it does not go on and why, and that it does.

What is told is what has held for two looks, and once: an outage is two lines, however long it is, and what comes and
goes in between is for `/readyz` and the metrics.
"""

import re
from typing import Final


class Looks:
    """Makes lines of what was seen."""

    def __init__(self, *, ill: str, well: str, is_well: bool = True) -> None:
        """Take what stands before a trouble, and what is said when there is none. `is_well` needs no word at first."""
        self._ill: Final = ill
        self._well: Final = well
        self._seen: str | None = None
        self._told: str | None = None if is_well else ""

    def look(self, trouble: str | None) -> str | None:
        """Return the line that is due now, if one is, with why it does not go on, None where it does."""
        # In figures alone one trouble does not differ from another.
        kind = None if trouble is None else re.sub(r"\d+", "", trouble)
        has_held = kind == self._seen
        self._seen = kind
        if not has_held or kind == self._told:
            return None
        self._told = kind
        return self._well if trouble is None else f"{self._ill}: {trouble}"
