"""Conditions as the reference reads them: what this project corrects, put back into a checked condition.

A condition on fields that mean something else there would otherwise be excused whatever it does. Read as there, it has
to hold exactly where the reference says. What such a field has there is worked out here from the description of the
reference's defects alone, and held by `test_there.py` against every value of it that was recorded.
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from rules.conditions import (
    Argument,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    ModifiedComparison,
    Negation,
    OperandComparison,
    Present,
    TextList,
    Transformed,
)
from rules.event import Event
from rules.fields import Field, FieldValue, Type
from rules.operators import OPERATORS
from tests.conformance.claims import at, text
from tests.conformance.reference import as_event

_CONTAINER_FIELD = re.compile(r"ka\.req\.pod\.(\w+)\.(add_capabilities|eff_run_as_user|eff_run_as_group)")
_BROKEN_QUERY = re.compile(r"\?.*(?:;|%(?![0-9A-Fa-f]{2}))")

_T = TypeVar("_T", bound=Argument)


class There:
    """The reference's reading of conditions, on the events of a data file in their order."""

    def __init__(self, events: Sequence[Event], rows: Collection[int]) -> None:
        """Put back what stands on these rows of the language's table of quirks."""
        self._numbers = {event: number for number, event in enumerate(events, 1)}
        self._rows = frozenset(rows)
        self._fields: dict[str, Field] = {}

    def condition(self, condition: Condition) -> Condition:
        """Return a condition as the reference reads it: the same, if it reads it as this project does."""
        match condition:
            case Conjunction(children) | Disjunction(children):
                return type(condition)(tuple(map(self.condition, children)))
            case Negation(child):
                return Negation(self.condition(child))
            case OperandComparison(right=right) if not self._loses(condition):
                return replace(condition, operand=self.operand(condition.operand), right=self.operand(right))
        operand = self.operand(condition.operand)
        if not isinstance(condition, Present) and self._loses(condition):
            return Comparison(operand, OPERATORS["in"], (), frozenset())  # in nothing: false of whatever there is
        return replace(condition, operand=operand)

    def _loses(self, condition: Comparison | ModifiedComparison | OperandComparison) -> bool:
        """Tell whether an end of its own that a transformer gives a text keeps it out of the other side (row 6)."""
        if 6 not in self._rows or condition.operator.name not in {"in", "intersects"}:
            return False
        if condition.operand.shape.type is not Type.STRING:
            return False
        if isinstance(condition, OperandComparison):
            return isinstance(condition.right, Transformed)
        return isinstance(condition.operand, Transformed) and condition.operand.shape.is_list

    def operand(self, argument: _T) -> _T:
        """Return an operand, or an argument of one, with the reference's readings of its fields."""
        match argument:
            case FieldOperand(field):
                return replace(argument, field=self._field(field))
            case Transformed(arguments=arguments):
                return replace(argument, arguments=tuple(map(self.operand, arguments)))
            case TextList(elements):
                return replace(argument, elements=tuple(map(self.operand, elements)))
        return argument

    def _field(self, field: Field) -> Field:
        if field.name not in self._fields:
            row, read = self._reading(field)
            self._fields[field.name] = replace(field, read=read) if row in self._rows else field
        return self._fields[field.name]

    def _reading(self, field: Field) -> tuple[int, Callable[[Event, str | None], FieldValue]]:
        """Return the row on which a field's reading there stands, 0 for that of a field that is right there."""
        if field.name == "evt.num":
            return 33, lambda event, _: self._numbers[event]
        if field.name == "ka.uri.param":
            return 30, lambda event, key: None if _hides_parameters(event) else field.read(event, key)
        if field.name == "ka.sourceips":
            return 22, _of_audited(_source_ips)
        match = _CONTAINER_FIELD.fullmatch(field.name)
        if match is None:
            return 0, field.read
        containers, name = match.groups()
        if name == "add_capabilities":
            return 24, _of_audited(lambda data, index: _added_capabilities(data, containers, index))
        member = "runAsUser" if name.endswith("user") else "runAsGroup"
        return 23, _of_audited(lambda data, index: _run_as(data, containers, member, index))


def with_first_members(line: str) -> Event:
    """Return the event of a line as the reference reads it: of equal members the first (row 31)."""

    def first(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in members:
            found.setdefault(name, value)
        return found

    return as_event(json.dumps(json.loads(line, object_pairs_hook=first), separators=(",", ":")))


@cache
def _data(event: Event) -> Any:
    return json.loads(event.document.raw)


def _of_audited(read: Callable[[Any, int | None], list[str]]) -> Callable[[Event, str | None], FieldValue]:
    """Return a list field's reading: without an auditID no field has a value, and an empty list is none."""

    def reading(event: Event, index: str | None) -> FieldValue:
        data = _data(event)
        return (tuple(read(data, None if index is None else int(index))) or None) if "auditID" in data else None

    return reading


def _hides_parameters(event: Event) -> bool:
    """Tell whether the reference reads no parameter of a URL at all (section 4.5)."""
    uri = _data(event).get("requestURI", "")
    return _BROKEN_QUERY.search(text(uri).partition("#")[0]) is not None


def _source_ips(data: Any, index: int | None) -> list[str]:
    """Look for addresses in the rules of a role (section 4.3)."""
    found = _walked(data, ("requestObject", "rules", "sourceIPs"), index)
    return [text(address) for addresses in found if isinstance(addresses, list) for address in addresses]


def _added_capabilities(data: Any, containers: str, index: int | None) -> list[str]:
    """Return each container's array as one text (section 4.4)."""
    path = ("requestObject", "spec", containers, "securityContext", "capabilities", "add")
    return [text(added) for added in _walked(data, path, index) if added is not ...]


def _run_as(data: Any, containers: str, member: str, index: int | None) -> list[str]:
    """Look beside the securityContext: at the container, then at the Pod's spec, and else say 0 (section 4.4)."""
    own = _walked(data, ("requestObject", "spec", containers, member), index)
    # What is missing is 0 in an array of containers only: not at an index, nor where an object stands for the array.
    if index is not None or not isinstance(at(data, "requestObject", "spec", containers), list):
        return [] if ... in own else [text(value) for value in own]
    of_pod = at(data, "requestObject", "spec", member)
    default = "0" if of_pod is ... else text(of_pod)
    return [default if value is ... else text(value) for value in own]


def _walked(value: Any, path: Sequence[str], index: int | None) -> list[Any]:
    """Return what stands at the ends of a path that goes into every element of arrays, or one; `...` for nothing."""
    if not path:
        return [value]
    if isinstance(value, list):
        if index is None:
            return [found for element in value for found in _walked(element, path, index)]
        value = value[index] if index < len(value) else ...
    if not isinstance(value, dict) or path[0] not in value:
        return [...]
    return _walked(value[path[0]], path[1:], index)
