"""Globs, regular expressions and paths: what they match, and that hostile ones cost little."""

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.patterns import Glob, PathPrefixes, PatternError, Regex


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("a[b-d]e", "ace", True),
        ("a[d-b]e", "ace", False),
        ("[!a]", "b", True),
        ("[^a]", "a", False),
        ("[]a]", "]", True),
        ("[!]a]", "]", False),
        (r"[\]a]", "]", True),
        (r"[\a-c]", "b", True),
        (r"[a-\c]", "b", True),
        ("[a-]", "-", True),
        ("[[:alpha:]_]", "_", True),
        ("[[:digit:]-]", "-", True),
        ("[[:nosuch:]]", "n", False),
        ("[x", "[x", True),
        ("[x", "x", False),
        ("[]", "[]", True),
        ("[!]*", "!foo", False),
        ("[!]*", "[!]x", True),
        ("[^]", "^", False),
        ("[[:alpha:]x", "[lx", True),
        ("a\\", "a", False),
        ("a\\", "a\\", False),
        (r"\[x]", "[x]", True),
        ("??", "é", True),
        ("?", "é", False),
        ("[é]*", "é", True),
        ("*", "a\nb", True),
        ("[ -~]", "\n", False),
        ("", "", True),
        ("[!\x01-\xff]", "a", False),
    ],
)
def test_a_glob_matches(pattern: str, value: str, *, matches: bool) -> None:
    assert Glob(pattern).matches(value) is matches


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("aBc", "AbC", True),
        ("[A-C]", "b", True),
        ("[[:upper:]]", "b", False),
        ("[[:upper:]]", "B", True),
        ("É", "é", False),
        ("k", "\u212a", False),
    ],
)
def test_a_glob_may_fold_case(pattern: str, value: str, *, matches: bool) -> None:
    assert Glob(pattern, folds_case=True).matches(value) is matches


@given(st.text(alphabet="ab*?[]!-", max_size=8), st.text(alphabet="ab-!", max_size=6))
def test_a_glob_means_what_it_means_to_the_standard_library(pattern: str, value: str) -> None:
    """But for ranges turned round and odd sets, of which Python's own has another opinion."""
    if re.search(r"\[[^\]]*-|\[!?\]|\[!?[^\]]*$", pattern):
        return
    assert Glob(pattern).matches(value) is fnmatch.fnmatchcase(value, pattern)


@given(pattern=st.text(max_size=12), value=st.text(max_size=8), folds_case=st.booleans())
def test_any_text_is_a_glob(pattern: str, value: str, *, folds_case: bool) -> None:
    assert Glob(pattern, folds_case=folds_case).matches(value) in {True, False}


def test_a_value_that_is_no_text_is_matched_byte_by_byte() -> None:
    assert Glob("a\udcff?").matches("a\udcffb")
    assert not Glob("é").matches("\udce9")
    assert Regex("a.b").matches("a\udcffb")
    assert Regex("a\ufffdb").matches("a\udcffb")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing ): ("),
        (r"\d", r"invalid escape sequence: \d"),
        ("(?i)a", "no argument for repetition operator: ?"),
        ("a\udcff", "invalid UTF-8"),
        ("a{2000}", "invalid repetition size: {2000}"),
    ],
)
def test_what_is_no_regular_expression_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=f"^{re.escape(reason)}$"):
        Regex(pattern)


@pytest.mark.parametrize(
    ("paths", "value", "matches"),
    [
        (["/etc"], "/etc/passwd", True),
        (["/etc"], "/etcetera", False),
        (["etc/"], "//etc", True),
        (["/"], "", True),
        ([], "/", False),
        (["/a/*/c"], "/a/b/c/d", True),
        (["/a/*/c"], "/a/c", False),
        (["/a/*/x", "/a/b*/c"], "/a/bb/c", True),
        (["/a/*/x", "/a/b/c"], "/a/b/x", True),
        (["/a/[bc]"], "/a/c", True),
        (["/a/b/c"], "/a/b", False),
    ],
)
def test_a_path_begins_with_one_of_some(paths: list[str], value: str, *, matches: bool) -> None:
    assert PathPrefixes(paths).matches(value) is matches


def test_sets_with_two_ends_each_are_taken_until_they_are_too_many() -> None:
    two_ends = "[a+-[:x:]]"
    assert all(Glob(two_ends * count).matches("a+]" * (count // 2) + "a" * (count % 2)) for count in range(1, 9))
    assert Glob(two_ends + "b").matches("+]b")
    assert not Glob(two_ends * 25).matches("+]" * 25), "of two to the power of 25 ways"


def test_hostile_patterns_are_matched_in_linear_time() -> None:
    """Each of these takes a backtracking matcher longer than the sun will last."""
    value = "a" * 100_000
    assert not Glob("*a" * 120 + "b").matches(value)
    assert not Regex("(a*)*(a*)*(a|a)*b").matches(value)
    deep = "/a" * 20_000
    assert not PathPrefixes(["/*" * n + "/b" for n in range(120)]).matches(deep)
