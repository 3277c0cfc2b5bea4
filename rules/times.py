"""Times: nanoseconds since the epoch, read from what an event says and shown as fields and alerts show them.

Always UTC. Used by whoever makes events, by the fields of times, and by alerts.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

NANOSECONDS: Final = 1_000_000_000

# RFC 3339 as the API server writes it: capital T and Z, a fraction of any length.
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_TIME_NS: Final = 2**63 - 1  # in the year 2262: what consumers of alerts can hold
_MAX_ZONE_HOURS: Final = 23
_MAX_MINUTES: Final = 59


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
    time_ns = (since.days * 86400 + since.seconds) * NANOSECONDS + int((fraction or "")[:9].ljust(9, "0"))
    return time_ns if 0 <= time_ns <= _MAX_TIME_NS else None


def clock_time(time_ns: int) -> str:
    """Return `HH:MM:SS.nnnnnnnnn`."""
    return f"{_moment(time_ns):%H:%M:%S}.{time_ns % NANOSECONDS:09}"


def date_time(time_ns: int) -> str:
    """Return `YYYY-MM-DD HH:MM:SS.nnnnnnnnn`."""
    return f"{_moment(time_ns).date().isoformat()} {clock_time(time_ns)}"


def iso_time(time_ns: int, zone: str) -> str:
    """Return `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` and a spelling of UTC."""
    return f"{_moment(time_ns).date().isoformat()}T{clock_time(time_ns)}{zone}"


def _moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=time_ns // NANOSECONDS)
