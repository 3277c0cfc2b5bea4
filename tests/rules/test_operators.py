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


@pytest.mark.parametrize(
    ("comparison", "pattern", "expected"),
    [
        ("glob", "c*", True),
        ("glob", "C*", False),
        ("iglob", "C*", True),
        ("glob", "[", False),
        ("glob", "*" * 255, True),
        ("glob", "*" * 256, False),
        ("icontains", "REA", True),
        ("startswith", "cre", True),
        ("in", "create", True),
        ("intersects", "get", False),
    ],
)
def test_another_fields_value_is_compared_with(
    make_event: MakeEvent, holds: Holds, comparison: str, pattern: str, *, expected: bool
) -> None:
    event = make_event(userAgent=pattern)
    assert holds(f"ka.verb {comparison} val(ka.useragent)", event) is expected
    assert not holds(f"ka.verb {comparison} val(ka.target.subresource)", event)
    assert not holds(f"ka.target.subresource {comparison} val(ka.useragent)", event)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ka.user.groups in val(ka.user.groups)", True),
        ("ka.user.groups intersects val(ka.user.groups)", True),
        ("ka.user.groups in toupper(ka.user.groups)", False),
        ("getopt(ka.user.groups, 'a') exists", True),
        ("getopt(ka.user.groups, 'a') in (a)", False),
        ("getopt(ka.user.groups, 'a') in val(ka.user.groups)", False),
        ("ka.verb = oneof (create, create)", False),
        ("ka.verb startswith oneof (c, x)", True),
        ("ka.verb = anyof (get, create)", True),
        ("ka.verb = anyof ()", False),
        ("ka.verb contains allof (c, r, e)", True),
        ("ka.verb contains allof (c, x)", False),
        ("ka.verb = allof ()", False),
        ("ka.response.code < 99", True),
        ("ka.response.code >= 201", True),
        ("len(ka.verb) <= 6", True),
        ("len(ka.verb) > 6", False),
        ("len(ka.verb) in (5, 6)", True),
        ("len(ka.verb) = +6", True),
        ("len(ka.verb) < -1", True),
        ("len(ka.verb) < 99999999999999999999999", True),
        ("evt.is_async = false", True),
        ("evt.is_async in (true)", False),
        ("ka.uri pmatch (/api/v1, /x)", True),
        ("ka.uri pmatch ()", False),
        ("ka.verb regex 'c.*e'", True),
    ],
)
def test_a_condition_holds(make_event: MakeEvent, holds: Holds, condition: str, *, expected: bool) -> None:
    assert holds(condition, make_event()) is expected
