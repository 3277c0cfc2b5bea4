"""Which rules are asked: those that an event's head does not rule out, and never fewer."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import index as index_module
from rules.codegen import CodeGenerator, Values
from rules.event import Event
from rules.index import Index
from rules.interpreter import evaluate
from tests.evaluators import condition_of
from tests.rules.strategies import AUDIT_EVENTS, CONDITIONS, HEAD

MakeEvent = Callable[..., Event]

_POD_WRITTEN = "ka.verb in (create, update) and ka.target.resource = pods and ka.user.name = bob"
_NOT_A_POD = "not ka.target.resource = pods and ka.verb exists"
_NO_SUBRESOURCE = "ka.verb = anyof (create, get) and not ka.target.subresource exists"
_ODD_VERB = "ka.verb startswith x or ka.verb = val(ka.uri)"
_OTHER_VERB = "ka.verb != create and ka.verb = allof (get)"
_ANY = "ka.user.name exists"


def _index(*conditions: str) -> Index[str]:
    return Index([(condition_of(text), text) for text in conditions], CodeGenerator().slot)


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


_CONSTANTS = ("create", "get", "pods", "exec", "ResponseComplete", "200", "403", "made-up")
_HEADS = st.builds(
    "{}{} {}".format,
    st.sampled_from(["", "not "]),
    st.sampled_from(HEAD),
    st.sampled_from(
        ["exists", "= {}", "!= {}", "in ({}, {})", "intersects ({})", "= oneof ({}, {})", "endswith {}"]
    ).flatmap(
        lambda form: st.lists(st.sampled_from(_CONSTANTS), min_size=2, max_size=2).map(
            lambda words: form.format(*words)
        )
    ),
)
"""Comparisons of the head's parts, exact and not."""


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    heads=st.lists(_HEADS, min_size=1, max_size=3),
    text=CONDITIONS,
    word=st.sampled_from(["and", "or"]),
    event=AUDIT_EVENTS,
)
def test_no_rule_that_holds_is_passed_over(heads: list[str], text: str, word: str, event: Event) -> None:
    others = [condition_of(head) for head in heads]
    condition = condition_of(f" {word} ".join([*heads, f"({text})"]))
    index = Index([(one, one) for one in (condition, *others)], CodeGenerator().slot)
    asked = index.candidates(Values(event))
    assert [one for one in (condition, *others) if evaluate(one, event) and one not in asked] == []
