"""Lists put into text, macros put into trees."""

from collections.abc import Callable

import pytest

from rules.conditions import Comparison
from rules.errors import LoadResult
from rules.ruleset import Ruleset
from tests.rules.rule_text import rule_text as _rule

LoadText = Callable[..., LoadResult]
MakeRuleset = Callable[..., Ruleset]


def _constants(ruleset: Ruleset) -> tuple[str, ...]:
    condition = ruleset.rules[0].condition
    assert isinstance(condition, Comparison)
    return tuple(map(str, condition.constants))


@pytest.mark.parametrize(
    ("lists", "condition", "constants"),
    [
        ("- list: a\n  items: [x, y]\n", "ka.verb in (a)", ("x", "y")),
        ("- list: a\n  items: [x]\n", "ka.verb in (a, z)", ("x", "z")),
        ("- list: a\n  items: [x]\n", "ka.verb in a", ("x",)),
        ("- list: a\n  items: [x]\n", "ka.verb=a", ("x",)),
        ("- list: a\n  items: [x]\n", "ka.verb in (ab, b-a, a.a)", ("ab", "b-a", "a.a")),
        ("- list: a\n  items: ['x y', '\"p q\"', \"'r s'\"]\n", "ka.verb in (a)", ("x y", "p q", "r s")),
        ("- list: a\n  items: []\n", "ka.verb in (a)", ()),
        ("- list: a\n  items: []\n", "ka.verb in (a, b)", ("b",)),
        ("- list: a\n  items: []\n", "ka.verb in (b , a)", ("b",)),
        ("- list: a\n  items: []\n", "ka.verb in (b, a, c)", ("b", "c")),
        ("- list: a\n  items: [b]\n- list: b\n  items: [c]\n- list: c\n  items: [z]\n", "ka.verb in (a)", ("z",)),
        ("- list: c\n  items: [z]\n- list: b\n  items: [c]\n- list: a\n  items: [b]\n", "ka.verb in (a)", ("z",)),
        ("- list: a\n  items: [a, x]\n", "ka.verb in (a)", ("a", "x")),
        ("- list: a\n  items: [b]\n- list: b\n  items: [a]\n", "ka.verb in (a)", ("a",)),
    ],
)
def test_a_list_is_put_into_the_text(
    make_ruleset: MakeRuleset, lists: str, condition: str, constants: tuple[str, ...]
) -> None:
    assert _constants(make_ruleset(lists + _rule(condition))) == constants


def test_a_mistake_in_a_list_is_pointed_at_in_the_list(load_text: LoadText) -> None:
    result = load_text("- list: a\n  items: [x, 'p=q']\n" + _rule("ka.verb in (a)"))
    assert [(problem.message, str(problem.position)) for problem in result.errors] == [
        ("expected ',' or ')' in the list, found '='", "0.yaml:2:16")
    ]


def test_macros_keep_their_meaning_inside_a_negation(make_ruleset: MakeRuleset) -> None:
    text = "- macro: m\n  condition: ka.verb = a or ka.verb = b\n"
    condition = make_ruleset(text + _rule("not m")).rules[0].condition
    assert (type(condition).__name__, type(condition.child).__name__) == ("Negation", "Disjunction")  # type: ignore[union-attr]


_LOOP = (
    "- macro: a\n  condition: ka.verb exists\n- macro: b\n  condition: a\n"
    "- macro: a\n  condition: or b\n  override: {condition: append}\n"
)


