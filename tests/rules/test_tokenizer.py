"""Tokens are taken on demand, and what is missing is said in words."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.text import Text
from rules.tokenizer import ConditionError, Token, Tokenizer
from tests.rules.condition_texts import ANY_TEXT, TOKEN_NAMES


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


@pytest.mark.parametrize(
    ("text", "at"),
    [("a", 101), ("a ", 102), ("a \t", 103), ("a\n", 101), ("a  \n\n", 101), ("a\r\n ", 101), (" \n", 100)],
)
def test_the_end_of_text_is_before_a_line_break_that_ends_it(text: str, at: int) -> None:
    tokenizer = _tokenizer(text)
    tokenizer.index = len(text)
    with pytest.raises(ConditionError) as caught:
        tokenizer.expect("(", "'('")
    assert (caught.value.message, caught.value.at) == ("expected '(', found the end of the condition", at)


def test_a_failure_can_point_back() -> None:
    with pytest.raises(ConditionError) as caught:
        _tokenizer("abc").fail("no", at=42)
    assert caught.value.at == 42


@given(ANY_TEXT, st.integers(0, 60), st.lists(TOKEN_NAMES, max_size=20))
def test_whatever_is_asked_of_any_text_a_token_is_a_piece_of_it_and_comes_next(
    text: str, start: int, names: list[str]
) -> None:
    tokenizer = _tokenizer(text)
    tokenizer.index = min(start, len(text))
    for name in names:
        before = tokenizer.index
        stands_here = tokenizer.check(name)
        assert tokenizer.index == before
        assert tokenizer.is_at_end() is (before == len(text))
        assert tokenizer.here()
        token = tokenizer.read(name)
        assert (token is not None) is stands_here
        if token is None:
            assert tokenizer.index == before
            with pytest.raises(ConditionError) as caught:
                tokenizer.expect(name, "it")
            first = len(text.rstrip()) if before == len(text) else before
            assert 100 + first <= caught.value.at <= 100 + before
        else:
            assert token == Token(name, text[before : tokenizer.index], 100 + before)
            assert token.text, "a token takes something, so that reading comes to an end"
    if tokenizer.skip_blank():
        assert not tokenizer.skip_blank()
