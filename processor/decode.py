"""A record's bytes into an event, or into what the dead letter is told of them. PURE; called by the engine.

Bodies stay raw: only the outermost level is read here, and the whole is checked to be JSON, so that no later look
into it can fail.
"""

from functools import partial

import msgspec

from rules.document import Value
from rules.event import Event
from rules.times import parse_timestamp
from wire.record import Reason, Record, Rejected, identity

_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode


def decode(record: Record, hostname: str = "") -> Event | Rejected:
    """Return the event of a record, as a host of this name judges it, or why it is none. Never raises."""
    try:
        document = Value(record.value or b" ")
        members = document.members
        if members is None:
            _check_syntax(record.value)
        if not record.value.isascii():
            record.value.decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _rejected(record, Reason.NOT_JSON, str(error))
    except RecursionError:
        return _rejected(record, Reason.TOO_DEEP, "nested too deeply")
    if members is None:
        return _rejected(record, Reason.NOT_AN_EVENT, "expected an object")
    stamp = members.get("stageTimestamp")
    if stamp is None:
        return _rejected(record, Reason.BAD_TIMESTAMP, "stageTimestamp is missing")
    time_ns = None if stamp.string is None else parse_timestamp(stamp.string)
    if time_ns is None:
        return _rejected(record, Reason.BAD_TIMESTAMP, "stageTimestamp is no RFC 3339 time from 1970 to 2262")
    identify = partial(identity, record.cluster, record.value)
    return Event(document, time_ns, record.cluster, hostname=hostname, identify=identify)


def _rejected(record: Record, reason: Reason, detail: str) -> Rejected:
    return Rejected(record.value, reason, detail, record.cluster, record.received_ms)
