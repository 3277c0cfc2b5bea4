"""One body of the API server's webhook, or one line of its log, into records for Kafka and rejects for the dead letter.

The webhook and `auditstream replay` call `split` with the body's bytes; the order of the records is that of the events
in it. An item that is broken costs nothing but itself, and one that only our decoder cannot read goes on in a mended
copy. Nothing here asks whether an event makes sense: timestamps and types are judged by the processor. The result
depends on the arguments alone.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from ingest import mend, scan
from ingest.affinity import affinity_key
from ingest.envelope import read_head
from ingest.redact import redact
from wire.record import MAX_EVENT_BYTES, Reason, Record, Rejected

MAX_DEPTH: Final = 500
"""How deep an event may nest. Far below what Python's stack allows, so that no outcome depends on who called."""


_DECODED_AT_ONCE: Final = 1_000_000
"""So many items the decoder may be given to find, some 100 MB of them, before it is known how many there are."""


class Split(msgspec.Struct, frozen=True):
    """What became of one body."""

    records: list[Record]
    rejected: list[Rejected]
    is_envelope: bool
    """False when the body is neither an EventList nor an Event, nor an array with one, or has too many items: then it
    is rejected whole."""


class _Payload(msgspec.Struct, frozen=True):
    """The members that tell an EventList from an Event."""

    kind: str | None = None
    items: list[msgspec.Raw] | None = None


class _Fault(msgspec.Struct, frozen=True):
    """Why an item could not go on as it came."""

    reason: Reason
    detail: str


class _Treated(msgspec.Struct, frozen=True):
    """An item's fault, and the copy that goes on in its place: none where nothing helped."""

    fault: _Fault
    value: bytes = b""
    event: dict[str, Any] | None = None


_Item = TypeVar("_Item")

_PAYLOAD: Final = msgspec.json.Decoder(_Payload)
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_ANY: Final = msgspec.json.Decoder()
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_TYPES: Final = {
    ord("{"): "an object",
    ord("["): "an array",
    ord('"'): "a string",
    ord("t"): "a boolean",
    ord("f"): "a boolean",
    ord("n"): "null",
    **dict.fromkeys(b"-0123456789", "a number"),
}


def split(body: bytes, *, cluster: str, received_ms: int, max_items: int | None = None) -> Split:
    """Return the records and rejects of a body: an EventList, an Event, or an array of them.

    A body of more than `max_items` items is rejected whole.
    """
    sorting = _Sorting(cluster, received_ms, max_items)
    bare = body.strip(scan.WHITESPACE)
    is_envelope = sorting.take_array(bare) if bare.startswith(b"[") else sorting.take_payload(bare, "")
    if is_envelope and not sorting.is_crowded:
        return Split(sorting.records, sorting.rejected, is_envelope=True)
    is_crowded = sorting.is_crowded
    fault = _Fault(Reason.TOO_MANY, f"more than {max_items} items") if is_crowded else _fault_of_body(bare)
    return Split([], [sorting.reject(body, fault)], is_envelope=False)


class _Sorting:
    """Where the events of one body go, one after the other."""

    def __init__(self, cluster: str, received_ms: int, max_items: int | None) -> None:
        self.cluster = cluster
        self.received_ms = received_ms
        self.max_items = max_items
        self.is_crowded = False
        """True once there were too many items; what was sorted until then is of no use."""
        self.records: list[Record] = []
        self.rejected: list[Rejected] = []

    def take_array(self, body: bytes) -> bool:
        """Take each payload of an array by itself, as Falco does; False when it has none."""
        is_envelope = False
        for number, payload in enumerate(self.counted(_elements_of(body, self.max_items)), start=1):
            if self.take_payload(payload, f"element {number}"):
                is_envelope = True
            else:
                detail = f"element {number}: expected an EventList or an Event, found {_type_of(payload)}"
                self.rejected.append(self.reject(payload, _Fault(Reason.NOT_AN_ENVELOPE, detail)))
        return is_envelope

    def take_payload(self, payload: bytes, place: str) -> bool:
        """Take the events of an EventList, or a single Event; False when it is neither."""
        kind, items = _open(payload, self.max_items)
        if kind == "Event":
            self.take_event(payload, place or "event")
        elif kind == "EventList" and items is not None:
            prefix = place and place + ", "
            for number, item in enumerate(self.counted(items), start=1):
                self.take_event(bytes(item), f"{prefix}item {number}")
        else:
            return False
        return True

    def counted(self, items: Sequence[_Item] | None) -> Sequence[_Item]:
        """Return items, none where there are too many of them in the body so far."""
        found = items or ()
        taken = len(self.records) + len(self.rejected)
        if self.max_items is not None and taken + len(found) > self.max_items:
            self.is_crowded = True
            return ()
        return found

    def take_event(self, value: bytes, place: str) -> None:
        """Take one item: as it came, mended, or not at all."""
        # Everything is decoded, though little is needed here: whatever passes over a value without decoding it lets
        # through invalid UTF-8 and endless numbers, and later stages could not read the body that holds one.
        event = _decode(value) if value.startswith(b"{") and _excess(value) is None else None
        if isinstance(event, dict):
            self.publish(value, event, place)
            return
        treated = _treat(value)
        fault = _Fault(treated.fault.reason, f"{place}: {treated.fault.detail}")
        self.rejected.append(self.reject(value, fault, is_judged=treated.event is not None))
        if treated.event is not None:
            self.publish(treated.value, treated.event, place)

    def publish(self, value: bytes, event: dict[str, Any], place: str) -> None:
        """Add the record of an event that every later stage can read."""
        head = read_head(event)
        key = affinity_key(self.cluster, head)
        redacted = redact(value, head)
        if len(redacted) > MAX_EVENT_BYTES:
            # What hides a secret may be longer than the secret was.
            detail = f"{place}: {len(redacted)} bytes without its secrets, more than {MAX_EVENT_BYTES}"
            self.rejected.append(self.reject(redacted, _Fault(Reason.TOO_LARGE, detail), is_judged=True))
            redacted = mend.shorten(redacted)
        self.records.append(Record(redacted, key, self.cluster, self.received_ms))

    def reject(self, value: bytes, fault: _Fault, *, is_judged: bool = False) -> Rejected:
        """Return the reject of bytes, cut to what the dead letter takes."""
        whole_bytes = len(value) if len(value) > MAX_EVENT_BYTES else None
        kept = value[:MAX_EVENT_BYTES]
        return Rejected(kept, fault.reason, fault.detail, self.cluster, self.received_ms, is_judged, whole_bytes)


