"""The `request.*` fields: what Falco's own fields do not tell of a request, each a function of the event alone."""

from ipaddress import ip_address, ip_network
from typing import Final

from rules.audit_fields import query_parameters
from rules.document import Value
from rules.event import Event
from rules.fields import Field, FieldValue, boolean

_DRY_RUN_VERBS: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})

_DELETING_VERBS: Final = frozenset({"delete", "deletecollection"})

_NEVER_DRY: Final = frozenset({"exec", "attach", "portforward", "proxy", "token"})
"""Subresources whose requests take effect whatever a `dryRun` in their URI says: it must not hide them."""


def source_ip(event: Event) -> str | None:
    """Return the last of the source addresses: the one that the API server saw itself, and no client's word."""
    value = event.document.member("sourceIPs")
    addresses = None if value is None else value.elements
    return addresses[-1].string if addresses else None


def _source_ip(event: Event, _argument: str | None) -> FieldValue:
    return source_ip(event)


def _source_networks(event: Event, _argument: str | None) -> FieldValue:
    source = source_ip(event)
    try:
        address = ip_address(source or "")
    except ValueError:
        return None
    return tuple(str(ip_network((address, length), strict=False)) for length in range(address.max_prefixlen, -1, -1))


def _words(event: Event) -> tuple[str, ...] | None:
    return tuple(value for name, value in query_parameters(event.text("requestURI") or "") if name == "command") or None


def _commands(event: Event, _argument: str | None) -> FieldValue:
    return _words(event)


def _command(event: Event, _argument: str | None) -> FieldValue:
    words = _words(event)
    return None if words is None else " ".join(words)


def _dry_run(event: Event, _argument: str | None) -> FieldValue:
    return boolean(is_dry_run(event))


def is_dry_run(event: Event) -> bool:
    """Tell whether a request asks for a dry run, which changes nothing."""
    _, _, subresource = event.target
    verb = event.string("verb")
    if verb not in _DRY_RUN_VERBS or subresource in _NEVER_DRY:
        return False
    if subresource == "eviction":
        # It carries the options of its deletion, and is a creation with a URI of its own besides.
        options = event.request_object and event.request_object.member("deleteOptions")
        if _asks(options):
            return True
    if verb in _DELETING_VERBS:
        # The API server reads DeleteOptions from the body and, only where there is none, from the URI.
        options = event.request_object
        if options is not None and options.text != "null":
            return _asks(options)
        if not _shows_bodies(event):
            return False
    return ("dryRun", "All") in query_parameters(event.text("requestURI") or "")


def _asks(options: Value | None) -> bool:
    asked = options and options.member("dryRun")
    return any(element.string == "All" for element in (asked and asked.elements) or ())


def _shows_bodies(event: Event) -> bool:
    """Tell whether an event would show its request's body if it had one."""
    return (
        event.string("level") in {"Request", "RequestResponse"}
        and event.string("stage") != "RequestReceived"
        and event.string("annotations", "audit.k8s.io/truncated") is None
    )


REQUEST_FACT_FIELDS: Final = (
    Field("request.source_ip", "The last of the source addresses: the only one the API server saw itself.", _source_ip),
    Field(
        "request.source_networks",
        "Every network that holds the source address: `intersects (10.0.0.0/8)` is membership.",
        _source_networks,
        is_list=True,
    ),
    Field("request.commands", "Every command= of the URI, in order: the words of an exec.", _commands, is_list=True),
    Field("request.command", "All words of an exec as one text, with blanks between them.", _command),
    Field("request.dry_run", "Whether the request asks for a dry run, which changes nothing.", _dry_run),
)
