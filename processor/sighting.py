"""What one audit event shows of tracked objects: which they are, and what the event did to them. PURE.

Called by `processor.inventory`. Only what succeeded did something; what a client may write as it likes (a uid in the
body of its request, the form in which it asks for the answer) is not believed, or takes nothing away.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from processor.history import Ending, History, Incarnation, Mark
from rules.audit_fields import query_parameters
from rules.document import Value
from rules.event import Event
from rules.request_fields import is_dry_run, source_ip
from rules.times import parse_timestamp
from wire.tracked import CONNECT_SUBRESOURCES, TRACKED, TrackedResource

MAX_USER: Final = 512
"""Characters of a user name that are remembered: state has to stay small. The longest of a service account has 339."""

MAX_AUDIT_ID: Final = 64
"""The same of an audit id, which a client can choose. The API server's own have 36."""

_CREATED: Final = 201
_ACCEPTED: Final = 202
"""Of a deletion: asked for, and not done yet."""
_SUCCESS: Final = range(200, 300)
_CHANGING_VERBS: Final = frozenset({"update", "patch"})
_CREATING_VERBS: Final = frozenset({"create", *_CHANGING_VERBS})
_LATER: Final = frozenset({"Foreground", "Orphan"})
"""Propagation policies under which an object outlives the request to delete it, as long as it has dependents."""

_ORPHANING: Final = frozenset({("batch", "jobs"), ("", "replicationcontrollers")})
"""Resources whose dependents are orphaned where the request to delete names no policy."""

_METADATA_ONLY: Final = "PartialObjectMetadata"
_TABLE: Final = "Table"
_NANOSECONDS: Final = 1_000_000_000


class ObjectName(NamedTuple):
    """A name that a tracked object can have, one after another."""

    api_group: str
    resource: str
    namespace: str
    """Empty for what is cluster-scoped."""
    name: str


class Sighting(NamedTuple):
    """What an event adds to the history of a name."""

    target: ObjectName
    history: History

    @property
    def is_end(self) -> bool:
        """Whether the event may have ended the object."""
        shown = (incarnation.gone for incarnation in self.history.incarnations)
        return any(mark is not None for mark in shown) or any(ending.is_gone for ending in self.history.endings)


class _Shown(NamedTuple):
    """An object as an answer shows it: what its metadata say, and the rest of it where that is shown too."""

    metadata: Value
    body: Value
    is_whole: bool
    uid: str
    born_s: int | None


def mark_of(event: Event, identity: str) -> Mark:
    """Return who did this and when, given the event's identity (hex digits)."""
    received = parse_timestamp(event.string("requestReceivedTimestamp") or "")
    return Mark(
        event.time_ns,
        received or 0,
        bytes.fromhex(identity),
        (event.string("user", "username") or "")[:MAX_USER],
        source_ip(event),
        (event.string("auditID") or "")[:MAX_AUDIT_ID],
    )


def target_of(event: Event) -> ObjectName | None:
    """Return the name that an event is about, None where it is of no tracked resource or says no name."""
    group, resource, subresource = event.target
    tracked = TRACKED.get((group, resource))
    if tracked is None:
        return None
    name = event.string("objectRef", "name")
    if not name and not subresource and _code(event) == _CREATED:
        # The server made the name up: only its answer says it.
        shown = _shown(event.response_object, tracked)
        name = shown and _string_of(shown.metadata, "name")
    return _named(event, tracked, name) if name else None


def _named(event: Event, tracked: TrackedResource, name: str) -> ObjectName:
    # `objectRef` gives a namespace its own name as its namespace too, but not when it is created.
    namespace = (event.string("objectRef", "namespace") or "") if tracked.is_namespaced else ""
    group, resource, _ = event.target
    return ObjectName(group, resource, namespace, name)


def uid_of(event: Event) -> str:
    """Return what an answer says of the target's uid; empty where it says nothing."""
    tracked = TRACKED.get(event.target[:2])
    shown = tracked and _shown(event.response_object, tracked)
    return shown.uid if shown else _status_uid(event)


def sightings(event: Event, mark: Mark) -> Iterator[Sighting]:
    """Yield what an event did, by the name of each object that it did something to."""
    tracked = TRACKED.get(event.target[:2])
    if tracked is None or not _took_effect(event):
        return
    if event.string("verb") == "deletecollection":
        yield from _listed(event, mark, tracked)
        return
    target = target_of(event)
    if target is not None:
        shown = _shown(event.response_object, tracked)
        history = _unseen(event, mark, tracked) if shown is None else _seen(event, mark, tracked, shown)
        yield Sighting(target, history)


