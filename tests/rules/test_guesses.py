"""Names that are meant."""

import pytest

from rules.guesses import Guesses


@pytest.mark.parametrize(
    ("name", "near"),
    [("wrtes", "writes"), ("reads", "reads_all"), ("quite other", None), ("", None), ("w" * 64, None)],
)
def test_the_nearest_name_is_meant_if_any_is_near(name: str, near: str | None) -> None:
    assert Guesses().near(name, ["writes", "reads_all", "w" * 65]) == near


def test_long_names_are_not_guessed() -> None:
    assert Guesses().near("a" * 64, ["a" * 63, "a" * 65]) == "a" * 63
    assert Guesses().near("a" * 65, ["a" * 64]) is None


def test_so_much_is_guessed_and_no_more() -> None:
    guesses = Guesses()
    names = [f"{number:064}" for number in range(1000)]
    found = [guesses.near("0" * 60 + "0001", names) for _ in range(4)]
    assert found == [names[1], names[1], names[1], None]
