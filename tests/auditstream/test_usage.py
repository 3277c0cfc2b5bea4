"""Hints for names that are not known."""

from auditstream.usage import did_you_mean


def test_the_nearest_known_name_is_offered() -> None:
    assert did_you_mean("Pod crated", ["Node gone", "Pod created"], "look") == "did you mean 'Pod created'?"


def test_letter_case_does_not_make_a_name_unlike() -> None:
    assert did_you_mean("POD CREATED", ["Pod created"], "look") == "did you mean 'Pod created'?"


def test_another_way_on_is_told_where_nothing_is_near() -> None:
    assert did_you_mean("xyz", ["Pod created"], "look") == "look"
