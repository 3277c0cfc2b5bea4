"""What transformers make of values, and which arguments they take."""

import getopt
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.event import Event
from rules.fields import FieldValue
from rules.tokenizer import ConditionError
from rules.transformers import TRANSFORMERS
from tests.evaluators import condition_of

MakeEvent = Callable[..., Event]


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("tolower", ("AbÉ",), "abÉ"),
        ("tolower", ("ABC",), "abc"),
        ("tolower", (("A", "É"),), ("a", "É")),
        ("toupper", ("abé",), "ABé"),
        ("toupper", ("ß",), "ß"),
        ("toupper", ("abc",), "ABC"),
        ("basename", ("/a/b",), "b"),
        ("basename", ("b",), "b"),
        ("basename", ("/a/",), ""),
        ("basename", (("/a/b", "c"),), ("b", "c")),
        ("b64", ("aGk=",), "hi"),
        ("b64", ("aGk",), "hi"),
        ("b64", ("",), ""),
        ("b64", ("aGk==",), None),
        ("b64", ("aGVs=",), None),
        ("b64", ("aGVs====",), None),
        ("b64", ("aGl",), None),
        ("b64", ("a",), None),
        ("b64", ("aG k=",), None),
        ("b64", ("é",), None),
        ("b64", ("w6k=",), "é"),
        ("b64", ("/w==",), "\udcff"),
        ("b64", ("YQBi",), "a"),
        ("b64", (("aGk=", "YQ"),), ("hi", "a")),
        ("b64", (("aGk=", "?"),), None),
        ("len", ("abé",), 4),
        ("len", ("\udcff",), 1),
        ("len", (("a", "b"),), 2),
        ("concat", ("a", "-", "b"), "a-b"),
        ("concat", ("\udcc3", "\udca9"), "é"),
        ("concat", ("\udcff", "a"), "\udcffa"),
        ("concat", ("x" * 2**22, "y" * 2**22, "z"), None),
        ("join", (",", ("a", "b")), "a,b"),
        ("join", ("", ("\udcc3", "\udca9")), "é"),
        ("join", (",", ()), ""),
        ("join", ("x" * 5000, ("",) * 2000), None),
        ("getopt", (("-a", "-bx", "-b", "y", "-ab"), "ab:"), ("a", "b", "x", "b", "y", "a", "b", "")),
        ("getopt", (("-az", "--long", "-b-", "x", "-a"), "ab:"), ("a", "?", "b", "-")),
        ("getopt", (("-a", "--", "-a"), "a"), ("a",)),
        ("getopt", (("-", "-a"), "a"), ()),
        ("getopt", (("-b", "--", "-a"), ":b:a"), ("b", "--", "a")),
    ],
)
def test_a_transformer_makes_of_values(name: str, arguments: tuple[FieldValue, ...], value: FieldValue) -> None:
    assert TRANSFORMERS[name].apply(*arguments) == value


@pytest.mark.parametrize(("name", "arguments"), [("concat", ("x" * 2**22,) * 2), ("join", ("", ("x" * 2**22,) * 2))])
def test_what_comes_to_the_bound_is_made(name: str, arguments: tuple[FieldValue, ...]) -> None:
    assert TRANSFORMERS[name].apply(*arguments) == "x" * 2**23


@pytest.mark.parametrize(
    ("words", "value"),
    [(("-a", "-b1", "-b", "2"), "2"), (("-a",), None), (("-b",), ""), (("-x", "-b", "v"), "v")],
)
def test_getopt_gives_the_last_value_of_one_option(words: tuple[str, ...], value: str | None) -> None:
    select = TRANSFORMERS["getopt"].apply_selected
    assert select is not None
    assert select("b", words, "ab:") == value
    assert select("a", ("-a", "-a"), "ab:") == "a"


@given(st.lists(st.sampled_from(["-a", "-b", "-ab", "-bv", "-ba", "v", "-", "--", "-aa"]), max_size=6))
def test_getopt_reads_a_command_line_as_the_standard_library_does(words: list[str]) -> None:
    """Where every option is known and none lacks its value, which there is an error."""
    try:
        options, _ = getopt.getopt(words, "ab:")
    except getopt.GetoptError:
        return
    expected = tuple(text for option, value in options for text in (option[1:], value) if text)
    assert TRANSFORMERS["getopt"].apply(tuple(words), "ab:") == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("tolower(evt.num) = 1", "tolower takes a text or a list of texts, not a number"),
        ("tolower(ka.verb, ka.verb) = a", "tolower takes a text or a list of texts, not a string and a string"),
        ("len(evt.num) = 1", "len takes a text or a list, not a number"),
        ("concat(ka.verb) = a", "concat takes two or more texts, not a string"),
        ("concat(ka.verb, ka.user.groups) = a", "concat takes two or more texts, not a string and a list of strings"),
        ("join(',', (ka.verb, ka.user.groups)) = a", "ka.user.groups is a list and no element of one"),
        ("join(',', ka.verb) = a", "join takes a separator and a list of texts, not a string and a string"),
        ("getopt(ka.verb, 'a') = a", "getopt takes a list of words and the options, not a string and a string"),
        ("toupper(ka.verb)[x] = a", "no argument in brackets may follow toupper(...)"),
        ("getopt(ka.user.groups, 'a')[ab] = a", "getopt(...)[c] takes the one character of an option"),
    ],
)
def test_arguments_that_do_not_fit_are_told(condition: str, message: str) -> None:
    with pytest.raises(ConditionError, match=f"^{re.escape(message)}$"):
        condition_of(condition)
