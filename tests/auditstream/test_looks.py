"""What an operator is told of Kafka, look by look."""

from auditstream.looks import Looks

AWAY = "nothing is judged: "
BACK = "events are judged"


def told(*troubles: str | None, is_well: bool = True) -> list[str]:
    looks = Looks(ill="nothing is judged", well=BACK, is_well=is_well)
    return [line for trouble in troubles if (line := looks.look(trouble)) is not None]


def test_nothing_is_told_of_what_is_well() -> None:
    assert told(None, None, None) == []


def test_what_was_not_well_at_first_is_told_when_it_is() -> None:
    assert told("it begins", None, None, None, is_well=False) == [BACK]


def test_an_outage_is_two_lines_however_long_it_is() -> None:
    assert told(None, *["it is away"] * 9, *[None] * 9) == [AWAY + "it is away", BACK]


def test_what_does_not_hold_is_not_told() -> None:
    assert told(None, "a moment", None, None, "another", None, None) == []


def test_one_reason_after_another_is_told_and_figures_make_no_other() -> None:
    assert told("5 wait", "6 wait", "7 wait", "no more", "no more", "8 wait", None, None) == [
        AWAY + "6 wait",
        AWAY + "no more",
        BACK,
    ]
