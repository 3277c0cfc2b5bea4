"""A record's bytes into an event, or into what the dead letter is told of them. PURE; called by the engine.

Bodies stay raw: only the outermost level is read here, and the whole is checked to be JSON, so that no later look
into it can fail.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from rules.document import Value
from rules.event import Event
from wire.record import Reason, Record, Rejected

# RFC 3339 as the API server writes it: capital T and Z, a fraction of any length.
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS: Final = 1_000_000_000
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode
_MAX_TIME_NS: Final = 2**63 - 1  # in the year 2262: what consumers of alerts can hold
_MAX_ZONE_HOURS: Final = 23
_MAX_MINUTES: Final = 59


def decode(record: Record) -> Event | Rejected:
    """Return the event of a record, or why it is none. Never raises."""
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
    return Event(document, time_ns, record.cluster)


def _rejected(record: Record, reason: Reason, detail: str) -> Rejected:
    return Rejected(record.value, reason, detail, record.cluster, record.received_ms)


def parse_timestamp(text: str) -> int | None:
    """Return an RFC 3339 time in nanoseconds since the epoch, None where it is none or lies before 1970 or after 2262.

    Digits of a second beyond nine are cut.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, zone_hours, zone_minutes = match.groups()[6:]
    offset = timedelta()
    if sign is not None:
        if int(zone_hours) > _MAX_ZONE_HOURS or int(zone_minutes) > _MAX_MINUTES:
            return None
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes)) * (-1 if sign == "-" else 1)
    try:
        since = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - offset - _EPOCH
    except (ValueError, OverflowError):
        return None
    time_ns = (since.days * 86400 + since.seconds) * _NANOSECONDS + int((fraction or "")[:9].ljust(9, "0"))
    return time_ns if 0 <= time_ns <= _MAX_TIME_NS else None
