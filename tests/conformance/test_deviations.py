"""The table of deviations itself."""

import pytest

from tests.conformance import reference
from tests.conformance.deviations import DEVIATIONS, ROWS, Deviation, idle, meant


@pytest.mark.parametrize("deviation", DEVIATIONS, ids=lambda one: f"{one.data} {one.paragraph} row {one.row}")
def test_a_deviation_stands_on_a_row_that_asks_for_one_or_on_a_paragraph_alone(deviation: Deviation) -> None:
    assert deviation.paragraph.split(".")[0] in {"1", "2", "3", "4", "5"}
    if deviation.row is not None:
        paragraph, instead = ROWS[deviation.row]
        assert deviation.paragraph.startswith(paragraph)
        assert instead != "Compat"
    assert deviation.reason.endswith(".")
    assert reference.read(deviation.data)


def test_a_difference_that_no_deviation_explains_is_not_meant() -> None:
    assert meant("field_values_edge.json", "ka.verb", 0) is None
    assert meant("nosuch.json", "ka.sourceips", 0) is None


def test_a_deviation_that_hides_nothing_is_found() -> None:
    cases = ("ka.verb", "ka.uri.param[a]", "ka.sourceips", "jevt.value[/requestObject]")
    needed = [(case, event) for case in cases for event in (19, 34, 40)]
    assert [one.row for one in idle("field_values_edge.json", needed)] == [23, 24]
