"""`auditstream resources`: what is known of the clusters' resources, as a table or as JSON.

Called by `auditstream.resources_app` with who reads the state; returns the exit code.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from auditstream.exit_codes import FINDINGS, OK
from auditstream.resource_choice import Choice
from auditstream.resource_table import rows
from auditstream.screen import Screen
from auditstream.terminal import aligned
from processor.history import UnknownSchemaError
from processor.listing import Get, Resource, resources
from rules.text import escape

_AT_ONCE: Final = 1_000
"""So many are printed at once: whoever has seen enough of a long table is noticed."""

Pairs = Iterable[tuple[bytes, bytes]]
Take = Callable[[Pairs, Get], None]
"""Takes a state, or a part of it that is whole by itself: keys with their values, and what looks one up."""
Read = Callable[[Take], None]
"""Reads a state: gives it to what it is called with, all at once or in parts."""


class NoInventoryError(Exception):
    """The state cannot be read. The text says why, and the next step."""


def list_resources(read: Read, choice: Choice, screen: Screen, *, is_json: bool) -> int:
    """Print the resources that are asked for, in order, and return the exit code."""
    now_ns = time.time_ns()
    found: list[Resource] = []
    try:
        read(lambda pairs, get: found.extend(one for one in resources(pairs, get, now_ns) if choice.holds(one)))
    except (NoInventoryError, UnknownSchemaError) as error:
        return _fail(str(error), screen)
    except msgspec.DecodeError as error:
        return _fail(f"the state holds what no version of auditstream wrote: {error}", screen)
    if not found:
        gone = "" if choice.with_gone else ", or is gone: what is remembered of that is shown with --all"
        screen.note([f"auditstream: nothing of what you ask for is known{gone}"])
        return OK
    found.sort(key=lambda each: (each.cluster, each.namespace, each.kind, each.name, each.api_group))
    if is_json:
        for some in _batches(found):
            screen.documents(map(msgspec.json.encode, some))
    else:
        for lines in _batches(aligned(rows(found, with_gone=choice.with_gone))):
            screen.show(lines)
    return OK


_Item = TypeVar("_Item")


def _batches(items: Iterable[_Item]) -> Iterator[Sequence[_Item]]:
    iterator = iter(items)
    while some := tuple(islice(iterator, _AT_ONCE)):
        yield some


def _fail(text: str, screen: Screen) -> int:
    screen.note([f"auditstream: {escape(text)}"])
    return FINDINGS
