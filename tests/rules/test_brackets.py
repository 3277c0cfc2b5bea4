"""Sets between brackets: what a C library's `fnmatch` in its plain locale was seen to do with them."""

import pytest

from rules.brackets import read_set
from rules.patterns import Glob

VALUES = ("", "a", "b", "c", ":", "[", "]", "-", "+", "=", "l", "a]", "+]", ":]")
FOLDED_VALUES = ("a", "A", "b", "B", "^", "[", "@")


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        ("[[:bad:]", set()),
        ("[[:bad:]]", set()),
        ("[a[:bad:]]", {"a"}),
        ("[!a[:bad:]]", set()),
        ("[:-[:alpha:]", {"a", ":", "[", "=", "l"}),
        ("[:-[:alpha:]]", {"a]", ":]"}),
        ("[a+-[:alpha:]]", {"a", "+]", ":]"}),
        ("[[+-[:alpha:]", {"a", ":", "-", "+", "=", "l"}),
        ("[[:z:]]", {":]"}),
        ("[[::]]", set()),
        ("[[:", {"[[:"}),
        ("[[:alpha]", {"a", ":", "[", "l"}),
        ("[a[:]", {"a", ":", "["}),
        ("[a[:]]", {"a]", ":]"}),
        ("[[.a.]]", {"a"}),
        ("[[.ab.]]", set()),
        ("[[.a", set()),
        ("[[.a.]-c]", {"a", "b", "c"}),
        ("[[.a.]-]", {"-"}),
        ("[a-[.c.]]", {"a", "b", "c"}),
        ("[a-[.cd.]]", set()),
        ("[a-[.c", set()),
        ("[a[.ab.]]", {"a"}),
        ("[a[.b]", set()),
        ("[[=a=]]", {"a"}),
        ("[[=a]", {"a", "[", "="}),
        ("[[=", {"[[="}),
        ("[a[=b=]]", {"a", "b"}),
        ("[a[=bc]", {"b", "c", "[", "="}),
        ("[a-", set()),
        ("[a-\\", set()),
        ("[a\\", set()),
        ("[!a\\", set()),
        (r"[a-\c]", {"a", "b", "c"}),
        (r"[b-\]a]", {"a"}),
        ("[]-a]", {"a", "]"}),
        ("[--0]", {"-"}),
        ("[a-c-e]", {"a", "b", "c", "-"}),
        ("[!]a]", {"b", "c", ":", "[", "-", "+", "=", "l"}),
        ("[!", {"[!"}),
        ("[[.-.]-b]", {"a", "b", ":", "[", "]", "-", "="}),
        ("[[:alpha:]-z]", {"a", "b", "c", "-", "l"}),
        (r"[a\]b", set()),
        ("[\\", set()),
        ("[[=]=]]", {"]"}),
        ("[[.].]]", {"]"}),
    ],
)
def test_a_set_holds_what_it_holds_to_a_c_library(pattern: str, fitting: set[str]) -> None:
    glob = Glob(pattern)
    assert {value for value in (*VALUES, pattern) if glob.matches(value)} == fitting


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        ("[[.A.]]", {"A"}),
        ("[[=A=]]", {"A"}),
        ("[A-[.C.]]", set()),
        ("[[.A.]-C]", {"a", "A", "b", "B", "^", "["}),
        ("[[:upper:]]", {"A", "B"}),
        ("[X-c]", set()),
        (r"[\A]", {"a", "A"}),
        ("[!B]", {"a", "A", "^", "[", "@"}),
        ("[@-[]", {"[", "@"}),
    ],
)
def test_of_a_set_that_folds_case_some_members_do_not(pattern: str, fitting: set[str]) -> None:
    glob = Glob(pattern, folds_case=True)
    assert {value for value in FOLDED_VALUES if glob.matches(value)} == fitting


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [
        (b"[ab]", {4: b"ab"}),
        (b"[ab", {1: b"["}),
        (b"[a-", {}),
        (b"[a[:x:]]", {8: b"a"}),
        (b"[aA-[:x:]y]", {11: b"a", 9: bytes(range(ord("A"), ord("[") + 1)) + b":x"}),
    ],
)
def test_a_set_may_end_elsewhere_for_a_byte_that_stands_before(pattern: bytes, ways: dict[int, bytes]) -> None:
    assert read_set(pattern, 1, folds_case=False) == {end: set(members) for end, members in ways.items()}
