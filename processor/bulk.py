"""What a `deletecollection` shows: which objects it deleted, or that it deleted all that there were. PURE.

Called by `processor.sighting` and, for what is told of such an event, by `processor.facts`.
"""

from collections.abc import Iterator
from typing import Final

from processor.history import Ending, History, Incarnation, Mark
from processor.request import ObjectName, named, option
from processor.shown import METADATA_ONLY, TABLE, Shown, elements_of, metadata_of, read, rows, string_of
from rules.audit_fields import query_parameters
from rules.document import Value
from rules.event import Event
from wire.tracked import TrackedResource

MAX_NAMES: Final = 50
"""So many of the names of what was deleted are told."""

_LATER: Final = frozenset({"Foreground", "Orphan"})
"""Propagation policies under which an object outlives the request to delete it, as long as it has dependents."""

_ORPHANING: Final = frozenset({("batch", "jobs"), ("", "replicationcontrollers")})
"""Resources whose dependents are orphaned where the request to delete names no policy."""

_SELECTORS: Final = frozenset({"labelSelector", "fieldSelector", "limit", "continue"})
"""Parameters under which it deletes a part of what there is: so many of a list at a time are a part too."""

_ENDED: Final = frozenset({"Succeeded", "Failed"})


def histories(event: Event, mark: Mark, tracked: TrackedResource) -> Iterator[tuple[ObjectName, History]]:
    """Yield what a request that succeeded did, by the name of each object; by no name for all of them."""
    is_later = _outlives_request(event)
    is_at_once = option(event, "gracePeriodSeconds") == "0"
    is_listed = False
    for item in _items(event, tracked):
        is_listed = True
        shown = read(item, is_whole=False)
        name = shown and shown.name
        if shown is None or not name:
            continue
        is_gone = not is_later and not shown.has_finalizers
        if tracked.kind == "Pod":
            is_gone = is_gone and (is_at_once or _needs_no_grace(item))
        yield named(event, tracked, name), _deleted(mark, shown, is_gone=is_gone)
    if not is_listed and not _shows_list(event, tracked) and not _is_selective(event):
        # Of pods it is known that they outlive it; others are taken at its word, as where one of them is deleted. What
        # happens where it says nothing is not asked: it may say it where the policy does not show it.
        is_gone = tracked.kind != "Pod" and not _says_later(event)
        yield named(event, tracked, ""), History(endings=(Ending(mark, "", is_asked=True, is_gone=is_gone),))


def deleted(event: Event, tracked: TrackedResource) -> tuple[tuple[str, ...], int] | None:
    """Return the names of what a request deleted, MAX_NAMES at most, and how many it were; None where not shown."""
    items = list(_items(event, tracked))
    if not items and not _shows_list(event, tracked):
        return None
    names = (string_of(item.member("metadata"), "name") for item in items[:MAX_NAMES])
    return tuple(name for name in names if name), len(items)


def _items(event: Event, tracked: TrackedResource) -> Iterator[Value]:
    answer = event.response_object
    kind = string_of(answer, "kind")
    if kind == TABLE:
        yield from rows(answer)
    elif kind in (tracked.kind + "List", METADATA_ONLY + "List"):
        yield from elements_of(answer, "items")


def _shows_list(event: Event, tracked: TrackedResource) -> bool:
    """Tell whether an answer without any objects says that there were none."""
    answer = event.response_object
    return string_of(answer, "kind") in (tracked.kind + "List", METADATA_ONLY + "List", TABLE) and not elements_of(
        answer, "rows"
    )


def _is_selective(event: Event) -> bool:
    parameters = query_parameters(event.text("requestURI") or "")
    # A limit of 0 is none.
    return any(name in _SELECTORS and value and (name, value) != ("limit", "0") for name, value in parameters)


def _outlives_request(event: Event) -> bool:
    """Tell whether what is deleted stays until something is done about its dependents."""
    is_said = any(option(event, name) is not None for name in ("propagationPolicy", "orphanDependents"))
    return _says_later(event) if is_said else event.target[:2] in _ORPHANING


def _says_later(event: Event) -> bool:
    """Tell whether a request says that what is deleted stays for a while."""
    # The second is the policy of older clients, still obeyed.
    return option(event, "propagationPolicy") in _LATER or option(event, "orphanDependents") == "true"


def _deleted(mark: Mark, shown: Shown, *, is_gone: bool) -> History:
    if shown.born_s is None:
        return History(endings=(Ending(mark, shown.uid, is_asked=True, is_gone=is_gone),), first_ns=mark.time_ns)
    incarnation = Incarnation(
        shown.born_s,
        shown.uid,
        shown.version,
        first_ns=mark.time_ns,
        asked=mark,
        gone=mark if is_gone else None,
        metadata=metadata_of(shown, mark),
    )
    return History((incarnation,))


def _needs_no_grace(pod: Value) -> bool:
    """Tell whether nothing of a pod runs: it came to no node yet, or has ended."""
    spec = pod.member("spec")
    is_unscheduled = spec is not None and not string_of(spec, "nodeName")
    return is_unscheduled or string_of(pod.member("status"), "phase") in _ENDED
