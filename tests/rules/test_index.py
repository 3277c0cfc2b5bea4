"""Which rules are asked: those that an event's head does not rule out, and never fewer."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import index as index_module
from rules.codegen import Compiler, Values
from rules.document import Value
from rules.event import Event
from rules.index import Index
from rules.interpreter import evaluate
from rules.tokenizer import ConditionError
from tests.evaluators import condition_of
from tests.rules.strategies import CONDITIONS, EVENTS

MakeEvent = Callable[..., Event]

_POD_WRITTEN = "ka.verb in (create, update) and ka.target.resource = pods and ka.user.name = bob"
_NOT_A_POD = "not ka.target.resource = pods and ka.verb exists"
_NO_SUBRESOURCE = "ka.verb = anyof (create, get) and not ka.target.subresource exists"
_ODD_VERB = "ka.verb startswith x or ka.verb = val(ka.uri)"
_OTHER_VERB = "ka.verb != create and ka.verb = allof (get)"
_ANY = "ka.user.name exists"


def _index(*conditions: str) -> Index[str]:
    return Index([(condition_of(text), text) for text in conditions], Compiler().slot)


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ({}, [_POD_WRITTEN, _NO_SUBRESOURCE, _ODD_VERB, _ANY]),
        ({"verb": "get"}, [_NO_SUBRESOURCE, _ODD_VERB, _OTHER_VERB, _ANY]),
        ({"verb": "made up"}, [_NO_SUBRESOURCE, _ODD_VERB, _OTHER_VERB, _ANY]),
        ({"verb": ...}, [_ANY]),
        (
            {"verb": "update", "objectRef": {"resource": "made-up"}},
            [_NOT_A_POD, _NO_SUBRESOURCE, _ODD_VERB, _OTHER_VERB, _ANY],
        ),
        ({"objectRef": {"resource": "pods", "subresource": "status"}}, [_POD_WRITTEN, _ODD_VERB, _ANY]),
        ({"objectRef": ...}, [_NOT_A_POD, _NO_SUBRESOURCE, _ODD_VERB, _ANY]),
    ],
)
def test_a_rule_is_asked_where_the_head_does_not_rule_it_out(
    make_event: MakeEvent, members: dict[str, object], asked: list[str]
) -> None:
    index = _index(_POD_WRITTEN, _NOT_A_POD, _NO_SUBRESOURCE, _ODD_VERB, _OTHER_VERB, _ANY)
    for _ in range(2):
        assert list(index.candidates(Values(make_event(**members)))) == asked


def test_what_clients_make_up_is_all_one(make_event: MakeEvent) -> None:
    index = _index(_POD_WRITTEN, _ANY)
    for number in range(50):
        index.candidates(Values(make_event(verb=f"v{number}", objectRef={"resource": f"r{number}"})))
    assert len(index._kept) == 1  # noqa: SLF001 - what it keeps shows nowhere else


def test_what_is_kept_is_bounded(make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_MAX_KEPT", 2)
    index = _index(_POD_WRITTEN, _ANY)
    for _ in range(2):
        assert list(index.candidates(Values(make_event(verb="list")))) == [_ANY]
        assert list(index.candidates(Values(make_event()))) == [_POD_WRITTEN, _ANY]
    assert len(index._kept) == 1  # noqa: SLF001 - the same


_HEADS = st.sampled_from(
    [
        "ka.verb = create",
        "ka.verb != allof (create, a)",
        "ka.target.resource in (pods, a, true)",
        "not ka.target.subresource exists",
        "ka.target.subresource intersects (exec)",
        "ka.verb endswith e",
        "ka.verb = oneof (create, create, pods)",
        "jevt.value[/stage] = a",
        "ka.response.code in ()",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(heads=st.lists(_HEADS, max_size=3), text=CONDITIONS, word=st.sampled_from(["and", "or"]), data=EVENTS)
def test_no_rule_that_holds_is_passed_over(heads: list[str], text: str, word: str, data: dict[str, object]) -> None:
    try:
        condition = condition_of(f" {word} ".join([*heads, f"({text})"]))
    except ConditionError:
        return
    event = Event(Value(json.dumps(data).encode()), 0)
    index = Index([(condition, "rule")], Compiler().slot)
    if evaluate(condition, event):
        assert index.candidates(Values(event)) == ("rule",)
