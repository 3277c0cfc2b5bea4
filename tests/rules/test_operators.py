"""What each operator means, by way of whole conditions; absent values make every comparison false."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.conditions import Comparison, FieldOperand
from rules.event import Event
from rules.fields import Field
from rules.operators import OPERATORS
from tests.evaluators import Judge
from tests.rules.event_strategies import WHOLE_EVENTS

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
    ("comparison", "expected"),
    [
        (r'contains "\xc3"', True),
        (r'contains "\xa9 \xe2\x82"', True),
        (r'contains "\xc3\xa9"', True),
        (r'contains "\xc4"', False),
        (r'contains "\xc3 "', False),
        (r'icontains "ONE \xc3"', True),
        (r'icontains "ONE \xa9"', False),
        (r'startswith "One \xc3"', True),
        (r'startswith "\xc3"', False),
        (r'endswith "\x82\xac"', True),
        (r'endswith "\xa9 \xe2\x82\xac"', True),
        (r'endswith "\x82"', False),
        (r'contains anyof (x, "\x82")', True),
        (r'contains allof (One, "\x82", "\x83")', False),
        (r'startswith oneof (O, "One \xc3", "\xc3")', False),
        ("contains b64(ka.user.name)", True),
        ("endswith b64(ka.user.name)", False),
        ('contains concat(b64(ka.user.name), " ")', True),
        ("icontains b64(ka.user.name)", True),
        ("startswith tolower(ka.verb)", False),
        ("> b64(ka.user.name)", False),
        ("contains val(ka.useragent)", True),
    ],
)
def test_a_part_of_a_text_is_found_by_its_bytes(
    make_event: MakeEvent, holds: Holds, comparison: str, *, expected: bool
) -> None:
    event = make_event(userAgent="One \xe9 \u20ac", user={"username": "qQ=="})  # of which b64 makes the byte a9
    assert holds(f"ka.useragent {comparison}", event) is expected


_BYTES = st.lists(
    st.sampled_from([b"a", b"\xc3", b"\xa9", b"\xe2\x82", b"\xac", b"\xf0\x90", b"\x80"]), max_size=6
).map(b"".join)


@given(_BYTES, _BYTES)
def test_characters_are_looked_for_only_where_that_finds_the_bytes(value: bytes, part: bytes) -> None:
    text, constant = (some.decode(errors="surrogateescape") for some in (value, part))
    operand = FieldOperand(Field("x.y", "", lambda _event, _argument: text), None)
    for name, expected in [
        ("contains", part in value),
        ("icontains", part in value),
        ("startswith", value.startswith(part)),
        ("endswith", value.endswith(part)),
    ]:
        condition = Comparison(operand, OPERATORS[name], (constant,), constant)
        assert Judge(condition).holds(WHOLE_EVENTS[0]) is expected, name


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ('contains "\\xa9"', True),
        ('contains ""', True),
        ("contains val(ka.useragent)", False),
        ("> val(ka.useragent)", False),
        ("< val(ka.useragent)", True),
        ("< 5", False),
        (">= 5", True),
        ("<= b64(ka.user.name)", True),
        ("icontains b64(ka.user.name)", True),
        ("endswith val(ka.verb)", False),
    ],
)
def test_bytes_that_are_no_text_are_compared_as_such(
    make_event: MakeEvent, holds: Holds, comparison: str, *, expected: bool
) -> None:
    # Python orders the character that stands for the byte a9 after \u20ac, whose first byte is e2.
    assert (
        holds(f"b64(ka.user.name) {comparison}", make_event(userAgent="\u20ac", user={"username": "qQ=="})) is expected
    )


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
