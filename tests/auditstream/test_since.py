"""`--since`: what it may be, and what it then means."""

import pytest

from auditstream.since import since_ms
from auditstream.usage import UsageError

NOW = 1_800_000_000.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 1_799_999_910_500),
        ("10m", 1_799_999_400_500),
        ("2h", 1_799_992_800_500),
        ("3d", 1_799_740_800_500),
        ("999999999d", 0),
        ("2026-11-23T20:34:01Z", 1_795_466_041_000),
        ("2026-11-23 20:34:01.258117000z", 1_795_466_041_258),
        ("2026-11-23t21:34:01+01:00", 1_795_466_041_000),
        ("1969-12-31T23:59:59Z", 0),
    ],
)
def test_a_while_ago_or_a_moment(text: str, expected: int) -> None:
    assert since_ms(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "10 m", "-10m", "1.5h", "1w", "yesterday", "10m\n", "\u0661\u0660m"),
        *("2026-11-23", "2026-11-23T20:34:01", "2026-02-30T00:00:00Z", "2026-11-23T25:00:00Z"),
        "0001-01-01T00:00:00+23:59",
    ],
)
def test_anything_else_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(UsageError) as error:
        since_ms(text, NOW)
    assert str(error.value) == (
        f"--since={text}: give how long ago (90s, 10m, 2h, 3d) or a time of RFC 3339 (2026-11-23T20:34:01Z)"
    )
