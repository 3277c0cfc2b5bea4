"""YAML that is broken, hostile or merely unusual."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import Code, LoadResult, Problem
from rules.reader import RuleFile, read
from rules.text import Sources
from tests.rules.rule_text import rule_text

LoadText = Callable[..., LoadResult]


def _problems(content: bytes) -> list[Problem]:
    problems: list[Problem] = []
    read(RuleFile("a.yaml", content), Sources(), problems)
    return problems


@pytest.mark.parametrize(
    ("content", "message", "position"),
    [
        (b"- a: [1,", "the file is not YAML: did not find expected node content", "a.yaml:1:9"),
        (b"- a: b: c", "the file is not YAML: mapping values are not allowed in this context", "a.yaml:1:7"),
        (b"- a\n- *x", "the file is not YAML: found undefined alias", "a.yaml:2:3"),
        (b"a\0b", "the file is not YAML: a NUL character is no text", "a.yaml:1:2"),
        ("# é\n- 日: a\x9fb".encode(), r"the file is not YAML: the control character '\x9f' is no text", "a.yaml:2:7"),
        (b"# \xc3\xa9\nx: \xff", "the file is not UTF-8", "a.yaml:2:4"),
        (b"[" * 100_000, "the file is not YAML: it is nested too deeply", "a.yaml:1:51"),
        (b"- " * 5_000, "the file is not YAML: it is nested too deeply", "a.yaml:1:101"),
        (b"{a: " * 5_000, "the file is not YAML: it is nested too deeply", "a.yaml:1:201"),
    ],
)
def test_what_is_no_yaml_is_one_problem_with_its_place(content: bytes, message: str, position: str) -> None:
    problems = _problems(content)
    assert [(problem.code, problem.message, str(problem.position)) for problem in problems] == [
        (Code.YAML_PARSE, message, position)
    ]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"- \0rule", "leave it out, and save the file as UTF-8 if it is UTF-16"),
        (b"- \x01rule", r'leave it out, or write it as an escape between double quotes, such as "\x01"'),
    ],
)
def test_a_character_that_no_yaml_holds_comes_with_what_to_do(content: bytes, hint: str) -> None:
    assert [(problem.hint, str(problem.position)) for problem in _problems(content)] == [(hint, "a.yaml:1:3")]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"# only a comment\n", b"---\n---\n", b"~", b"- ~\n-\n", b"\xef\xbb\xbf"]
)
def test_nothing_at_all_is_fine(content: bytes) -> None:
    assert _problems(content) == []


_BROKEN = """\
# é
- macro: m # remark
  condition: >  # folded
    ka.verb = get and
    (ka.uri = no b c

- macro: n
  condition: |
    ka.verb = get
    and no.field

- rule: r
  desc: "two
    lines"
  condition: "ka.verb = get and \\
    ka.uri foo 'x'"
  output: 'o it''s
    %ka.nosuch'
  priority: debg
  source: k8s_audit
  colour: red
"""


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_places_are_the_same_whatever_ends_the_lines(load_text: LoadText, line_break: str) -> None:
    expected = load_text(_BROKEN).to_text()
    assert expected.count("-->") == 8
    assert load_text(_BROKEN.replace("\n", line_break)).to_text() == expected


def test_an_alias_of_itself_ends(load_text: LoadText) -> None:
    result = load_text("- list: a\n  items: &x [*x]\n")
    assert [problem.message for problem in result.errors] == ["'items' holds something that is not text"]


@pytest.mark.parametrize(
    "text",
    [
        f"- list: a\n  items: [&s {'x' * 10_000}{', *s' * 101}]\n",
        f"- &r {{list: a, items: [x], {', '.join(f'k{n}: v' for n in range(999))}}}\n" + "- *r\n" * 101,
        f"- list: a\n  items: &i [{'x, ' * 9_999}x]\n" + "- list: b\n  items: *i\n" * 101,
    ],
)
def test_what_aliases_repeat_is_bounded(load_text: LoadText, text: str) -> None:
    errors = [problem for problem in load_text(text).errors if problem.code is Code.YAML_PARSE]
    assert [(problem.message, problem.hint) for problem in errors] == [
        ("aliases repeat too much of the file", "write out what is meant, or use lists and macros")
    ]


def test_an_alias_stands_for_what_it_names(load_text: LoadText) -> None:
    result = load_text("- list: a\n  items: &x [&y b, *y]\n- list: c\n  items: *x\n")
    assert (result.errors, result.lists) == ([], 2)


def test_quoted_null_is_text(load_text: LoadText) -> None:
    assert load_text('- list: a\n  items: ["null", "~"]\n').errors == []
    assert [problem.message for problem in load_text("- list: a\n  items: [null]\n").errors] == [
        "'items' holds something that is not text"
    ]


@given(st.binary(max_size=200))
def test_any_bytes_end_in_items_or_problems(content: bytes) -> None:
    for problem in _problems(content):
        assert problem.position is not None


@given(st.text(alphabet="- :[]{}'\"|>&*!#\n\tabrule", max_size=80))
def test_any_text_like_yaml_ends_in_items_or_problems(text: str) -> None:
    for problem in _problems(text.encode()):
        assert problem.to_text()


def test_so_much_stands_in_one_file(load_text: LoadText) -> None:
    (problem,) = load_text(f"- list: l\n  items: [{'a,' * 1_000_000}]\n").errors
    assert problem.message == "the file holds more than 1,000,000 texts, sequences and mappings"
    assert problem.hint == "share its items out among several files"
    assert problem.position is not None
    assert problem.position.line == 2


def test_without_aliases_nothing_is_repeated(load_text: LoadText) -> None:
    long = "x" * 20_000
    exceptions = f"  exceptions: [{{name: {long}, fields: ka.uri}}]\n"
    texts = [
        rule_text("ka.verb = get", long, name=f"{number}{long}", extra=f"  tags: [{long}]\n{exceptions}")
        for number in range(20)
    ]
    assert load_text("".join(texts)).errors == []
