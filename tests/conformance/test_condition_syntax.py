"""`condition_syntax.json`: which conditions parse, and to what."""

import re
from typing import Any

import pytest

from rules.nodes import And, Check, FieldRef, Literal, MacroRef, Node, Not, Operand, Or, Sequence
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.conformance.reference import as_text, read_json, tell

_DATA = "condition_syntax.json"

_QUOTED = re.compile(r"[\b\f\n\r\t =\"'\\]")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["filter"][:60]) for case in read_json(_DATA)])
def test_a_condition_parses_where_the_reference_says(case: Any, request: pytest.FixtureRequest) -> None:
    if case["accept"]:
        # A list of one name is printed there as it was written; here brackets make no difference.
        expected = re.sub(r" (in|intersects|pmatch) (\w+)$", r" \1 (\2)", case["ast"])
        assert _printed(parse(as_text(case["filter"]))) == expected
    else:
        with pytest.raises(ConditionError):
            parse(as_text(case["filter"]))
    tell(request, _DATA, 1, 0)


def _printed(node: Node) -> str:
    """Return a tree as the reference prints its own: what holds an empty text there is not told from nothing."""
    match node:
        case And(children) | Or(children):
            word = " and " if isinstance(node, And) else " or "
            return f"({word.join(map(_printed, children))})"
        case Not(child):
            return f"not {_printed(child)}"
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
            return f"{_operand(left)} {said} {f'({shown})' if takes_list else shown}"
    raise AssertionError(node)


def _operand(node: Operand | Literal | Sequence) -> str:
    match node:
        case Literal(value):
            return _spelt(value)
        case FieldRef(name, argument):
            return name if argument is None else f"{name}[{_spelt(argument)}]"
        case Sequence(elements):
            return f"({','.join(map(_operand, elements))})"
    return f"{node.name}({','.join(map(_operand, node.arguments))})"


def _spelt(value: str) -> str:
    if not _QUOTED.search(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
