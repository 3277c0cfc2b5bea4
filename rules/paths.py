"""Three ways to read a path of an event, as the reference's extractors do it: spec section 4.1.

Each returns a function for `Field.read`. `scalar` walks members only, `elements` ends on an array, `walk` goes through
arrays on its way. Who calls: the files of fields.
"""

from collections.abc import Callable

from rules.document import Value
from rules.event import Event
from rules.fields import FieldValue, Read

Hole = None
"""The place of an element in which a lookup failed."""


def guarded(read: Read) -> Read:
    """Return the reading with the guard of all `ka.*` fields: an event without `auditID` has none of them."""

    def read_guarded(event: Event, argument: str | None) -> FieldValue:
        return read(event, argument) if event.has_audit_id else None

    return read_guarded


def scalar(*path: str) -> Read:
    """Read the text of the member at the end of a path."""

    def read(event: Event, _argument: str | None) -> FieldValue:
        return event.text(*path)

    return read


def elements(*path: str) -> Read:
    """Read the texts of the array at the end of a path; absent if it is no array, or empty."""

    def read(event: Event, _argument: str | None) -> FieldValue:
        value = event.document.at(*path)
        found = None if value is None else value.elements
        return tuple(element.text for element in found) if found else None

    return read


def walk(value: Value | None, path: tuple[str, ...], index: int | None) -> list[Value | None] | None:
    """Return what stands at the end of a path that may lead through arrays.

    Before each step an array on the way is either gone through element by element (no index), a failed lookup leaving
    a hole, or replaced by its element at the index. None where the way fails as a whole.
    """
    found: list[Value | None] = []
    return found if _gather(value, path, index, found) else None


def _gather(value: Value | None, path: tuple[str, ...], index: int | None, found: list[Value | None]) -> bool:
    """Append what a path leads to, and tell whether it leads anywhere; where it does not nothing is appended."""
    for step, name in enumerate(path):
        if value is None:
            return False
        if index is None and value.objects is not None:
            for element in value.objects:
                before = len(found)
                if element is None or not _gather(element, path[step:], None, found) or len(found) == before:
                    found.append(Hole)
            return True
        if index is not None and value.elements is not None:
            if index >= len(value.elements):
                return False
            value = value.elements[index]
        value = value.member(name)
    if value is None:
        return False
    found.append(value)
    return True


def walked(path: tuple[str, ...], collect: Callable[[list[Value | None]], FieldValue]) -> Read:
    """Read what `walk` finds, made a value by `collect`, which is given at least one place."""

    def read(event: Event, argument: str | None) -> FieldValue:
        found = walk(event.document, path, None if argument is None else int(argument))
        return collect(found) if found else None

    return read


def texts(found: list[Value | None]) -> FieldValue:
    """Return the texts of what was found, holes skipped."""
    return tuple(value.text for value in found if value is not None) or None


def flattened(found: list[Value | None]) -> FieldValue:
    """Return the texts of the elements of the arrays that were found; what is no array is skipped."""
    return tuple(element.text for value in found if value is not None for element in value.elements or ()) or None
