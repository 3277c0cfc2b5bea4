"""Rule files made to hurt: each ends in words, and after no more work than its length allows."""

from collections.abc import Callable

import pytest

from rules.errors import LoadResult
from rules.loader import load
from rules.reader import RuleFile
from tests.rules.rule_text import rule_text as _rule
from tests.rules.steps import steps

LoadText = Callable[..., LoadResult]

_STEPS_A_CHARACTER = 250
"""Functions that may be called for each character: ordinary rules take some 7, lists that hold each other 100."""


def _exceptions(values: str) -> str:
    return f"  exceptions: [{{name: e, fields: [ka.verb], comps: [in], values: {values}}}]\n"


_ALIASED = "- &r\n  list: a\n  items: [x]\n" + "".join(f"  k{n}: v\n" for n in range(5_000)) + "- *r\n" * 500
_LISTS = "".join(f"- list: n{n}\n  items: [n{n - 1}, n{n - 2}]\n" for n in range(2, 60)) + "".join(
    f"- list: q{n}\n  items: [n18]\n" for n in range(500)
)
_MACROS = _rule() + "".join(f"- macro: m{n}\n  condition: m{n + 1}\n" for n in range(2_000))
_NESTED = "ka.verb = a and (" * 95 + "ka.verb = b or (" * 95 + "%s" + ")" * 190
_APPENDED = (
    "".join(f"- macro: m{n}\n  condition: ka.verb = a\n" for n in range(12))
    + "".join(f"- macro: m{n}\n  append: true\n  condition: or {_NESTED % f'm{n + 1}'}\n" for n in range(11))
    + _rule("m0")
)
_CALLED = "ka.verb = a and (" * 9 + "tolower(" * 90 + "ka.verb" + ")" * 90 + " = a" + ")" * 9
_CALLS = f"- macro: m\n  condition: {_CALLED}\n" + _rule("ka.verb = a and (" * 50 + "m" + ")" * 50)
_REPEATED_MACRO = f"- macro: m\n  condition: {' or '.join(['ka.verb = a'] * 2_000)}\n" + _rule(" or ".join(["m"] * 60))
_PLUGINS = "- required_plugin_versions: &p [{name: a, version: 1.0.0, alternatives: *p}]\n"
_REPEATED = "aliases repeat too much of the file"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"- list: a\n  items: [&s {'x' * 10_000}{', *s' * 10_000}]\n", _REPEATED),
        (_rule(extra=_exceptions(f"[&t [&l [{'a, ' * 999}a]]{', *t' * 50_000}]")), _REPEATED),
        (_rule(extra=_exceptions("&x [*x]")), "'values' holds something that is not text"),
        (_ALIASED, _REPEATED),
        (_APPENDED, "the condition nests too deeply with its macros put in"),
        (_REPEATED_MACRO, "the condition holds more than 100,000 comparisons with its macros put in"),
        (_PLUGINS, "the plugin 'a' is named twice"),
        (_rule("(" * 100_000), "the condition is nested too deeply"),
        (_LISTS, "lists hold each other in too many ways"),
        (_MACROS, "there is no macro 'm2000'"),
        ('- list: "a\\0b"\n', "'items' is missing"),
        (f"- list: {'a' * 100_000}\n  items: b\n", "'items' must be a sequence"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_words_and_in_bounded_steps(text: str, message: str) -> None:
    results: list[LoadResult] = []
    taken = steps(lambda: results.append(load([RuleFile("0.yaml", text.encode())])))
    (result,) = results
    assert result.ruleset is None
    assert message in {problem.message for problem in result.errors}
    assert result.to_text()
    assert taken < _STEPS_A_CHARACTER * len(text) + 5_000


@pytest.mark.parametrize(("content", "message"), [
    (b"- list: a\0\n", "the file is not YAML: a NUL character is no text"),
    (b"- list: \xff\n", "the file is not UTF-8"),
    (b"\xff\xfe-\0 \0", "the file is not UTF-8"),
    (b"[" * 1_000_000, "the file is not YAML: it is nested too deeply"),
])  # fmt: skip
def test_bytes_that_are_no_rule_file_are_one_problem(content: bytes, message: str) -> None:
    assert [problem.message for problem in load([RuleFile("a.yaml", content)]).errors] == [message]


def test_one_long_line_with_many_mistakes_is_told_in_bounded_space(load_text: LoadText) -> None:
    rules = ", ".join(f'{{macro: m{n}, condition: "ka.verb ="}}' for n in range(2_000))
    result = load_text(f"[{rules}]")
    assert len(result.errors) == 2_000
    assert len(result.to_text()) < 2_000_000
    assert len(result.to_json()) < 4_000_000
    assert "m1999, condition" in result.to_json()


def test_many_unknown_macros_are_told_without_looking_for_the_nearest_of_each(load_text: LoadText) -> None:
    macros = "".join(f"- macro: macro_{n:050}\n  condition: ka.verb exists\n" for n in range(300))
    result = load_text(macros + "".join(_rule(f"macr_{n:050}", name=f"r{n}") for n in range(150)))
    hints = [problem.hint for problem in result.errors]
    assert 5 < sum(hint.startswith("did you mean 'macro_") for hint in hints) < 20
    assert hints[-1] == "define it, or write a field (with its dot) and a comparison"


def test_rules_by_the_thousand_load(load_text: LoadText) -> None:
    lists = "".join(f"- list: users_{n}\n  items: [a{n}, b{n}]\n" for n in range(100))
    macros = "".join(f"- macro: writes_{n}\n  condition: ka.verb in (create, patch)\n" for n in range(100))
    rules = "".join(
        _rule(
            f"writes_{n % 100} and ka.target.name startswith x{n} and not ka.user.name in (users_{n % 100}, c{n}) "
            "and ka.response.code = 201 and not ka.target.subresource exists",
            name=f"Rule {n}",
        )
        for n in range(2_000)
    )
    result = load_text(lists + macros + rules)
    assert list(result.problems) == []
    assert result.ruleset is not None
    assert len(result.ruleset.rules) == 2_000


def test_calls_nested_in_deep_conditions_are_loaded_or_told(load_text: LoadText) -> None:
    result = load_text(_CALLS)
    assert {problem.message for problem in result.errors} <= {
        "the condition nests too deeply with its macros put in",
        "transformers are nested too deeply",
    }


def test_a_long_word_in_an_output_is_told(load_text: LoadText) -> None:
    result = load_text(_rule(output=f"%{'a' * 200_000}"))
    assert [problem.code.value for problem in result.errors] == ["LOAD_ERR_COMPILE_OUTPUT"]