def _took_effect(event: Event) -> bool:
    """Tell whether this is the end of a write that succeeded."""
    return (
        event.string("stage") == "ResponseComplete"
        and event.target[2] not in CONNECT_SUBRESOURCES
        and _code(event) in _SUCCESS
        and not is_dry_run(event)
    )


def _code(event: Event) -> int:
    text = event.text("responseStatus", "code") or ""
    return int(text) if text.isdecimal() and len(text) == len("200") else 0


# Events that show the object, be it its metadata alone.


def _shown(body: Value | None, tracked: TrackedResource) -> _Shown | None:
    """Return the object that an answer shows, None where it shows another kind, such as a Status or a Scale."""
    if _string_of(body, "kind") == _TABLE:
        body = next(iter(_rows(body)), None)
    kind = _string_of(body, "kind")
    if body is None or kind not in (tracked.kind, _METADATA_ONLY):
        return None
    return _read(body, is_whole=kind == tracked.kind)


def _rows(table: Value | None) -> list[Value]:
    """Return the objects in a Table's rows: their metadata, unless the client asked for none or for all of them."""
    objects = (row.member("object") for row in _elements_of(table, "rows"))
    return [shown for shown in objects if shown is not None]


def _read(body: Value, *, is_whole: bool) -> _Shown | None:
    metadata = body.member("metadata")
    if metadata is None:
        return None
    born = parse_timestamp(_string_of(metadata, "creationTimestamp") or "")
    uid = _string_of(metadata, "uid") or ""
    return _Shown(metadata, body, is_whole, uid, None if born is None or not uid else born // _NANOSECONDS)


def _seen(event: Event, mark: Mark, tracked: TrackedResource, shown: _Shown) -> History:
    is_asked = _is_asked(event)
    is_gone = _is_gone(event, tracked, shown)
    if shown.born_s is None:
        return _told(event, mark, shown.uid, is_asked=is_asked, is_gone=is_gone)
    incarnation = Incarnation(
        shown.born_s,
        shown.uid,
        first_ns=mark.time_ns,
        created=mark if is_create(event) else None,
        asked=mark if is_asked else None,
        gone=mark if is_gone else None,
        changed=mark if _is_change(event) else None,
    )
    return History(incarnations=(incarnation,))


def _is_gone(event: Event, tracked: TrackedResource, shown: _Shown) -> bool:
    """Tell whether the answer shows an object that is no more: deletion asked, and nothing left to wait for."""
    if _has_elements(shown.metadata, "finalizers"):
        return False
    is_deleting = shown.metadata.member("deletionTimestamp") is not None
    if tracked.kind == "Namespace":
        return is_deleting and _is_finalized(event, shown)
    if tracked.kind == "Pod":
        grace = shown.metadata.member("deletionGracePeriodSeconds")
        return is_deleting and grace is not None and grace.text == "0"
    # Some resources answer a delete with the object as it was, before anything was written into it.
    return is_deleting or _is_plain(event, "delete")


def _is_finalized(event: Event, shown: _Shown) -> bool:
    """Tell whether nothing is left of a namespace's own finalizers, which stand in its spec."""
    if shown.is_whole:
        return not _has_spec_finalizers(shown.body)
    # What is sent to `finalize` is the whole namespace: where the answer shows metadata alone it says as much.
    return event.target[2] == "finalize" and not _has_spec_finalizers(event.request_object)


def _has_spec_finalizers(namespace: Value | None) -> bool:
    spec = None if namespace is None else namespace.member("spec")
    return spec is not None and _has_elements(spec, "finalizers")


# Events that do not show the object: at level Metadata or Request, or answered by something else.


def _unseen(event: Event, mark: Mark, tracked: TrackedResource) -> History:
    if _is_plain(event, "delete") and _string_of(event.response_object, "kind") == "Status":
        return _told(event, mark, _status_uid(event), is_asked=True, is_gone=True)
    # Taken at its word: a deletion that waits for finalizers looks no different where no answer is shown. Of pods and
    # namespaces it is known that they outlive it.
    is_at_once = tracked.kind not in ("Pod", "Namespace") and _code(event) != _ACCEPTED
    is_gone = (_is_plain(event, "delete") and is_at_once) or _takes_last_finalizer(event, tracked)
    return _told(event, mark, "", is_asked=_is_asked(event), is_gone=is_gone)


def _takes_last_finalizer(event: Event, tracked: TrackedResource) -> bool:
    """Tell whether a request leaves no finalizer, so that it ends an object whose deletion was asked for."""
    body = event.request_object
    if tracked.kind == "Namespace":
        # What is not shown, at level Metadata, is taken for the last one of a namespace: that of its controller.
        metadata = body and body.member("metadata")
        is_kept = _has_spec_finalizers(body) or (metadata is not None and _has_elements(metadata, "finalizers"))
        return event.target[2] == "finalize" and not is_kept
    if body is None or tracked.kind == "Pod" or event.target[2]:
        return False
    verb = event.string("verb")
    if verb == "update":
        metadata = body.member("metadata")
        return metadata is not None and not _has_elements(metadata, "finalizers")
    return verb == "patch" and _removes_finalizers(body)


def _removes_finalizers(patch: Value) -> bool:
    """Tell whether a patch of any form takes all finalizers away."""
    if patch.elements is not None:
        operations = ((_string_of(one, "op"), _string_of(one, "path")) for one in patch.elements)
        return ("remove", "/metadata/finalizers") in operations
    # An empty list would be enough in a merge patch, but changes nothing in a strategic one: events tell neither.
    metadata = patch.member("metadata")
    finalizers = metadata and metadata.member("finalizers")
    return finalizers is not None and finalizers.text == "null"


def _status_uid(event: Event) -> str:
    """Return the uid of what was deleted, as the Status says that answers a deletion without delay."""
    answer = event.response_object
    if not _is_plain(event, "delete") or _code(event) not in _SUCCESS or _string_of(answer, "kind") != "Status":
        return ""
    return _string_of(answer and answer.member("details"), "uid") or ""


def _told(event: Event, mark: Mark, uid: str, *, is_asked: bool, is_gone: bool) -> History:
    return History(
        creates=(mark,) if is_create(event) else (),
        endings=(Ending(mark, uid, is_asked, is_gone),) if is_asked or is_gone else (),
        first_ns=mark.time_ns,
        changed=mark if _is_change(event) else None,
    )


# Lists of what a deletecollection deleted, as it was before.


def _listed(event: Event, mark: Mark, tracked: TrackedResource) -> Iterator[Sighting]:
    answer = event.response_object
    kind = _string_of(answer, "kind")
    if kind not in (tracked.kind + "List", _METADATA_ONLY + "List", _TABLE):
        return
    is_later = _outlives_request(event)
    is_at_once = _option(event, "gracePeriodSeconds") == "0"
    for item in _rows(answer) if kind == _TABLE else _elements_of(answer, "items"):
        shown = _read(item, is_whole=False)
        name = shown and _string_of(shown.metadata, "name")
        if shown is None or not name:
            continue
        is_gone = not is_later and not _has_elements(shown.metadata, "finalizers")
        if tracked.kind == "Pod":
            is_gone = is_gone and (is_at_once or _is_unscheduled(item))
        yield Sighting(_named(event, tracked, name), _deleted(mark, shown, is_gone=is_gone))


def _outlives_request(event: Event) -> bool:
    """Tell whether what is deleted stays until something is done about its dependents."""
    policy = _option(event, "propagationPolicy")
    orphans = _option(event, "orphanDependents")  # the policy of older clients, still obeyed
    if policy is None and orphans is None:
        return event.target[:2] in _ORPHANING
    return policy in _LATER or orphans == "true"


def _deleted(mark: Mark, shown: _Shown, *, is_gone: bool) -> History:
    if shown.born_s is None:
        return History(endings=(Ending(mark, shown.uid, is_asked=True, is_gone=is_gone),), first_ns=mark.time_ns)
    gone = mark if is_gone else None
    return History((Incarnation(shown.born_s, shown.uid, first_ns=mark.time_ns, asked=mark, gone=gone),))


def _is_unscheduled(pod: Value) -> bool:
    spec = pod.member("spec")
    return spec is not None and not _string_of(spec, "nodeName")


def _option(event: Event, name: str) -> str | None:
    """Return one of the DeleteOptions: the API server reads the URI only where there is no body."""
    options = event.request_object
    if options is not None and options.members is not None:
        value = options.member(name)
        return None if value is None else value.text
    return next((value for key, value in query_parameters(event.text("requestURI") or "") if key == name), None)


# What kind of request it is.


def is_create(event: Event) -> bool:
    """Tell whether a request made an object: a create, and an update or apply of what was not there."""
    return _code(event) == _CREATED and not event.target[2] and event.string("verb") in _CREATING_VERBS


def _is_change(event: Event) -> bool:
    return event.string("verb") in _CHANGING_VERBS and not is_create(event)


def _is_asked(event: Event) -> bool:
    return _is_plain(event, "delete") or (event.target[2] == "eviction" and event.string("verb") == "create")


def _is_plain(event: Event, verb: str) -> bool:
    return event.string("verb") == verb and not event.target[2]


def _has_elements(value: Value, name: str) -> bool:
    return bool(_elements_of(value, name))


def _elements_of(value: Value | None, name: str) -> list[Value]:
    member = None if value is None else value.member(name)
    return [] if member is None else member.elements or []


def _string_of(value: Value | None, name: str) -> str | None:
    member = None if value is None else value.member(name)
    return None if member is None else member.string
