"""What each operator means, by way of whole conditions; absent values make every comparison false."""

from collections.abc import Callable

import pytest

from rules.event import Event

MakeEvent = Callable[..., Event]
Holds = Callable[[str, Event], bool]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("= create", True),
        ("= Create", False),
        ("== create", True),
        ("!= create", False),
        ("!= delete", True),
        ("contains rea", True),
        ("contains REA", False),
        ("contains ''", True),
        ("icontains REA", True),
        ("startswith cre", True),
        ("startswith eat", False),
        ("endswith ate", True),
        ("in (get, create)", True),
        ("in (get)", False),
        ("in ()", False),
        ("intersects (create)", True),
        ("exists", True),
    ],
)
def test_a_text_is_compared(make_event: MakeEvent, holds: Holds, comparison: str, *, expected: bool) -> None:
    assert holds(f"ka.verb {comparison}", make_event()) is expected


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("in (dev, system:authenticated, other)", True),
        ("in (dev)", False),
        ("in ()", False),
        ("intersects (dev, other)", True),
        ("intersects (other)", False),
        ("intersects ()", False),
        ("exists", True),
    ],
)
def test_in_asks_for_all_of_a_list_and_intersects_for_any(
    make_event: MakeEvent, holds: Holds, comparison: str, *, expected: bool
) -> None:
    assert holds(f"ka.user.groups {comparison}", make_event()) is expected


@pytest.mark.parametrize(
    "comparison",
    ["= x", "== x", "!= x", "contains ''", "icontains x", "startswith ''", "endswith ''", "in (x)", "in ()",
     "intersects (x)", "exists", "= '<NA>'"],
)  # fmt: skip
def test_nothing_holds_of_an_absent_value_but_its_negation(
    make_event: MakeEvent, holds: Holds, comparison: str
) -> None:
    event = make_event()
    assert not holds(f"ka.target.subresource {comparison}", event)
    assert holds(f"not ka.target.subresource {comparison}", event)


def test_case_folding_is_ascii_only(make_event: MakeEvent, holds: Holds) -> None:
    assert not holds("ka.user.name icontains 'é'", make_event(user={"username": "É"}))
