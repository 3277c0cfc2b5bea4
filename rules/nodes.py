"""The syntax tree of a condition: what the parser makes and the resolver rewrites.

Frozen and slotted: a phase returns new nodes, it never changes one. `at` is an offset of `rules.text.Sources`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: on the right-hand side, or among a transformer's arguments."""

    value: str
    at: int


@dataclass(frozen=True, slots=True)
class FieldRef:
    """A field as written: its name and the argument between brackets, None where there are no brackets."""

    name: str
    argument: str | None
    at: int

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name}[{self.argument}]"


@dataclass(frozen=True, slots=True)
class Group:
    """A list between parentheses among a transformer's arguments."""

    elements: tuple["Literal | FieldRef | Transform", ...]
    at: int


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformer's call: `tolower(ka.verb)`."""

    name: str
    arguments: tuple["Literal | FieldRef | Group | Transform", ...]
    selector: str | None
    """What stands between brackets after the call, None where there are none."""
    at: int

    def __str__(self) -> str:
        return f"{self.name}(...)"


Operand = FieldRef | Transform
"""What has a value only once there is an event."""


@dataclass(frozen=True, slots=True)
class Check:
    """`operand operator constants`, or another operand on the right; `exists` has nothing there."""

    left: Operand
    operator: str
    right: tuple[Literal, ...] | Operand
    at: int
    """Where the operator stands."""
    modifier: str = ""
    """`oneof`, `anyof` or `allof` after the operator."""


@dataclass(frozen=True, slots=True)
class MacroRef:
    """A macro's name; gone after the resolver."""

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Not:
    """True where its child is false."""

    child: "Node"
    at: int
    """Where `not` stands, the first of several."""


@dataclass(frozen=True, slots=True)
class And:
    """True where all of its children are; they are asked from left to right."""

    children: tuple["Node", ...]
    at: int
    """Where the first `and` stands."""


@dataclass(frozen=True, slots=True)
class Or:
    """True where one of its children is; they are asked from left to right."""

    children: tuple["Node", ...]
    at: int
    """Where the first `or` stands."""


Node = And | Or | Not | Check | MacroRef
