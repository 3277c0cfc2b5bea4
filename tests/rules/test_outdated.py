"""What of earlier files a later one gives another meaning: no more of it is looked at again than has to be."""

from collections.abc import Sequence

import pytest

from rules.collector import Definitions, collect
from rules.outdated import outdated
from rules.reader import RuleFile, read
from rules.text import Sources
from tests.rules.rule_text import rule_text as _rule


def _states(*texts: str) -> Sequence[Definitions]:
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
)


@pytest.mark.parametrize(
    ("second", "names"),
    [
        ("", set()),
        (_rule(name="new"), set()),
        ("- list: unheard of\n  items: [o1]\n", set()),
        ("- list: l\n  items: [b]\n", {"l", "k", "m", "n", "uses n", "excepts", "has a word of that name"}),
        ("- macro: m\n  condition: ka.verb = b\n", {"m", "n", "uses n", "has a word of that name"}),
        ("- macro: o\n  condition: or ka.verb = b\n  override: {condition: append}\n", {"o", "uses o"}),
        ("- list: odd name\n  items: []\n", {"odd name", "uses odd name"}),
        ("- list: c\n  items: [d]\n", {"o", "uses o"}),
        ("- macro: later_2\n  condition: ka.verb = e\n", {"uses what is not there"}),
        ("- list: evt.num\n  items: [evt.time]\n", {"excepts a field"}),
        (_rule("ka.verb = f", name="uses o"), {"uses o"}),
        ("- rule: uses o\n  enabled: false\n  override: {enabled: replace}\n", set()),
        ("- rule: uses o\n  output: p\n  override: {output: append}\n", {"uses o"}),
        ("- rule: uses o\n  tags: [t]\n  override: {tags: replace}\n", {"uses o"}),
    ],
)
def test_what_a_later_file_has_a_hand_in_is_looked_at_again(second: str, names: set[str]) -> None:
    before, after = _states(_FIRST, second)
    old = outdated(before, after)
    assert {*old.lists, *old.macros, *old.rules} == names
    assert all(one is before.rules[name] for name, one in old.rules.items())
