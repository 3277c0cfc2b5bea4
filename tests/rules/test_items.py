"""Priorities and their spellings."""

from rules.items import PRIORITIES, Priority


def test_priorities_are_ordered_from_the_worst() -> None:
    assert min(Priority) is Priority.EMERGENCY
    assert Priority.WARNING < Priority.NOTICE


def test_a_priority_shows_capitalised() -> None:
    assert str(Priority.INFORMATIONAL) == "Informational"


def test_info_is_informational_and_warn_is_nothing() -> None:
    assert PRIORITIES["info"] is Priority.INFORMATIONAL
    assert "warn" not in PRIORITIES