@pytest.mark.parametrize(
    ("macros", "condition", "code", "message", "hint"),
    [
        ("", "wrtes", "LOAD_ERR_VALIDATE", "there is no macro 'wrtes'",
         "define it, or write a field (with its dot) and a comparison"),
        ("- macro: writes\n  condition: ka.verb = a\n", "wrtes", "LOAD_ERR_VALIDATE", "there is no macro 'wrtes'",
         "did you mean 'writes'?"),
        ("- macro: a\n  condition: b\n- macro: b\n  condition: ka.verb exists\n", "a", "LOAD_ERR_VALIDATE",
         "the macro 'b' is defined later than the one that uses it", "move 'b' before 'a'"),
        ("- macro: a\n  condition: a\n", "a", "LOAD_ERR_VALIDATE",
         "the macro 'a' refers to itself", "break the loop"),
        (_LOOP, "a", "LOAD_ERR_VALIDATE", "the macro 'a' refers to itself", "break the loop"),
        ("- macro: a\n  condition: ka.verb =\n", "a and a", "LOAD_ERR_COMPILE_CONDITION",
         "expected a value after '=', found the end of the condition", 'an empty value is written ""'),
    ],
)  # fmt: skip
def test_a_macro_that_stands_for_nothing_is_told_once(  # noqa: PLR0913, PLR0917 - a row of the table
    load_text: LoadText, macros: str, condition: str, code: str, message: str, hint: str
) -> None:
    result = load_text(macros + _rule(condition))
    assert [(problem.code.value, problem.message, problem.hint) for problem in result.errors] == [(code, message, hint)]


def test_an_appended_macro_may_use_one_defined_after_its_first_text(make_ruleset: MakeRuleset) -> None:
    text = (
        "- macro: a\n  condition: ka.verb = x\n- macro: b\n  condition: ka.verb = y\n"
        "- macro: a\n  condition: or b\n  override: {condition: append}\n"
    )
    shown = repr(make_ruleset(text + _rule("a")).rules[0].condition)
    assert "'x'" in shown
    assert "'y'" in shown


def test_macros_that_multiply_are_stopped(load_text: LoadText) -> None:
    macros = "- macro: m0\n  condition: ka.verb exists or ka.verb exists\n"
    macros += "".join(f"- macro: m{n}\n  condition: m{n - 1} or m{n - 1}\n" for n in range(1, 60))
    result = load_text(macros + _rule("m59"))
    assert [problem.message for problem in result.errors] == ["the macro 'm16' holds more than 100,000 comparisons"]


