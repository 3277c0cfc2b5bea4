"""How commands end: the numbers that scripts and supervisors see. README tells them."""

from typing import Final

OK: Final = 0

FINDINGS: Final = 1
"""Something in the input or in the rule files is wrong; what was right was judged."""

USAGE: Final = 2
"""The command cannot be run so."""

INTERNAL: Final = 70
"""A defect of ours, or work that cannot be trusted any more."""

INTERRUPTED: Final = 130
"""Ctrl-C."""
