"""Tokens are taken on demand, and what is missing is said in words."""

from array import array

import pytest

from rules.text import Text
from rules.tokenizer import ConditionError, Token, Tokenizer


def _tokenizer(text: str) -> Tokenizer:
    return Tokenizer(Text(text, array("I", range(100, 101 + len(text)))))


def test_the_same_characters_are_different_tokens_in_different_places() -> None:
    assert _tokenizer("in-x").read("identifier") == Token("identifier", "in", 100)
    assert _tokenizer("in-x").read("bare string") == Token("bare string", "in-x", 100)


def test_checking_takes_nothing() -> None:
    tokenizer = _tokenizer("a.b")
    assert tokenizer.check("field")
    assert tokenizer.index == 0
    assert tokenizer.read("blank") is None


@pytest.mark.parametrize("text", ["a.b", "a1.b_c.d2", "A.B"])
def test_a_field_has_a_dot(text: str) -> None:
    token = _tokenizer(text).read("field")
    assert token is not None
    assert token.text == text


@pytest.mark.parametrize("text", ["a", "a.", "a.1b", "_a.b", "1a.b", ".a.b"])
def test_other_words_are_no_field(text: str) -> None:
    assert _tokenizer(text).read("field") is None


@pytest.mark.parametrize(("text", "token"), [("a'b", "a"), ("a=b", "a"), ("*[x]!<é;#", "*[x]!<é;#"), ("a\vb", "a")])
def test_a_bare_string_runs_up_to_what_ends_it(text: str, token: str) -> None:
    found = _tokenizer(text).read("bare string")
    assert found is not None
    assert found.text == token


def test_a_quoted_string_ends_at_the_first_quote_without_a_backslash_before_it() -> None:
    found = _tokenizer(r"""'it\'s' x'""").read("quoted string")
    assert found is not None
    assert found.text == r"'it\'s'"
    assert _tokenizer(r"'open\\'").read("quoted string") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "the end of the condition"), (" x", "a blank"), (") x", "')'"), ("word_1.x)", "'word_1.x'"), ("é", "'é'")],
)
def test_what_is_found_instead_is_named(text: str, found: str) -> None:
    with pytest.raises(ConditionError) as caught:
        _tokenizer(text).expect("(", "'('", "a hint")
    assert (caught.value.message, caught.value.at, caught.value.hint) == (f"expected '(', found {found}", 100, "a hint")


def test_a_failure_can_point_back() -> None:
    with pytest.raises(ConditionError) as caught:
        _tokenizer("abc").fail("no", at=42)
    assert caught.value.at == 42
