"""Which name is meant by one that there is not: what "did you mean" goes by, within bounds for a whole load.

Likeness takes the product of two lengths to tell, for each name that there is. Used by the resolver and for
configurations; each has its own.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_MAX_LENGTH: Final = 64
"""Names that are longer are no slip of the finger to be guessed."""

_MAX_WORK: Final = 10_000_000
"""Products of lengths, in all: some seconds at the very worst, hundreds of names among hundreds in ordinary files."""


class Guesses:
    """What is left of the work that guessing may take."""

    def __init__(self) -> None:
        self._left = _MAX_WORK

    def near(self, name: str, names: Iterable[str]) -> str | None:
        """Return the one of these that a name most resembles; None where none does, or looking would take too long."""
        if len(name) > _MAX_LENGTH or self._left <= 0:
            return None
        short = [one for one in names if len(one) <= _MAX_LENGTH]
        self._left -= len(name) * sum(map(len, short))
        return next(iter(get_close_matches(name, short, n=1)), None)