# Opening an envelope: by the decoder, and by the scanner where one event's damage would cost all.


def _open(payload: bytes, limit: int | None) -> tuple[str | None, Sequence[msgspec.Raw | bytes] | None]:
    """Return the kind and the items of a payload, None for what it lacks, and of too many items the first."""
    if _is_decodable(payload, limit):
        try:
            read = _PAYLOAD.decode(payload)
        except _UNREADABLE:
            pass
        else:
            return read.kind, read.items
    members = dict(scan.members(payload) or ())
    return _text(members.get(b'"kind"', b"null")), scan.elements(members.get(b'"items"', b"null"), limit)


def _elements_of(body: bytes, limit: int | None) -> Sequence[bytes] | None:
    if _is_decodable(body, limit):
        try:
            return [bytes(element) for element in _ARRAY.decode(body)]
        except _UNREADABLE:
            pass
    return scan.elements(body, limit)


def _is_decodable(value: bytes, limit: int | None) -> bool:
    """Tell whether all items of a value may be listed: they are few, or there is no limit to them."""
    return limit is None or value.count(b",") <= _DECODED_AT_ONCE


def _text(value: bytes) -> str | None:
    decoded = _decode(value)
    return decoded if isinstance(decoded, str) else None


def _fault_of_body(body: bytes) -> _Fault:
    """Return what is wrong with a body that is no envelope."""
    first = body[:1]
    if first == b"{":
        is_json = scan.members(body) is not None or not isinstance(_check(body), Exception)
    elif first == b"[":
        is_json = scan.elements(body) is not None
    else:
        is_json = not isinstance(_decode(body), Exception)
    if is_json:
        return _Fault(Reason.NOT_AN_ENVELOPE, f"expected an EventList or an Event, found {_type_of(body)}")
    return _Fault(Reason.NOT_JSON, "expected an EventList or an Event, found no JSON")


def _type_of(value: bytes) -> str:
    return _TYPES.get(value[0], "no JSON") if value else "nothing"


# Treating an item that our decoder or our limits refuse.


def _treat(value: bytes) -> _Treated:
    """Return the fault of an item, and the copy of it that can go on."""
    if not value.startswith(b"{"):
        found = _type_of(value)
        reason = Reason.NOT_AN_EVENT if found in _TYPES.values() else Reason.NOT_JSON
        return _Treated(_Fault(reason, f"expected an object, found {found}"))
    copy = mend.mend_text(value)
    fault = None if copy == value else _Fault(Reason.NOT_UTF8, "invalid UTF-8 or a lone surrogate, read as U+FFFD")
    # Mended text may be longer, so limits are held against the copy.
    excess = _excess(copy)
    if excess is not None:
        fault = excess
        copy = mend.shorten(copy)
        if _excess(copy) is not None:
            return _Treated(fault)
    event = _decode(copy)
    if isinstance(event, msgspec.ValidationError):
        # Without a type to decode to, it is only ever a number that does not validate.
        fault = fault or _Fault(Reason.BAD_NUMBER, "a number out of range, read as 1e308")
        copy = mend.mend_numbers(copy)
        event = _decode(copy)
    if isinstance(event, dict) and fault is not None:
        return _Treated(fault, copy, event)
    return _Treated(_Fault(Reason.NOT_JSON, str(event)))


def _excess(value: bytes) -> _Fault | None:
    """Return which limit an event exceeds, if any."""
    if len(value) > MAX_EVENT_BYTES:
        return _Fault(Reason.TOO_LARGE, f"{len(value)} bytes, more than {MAX_EVENT_BYTES}")
    if scan.is_deeper(value, MAX_DEPTH):
        return _Fault(Reason.TOO_DEEP, f"nested more than {MAX_DEPTH} deep")
    return None


def _check(value: bytes) -> object:
    """Return JSON as it stands, or the exception that says why it is none; costs no more room than its bytes."""
    try:
        return _RAW.decode(value)
    except _UNREADABLE as error:
        return error


def _decode(value: bytes) -> object:
    """Return decoded JSON, or the exception that says why it is none."""
    try:
        return _ANY.decode(value)
    except _UNREADABLE as error:
        return error
