"""Conditions into Python functions: the same meaning as `rules.interpreter`, without its walk.

A condition becomes readable source, the source a function; `rules explain --show-source` shows it, and tracebacks do.
Nothing that a rule's author wrote stands in that source but constants, and these as Python writes them (`repr`); what
cannot be written so is given to the function by a name. The only `exec` of this project. Called by `rules.ruleset`.

A function takes the values of an event's operands, each read once for all the rules that ask for it.
"""

import linecache
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, Final

from rules.conditions import (
    Argument,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    Leaf,
    ModifiedComparison,
    Negation,
    Operand,
    Present,
    TextConstant,
    TextList,
    Transformed,
)
from rules.event import Event
from rules.fields import FieldValue, Type
from rules.operators import MODIFIERS, OPERATORS, Constant, Operator
from rules.text import escape, holds_bytes
from rules.transformers import lower


class Slot:
    """An operand's place among the values; one for all rules of a load."""

    __slots__ = ("read",)

    def __init__(self, operand: Operand) -> None:
        self.read: Final = operand.read


class Values(dict[Slot, FieldValue]):
    """The values of an event's operands, read when first asked for."""

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        super().__init__()
        self._event: Final = event

    def __missing__(self, slot: Slot) -> FieldValue:
        value = self[slot] = slot.read(self._event)
        return value


@dataclass(frozen=True, slots=True)
class GeneratedCode:
    """A condition as a function, and the source that it was made from."""

    matches: Callable[[Values], bool]
    source: str


_MAX_NESTING: Final = 12
"""How deep an expression nests before a part of it becomes a function: Python's parser bears less than conditions."""

_MAX_WRITTEN: Final = 16
"""How many constants a set written out in the source holds; a larger one is given by name."""


class CodeGenerator:
    """Compiles the conditions of one load, which share the places of their operands."""

    def __init__(self) -> None:
        self._slots: Final[dict[Operand, Slot]] = {}

    def generate(self, condition: Condition, name: str) -> GeneratedCode:
        """Return a condition as a function; `name` is what tracebacks call it by."""
        writer = _Writer(self.slot)
        writer.write_function("matches", condition)
        source = "\n\n\n".join(["\n".join(writer.remarks), *writer.functions]).lstrip() + "\n"
        file = f"<rule {escape(name)}>"
        # A rule that is loaded again takes the place of its old source here.
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), writer.names)  # noqa: S102 - a rule's author wrote none of it but constants
        return GeneratedCode(writer.names["matches"], source)

    def slot(self, operand: Operand) -> Slot:
        """Return the place of an operand."""
        return self._slots.setdefault(operand, Slot(operand))


