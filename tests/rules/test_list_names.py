"""Names of lists in text: which are found, and which are warned of."""

from collections.abc import Callable
from time import perf_counter

import pytest

from rules.errors import LoadResult
from rules.list_names import ListNames, misplaced

LoadText = Callable[..., LoadResult]

_SIZES = {"a": 1, "b": 2, "none": 0, "x y": 1, "x": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ka.verb in (a, b)", ["a", "b"]),
        ("ka.verb=a", ["a"]),
        ("ab a.b a-b 'a' \"a\" (a)", ["a"]),
        ("x y x", ["x y", "x"]),
        ("a\tb\na", ["a", "b", "a"]),
        ("", []),
    ],
)
def test_a_name_is_found_where_it_stands_alone(text: str, found: list[str]) -> None:
    assert [text[slice(*span)] for span in ListNames(_SIZES).find(text)] == found


def test_without_lists_nothing_is_found() -> None:
    assert ListNames([]).find("a b") == []
    assert list(misplaced("", [], {})) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ka.verb in (a, b) and not (ka.uri intersects(a) or ka.uri pmatch ( x , a ))", []),
        ("ka.verb startswith anyof (b)", []),
        ("ka.verb in a", []),
        ("ka.verb in b", ["the list 'b' has 2 items and stands without parentheses"]),
        ("ka.verb in none", ["the list 'none' has 0 items and stands without parentheses"]),
        ("ka.verb = a", ["the list 'a' is put in place of a value after '='"]),
        ("ka.verb!=a", ["the list 'a' is put in place of a value after '!='"]),
        ("ka.verb != a", ["the list 'a' is put in place of a value after '!='"]),
        ("ka.verb ! = a", ["the list 'a' is put in place of a value after '='"]),
        ("ka.verb ==a", ["the list 'a' is put in place of a value after '=='"]),
        ("evt.num < a or evt.num >= b", ["the list 'a' is put in place of a value after '<'",
                                         "the list 'b' is put in place of a value after '>='"]),
        ("ka.verb != oneof (b) and ka.verb = x!y and (ka.verb !=anyof(b))", []),
        ("ka.uri contains a", ["the list 'a' is put in place of a value after 'contains'"]),
        ("a or (b and c)", ["the list 'a' is put in place of a field or macro of that name",
                            "the list 'b' is put in place of a field or macro of that name"]),
        ("ka.uri = 'foo a b go' or a", ["the list 'a' is put into quoted text", "the list 'b' is put into quoted text",
                                     "the list 'a' is put in place of a field or macro of that name"]),
        (") a", ["the list 'a' is put in place of a field or macro of that name"]),
        ("ka.uri = 'open a", []),
    ],
)  # fmt: skip
def test_a_name_in_a_place_that_nobody_can_mean_is_told(text: str, told: list[str]) -> None:
    spans = ListNames(_SIZES).find(text)
    assert [one.message for one in misplaced(text, spans, _SIZES)] == told


@pytest.mark.parametrize(
    ("operator", "hint"),
    [
        ("=", 'write in (a) if the list is meant, or "a" if the word is'),
        ("==", 'write in (a) if the list is meant, or "a" if the word is'),
        ("!=", "write 'not FIELD in (a)' if the list is meant, or \"a\" if the word is"),
        ("startswith", 'write startswith anyof (a) if the list is meant, or "a" if the word is'),
        ("regex", 'write regex anyof (a) if the list is meant, or "a" if the word is'),
        ("<=", "write the number itself"),
    ],
)
def test_what_to_write_instead_of_a_name_after_an_operator(operator: str, hint: str) -> None:
    text = f"ka.verb {operator} a"
    assert [one.hint for one in misplaced(text, ListNames(_SIZES).find(text), _SIZES)] == [hint]


def test_the_warning_is_told_with_its_place(load_text: LoadText) -> None:
    rule = "- rule: r\n  desc: d\n  condition: m and ka.uri = 'to bar go'\n  output: o\n  priority: debug\n"
    lists = "- list: bar\n  items: [x]\n- macro: m\n  condition: ka.verb = bar\n"
    result = load_text(lists + rule + "  source: k8s_audit\n")
    assert result.to_text() == (
        "warning: the list 'bar' is put in place of a value after '=' [LOAD_LIST_NAME_AS_TEXT]\n"
        "  --> 0.yaml:4:24, in macro m, condition\n"
        "    4 |   condition: ka.verb = bar\n"
        "      |                        ^\n"
        '  hint: write in (bar) if the list is meant, or "bar" if the word is\n\n'
        "warning: the list 'bar' is put into quoted text [LOAD_LIST_NAME_AS_TEXT]\n"
        "  --> 0.yaml:7:33, in rule r, condition\n"
        "    7 |   condition: m and ka.uri = 'to bar go'\n"
        "      |                                 ^\n"
        "  hint: if the word is meant, give the list another name"
    )


def test_thousands_of_names_are_found_in_linear_time() -> None:
    names = ListNames({f"list_{number}" for number in range(20_000)})
    text = " ".join(f"list_{number} other_{number}" for number in range(0, 20_000, 2))
    begin = perf_counter()
    assert len(names.find(text)) == 10_000
    assert perf_counter() - begin < 1, "some 10 ms are usual"
