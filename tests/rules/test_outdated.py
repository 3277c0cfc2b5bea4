"""What of earlier files a later one gives another meaning: no more of it is looked at again than has to be."""

from collections.abc import Callable

import pytest

from rules.collector import Collected, collect
from rules.errors import LoadResult
from rules.outdated import Users
from rules.reader import RuleFile, read
from rules.text import Sources
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]


def _collected(*texts: str) -> Collected:
    sources = Sources()
    files = [read(RuleFile(f"{number}.yaml", text.encode()), sources, []) for number, text in enumerate(texts)]
    return collect(files, sources, [])


_FIRST = (
    "- list: l\n  items: [a]\n- list: k\n  items: [l]\n- list: odd name\n  items: [b]\n"
    "- macro: m\n  condition: ka.verb in (k)\n- macro: n\n  condition: not m\n- macro: o\n  condition: ka.verb = c\n"
    + _rule("n", name="uses n")
    + _rule("o", name="uses o")
    + _rule("ka.verb in (odd name)", name="uses odd name")
    + _rule("ka.verb = a", name="excepts", extra="  exceptions: [{name: e, fields: ka.verb, values: [k]}]\n")
    + _rule("ka.verb = d or later_2", name="uses what is not there")
    + _rule("ka.uri exists", name="excepts a field", extra="  exceptions: [{name: e, fields: evt.num, values: [1]}]\n")
    + _rule("ka.verb = m", name="has a word of that name")
    + _rule("ka.uri exists", name="excepts nothing", extra="  exceptions: [{name: e, fields: [ka.uri]}]\n")
    + _rule("ka.uri exists", name="is wrong", extra="  exceptions: [{name: e, fields: [ka.uri], values: [k]}]\n")
    + _rule(
        "ka.uri exists",
        name="compares otherwise",
        extra="  exceptions: [{name: e, fields: ka.user.groups, comps: intersects, values: [x]}]\n",
    )
)


@pytest.mark.parametrize(
    ("second", "names"),
    [
        ("", set()),
        (_rule(name="new"), set()),
        ("- list: unheard-of\n  items: [o1]\n", {"unheard-of"}),
        ("- list: l\n  items: [b]\n", {"l", "k", "m", "n", "uses n", "excepts", "has a word of that name"}),
        ("- macro: m\n  condition: ka.verb = b\n", {"m", "n", "uses n", "has a word of that name"}),
        ("- macro: o\n  condition: or ka.verb = b\n  override: {condition: append}\n", {"o", "uses o"}),
        ("- list: odd name\n  items: []\n", {"odd name", "uses odd name"}),
        ("- list: c\n  items: [d]\n", {"c", "o", "uses o"}),
        ("- macro: later_2\n  condition: ka.verb = e\n", {"later_2", "uses what is not there"}),
        ("- list: evt.num\n  items: [evt.time]\n", {"evt.num", "excepts a field"}),
        ("- list: or later_2\n  items: [a]\n", {"or later_2", "uses what is not there"}),
        ("- list: intersects\n  items: [in]\n", {"intersects", "compares otherwise"}),
        (_rule("ka.verb = f", name="uses o"), {"uses o"}),
        ("- rule: uses o\n  enabled: false\n  override: {enabled: replace}\n", set()),
        ("- rule: uses o\n  output: p\n  override: {output: append}\n", {"uses o"}),
        ("- rule: uses o\n  tags: [t]\n  override: {tags: replace}\n", {"uses o"}),
    ],
)
def test_what_a_later_file_has_a_hand_in_is_looked_at_again(second: str, names: set[str]) -> None:
    collected = _collected(_FIRST, second, _rule(name="in the last file"))
    old = Users(collected).outdated(collected.formers[1], collected.definitions)
    assert {*old.names, *old.rules} == names


def test_a_list_whose_name_has_no_word_may_be_anywhere() -> None:
    collected = _collected(_FIRST, "- list: '='\n  items: [a]\n")
    old = Users(collected).outdated(collected.formers[1], collected.definitions)
    assert set(old.names) == {"=", *collected.definitions.macros, "k", "l", "odd name"}
    assert set(old.rules) == set(collected.definitions.rules)


def test_what_an_item_said_in_any_state_counts() -> None:
    once = _rule("m", name="once").replace("rule: r", "rule: once")
    collected = _collected(
        once, _rule("n", name="once"), _rule("ka.verb exists", name="once"), "- macro: m\n  condition: a.b exists\n"
    )
    old = Users(collected).outdated(collected.formers[3], collected.definitions)
    assert list(old.rules) == ["once"]


def test_chains_of_macros_go_back_in_the_order_of_definition(load_text: LoadText) -> None:
    """By their names they would come the other way round, each waiting for the next."""
    chain = "- macro: m999\n  condition: ka.verb exists\n" + "".join(
        f"- macro: m{number}\n  condition: m{number + 1}\n" for number in range(998, 800, -1)
    )
    assert load_text(chain + _rule("m801"), "- macro: m999\n  condition: ka.verb = a\n").errors == []


def test_a_list_of_one_word_goes_beside_one_of_two(load_text: LoadText) -> None:
    first = "- list: l\n  items: [a]\n" + _rule("ka.verb in (l, odd name)")
    (problem,) = load_text(first, "- list: odd name\n  items: [b]\n").errors
    assert problem.message == "expected ',' or ')' in the list, found 'name'"


def test_definitions_go_back_file_by_file() -> None:
    texts = (
        _FIRST,
        "- list: l\n  items: [b]\n- list: new\n  items: [c]\n- macro: bad\n",
        "- macro: bad\n  condition:\n",
    )
    collected = _collected(*texts)
    definitions = collected.definitions.copy()
    for end in (2, 1):
        definitions.undo(collected.formers[end])
        assert definitions == _collected(*texts[:end]).definitions