class _Writer:
    """The source of one condition, and what its names stand for."""

    def __init__(self, slot: Callable[[Operand], Slot]) -> None:
        self.remarks: Final[list[str]] = []
        self.functions: Final[list[str]] = []
        self.names: Final[dict[str, Any]] = {"__builtins__": {}, "lower": lower}
        self._slot: Final = slot
        self._operand_names: Final[dict[Operand, str]] = {}
        self._counts: Final[Counter[str]] = Counter()

    def write_function(self, name: str, condition: Condition) -> None:
        """Write a function that tells whether a condition holds."""
        body = "\n".join(f"        {line}" for line in self._lines(condition, 1))
        self.functions.append(f"def {name}(values):\n    return (\n{body}\n    )")

    def _lines(self, condition: Condition, depth: int) -> list[str]:
        """Return a condition as the lines of an expression."""
        match condition:
            case Conjunction(children) | Disjunction(children):
                word = "and " if isinstance(condition, Conjunction) else "or "
                lines = self._part(children[0], "", depth)
                for child in children[1:]:
                    lines += self._part(child, word, depth)
                return lines
        return self._part(condition, "", depth)

    def _part(self, condition: Condition, before: str, depth: int) -> list[str]:
        """Return a part of an expression, with the words before it."""
        while isinstance(condition, Negation):
            before += "not "
            condition = condition.child
        if isinstance(condition, Leaf):
            line = self._simple(condition)
            return [f"{before}({line})" if before.endswith("not ") else before + line]
        if depth < _MAX_NESTING:
            return [f"{before}(", *(f"    {line}" for line in self._lines(condition, depth + 1)), ")"]
        name = self._new_name("part")
        self.write_function(name, condition)
        return [f"{before}{name}(values)"]

    def _simple(self, condition: Leaf) -> str:
        """Return a comparison as an expression, which is false where a value is absent."""
        value = f"values[{self._operand_name(condition.operand)}]"
        if isinstance(condition, Present):
            return f"{value} is not None"
        operator = condition.operator
        is_list = condition.operand.shape.is_list
        guarded = f"(v := {value}) is not None"
        match condition:
            case Comparison(constants=constants, bound=bound):
                right = self._right(operator, bound, constants, is_list=is_list)
                spelling = operator.list_spelling if is_list else self._spelling(operator, bound)
                if spelling in _FALSE_OF_NONE:
                    return spelling.format(left=value, right=right)
                return f"{guarded} and {spelling.format(left='v', right=right)}"
            case ModifiedComparison(constants=constants, bound=each, modifier=modifier):
                self.names[modifier] = MODIFIERS[modifier]
                pairs = zip(each, constants, strict=True)
                rights = [
                    (self._spelling(operator, bound), self._right(operator, bound, (constant,)))
                    for bound, constant in pairs
                ]
                outcomes = " ".join(f"{spelling.format(left='v', right=right)}," for spelling, right in rights)
                return f"{guarded} and {modifier}(({outcomes}))"
        guarded += f" and (w := values[{self._operand_name(condition.right)}]) is not None"
        right = "w" if operator.bind_value is None else f"{self._bind('bound', operator.bind_value)}(w)"
        spelling = operator.list_spelling if is_list else self._spelling(operator, condition.operand, condition.right)
        return f"{guarded} and {spelling.format(left='v', right=right)}"

    def _spelling(self, operator: Operator, *sides: Any) -> str:  # noqa: ANN401 - whatever the operator made of a constant
        """Return how a comparison is spelt, by what is known of its sides: operands, or what is bound."""
        if operator.spells_characters and any(map(_may_hold_bytes, sides)):
            name = self._bind("compare", operator.compare)
            self.remarks.append(f"# {name}: {operator.name}, byte by byte")
            return f"{name}({{left}}, {{right}})"
        return operator.spelling

    def _right(self, operator: Operator, bound: Any, constants: Sequence[Constant], *, is_list: bool = False) -> str:  # noqa: ANN401 - whatever the operator made of the constants
        """Return the right-hand side: written out where Python can write it as a constant, else by name."""
        if isinstance(bound, str | int):
            return repr(bound)
        if isinstance(bound, frozenset) and not is_list and 0 < len(bound) <= _MAX_WRITTEN:
            return f"{{{', '.join(map(repr, sorted(bound)))}}}"
        name = self._bind(operator.name, bound)
        shown = ", ".join(map(repr, constants)) if len(constants) <= _MAX_WRITTEN else f"{len(constants):,} constants"
        self.remarks.append(f"# {name}: {operator.name} {shown}")
        return name

    def _operand_name(self, operand: Operand) -> str:
        if operand not in self._operand_names:
            if isinstance(operand, Transformed):
                name = self._new_name(operand.transformer.name)
            else:
                name = operand.field.name.replace(".", "_")
                name = name if operand.argument is None else self._new_name(name)
            self._operand_names[operand] = name
            if isinstance(operand, Transformed) or operand.argument is not None:
                self.remarks.append(f"# {name}: {_described(operand)}")
            self.names[name] = self._slot(operand)
        return self._operand_names[operand]

    def _bind(self, stem: str, bound: Any) -> str:  # noqa: ANN401 - anything may be given a name
        name = self._new_name(stem if stem.isidentifier() and not iskeyword(stem) else "set")
        self.names[name] = bound
        return name

    def _new_name(self, stem: str) -> str:
        self._counts[stem] += 1
        return f"{stem}_{self._counts[stem]}"


def _described(argument: Argument) -> str:
    """Return an operand as a remark may show it: on one line, with what a rule's author wrote as Python writes it."""
    match argument:
        case FieldOperand(field, key):
            return field.name if key is None else f"{field.name}[{key!r}]"
        case TextConstant(value):
            return repr(value)
        case TextList(elements):
            return f"({', '.join(map(_described, elements))})"
    brackets = "" if argument.selector is None else f"[{argument.selector!r}]"
    return f"{argument.transformer.name}({', '.join(map(_described, argument.arguments))}){brackets}"


def _may_hold_bytes(side: Any) -> bool:  # noqa: ANN401 - an operand or what is bound
    """Tell whether a side of a comparison may hold bytes that are no UTF-8: a field never does."""
    if isinstance(side, Transformed):
        return side.shape.type is Type.STRING
    return isinstance(side, str) and holds_bytes(side)


_FALSE_OF_NONE: Final = frozenset({OPERATORS["="].spelling, OPERATORS["in"].spelling})
"""Spellings that are false of None as they stand, since no constant is None."""
