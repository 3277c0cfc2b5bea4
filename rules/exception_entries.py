"""The `exceptions` of a rule as their file has them: keys and shapes, nothing put together yet.

Called by the reader; `rules.exceptions` says what they mean. Spec section 2.8.
"""

from rules.entry import Entry
from rules.errors import Code
from rules.items import ExceptionItem


def read_exceptions(entry: Entry, *, appends: bool) -> tuple[ExceptionItem, ...] | None:
    """Return a rule's exceptions; None where there is no such key, or nothing under it."""
    if entry.is_empty("exceptions"):
        return None
    items = []
    names = set()
    for child in entry.entries("exceptions"):
        name = child.required("name", "give the exception a name")
        if name is None:
            entry.is_broken = True
            continue
        child.part = f"exception {name.value}"
        if name.value in names:
            hint = "name each differently; values that are appended go to the first of them"
            code = Code.EXCEPTION_NAME_NOT_UNIQUE
            child.fail(f"there are two exceptions '{name.value}', both are kept", child.where("name"), hint, code)
        names.add(name.value)
        item = _read(child, name.value, appends=appends)
        if item is not None:
            items.append(item)
        entry.is_broken = entry.is_broken or child.is_broken
    return tuple(items)


def _read(child: Entry, name: str, *, appends: bool) -> ExceptionItem | None:
    """Return an exception, with the values that can be read; None where its fields or comparisons cannot."""
    if appends and "values" not in child:
        child.fail("there are no values to append", child.at, "add values: [...]", Code.APPEND_NO_VALUES)
    fields = child.text_or_values("fields")
    comps = child.text_or_values("comps")
    is_clear = not child.is_broken
    values = None if child.is_empty("values") else child.values("values")
    child.warn_of_unknown_keys()
    return ExceptionItem(name, child.at, fields, comps, values) if is_clear else None
