"""What kind of request an audit event tells of: whose it is, what it names, whether and how it took effect. PURE.

Called by `processor.sighting` and `processor.bulk`. Success is told by the response code, never by the authorizer's
decision, and a dry run took no effect.
"""

from typing import Final, NamedTuple

from processor.history import Mark
from rules.audit_fields import query_parameters
from rules.event import Event
from rules.request_fields import is_dry_run, source_ip
from rules.times import parse_timestamp
from wire.tracked import CONNECT_SUBRESOURCES, TRACKED, TrackedResource

MAX_USER: Final = 512
"""Characters of a user name that are remembered: state has to stay small. The longest of a service account has 339."""

MAX_AUDIT_ID: Final = 64
"""The same of an audit id, which a client can choose. The API server's own have 36."""

MAX_ADDRESS: Final = 64
"""The same of a source address."""

_MAX_POD: Final = 253
"""Characters of a pod's name: nothing is remembered of what no pod can be called, which anybody can fail to delete."""

CREATED: Final = 201
ACCEPTED: Final = 202
"""Of a deletion: asked for, and not done yet."""
_NOT_FOUND: Final = 404
_SWITCHING: Final = 101
"""Of a way into a pod: it is open."""
_SUCCESS: Final = range(200, 300)
_NOT_ACCEPTABLE: Final = 406
"""The answer could not be given in the form that the client asked for; the request may have been done all the same."""

_CHANGING_VERBS: Final = frozenset({"update", "patch"})
_CREATING_VERBS: Final = frozenset({"create", *_CHANGING_VERBS})
_ENTERING: Final = frozenset({"exec", "attach"})
_SPEC_SUBRESOURCES: Final = frozenset({"", "ephemeralcontainers", "resize"})
"""Subresources whose bodies are those of the resource itself, and say what it shall be."""


class ObjectName(NamedTuple):
    """A name that a tracked object can have, one after another."""

    api_group: str
    resource: str
    namespace: str
    """Empty for what is cluster-scoped."""
    name: str

    @property
    def kind(self) -> str:
        """What its objects are; of what only another version tracks the name of the resource."""
        tracked = TRACKED.get(self[:2])
        return self.resource if tracked is None else tracked.kind


def mark_of(event: Event, identity: str) -> Mark:
    """Return who did this and when, given the event's identity (hex digits)."""
    received = parse_timestamp(event.string("requestReceivedTimestamp") or "")
    address = source_ip(event)
    return Mark(
        event.time_ns,
        received or 0,
        bytes.fromhex(identity),
        (event.string("user", "username") or "")[:MAX_USER],
        address and address[:MAX_ADDRESS],
        (event.string("auditID") or "")[:MAX_AUDIT_ID],
    )


def named(event: Event, tracked: TrackedResource, name: str) -> ObjectName:
    """Return a name of the resource that an event is about, in its namespace."""
    # `objectRef` gives a namespace its own name as its namespace too, but not when it is created.
    namespace = (event.string("objectRef", "namespace") or "") if tracked.is_namespaced else ""
    group, resource, _ = event.target
    return ObjectName(group, resource, namespace, name)


def code_of(event: Event) -> int:
    """Return the response's status code, 0 where there is none."""
    text = event.text("responseStatus", "code") or ""
    return int(text) if text.isdecimal() and len(text) == len("200") else 0


def took_effect(event: Event) -> bool:
    """Tell whether this is the end of a request that succeeded, and that was no way into an object."""
    return (
        event.string("stage") == "ResponseComplete"
        and event.target[2] not in CONNECT_SUBRESOURCES
        and (code_of(event) in _SUCCESS or _was_done_unanswered(event))
        and not is_dry_run(event)
    )


def _was_done_unanswered(event: Event) -> bool:
    """Tell whether a request was done though its answer says 406: one that is refused for that has no body read yet."""
    return code_of(event) == _NOT_ACCEPTABLE and event.request_object is not None


def entered(event: Event) -> bool:
    """Tell whether this is the beginning of a session in a pod: the end of it may come hours later."""
    code = code_of(event)
    return (
        event.target[2] in _ENTERING
        and event.string("stage") == "ResponseStarted"
        and (code == _SWITCHING or code in _SUCCESS)
    )


def found_nothing(event: Event) -> bool:
    """Tell whether this is a deletion that found nothing to delete."""
    return (
        code_of(event) == _NOT_FOUND
        and is_plain(event, "delete")
        and event.string("stage") == "ResponseComplete"
        and len(event.string("objectRef", "name") or "") <= _MAX_POD
        and not is_dry_run(event)
    )


def is_import(event: Event) -> bool:
    """Tell whether a record that has a key tells of an object as it is: nothing that a client does is recorded so.

    `ingest` gives no key to a `get` of an object; `auditstream resources import` does.
    """
    return event.string("verb") == "get" and not event.target[2]


def is_create(event: Event) -> bool:
    """Tell whether a request made an object: a create, and an update or apply of what was not there."""
    if code_of(event) == CREATED:
        return not event.target[2] and event.string("verb") in _CREATING_VERBS
    return is_plain(event, "create") and _was_done_unanswered(event)


def is_change(event: Event) -> bool:
    """Tell whether a request changed an object that was there."""
    return event.string("verb") in _CHANGING_VERBS and not is_create(event)


def writes_spec(event: Event) -> bool:
    """Tell whether a request's body says what the object itself shall be."""
    return event.string("verb") in _CREATING_VERBS and event.target[2] in _SPEC_SUBRESOURCES


def is_asked(event: Event) -> bool:
    """Tell whether a request asked for an object's deletion."""
    return is_plain(event, "delete") or (event.target[2] == "eviction" and event.string("verb") == "create")


def is_plain(event: Event, verb: str) -> bool:
    """Tell whether a request has this verb and is about the object itself."""
    return event.string("verb") == verb and not event.target[2]


def option(event: Event, name: str) -> str | None:
    """Return one of the DeleteOptions: the API server reads the URI only where there is no body."""
    options = event.request_object
    if options is not None and options.members is not None:
        value = options.member(name)
        return None if value is None else value.text
    return next((value for key, value in query_parameters(event.text("requestURI") or "") if key == name), None)
