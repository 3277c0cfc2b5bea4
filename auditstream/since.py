"""The time of `--since`: a while ago, or a moment. Called by `auditstream.cli`."""

import re
from datetime import UTC, datetime
from typing import Final

from auditstream.usage import UsageError

_AGO: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def since_ms(text: str, now_seconds: float) -> int:
    """Return the milliseconds since the epoch that `10m` or `2026-11-23T20:34:01Z` mean; raise UsageError otherwise.

    What lies before the epoch is the epoch: there are no records before it.
    """
    if ago := _AGO.fullmatch(text):
        return max(0, int((now_seconds - int(ago[1]) * _SECONDS[ago[2]]) * 1000))
    if _RFC_3339.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # no such day or hour
        else:
            return max(0, int(moment.timestamp() * 1000))
    raise UsageError(
        f"--since={text}: give how long ago (90s, 10m, 2h, 3d) or a time of RFC 3339 (2026-11-23T20:34:01Z)"
    )
