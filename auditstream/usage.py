"""What only the person at the command line can put right: a missing file, a bad setting, an unknown name.

Raised wherever the command is put together, before any work; `cli.main` prints it as one line and ends with 2.
"""

from collections.abc import Collection
from difflib import get_close_matches


class UsageError(Exception):
    """The command cannot run as it was given. The text says what to do next."""


def did_you_mean(name: str, known: Collection[str], otherwise: str, *, prefix: str = "") -> str:
    """Return a hint: the known name that is nearest to an unknown one, or another way on.

    A prefix that all names share does not count: it would make any two of them alike.
    """
    # Letter case is the commonest slip and would count as a difference in every letter.
    by_folded = {_folded(candidate, prefix): candidate for candidate in known}
    nearest = get_close_matches(_folded(name, prefix), by_folded, n=1)
    return f"did you mean '{by_folded[nearest[0]]}'?" if nearest else otherwise


def _folded(name: str, prefix: str) -> str:
    return name.casefold().removeprefix(prefix.casefold())
