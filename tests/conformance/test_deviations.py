"""The list of deviations itself."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import deviations, reference
from tests.conformance.deviations import DEVIATIONS, ROWS, Deviation, asks_for_more, idle, meant
from tests.conformance.summary import summary
from tests.conformance.test_summary import report


def _faults(listed: Iterable[Deviation]) -> Iterator[str]:
    """Yield what is wrong with deviations: each stands on a row of the table of quirks that asks for one."""
    for one in listed:
        paragraph, done = ROWS.get(one.row, ("", "no row"))
        if done == "no row":
            yield f"{one.data}: there is no row {one.row}"
        elif not asks_for_more(done):
            yield f"{one.data}: row {one.row} says {done}"
        elif one.paragraph != paragraph and not one.paragraph.startswith(f"{paragraph}."):
            yield f"{one.data}: row {one.row} stands on {paragraph}, not {one.paragraph}"
        if not one.reason.endswith("."):
            yield f"{one.data}: row {one.row} has no whole reason"


def test_the_table_of_quirks_is_whole() -> None:
    assert list(ROWS) == list(range(1, 35))
    assert [row for row, (_, done) in ROWS.items() if not asks_for_more(done)] == [
        *(1, 2, 3, 4, 5, 13, 15, 19, 21, 25, 26, 27, 28, 34)
    ]


def test_a_deviation_stands_on_a_row_that_asks_for_one() -> None:
    assert list(_faults(DEVIATIONS)) == []


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"row": 25, "paragraph": "4.4"}, "string_ops.json: row 25 says Compat"),
        ({"row": 1, "paragraph": "1.7"}, "string_ops.json: row 1 says Compat, always"),
        ({"row": 28, "paragraph": "4.4"}, "string_ops.json: row 28 says Compat for N/A; consider a metric"),
        ({"row": None}, "string_ops.json: there is no row None"),
        ({"row": 35}, "string_ops.json: there is no row 35"),
        ({"paragraph": "1.7"}, "string_ops.json: row 6 stands on 1.9, not 1.7"),
        ({"paragraph": "1.99"}, "string_ops.json: row 6 stands on 1.9, not 1.99"),
        ({"reason": ""}, "string_ops.json: row 6 has no whole reason"),
    ],
)
def test_a_deviation_that_may_not_stand_is_found(wrong: dict[str, Any], fault: str) -> None:
    one = next(one for one in DEVIATIONS if one.data == "string_ops.json")
    assert list(_faults([replace(one, **wrong)])) == [fault]


def test_every_deviation_is_of_a_data_file_that_is_run() -> None:
    runners = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    for data in {one.data for one in DEVIATIONS}:
        assert reference.read(data)
        assert f'_DATA = "{data}"' in runners


def test_the_list_is_as_long_as_is_printed() -> None:
    written = Path(deviations.__file__).read_text().count("\n    Deviation(")
    assert len(set(DEVIATIONS)) == written
    assert summary([report("call", "string_ops.json", 1, 0)])[-1].split()[0] == str(written)


def test_a_difference_that_no_deviation_explains_is_not_meant() -> None:
    assert meant("field_values_edge.json", "ka.verb", 0) is None
    assert meant("nosuch.json", "ka.sourceips", 0) is None


def test_a_deviation_that_hides_nothing_is_found() -> None:
    cases = ("ka.verb", "ka.uri.param[a]", "ka.sourceips")
    needed = [(case, event) for case in cases for event in (19, 40)]
    assert [one.row for one in idle("field_values_edge.json", needed)] == [23, 24]
