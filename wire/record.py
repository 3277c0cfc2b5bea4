"""The record: one audit event on its way, and what became of one that cannot go on.

`ingest` makes records, Kafka (or the in-process topic) carries them, `processor` takes them. Nothing here reads an
event: its bytes are opaque but for the two leading members that tell a log line from a webhook item.
"""

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

VERSION: Final = "1"
"""Version of key, headers and value together. A change of the tracked set or of the keys raises it."""

MAX_EVENT_BYTES: Final = 8 * 1024 * 1024
"""What the value of a record may have, in either topic; `wire.topics` has room for it, and for key and headers."""

CLUSTER_NAME: Final = r"[a-z0-9][a-z0-9.-]{0,62}"
"""What a cluster may be called, as a regular expression: it stands in paths, keys, headers and alerts."""

_IDENTITY_BYTES: Final = 16

# Lines of the API server's log backend begin so; items of its webhook bodies lack both members and are otherwise equal.
_LOG_LINE_PREFIX: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",'


class Record(msgspec.Struct, frozen=True):
    """One audit event, redacted, under the key that decides its partition."""

    value: bytes
    """The JSON of one audit Event, bytes as posted but for redaction."""
    key: bytes | None
    """The affinity key, None where the event shares no state with another."""
    cluster: str
    """The identity bound to the sender's credential or path; never taken from the event."""
    received_ms: int
    """When it was received: milliseconds since the epoch."""

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers of this record."""
        return _headers(self.cluster, self.received_ms)


class Reason(StrEnum):
    """Why bytes went to the dead letter. The value is what its header says."""

    NOT_A_RECORD = "not_a_record"
    """On the topic of events, but no record that this version knows, as its headers tell."""
    NOT_JSON = "not_json"
    """The body, line or item is not JSON."""
    NOT_AN_ENVELOPE = "not_an_envelope"
    """JSON, but neither an EventList nor an Event of audit.k8s.io."""
    NOT_AN_EVENT = "not_an_event"
    """An item that is not a JSON object, or lacks what every audit event has."""
    TOO_MANY = "too_many"
    """A body of more items than any API server sends; rejected whole."""
    BAD_TIMESTAMP = "bad_timestamp"
    """`stageTimestamp` is missing or not RFC 3339."""
    TOO_LARGE = "too_large"
    """Above the limit. An event is judged without its objects; these are the original bytes, cut."""
    TOO_DEEP = "too_deep"
    """Nested beyond the limit. An event is judged without its objects; these are the original bytes."""
    NOT_UTF8 = "not_utf8"
    """Invalid UTF-8 or a lone surrogate. An event is judged with U+FFFD in its place; these are the original bytes."""
    BAD_NUMBER = "bad_number"
    """A number beyond a double. An event is judged with ±1e308 in its place; these are the original bytes."""


class Rejected(msgspec.Struct, frozen=True):
    """Bytes that will never become good by trying again: for the dead letter, with the reason."""

    value: bytes
    """What came, raw: not redacted, since it could not be read."""
    reason: Reason
    detail: str
    """One clause for a person, such as `item 3: expected an object, found a number`."""
    cluster: str
    received_ms: int
    is_judged: bool = False
    """True when a mended or shortened copy of this event went on to the rules all the same."""
    whole_bytes: int | None = None
    """How many bytes came, where `value` has only the first of them."""

    @property
    def kept(self) -> bytes:
        """What the topic of dead letters keeps of the value: as much as a record may have."""
        return self.value[:MAX_EVENT_BYTES]

    def headers(self, origin: str) -> list[tuple[str, bytes]]:
        """Return the Kafka headers that tell why it is a dead letter, and who found it: `ingest` or `processor`."""
        headers = [
            *_headers(self.cluster, self.received_ms),
            ("reason", self.reason.encode()),
            ("detail", self.detail.encode()),
            ("judged", b"true" if self.is_judged else b"false"),
            ("origin", origin.encode()),
        ]
        whole_bytes = len(self.value) if self.whole_bytes is None else self.whole_bytes
        if whole_bytes > len(self.kept):
            headers.append(("cut", str(whole_bytes).encode()))
        return headers


def _headers(cluster: str, received_ms: int) -> list[tuple[str, bytes]]:
    """Return what both kinds of records tell."""
    return [("cluster", cluster.encode()), ("received", str(received_ms).encode()), ("v", VERSION.encode())]


def read_record(
    key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
) -> Record | Rejected:
    """Return the record that Kafka holds so, or why it is none."""
    told = {name: header or b"" for name, header in headers}
    try:
        cluster, received_ms = told.get("cluster", b"")[:_MAX_CLUSTER_BYTES].decode(), int(told.get("received", b""))
    except ValueError:
        cluster, received_ms = "", 0
    version = told.get("v", b"").decode(errors="replace")
    if version == VERSION and cluster and received_ms >= 0 and value is not None:
        return Record(value, key, cluster, received_ms)
    detail = f"expected a value and the headers cluster, received and v={VERSION}, found v={version[:_SHOWN]}"
    return Rejected(value or b"", Reason.NOT_A_RECORD, detail, cluster, received_ms)


_SHOWN: Final = 20
_MAX_CLUSTER_BYTES: Final = 253  # far more than ingest gives; a dead letter has to fit its topic


def identity(cluster: str, value: bytes) -> str:
    """Return the identity of an event: 32 hex digits, the same for a log line and a webhook item of one event.

    A client may choose its auditID, so an event is told by all of its (redacted) bytes and never by that.
    """
    if value.startswith(_LOG_LINE_PREFIX):
        value = b"{" + value[len(_LOG_LINE_PREFIX) :]
    digest = blake2b(cluster.encode(), digest_size=_IDENTITY_BYTES)
    digest.update(b"\0")
    digest.update(value)
    return digest.hexdigest()
