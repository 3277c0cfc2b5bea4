"""The operators: each once, with what it takes, what it means and how generated code spells it.

`compare` is the meaning that the interpreter applies and every faster evaluator is held against. A value that is
absent never gets here: every comparison of an absent value is false (the evaluators see to that). A scalar is text, a
number or a boolean; the value of a list field is a tuple of texts. Spec sections 1.5 to 1.8.
"""

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from rules.fields import Type
from rules.patterns import Glob, PathPrefixes, Regex
from rules.text import text_bytes
from rules.transformers import lower

Constant = str | int
"""A constant of a condition, of the type of the field that it is compared with."""

ALL_TYPES: Final = frozenset(Type)
NUMBERS: Final = frozenset({Type.NUMBER, Type.ABSTIME, Type.RELTIME})
_TEXT: Final = frozenset({Type.STRING})
_ORDERED: Final = NUMBERS | _TEXT


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language."""

    name: str
    compare: Callable[[Any, Any], bool]
    """What it means between a value and the right-hand side as `bind` makes it."""
    spelling: str
    """The same as a Python expression of {left} and {right}; see `spells_characters`."""
    types: frozenset[Type] = _TEXT
    """The types of values that it compares."""
    compare_list: Callable[[tuple[str, ...], Collection[str]], bool] | None = None
    """What it means between the values of a list field and some constants; None where list fields refuse it."""
    list_spelling: str = ""
    """The same as a Python expression; {right} is a set."""
    bind: Callable[[Any], Any] | None = None
    """From one constant, or all of them where it takes a list, to what `compare` is given; None where that is the
    constant itself. Raises PatternError."""
    bind_value: Callable[[Any], Any] | None = None
    """The same from the value of another field, be it a list; None where that is the value itself."""
    takes_list: bool = False
    """Whether constants stand in a list between parentheses."""
    takes_number: bool = False
    """Whether a constant has to look like a number."""
    takes_operand: bool = True
    """Whether a field may stand on the right."""
    takes_modifier: bool = False
    """Whether `oneof`, `anyof`, `allof` may follow."""
    is_exact: bool = False
    """Whether all values that are none of the constants are one to it."""
    holds_of_others: bool = False
    """Whether it holds of these."""
    needs_blank: bool = False
    """Whether a blank must follow, as it must after a word that could go on."""
    spells_characters: bool = False
    """Whether the spelling goes by characters, where `compare` goes by bytes. It is the same, and fast, for a constant
    that is UTF-8 and for fields; other bytes may be a part of a character, and are for `compare` itself."""


def _contains(value: str, part: str) -> bool:
    return text_bytes(part) in text_bytes(value)


def _icontains(value: str, lowered: str) -> bool:
    return _contains(lower(value), lowered)


def _starts_with(value: str, part: str) -> bool:
    return text_bytes(value).startswith(text_bytes(part))


def _ends_with(value: str, part: str) -> bool:
    return text_bytes(value).endswith(text_bytes(part))


def _matches(value: str, pattern: Glob | Regex | PathPrefixes) -> bool:
    return pattern.matches(value)


def _is_member(value: Constant, constants: Collection[Constant]) -> bool:
    return value in constants


def _is_subset(values: tuple[str, ...], constants: Collection[str]) -> bool:
    # No value is no list: only what a transformer makes of words can be that.
    return bool(values) and all(value in constants for value in values)


def _overlaps(values: tuple[str, ...], constants: Collection[str]) -> bool:
    return any(value in constants for value in values)


def _as_set(value: Constant | tuple[str, ...]) -> frozenset[Constant]:
    return frozenset(value if isinstance(value, tuple) else (value,))


def _case_folded(pattern: str) -> Glob:
    return Glob(pattern, folds_case=True)


_MAX_GLOB: Final = 255
"""Characters that another field's value may have to count as a glob: it is anybody's text, and kept for a while."""

_MATCHES_NOTHING: Final = Glob("\\")

_kept_glob: Final = lru_cache(maxsize=256)(Glob)


def _glob_of_value(pattern: str, *, folds_case: bool) -> Glob:
    """Return the glob that another field's value makes; what is too long for one matches nothing."""
    return _kept_glob(pattern, folds_case=folds_case) if len(pattern) <= _MAX_GLOB else _MATCHES_NOTHING


