"""The lines at the end of a run."""

from types import SimpleNamespace

from tests.conformance.deviations import DEVIATIONS
from tests.conformance.summary import summary


def report(when: str, *told: object) -> object:
    """Return a test's report in which it told something."""
    return SimpleNamespace(when=when, user_properties=[("conformance", list(told)), ("other", 1)])


def test_what_tests_told_is_added_up_by_data_file() -> None:
    reports = [
        report("call", "b.json", 1000, 0),
        report("call", "a-long-name.json", 1, 1),
        report("call", "b.json", 500, 2),
        report("teardown", "b.json", 500, 2),
        object(),
    ]
    assert summary(reports) == [
        "a-long-name.json          1 cases run, 1 deviate on purpose",
        "b.json                1,500 cases run, 2 deviate on purpose",
        f"{len(DEVIATIONS)} deviations listed: tests/conformance/deviations.py",
    ]


def test_nothing_told_is_nothing_said() -> None:
    assert summary([]) == []
