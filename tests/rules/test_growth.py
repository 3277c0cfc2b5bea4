"""Twice as much text takes twice as many steps: counted in calls of functions, which no busy machine changes."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from rules.checker import CHECKER
from rules.loader import load
from rules.output import read_format
from rules.parser import parse
from rules.reader import RuleFile
from rules.tokenizer import ConditionError, Tokenizer
from tests.evaluators import as_text
from tests.rules.steps import steps

Work = Callable[[str], object]

_NUMBER = 40


def _tokens(text: str) -> None:
    tokenizer = Tokenizer(as_text(text))
    while not tokenizer.is_at_end():
        if tokenizer.read("quoted string") is None and tokenizer.read("anything") is None:
            tokenizer.skip_blank()


def _parsed(text: str) -> None:
    try:
        parse(as_text(text))
    except ConditionError:
        return


def _formatted(text: str) -> None:
    read_format(as_text(text), CHECKER)


def _loaded(text: str) -> None:
    result = load([RuleFile("a.yaml", text.encode())])
    result.to_text()
    result.to_json()


def _loaded_changes(text: str) -> None:
    _loaded(_RULE.format(n="").replace(" and m", "") + text)


_APPENDS = "  override: {{exceptions: append}}\n"
_REPLACES = "  override: {{exceptions: replace}}\n"


def _loaded_each(text: str) -> None:
    result = load([RuleFile(f"{number}.yaml", one.encode()) for number, one in enumerate(text.split("---"))])
    result.to_text()


_RULE = (
    "- rule: r{n}\n  desc: d\n  condition: ka.verb = a and m{n}\n  output: o %ka.verb\n  priority: debug\n"
    "  source: k8s_audit\n  tags: [a, b]\n  exceptions: [{{name: e, fields: [ka.verb], values: [[a], ['b c']]}}]\n"
)


@pytest.mark.parametrize(
    ("work", "piece"),
    [
        (_tokens, "ka.verb in ('a b', c) "),
        (_tokens, r"'it\'s' "),
        (_tokens, "'"),
        (_parsed, "ka.verb = a and "),
        (_parsed, "ka.verb = a or not not "),
        (_parsed, "m or (ka.uri glob '*' and b) or "),
        (_parsed, "a.b in (" + "a, 'b c', " * 20 + "d) or "),
        (_parsed, r'a.b = "\x41\n\\\"" and '),
        (_parsed, "join(',', (a.b, concat('x', 5))) exists and "),
        (_parsed, "("),
        (_parsed, "not("),
        (_parsed, "tolower("),
        (_parsed, "'a"),
        (_parsed, " "),
        (_formatted, "%ka.verb %toupper(ka.user.name) "),
        (_formatted, "%"),
        (_formatted, "%5ka.uri.param[a]"),
        (_formatted, "%no.such.field "),
        (_formatted, "%ka.uri.param["),
        (_loaded, _RULE + "- macro: m{n}\n  condition: ka.uri exists\n- list: l{n}\n  items: [a, b]\n"),
        (_loaded, _RULE),
        (_loaded, "- macro: m{n}\n  condition: ka.verb =\n"),
        (_loaded, "- list: l{n}\n  items: [l{n}x, ka.verb]\n"),
        (_loaded, "- [a]\n"),
        (_loaded, "- {{a: b, c: d}}\n"),
        (_loaded, "["),
        (_loaded_each, "---" + _RULE + "- macro: m{n}\n  condition: ka.uri exists\n- list: l{n}\n  items: [a, b]\n"),
        (_loaded_each, "---" + _RULE + "---- macro: m{n}\n  condition: ka.uri exists\n"),
        (_loaded_each, "---- list: l{n}\n  items: [x]\n---- list: l{n}\n  items: [k{n}]\n"),
        (_loaded_each, "---" + _RULE + "---- rule: r{n}\n  enabled: true\n  override: {{enabled: replace}}\n"),
        (_loaded_each, "---" + _RULE + "---- rule: r{n}\n  tags: [b]\n  override: {{tags: append}}\n"),
        (_loaded_changes, "- rule: r\n  exceptions: [{{name: e{n}, fields: ka.uri, values: [a]}}]\n" + _APPENDS),
        (_loaded_changes, "- rule: r\n  exceptions: [{{name: e, fields: ka.uri, values: [a]}}]\n" + _REPLACES),
        (_loaded_each, "---- macro: m{n}\n  condition: ka.verb =\n"),
    ],
)
def test_twice_as_much_takes_at_most_twice_as_many_steps(work: Work, piece: str) -> None:
    text = [piece.format(n=n) if "{n}" in piece or "{{" in piece else piece for n in range(4 * _NUMBER)]
    work(text[0])  # what is kept from call to call is there now
    assert _is_linear(work, text)


def _is_linear(work: Work, text: Sequence[str]) -> bool:
    """Tell whether what is added costs no more than what was there, but for a little."""
    texts = ["".join(text[: times * _NUMBER]) for times in (1, 2, 4)]
    once, twice, four_times = (steps(partial(work, whole)) for whole in texts)
    assert once > 0
    return twice - once <= 1.1 * once + 50 and four_times - twice <= 2.2 * (twice - once) + 50


def test_steps_that_grow_faster_are_seen() -> None:
    def each_beginning(text: str) -> None:
        for end in range(0, len(text), 5):
            _parsed(text[:end])

    assert not _is_linear(each_beginning, ["a and "] * 4 * _NUMBER)
