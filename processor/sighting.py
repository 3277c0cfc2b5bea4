"""What one audit event shows of tracked objects: which they are, and what the event did to them. PURE.

Called by `processor.inventory`. Only what succeeded did something; what a client may write as it likes (a uid in the
body of its request, the form in which it asks for the answer) is not believed, or takes nothing away.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from processor import bulk
from processor.history import Ending, History, Incarnation, Mark, Request
from processor.request import (
    ACCEPTED,
    CREATED,
    ObjectName,
    code_of,
    entered,
    found_nothing,
    is_asked,
    is_change,
    is_create,
    is_import,
    is_plain,
    named,
    took_effect,
    writes_spec,
)
from processor.shown import Shown, elements_of, first_cell, generations_in, metadata_of, shown_in, spec_in, string_of
from processor.spec import MAX_NAME, patch_of, spec_of
from rules.document import Value
from rules.event import Event
from wire.tracked import TRACKED, TrackedResource


class Sighting(NamedTuple):
    """What an event adds to the history of a name."""

    target: ObjectName
    """With an empty name it is about all objects that there were of a resource in a namespace."""
    history: History

    @property
    def was_there(self) -> bool:
        """Whether the event shows that there was an object."""
        return bool(self.history.incarnations) or self.history.first_ns is not None

    @property
    def is_end(self) -> bool:
        """Whether the event may have ended the object."""
        shown = (incarnation.gone for incarnation in self.history.incarnations)
        return any(mark is not None for mark in shown) or any(ending.is_gone for ending in self.history.endings)


def target_of(event: Event) -> ObjectName | None:
    """Return the name that an event is about, None where it is of no tracked resource or says no name."""
    group, resource, subresource = event.target
    tracked = TRACKED.get((group, resource))
    if tracked is None:
        return None
    name = event.string("objectRef", "name")
    if not name and not subresource and code_of(event) == CREATED:
        # The server made the name up: only its answer says it.
        shown = shown_in(event.response_object, tracked)
        name = shown.name if shown else first_cell(event.response_object)
    return named(event, tracked, name) if name else None


def uid_of(event: Event) -> str:
    """Return what an answer says of the target's uid; empty where it says nothing."""
    tracked = TRACKED.get(event.target[:2])
    shown = tracked and shown_in(event.response_object, tracked)
    return shown.uid if shown else _status_uid(event)


def sightings(event: Event, mark: Mark) -> Iterator[Sighting]:
    """Yield what an event did, by the name of each object that it did something to."""
    tracked = TRACKED.get(event.target[:2])
    if tracked is None:
        return
    if took_effect(event):
        if event.string("verb") == "deletecollection":
            yield from (Sighting(*told) for told in bulk.histories(event, mark, tracked))
            return
        history = _effect(event, mark, tracked)
    elif tracked.kind == "Pod" and entered(event):
        history = History(entries=(mark,), first_ns=mark.time_ns)
    elif tracked.kind == "Pod" and found_nothing(event):
        history = History(missed=mark)
    else:
        return
    target = target_of(event)
    if target is not None:
        yield Sighting(target, history)


def _effect(event: Event, mark: Mark, tracked: TrackedResource) -> History:
    shown = shown_in(event.response_object, tracked)
    history = _unseen(event, mark, tracked) if shown is None else _seen(event, mark, tracked, shown)
    if event.target[2] == "ephemeralcontainers":
        return replace(history, entries=(mark,))
    return history


# Events that show the object, be it its metadata alone.


def _seen(event: Event, mark: Mark, tracked: TrackedResource, shown: Shown) -> History:
    is_gone = _is_gone(event, tracked, shown)
    requests = () if shown.is_whole else _requests(event, mark, shown.uid)
    if shown.born_s is None:
        return _told(event, mark, shown.uid, is_gone=is_gone, requests=requests)
    may_change = writes_spec(event) and _may_change_spec(event)
    incarnation = Incarnation(
        shown.born_s,
        shown.uid,
        shown.version,
        first_ns=mark.time_ns,
        created=mark if is_create(event) else None,
        maker=shown.owner if is_create(event) else None,
        asked=mark if is_asked(event) else None,
        gone=mark if is_gone else None,
        changed=mark if is_change(event) else None,
        alive_ns=mark.time_ns if writes_spec(event) and not shown.is_deleting else 0,
        metadata=metadata_of(shown, mark),
        spec=spec_in(event.target, shown, mark),
        # A deletion makes generations too, which are nobody's change.
        generations=() if shown.is_deleting else generations_in(event.target, shown, mark if may_change else None),
    )
    return History((incarnation,), requests=requests, unread_ns=0 if shown.is_whole else _unread_ns(event, mark))


def _may_change_spec(event: Event) -> bool:
    """Tell whether a request says anything of a spec: to label an object is to make no generation of it."""
    body = event.request_object
    if body is None or event.string("verb") != "patch":
        return True
    if body.elements is None:
        return body.member("spec") is not None
    paths = [string_of(operation, "path") for operation in body.elements]
    return any(path is not None and (path in ("", "/spec") or path.startswith("/spec/")) for path in paths)


