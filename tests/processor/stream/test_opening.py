"""Where a partition is read from: the later of marker and commit, never past what is there, never past a word."""

import pytest

from processor.stream.opening import ResumePoint, resume_point


@pytest.mark.parametrize(
    ("marker", "committed", "first", "end", "offset"),
    [
        (None, None, 0, 0, 0),
        (None, None, 40, 90, 40),
        (50, None, 0, 90, 50),
        (None, 50, 0, 90, 50),
        (60, 50, 0, 90, 60),
        (50, 60, 0, 90, 60),
        (90, 90, 90, 90, 90),
        (50, 95, 0, 90, 50),
        (95, 50, 0, 90, 50),
        (0, None, 0, 90, 0),
    ],
)
def test_the_state_and_the_group_say_where(
    marker: int | None, committed: int | None, first: int, end: int, offset: int
) -> None:
    assert resume_point(marker, committed, first, end) == ResumePoint(offset)


def test_events_that_are_gone_are_counted_and_told() -> None:
    point = resume_point(10, 20, 50, 90)
    assert (point.offset, point.deleted) == (50, 30)
    assert point.told.startswith("30 events were deleted before they could be judged")


def test_a_topic_made_anew_is_read_from_its_beginning() -> None:
    point = resume_point(100, None, 5, 40)
    assert (point.offset, point.deleted) == (5, 0)
    assert point.told == "it ends at 40, but was judged up to 100: it was made anew, and is read from its beginning"
