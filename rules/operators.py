"""The operators: each once, with what it takes and what it means.

`compare` is the meaning that the interpreter applies and every faster evaluator is held against. Values are text,
list values tuples of text with at least one element; a value that is absent never gets here (every comparison of an
absent value is false: the interpreter sees to that). Spec sections 1.5 and 1.7.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language."""

    name: str
    compare_scalar: Callable[[str, str], bool] | None = None
    """What it means between two texts, None where it takes a set of constants."""
    compare_member: Callable[[str, Collection[str]], bool] | None = None
    """What it means between a text and a set of constants."""
    compare_list: Callable[[tuple[str, ...], Collection[str]], bool] | None = None
    """What it means between the values of a list field and a set of constants; None where list fields refuse it."""
    needs_blank: bool = False
    """Whether a blank must follow, as it must after a word that could go on."""

    @property
    def takes_list(self) -> bool:
        """Whether the right-hand side is a list between parentheses."""
        return self.compare_member is not None


_ASCII_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def _icontains(value: str, constant: str) -> bool:
    return constant.translate(_ASCII_LOWER) in value.translate(_ASCII_LOWER)


def _member(value: str, constants: Collection[str]) -> bool:
    return value in constants


def _subset(values: tuple[str, ...], constants: Collection[str]) -> bool:
    return all(value in constants for value in values)


def _overlap(values: tuple[str, ...], constants: Collection[str]) -> bool:
    return any(value in constants for value in values)


OPERATORS: Final = {
    operator.name: operator
    for operator in (
        Operator("=", compare_scalar=lambda value, constant: value == constant),
        Operator("==", compare_scalar=lambda value, constant: value == constant),
        Operator("!=", compare_scalar=lambda value, constant: value != constant),
        Operator("contains", compare_scalar=lambda value, constant: constant in value, needs_blank=True),
        Operator("icontains", compare_scalar=_icontains, needs_blank=True),
        Operator("startswith", compare_scalar=lambda value, constant: value.startswith(constant), needs_blank=True),
        Operator("endswith", compare_scalar=lambda value, constant: value.endswith(constant), needs_blank=True),
        Operator("in", compare_member=_member, compare_list=_subset),
        Operator("intersects", compare_member=_member, compare_list=_overlap),
    )
}
"""Every operator that compares. `exists` compares nothing: it is told from the value's presence alone."""

EXISTS: Final = "exists"

FUTURE_OPERATORS: Final = frozenset(
    {"<", "<=", ">", ">=", "glob", "iglob", "bcontains", "bstartswith", "regex", "pmatch"},
)
"""Operators of the language that this version does not know yet: told apart from typing errors."""
