"""Demands on versions."""

import pytest

from rules.versions import is_compatible, parse_engine_version, parse_version, show


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("15", (0, 15, 0)),
        ("0.31.0", (0, 31, 0)),
        ("0.31.0-rc1", (0, 31, 0)),
        ("0.26", None),
        ("v0.26.0", None),
        ("-1", None),
        ("9" * 5000, None),
        (f"0.{'9' * 5000}.0", None),
    ],
)
def test_an_engine_version_is_a_number_or_three(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_engine_version(text) == version


def test_a_plugin_version_is_three_numbers() -> None:
    assert parse_version("7") is None
    assert parse_version("0.7.4") == (0, 7, 4)


@pytest.mark.parametrize(
    ("demanded", "expected"), [((0, 63, 0), True), ((0, 15, 0), True), ((0, 64, 0), False), ((1, 0, 0), False)]
)
def test_compatible_is_same_major_and_not_older(demanded: tuple[int, int, int], *, expected: bool) -> None:
    assert is_compatible((0, 63, 0), demanded) is expected


def test_a_version_shows_with_dots() -> None:
    assert show((0, 63, 0)) == "0.63.0"
