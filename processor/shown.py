"""Objects as the bodies of audit events show them: whole, as metadata alone, in the rows of a Table. PURE.

Called by `processor.sighting`. What a client may choose, the form in which it asks for an answer, takes nothing away:
an object is known by its metadata in each of them.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from processor.history import Generation, Mark, Metadata, Owner, Spec
from processor.spec import MAX_NAME, spec_of, template_digest
from rules.document import Value
from rules.times import NANOSECONDS, parse_timestamp
from wire.tracked import TrackedResource

METADATA_ONLY: Final = "PartialObjectMetadata"
TABLE: Final = "Table"

_MAX_DIGITS: Final = 19
"""Of a version or a generation: what fits 64 bits."""


class Shown(NamedTuple):
    """An object as a body shows it: what its metadata say, and the rest of it where that is shown too."""

    metadata: Value
    body: Value
    is_whole: bool
    uid: str
    born_s: int | None
    """`creationTimestamp`; None where it, uid or version are not shown: too little to keep it apart from others. An
    answer has no version where two deletions met, and the other was first."""
    version: int
    """`resourceVersion`, 0 where it is not shown."""

    @property
    def name(self) -> str | None:
        """Return the object's name."""
        return string_of(self.metadata, "name")

    @property
    def is_deleting(self) -> bool:
        """Tell whether its deletion was asked for."""
        return self.metadata.member("deletionTimestamp") is not None

    @property
    def has_finalizers(self) -> bool:
        """Tell whether somebody has to do something before it can go."""
        return bool(elements_of(self.metadata, "finalizers"))

    @property
    def grace_seconds(self) -> int | None:
        """Return how long it has to end."""
        return _number(self.metadata, "deletionGracePeriodSeconds")

    @property
    def owner(self) -> Owner | None:
        """Return the controller that owns it, as it says itself."""
        for reference in elements_of(self.metadata, "ownerReferences"):
            controller = reference.member("controller")
            if controller is not None and controller.is_true():
                texts = (string_of(reference, part) or "" for part in ("apiVersion", "kind", "name", "uid"))
                version, kind, name, uid = (text[:MAX_NAME] for text in texts)
                group, slash, _ = version.rpartition("/")
                return Owner(group if slash else "", kind, name, uid)
        return None


def shown_in(body: Value | None, tracked: TrackedResource) -> Shown | None:
    """Return the object that an answer shows, None where it shows another kind, such as a Status or a Scale."""
    if string_of(body, "kind") == TABLE:
        body = next(rows(body), None)
    kind = string_of(body, "kind")
    if body is None or kind not in (tracked.kind, METADATA_ONLY):
        return None
    return read(body, is_whole=kind == tracked.kind)


def rows(table: Value | None) -> Iterator[Value]:
    """Yield the objects in a Table's rows: their metadata, unless the client asked for none or for all of them."""
    for row in elements_of(table, "rows"):
        shown = row.member("object")
        if shown is not None:
            yield shown


def first_cell(table: Value | None) -> str | None:
    """Return what stands first in a Table: the name of its only object, where the client asked for no more of it."""
    row = next(iter(elements_of(table, "rows")), None)
    return next((cell.string for cell in elements_of(row, "cells")), None)


def read(body: Value, *, is_whole: bool) -> Shown | None:
    """Return the object that a body is; None where it has no metadata."""
    metadata = body.member("metadata")
    if metadata is None:
        return None
    born = parse_timestamp(string_of(metadata, "creationTimestamp") or "")
    uid = (string_of(metadata, "uid") or "")[:MAX_NAME]
    version = _number(metadata, "resourceVersion") or 0
    born_s = None if born is None or not uid or not version else born // NANOSECONDS
    return Shown(metadata, body, is_whole, uid, born_s, version)


def metadata_of(shown: Shown, mark: Mark) -> Metadata:
    """Return what is remembered of an object's metadata."""
    return Metadata(
        shown.version,
        shown.is_whole,
        mark.digest,
        shown.is_deleting,
        shown.has_finalizers,
        shown.grace_seconds,
        shown.owner,
    )


def spec_in(target: tuple[str, str, str], shown: Shown, mark: Mark) -> Spec | None:
    """Return what a whole object of (apiGroup, resource, ...) asks for; None where it is not whole, or asks nothing."""
    facts = spec_of(target[0], target[1], shown.body) if shown.is_whole else None
    return None if facts is None else Spec(shown.version, mark.digest, mark.time_ns, facts)


def generations_in(target: tuple[str, str, str], shown: Shown, mark: Mark | None) -> tuple[Generation, ...]:
    """Return the generation that is shown, if any; `mark` is None where the event cannot have made it."""
    number = _number(shown.metadata, "generation")
    if not number:
        return ()
    template = template_digest(target[0], target[1], shown.body) if shown.is_whole else b""
    return (Generation(number, shown.version, mark, template),)


def _number(parent: Value, name: str) -> int | None:
    value = parent.member(name)
    text = "" if value is None else value.text
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _MAX_DIGITS else None


def elements_of(value: Value | None, name: str) -> list[Value]:
    """Return the elements of an array that is a member, none where there is no such."""
    member = None if value is None else value.member(name)
    return [] if member is None else member.elements or []


def string_of(value: Value | None, name: str) -> str | None:
    """Return a member that is a string, None where there is none."""
    member = None if value is None else value.member(name)
    return None if member is None else member.string
