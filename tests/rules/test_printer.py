"""A printed condition parses to the tree that it was printed from."""

import dataclasses
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.nodes import Node
from rules.parser import parse
from rules.printer import print_condition, print_lines
from rules.tokenizer import ConditionError
from tests.evaluators import as_text
from tests.rules.strategies import CONDITIONS


def _without_places(node: Any) -> Any:
    if isinstance(node, tuple):
        return tuple(map(_without_places, node))
    if not dataclasses.is_dataclass(node):
        return node
    return (
        type(node),
        *(_without_places(getattr(node, one.name)) for one in dataclasses.fields(node) if one.name != "at"),
    )


def _parsed(text: str) -> Node:
    return parse(as_text(text))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a and(b or c)", "a and (b or c)"),
        ("(a and (b)) or c", "a and b or c"),
        ("a and (b and c)", "a and (b and c)"),
        ("not(a and b) and not c", "not(a and b) and not c"),
        ("not not(a)", "not not(a)"),
        ("not not a", "a"),
        ("x.y=a", "x.y = a"),
        ("x.y = 'a b'", 'x.y = "a b"'),
        ("x.y = ''", 'x.y = ""'),
        (r'x.y = "a\\b\ "', "x.y = a\\b\\"),
        (r'x.y = "a b\\c\ "', r'x.y = "a b\\c\ "'),
        (r"""x.y = 'say "\x00\xff\n"'""", r'x.y = "say \"\x00\xff\n\""'),
        ("x.y = \u202e", 'x.y = "\u202e"'),
        ("x.y in a", "x.y in (a)"),
        ("x.y in ()", "x.y in ()"),
        ("x.y = 'anyof'", 'x.y = "anyof"'),
        ("x.y startswith anyof (a, 'b c')", 'x.y startswith anyof (a, "b c")'),
        ("x.y['a=b'] >= 0x1F", "x.y[a=b] >= 0x1F"),
        ("x.y['a b'] exists", 'x.y["a b"] exists'),
        ("x.y = val( a.b[c] )", "x.y = val(a.b[c])"),
        ("x.y in tolower(a.b)", "x.y in tolower(a.b)"),
        ("join(',',(x.y,'a',b64(x.z)))=q", 'join(",", (x.y, "a", b64(x.z))) = q'),
        ("getopt(x.y, 'a:')[a] < 5", 'getopt(x.y, "a:")[a] < 5'),
    ],
)  # fmt: skip
def test_a_condition_is_printed(text: str, printed: str) -> None:
    assert print_condition(_parsed(text)) == printed
    assert _without_places(_parsed(printed)) == _without_places(_parsed(text))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONDITIONS | st.text(alphabet="ab.c =!()[]'\"\\,\n\té0notrdixs<", max_size=60))
def test_printing_what_was_parsed_and_parsing_what_was_printed_changes_nothing(text: str) -> None:
    try:
        node = _parsed(text)
    except ConditionError:
        return
    printed = print_condition(node)
    assert _without_places(_parsed(printed)) == _without_places(node)
    assert print_condition(_parsed(printed)) == printed


@pytest.mark.parametrize(
    "nested", ["(" * 199 + "a" + ")" * 199, "not(" * 249 + "a" + ")" * 249, "not not(" * 249 + "a" + ")" * 249]
)
def test_what_is_nested_as_deeply_as_can_be_is_printed_no_deeper(nested: str) -> None:
    node = _parsed(nested)
    assert print_condition(_parsed(print_condition(node))) == print_condition(node)


LONG = "ka.user.name startswith system:serviceaccount:"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a.b = c and d", ["a.b = c and d"]),
        (
            f"{LONG}a and (x or {LONG}bbbbbbbb and yy) and not({LONG}c or z)",
            [
                f"{LONG}a",
                "and (",
                "    x",
                f"    or {LONG}bbbbbbbb",
                "        and yy",
                ")",
                f"and not({LONG}c or z)",
            ],
        ),
        (f"{LONG}a and not not({LONG}bbbbbbbb)", [f"{LONG}a", "and not not(", f"    {LONG}bbbbbbbb", ")"]),
        (f"not({LONG}a and {LONG}b)", ["not(", f"    {LONG}a", f"    and {LONG}b", ")"]),
        (f"not {LONG}{'a' * 60}", [f"not {LONG}{'a' * 60}"]),
        (
            "not a.b in (" + ", ".join(["fifteen-letters"] * 9) + ")",
            [
                "not a.b in (",
                "    fifteen-letters, fifteen-letters, fifteen-letters,",
                "    fifteen-letters, fifteen-letters, fifteen-letters,",
                "    fifteen-letters, fifteen-letters, fifteen-letters",
                ")",
            ],
        ),
        (
            "a.b = " + "c" * 30 + " or a.b startswith anyof (" + "c" * 90 + ", d)",
            ["a.b = " + "c" * 30, "or a.b startswith anyof (", "    " + "c" * 90 + ",", "    d", ")"],
        ),
        ("a.b" * 30 + " in ()", ["a.b" * 30 + " in ()"]),
    ],
)  # fmt: skip
def test_a_long_condition_is_printed_as_lines(text: str, lines: list[str]) -> None:
    assert print_lines(_parsed(text), 64) == lines
    assert _without_places(_parsed("\n".join(lines))) == _without_places(_parsed(text))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONDITIONS, st.integers(0, 120))
def test_however_wide_lines_are_they_parse_to_the_same_tree(text: str, width: int) -> None:
    node = _parsed(text)
    assert _without_places(_parsed("\n".join(print_lines(node, width)))) == _without_places(node)


def test_no_line_is_wider_than_it_has_to_be() -> None:
    node = _parsed(" and ".join(f"(x{n} or not(y{n} and a.b in ({', '.join(['word'] * 30)})))" for n in range(3)))
    assert max(map(len, print_lines(node, 70))) <= 70


def test_a_deep_condition_is_printed_as_lines_too() -> None:
    node = _parsed("not(a.b = c and " * 120 + "d" + ")" * 120)
    lines = print_lines(node, 80)
    assert _without_places(_parsed("\n".join(lines))) == _without_places(node)
