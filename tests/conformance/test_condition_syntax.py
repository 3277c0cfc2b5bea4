"""`condition_syntax.json`: which conditions parse, and to what; and where the others are wrong."""

import re
from typing import Any

import pytest

from rules.nodes import And, Check, FieldRef, Group, Literal, MacroRef, Node, Not, Operand, Or
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.deviations import rows
from tests.conformance.reference import read_json, tell
from tests.evaluators import as_text

_DATA = "condition_syntax.json"

_QUOTED = re.compile(r"[\b\f\n\r\t =\"'\\]")


_CASES = read_json(_DATA)


def _told(case: Any) -> tuple[str, object]:
    """Return what comes of a condition here: its tree as the reference prints trees, or where it is wrong."""
    try:
        return "tree", _printed(parse(as_text(case["filter"])), case["filter"])
    except ConditionError as error:
        return "refused", error.at


def _told_there(case: Any) -> tuple[str, object]:
    if case["accept"]:
        return "tree", case["ast"]
    match = re.match(r"index (\d+), line 1, column \d+$", case["pos"])
    assert match is not None
    return "refused", int(match[1])


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in _CASES])
def test_a_condition_parses_where_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    assert _told(case) == _told_there(case)
    tell(request, _DATA, 1, 0)


def test_nothing_deviates() -> None:
    assert rows(_DATA) == frozenset()


def _printed(node: Node, source: str) -> str:
    """Return a tree as the reference prints its own: what holds an empty text there is not told from nothing.

    A list of one name shows there as it was written, with parentheses or without.
    """
    match node:
        case And(children) | Or(children):
            word = " and " if isinstance(node, And) else " or "
            return f"({word.join(_printed(child, source) for child in children)})"
        case Not(child):
            return f"not {_printed(child, source)}"
        case MacroRef(name):
            return name
        case Check(left, operator, right, _, modifier):
            said = " ".join(filter(None, (operator, modifier)))
            if operator == "exists":
                return f"{_operand(left)} exists"
            if not isinstance(right, tuple):
                shown = _operand(right)
                return f"{_operand(left)} {said} {f'val({shown})' if isinstance(right, FieldRef) else shown}"
            shown = ", ".join(_spelt(literal.value) for literal in right)
            takes_list = modifier or operator in {"in", "intersects", "pmatch"}
            is_bare = bool(right) and not source[: right[0].at].rstrip().endswith("(")
            return f"{_operand(left)} {said} {f'({shown})' if takes_list and not is_bare else shown}"
    raise AssertionError(node)


def _operand(node: Operand | Literal | Group) -> str:
    match node:
        case Literal(value):
            return _spelt(value)
        case FieldRef(name, argument):
            return name if argument is None else f"{name}[{_spelt(argument)}]"
        case Group(elements):
            return f"({','.join(map(_operand, elements))})"
    return f"{node.name}({','.join(map(_operand, node.arguments))})"


def _spelt(value: str) -> str:
    if not _QUOTED.search(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