def _text_operator(name: str, compare: Callable[[str, Any], bool], spelling: str, **more: Any) -> Operator:  # noqa: ANN401
    return Operator(name, compare, spelling, takes_modifier=True, needs_blank=True, **more)


def _part_operator(name: str, compare: Callable[[str, str], bool], spelling: str, **more: Any) -> Operator:  # noqa: ANN401
    return _text_operator(name, compare, spelling, spells_characters=True, **more)


def _ordering(name: str, compare: Callable[[Any, Any], bool]) -> Operator:
    def in_order(value: Constant, other: Constant) -> bool:
        if isinstance(value, str) and isinstance(other, str):
            return compare(text_bytes(value), text_bytes(other))
        return compare(value, other)

    # Characters of UTF-8 are ordered as their bytes are, and a constant is a number's: ASCII.
    spelling = f"{{left}} {name} {{right}}"
    return Operator(name, in_order, spelling, types=_ORDERED, takes_number=True, spells_characters=True)


OPERATORS: Final = {
    one.name: one
    for one in (
        *(
            Operator(name, operator.eq, "{left} == {right}", ALL_TYPES, is_exact=True, takes_modifier=True)
            for name in ("=", "==")
        ),
        Operator(
            "!=",
            operator.ne,
            "{left} != {right}",
            ALL_TYPES,
            is_exact=True,
            holds_of_others=True,
            takes_modifier=True,
        ),
        _ordering("<", operator.lt),
        _ordering("<=", operator.le),
        _ordering(">", operator.gt),
        _ordering(">=", operator.ge),
        _part_operator("contains", _contains, "{right} in {left}"),
        _part_operator("icontains", _icontains, "{right} in lower({left})", bind=lower, bind_value=lower),
        _part_operator("startswith", _starts_with, "{left}.startswith({right})"),
        _part_operator("endswith", _ends_with, "{left}.endswith({right})"),
        _text_operator(
            "glob",
            _matches,
            "{right}.matches({left})",
            bind=Glob,
            bind_value=lambda value: _glob_of_value(value, folds_case=False),
        ),
        _text_operator(
            "iglob",
            _matches,
            "{right}.matches({left})",
            bind=_case_folded,
            bind_value=lambda value: _glob_of_value(value, folds_case=True),
        ),
        _text_operator("regex", _matches, "{right}.matches({left})", bind=Regex, takes_operand=False),
        # These two are for buffers of bytes, which no field here is.
        _text_operator("bcontains", operator.contains, "", types=frozenset()),
        _text_operator("bstartswith", str.startswith, "", types=frozenset()),
        Operator(
            "in",
            _is_member,
            "{left} in {right}",
            ALL_TYPES,
            compare_list=_is_subset,
            list_spelling="{left} != () and {right}.issuperset({left})",
            bind=frozenset,
            bind_value=_as_set,
            is_exact=True,
            takes_list=True,
        ),
        Operator(
            "intersects",
            _is_member,
            "{left} in {right}",
            ALL_TYPES,
            compare_list=_overlaps,
            list_spelling="not {right}.isdisjoint({left})",
            bind=frozenset,
            bind_value=_as_set,
            is_exact=True,
            takes_list=True,
        ),
        Operator(
            "pmatch",
            _matches,
            "{right}.matches({left})",
            bind=PathPrefixes,
            takes_list=True,
            takes_operand=False,
        ),
    )
}
"""Every operator that compares. `exists` compares nothing: it is told from the value's presence alone."""

EXISTS: Final = "exists"


def _holds_for_one(outcomes: Sequence[bool]) -> bool:
    return sum(outcomes) == 1


def _holds_for_any(outcomes: Sequence[bool]) -> bool:
    return any(outcomes)


def _holds_for_all(outcomes: Sequence[bool]) -> bool:
    return bool(outcomes) and all(outcomes)


MODIFIERS: Final = {"oneof": _holds_for_one, "anyof": _holds_for_any, "allof": _holds_for_all}
"""How the outcomes of a comparison with each constant of a list make one."""
