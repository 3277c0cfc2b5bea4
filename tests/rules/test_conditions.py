"""Operands: a value of theirs is absent where a part of it is."""

from collections.abc import Callable

import pytest

from rules.conditions import Present
from rules.event import Event
from rules.fields import FieldValue
from tests.evaluators import condition_of

MakeEvent = Callable[..., Event]


@pytest.mark.parametrize(
    ("operand", "value"),
    [
        ("ka.verb", "create"),
        ("ka.uri.param[a]", None),
        ("tolower(toupper(ka.verb))", "create"),
        ("len(ka.user.groups)", 2),
        ("len(ka.target.subresource)", None),
        ("tolower(ka.user.groups)", ("dev", "system:authenticated")),
        ("concat(ka.verb, '-', 5)", "create-5"),
        ("concat(ka.verb, ka.target.subresource)", None),
        ("join('+', (ka.verb, 'x', len(ka.verb)))", "create+x+6"),
        ("join('+', (evt.is_async, evt.rawtime.ns))", "false+258117000"),
        ("join('+', (ka.verb, ka.target.subresource))", None),
        ("join(ka.target.subresource, ())", None),
        ("join('/', ka.user.groups)", "dev/system:authenticated"),
        ("getopt(ka.user.groups, 'a')", ()),
        ("getopt(ka.user.groups, 'a')[a]", None),
    ],
)
def test_an_operand_is_read(make_event: MakeEvent, operand: str, value: FieldValue) -> None:
    condition = condition_of(f"{operand} exists")
    assert isinstance(condition, Present)
    assert condition.operand.read(make_event()) == value


def test_equal_operands_are_equal() -> None:
    one, other = (condition_of("join(',', (ka.verb, ka.uri.param[a])) exists") for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != condition_of("join(',', (ka.verb, ka.uri.param[b])) exists")


def test_so_much_is_made_of_texts_and_no_more_is_read(make_event: MakeEvent) -> None:
    event = make_event(verb="x" * 2**20)
    for parts in ("concat({})", "join('', ({}))"):
        for count, size in ((8, 2**23), (9, None)):
            operand = parts.format(", ".join(["ka.verb"] * count))
            condition = condition_of(f"{operand} exists")
            assert isinstance(condition, Present)
            value = condition.operand.read(event)
            assert (None if value is None else len(str(value))) == size