def test_a_condition_holds_so_many_comparisons(load_text: LoadText, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.resolver._MAX_CHECKS", 2)
    macro = "- macro: two\n  condition: ka.verb exists or ka.uri exists\n"
    assert load_text(macro + _rule("two")).errors == []
    assert [problem.message for problem in load_text(macro + _rule("two or ka.verb = x")).errors] == [
        "the condition holds more than 2 comparisons with its macros put in"
    ]


def _chain(kind: str, count: int) -> str:
    """Define names n0 to n(count), each of which uses the next."""
    if kind == "list":
        items = "".join(f"- list: n{n}\n  items: [n{n + 1}]\n" for n in range(count))
        return items + f"- list: n{count}\n  items: [x]\n"
    # Appending lets a macro use one that is defined after it.
    firsts = "".join(f"- macro: n{n}\n  condition: ka.verb exists\n" for n in range(count + 1))
    override = "  override: {condition: append}\n"
    return firsts + "".join(f"- macro: n{n}\n  condition: and n{n + 1}\n{override}" for n in range(count))


@pytest.mark.parametrize(
    ("kind", "condition", "message"),
    [
        ("list", "ka.verb in (n0)", "lists hold each other too deeply"),
        ("macro", "n0", "macros use each other too deeply"),
    ],
)
def test_a_long_chain_of_names_is_refused_in_words(
    load_text: LoadText, kind: str, condition: str, message: str
) -> None:
    assert load_text(_chain(kind, 40) + _rule(condition)).errors == []
    result = load_text(_chain(kind, 2000) + _rule(condition))
    assert result.ruleset is None
    assert {problem.message for problem in result.errors} == {message}


def test_a_condition_can_nest_no_deeper_by_way_of_macros(load_text: LoadText) -> None:
    def macros(count: int) -> str:
        first = "- macro: m0\n  condition: ka.verb exists\n"
        return first + "".join(
            f"- macro: m{n}\n  condition: {'not(' * 50}m{n - 1}{')' * 50}\n" for n in range(1, count + 1)
        )

    assert load_text(macros(5) + _rule("m5")).errors == []
    assert [problem.message for problem in load_text(macros(5) + _rule("not m5")).errors] == [
        "the condition nests too deeply with its macros put in"
    ]
    assert [problem.message for problem in load_text(macros(6) + _rule("m6")).errors] == [
        "the macro 'm6' nests too deeply"
    ]


def test_lists_of_lists_that_multiply_are_stopped(load_text: LoadText) -> None:
    text = f"- list: n0\n  items: [{', '.join('x' * 1000)}]\n"
    text += "".join(f"- list: n{n}\n  items: [n{n - 1}, n{n - 1}]\n" for n in range(1, 11))
    result = load_text(text + _rule("ka.verb in (n10)"))
    assert [problem.message for problem in result.errors] == [
        "the list 'n0' grows beyond 1,000,000 items with its lists put in"
    ]
    assert result.errors[0].item == "list n10"


def test_empty_lists_that_hold_each_other_are_stopped_too(load_text: LoadText) -> None:
    text = "- list: n0\n  items: []\n- list: n1\n  items: [n0]\n"
    text += "".join(f"- list: n{n}\n  items: [n{n - 1}, n{n - 2}]\n" for n in range(2, 45))
    result = load_text(text + _rule("ka.verb in (n44)"))
    assert {problem.message for problem in result.errors} == {"lists hold each other in too many ways"}


def test_lists_that_multiply_are_stopped(load_text: LoadText) -> None:
    text = f"- list: big\n  items: [{', '.join('x' * 9 for _ in range(100_000))}]\n"
    result = load_text(text + _rule("ka.verb in (big, big, big, big)"))
    assert [problem.message for problem in result.errors] == [
        "the condition grows beyond 4,000,000 characters with its lists put in"
    ]


def test_what_nobody_uses_is_told(load_text: LoadText) -> None:
    result = load_text("- list: a\n  items: [x]\n- macro: m\n  condition: ka.verb exists\n" + _rule("ka.verb exists"))
    assert [(problem.code.value, problem.message) for problem in result.warnings] == [
        ("LOAD_UNUSED_MACRO", "no rule or macro uses the macro 'm'"),
        ("LOAD_UNUSED_LIST", "no rule, macro or list uses the list 'a'"),
    ]


def test_lists_that_many_conditions_repeat_are_stopped(load_text: LoadText) -> None:
    big = f"- list: big\n  items: [{', '.join('x' * 9_999 for _ in range(399))}]\n"
    result = load_text(big + "".join(_rule("ka.verb in (big)").replace("rule: r", f"rule: r{n}") for n in range(7)))
    assert [problem.message for problem in result.errors if "together" in problem.message] == [
        "with the condition all lists together grow beyond 25,000,000 characters"
    ] * 2
    grown = load_text(f"{big}- list: more\n  items: [big, big]\n")
    assert [problem.message for problem in grown.errors] == [
        "the list 'more' grows beyond 4,000,000 characters with its lists put in"
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("- macro: m\n  condition: ka.verb =\n", "- macro: m\n  condition: ka.verb exists\n"),
         "expected a value after '=', found the end of the condition"),
        ((_rule("m"), "- macro: m\n  condition: ka.verb exists\n"), "the macro 'm' is defined in a later file only"),
    ],
)  # fmt: skip
def test_each_file_is_right_with_those_before_it(load_text: LoadText, files: tuple[str, ...], message: str) -> None:
    assert [problem.message for problem in load_text(*files).errors] == [message]


def test_all_conditions_together_hold_so_many_comparisons(load_text: LoadText, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of what they may is as good a limit, and ten times as fast."""
    monkeypatch.setattr("rules.resolver._MAX_ALL_CHECKS", 50_000)
    macros = "- macro: m0\n  condition: ka.verb = a\n" + "".join(
        f"- macro: m{number}\n  condition: m{number - 1} or m{number - 1}\n" for number in range(1, 14)
    )
    result = load_text(macros + "".join(_rule("m13").replace("r\n", f"r{number}\n", 1) for number in range(8)))
    assert [problem.message for problem in result.errors] == [
        "with this condition all rules together hold more than 50,000 comparisons"
    ] * 2
