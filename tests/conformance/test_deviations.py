"""The table of deviations itself."""

import pytest

from tests.conformance import reference
from tests.conformance.deviations import DEVIATIONS, ROWS, Deviation, idle, meant


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: f"{one.data} row {one.row}")
def test_a_deviation_stands_on_a_row_that_asks_for_one(deviation: Deviation) -> None:
    assert ROWS[deviation.row] != "Compat"
    assert deviation.reason.endswith(".")
    assert reference.read(deviation.data)


def test_a_difference_that_no_deviation_explains_is_not_meant() -> None:
    assert meant("field_values_edge.json", "ka.verb", 0) is None
    assert meant("nosuch.json", "ka.sourceips", 0) is None


def test_a_deviation_that_hides_nothing_is_found() -> None:
    needed = [(case, event) for case in ("ka.verb", "ka.uri.param[a]", "ka.sourceips") for event in (19, 40)]
    assert [one.row for one in idle("field_values_edge.json", needed)] == [23, 24]