def _is_gone(event: Event, tracked: TrackedResource, shown: Shown) -> bool:
    """Tell whether the answer shows an object that is no more: deletion asked, and nothing left to wait for."""
    if shown.has_finalizers or is_import(event):
        return False
    if tracked.kind == "Namespace":
        return shown.is_deleting and _is_finalized(event, shown)
    if tracked.kind == "Pod":
        return shown.is_deleting and shown.grace_seconds == 0
    # Some resources answer a delete with the object as it was, before anything was written into it.
    return shown.is_deleting or is_plain(event, "delete")


def _is_finalized(event: Event, shown: Shown) -> bool:
    """Tell whether nothing is left of a namespace's own finalizers, which stand in its spec."""
    if shown.is_whole:
        return not _has_spec_finalizers(shown.body)
    # What is sent to `finalize` is the whole namespace: where the answer shows metadata alone it says as much.
    return event.target[2] == "finalize" and not _has_spec_finalizers(event.request_object)


def _has_spec_finalizers(namespace: Value | None) -> bool:
    spec = None if namespace is None else namespace.member("spec")
    return bool(elements_of(spec, "finalizers"))


# Events that do not show the object: at level Metadata or Request, or answered by something else.


def _unseen(event: Event, mark: Mark, tracked: TrackedResource) -> History:
    requests = _requests(event, mark, "")
    if is_plain(event, "delete") and string_of(event.response_object, "kind") == "Status":
        return _told(event, mark, _status_uid(event), is_gone=True)
    # Taken at its word: a deletion that waits for finalizers looks no different where no answer is shown. Of pods and
    # namespaces it is known that they outlive it.
    is_at_once = tracked.kind not in ("Pod", "Namespace") and code_of(event) != ACCEPTED
    is_gone = (is_plain(event, "delete") and is_at_once) or _takes_last_finalizer(event, tracked)
    return _told(event, mark, "", is_gone=is_gone, requests=requests)


def _takes_last_finalizer(event: Event, tracked: TrackedResource) -> bool:
    """Tell whether a request leaves no finalizer, so that it ends an object whose deletion was asked for."""
    body = event.request_object
    if tracked.kind == "Namespace":
        # What is not shown, at level Metadata, is taken for the last one of a namespace: that of its controller.
        metadata = body and body.member("metadata")
        is_kept = _has_spec_finalizers(body) or bool(elements_of(metadata, "finalizers"))
        return event.target[2] == "finalize" and not is_kept
    if body is None or tracked.kind == "Pod" or event.target[2]:
        return False
    verb = event.string("verb")
    if verb == "update":
        metadata = body.member("metadata")
        return metadata is not None and not elements_of(metadata, "finalizers")
    return verb == "patch" and _removes_finalizers(body)


def _removes_finalizers(patch: Value) -> bool:
    """Tell whether a patch of any form takes all finalizers away."""
    if patch.elements is not None:
        operations = [(string_of(one, "op"), string_of(one, "path") or "") for one in patch.elements]
        written = [path for operation, path in operations if operation not in ("remove", "test")]
        is_written = any(path in ("", "/metadata") or path.startswith("/metadata/finalizers") for path in written)
        return ("remove", "/metadata/finalizers") in operations and not is_written
    # An empty list would be enough in a merge patch, but changes nothing in a strategic one: events tell neither.
    metadata = patch.member("metadata")
    finalizers = metadata and metadata.member("finalizers")
    return finalizers is not None and finalizers.text == "null"


def _status_uid(event: Event) -> str:
    """Return the uid of what was deleted, as the Status says that answers a deletion without delay."""
    answer = event.response_object
    if not is_plain(event, "delete") or not took_effect(event) or string_of(answer, "kind") != "Status":
        return ""
    return (string_of(answer and answer.member("details"), "uid") or "")[:MAX_NAME]


def _requests(event: Event, mark: Mark, uid: str) -> tuple[Request, ...]:
    """Return what a request asks for of the object's spec, if it says so."""
    body = event.request_object
    if body is None or not writes_spec(event):
        return ()
    # Of the pod that is sent to a subresource the server takes a part, whatever else it says.
    is_whole = not event.target[2] and (is_create(event) or event.string("verb") == "update")
    group, resource, _ = event.target
    facts = spec_of(group, resource, body) if is_whole else patch_of(group, resource, body)
    return () if facts is None else (Request(mark.time_ns, mark.digest, uid, is_whole, facts),)


_MOVING = frozenset({"copy", "move"})
"""Operations of a JSON patch that write what they do not say."""


def _unread_ns(event: Event, mark: Mark) -> int:
    """Return when a request changed what it does not show, where no answer does; 0 where it shows all."""
    if not is_change(event) or not writes_spec(event):
        return 0
    body = event.request_object
    if body is None:
        return mark.time_ns
    return mark.time_ns if any(string_of(one, "op") in _MOVING for one in body.elements or ()) else 0


def _told(event: Event, mark: Mark, uid: str, *, is_gone: bool, requests: tuple[Request, ...] = ()) -> History:
    is_ended = is_asked(event) or is_gone
    return History(
        creates=(mark,) if is_create(event) else (),
        endings=(Ending(mark, uid, is_asked(event), is_gone),) if is_ended else (),
        first_ns=mark.time_ns,
        changed=(mark,) if is_change(event) and writes_spec(event) else (),
        unread_ns=_unread_ns(event, mark),
        requests=requests,
    )
