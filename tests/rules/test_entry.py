"""One mapping read key by key."""

from collections.abc import Callable

import pytest

from rules.errors import LoadResult
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]

_RULE = _rule()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("  enabled: maybe\n", "'enabled' must be true or false, not 'maybe'"),
        ("  enabled: tRue\n", "'enabled' must be true or false, not 'tRue'"),
        ("  enabled:\n", "'enabled' is empty"),
        ("  enabled: ''\n", "'enabled' is empty"),
        ("  enabled: [a]\n", "'enabled' must be text"),
        ("  tags: a\n", "'tags' must be a sequence"),
        ("  tags: [[a]]\n", "'tags' holds something that is not text"),
        ("  override: a\n", "'override' must be a mapping"),
    ],
)
def test_a_key_of_the_wrong_kind_is_refused(load_text: LoadText, extra: str, message: str) -> None:
    assert [problem.message for problem in load_text(_RULE + extra).errors] == [message]


@pytest.mark.parametrize("word", ["false", "no", "off", "n", "False", "NO", "'off'"])
def test_a_boolean_has_many_spellings(load_text: LoadText, word: str) -> None:
    ruleset = load_text(_RULE + f"  enabled: {word}\n").ruleset
    assert ruleset is not None
    assert not ruleset.rules[0].is_enabled


def test_the_first_of_equal_keys_counts(load_text: LoadText) -> None:
    ruleset = load_text(_RULE + "  desc: other\n").ruleset
    assert ruleset is not None
    assert ruleset.rules[0].description == "d"


def test_an_unknown_key_is_told_and_ignored(load_text: LoadText) -> None:
    result = load_text(_RULE + "  colour: red\n  ? [a]\n  : b\n")
    assert result.errors == []
    assert [problem.message for problem in result.warnings] == [
        "the key 'colour' is unknown here and ignored",
        "the key '?' is unknown here and ignored",
    ]
