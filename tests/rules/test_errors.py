"""How problems are told: as text with a caret, and as JSON."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from rules.errors import Code, LoadResult, Problem
from rules.text import ItemPlace, Position, Sources
from tests.rules.rule_text import rule_text

LoadText = Callable[..., LoadResult]

_POSITION = Position("a.yaml", 3, 5, "key: value", 20)

SIX_MISTAKES = """\
- macro: writes
  condition: ka.verb in (create, update

- rule: Exec in a pod
  desc: Somebody runs a command in a pod.
  condition: ka.target.subresource = exec and ka.usr.name != admin
  output: "Exec (user=%ka.user.name pod=%ka.target.pod)"
  priority: WARNING
  source: k8s_audit

- rule: Group of masters
  desc: A request of a full administrator.
  condition: >
    ka.verb exists
    and ka.user.groups = system:masters
  output: "Admin at work (user=%ka.user.name)"
  priority: SEVERE
  source: k8s_audit

- rule: No output
  desc: It lacks something.
  condition: ka.verb = get
  priority: NOTICE
  source: k8s_audit
"""

SIX_MISTAKES_TOLD = """\
error: expected ',' or ')' in the list, found the end of the condition [LOAD_ERR_COMPILE_CONDITION]
  --> 0.yaml:2:40, in macro writes, condition
    2 |   condition: ka.verb in (create, update
      |                                        ^
  hint: close the list with ')'

error: there is no field 'ka.usr.name' [LOAD_ERR_COMPILE_CONDITION]
  --> 0.yaml:6:47, in rule Exec in a pod, condition
    6 |   condition: ka.target.subresource = exec and ka.usr.name != admin
      |                                               ^
  hint: did you mean 'ka.user.name'?

error: there is no field 'ka.target.pod' [LOAD_ERR_COMPILE_OUTPUT]
  --> 0.yaml:7:41, in rule Exec in a pod, output
    7 |   output: "Exec (user=%ka.user.name pod=%ka.target.pod)"
      |                                         ^
  hint: did you mean '%ka.target.pod.name'?

error: ka.user.groups is a list and cannot be compared by '=' [LOAD_ERR_COMPILE_CONDITION]
  --> 0.yaml:15:24, in rule Group of masters, condition
   15 |     and ka.user.groups = system:masters
      |                        ^
  hint: write ka.user.groups intersects (...) for any of it, or in (...) for all of it

error: 'SEVERE' is no priority [LOAD_ERR_YAML_VALIDATE]
  --> 0.yaml:17:13, in rule Group of masters
   17 |   priority: SEVERE
      |             ^
  hint: one of Emergency, Alert, Critical, Error, Warning, Notice, Informational, Debug

error: 'output' is missing [LOAD_ERR_YAML_VALIDATE]
  --> 0.yaml:20:3, in rule No output
   20 | - rule: No output
      |   ^
  hint: say what the alert tells, such as 'Pod created (user=%ka.user.name)'

warning: no rule or macro uses the macro 'writes' [LOAD_UNUSED_MACRO]
  --> 0.yaml:1:3, in macro writes
    1 | - macro: writes
      |   ^"""


def test_six_mistakes_are_told_at_once_each_with_its_place_and_what_to_do(load_text: LoadText) -> None:
    result = load_text(SIX_MISTAKES)
    assert result.ruleset is None
    assert result.to_text() == SIX_MISTAKES_TOLD


def test_a_mistake_in_a_folded_condition_is_pointed_at_in_its_own_line(load_text: LoadText) -> None:
    result = load_text(SIX_MISTAKES.replace("SEVERE", "ERROR"))
    assert [problem.to_text() for problem in result.errors][-1] == (
        "error: ka.user.groups is a list and cannot be compared by '=' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:15:24, in rule Group of masters, condition\n"
        "   15 |     and ka.user.groups = system:masters\n"
        "      |                        ^\n"
        "  hint: write ka.user.groups intersects (...) for any of it, or in (...) for all of it"
    )


def test_a_problem_without_a_place_names_its_item() -> None:
    assert Problem(Code.FILE_READ, "cannot read x", item="file x", hint="look").to_text() == (
        "error: cannot read x [LOAD_ERR_FILE_READ]\n  --> file x\n  hint: look"
    )


def test_a_warning_says_that_it_is_one() -> None:
    assert Problem(Code.UNUSED_LIST, "unused", _POSITION).to_text() == (
        "warning: unused [LOAD_UNUSED_LIST]\n  --> a.yaml:3:5\n    3 | key: value\n      |     ^"
    )


def test_of_a_long_line_a_window_is_shown() -> None:
    text = Problem(Code.VALIDATE, "m", Position("a", 1, 501, "x" * 500 + "!" + "y" * 500)).to_text()
    line, caret = text.splitlines()[2:]
    assert len(line) == 108
    assert line[caret.index("^")] == "!"


def test_control_characters_of_a_line_are_not_shown() -> None:
    assert "\x1b" not in Problem(Code.VALIDATE, "m", Position("a", 1, 1, "\x1b[2Jx")).to_text()


def test_the_caret_stands_below_wide_characters(load_text: LoadText) -> None:
    rule = "- rule: r\n  desc: d\n  condition: ka.verb = 日本語 and ka.foo = 1\n  output: o\n  priority: debug\n"
    (problem,) = load_text(rule + "  source: k8s_audit\n").errors
    line, caret = problem.to_text().splitlines()[2:4]
    assert line[caret.index("^") - 3 :].startswith("ka.foo"), "three characters take two cells each"


def test_a_name_cannot_forge_a_line_of_ours() -> None:
    text = Problem(Code.VALIDATE, "no 'A\nok: fine'", item="rule A\nok: fine", hint="x\u202e\x1b").to_text()
    assert text == ("error: no 'A\\nok: fine' [LOAD_ERR_VALIDATE]\n  --> rule A\\nok: fine\n  hint: x\\u202e\\x1b")


def test_the_result_as_json_has_everything(load_text: LoadText) -> None:
    result = json.loads(load_text(SIX_MISTAKES).to_json())
    problems = {key: result.pop(key) for key in ("errors", "warnings")}
    assert result == {"name": "0.yaml", "files": ["0.yaml"], "successful": False}
    assert {key: len(told) for key, told in problems.items()} == {"errors": 6, "warnings": 1}
    file = {"name": "0.yaml", "line": 1, "column": 1, "offset": 0}
    rule = {"name": "0.yaml", "line": 4, "column": 3, "offset": SIX_MISTAKES.index("rule: Exec")}
    place = {"name": "0.yaml", "line": 6, "column": 47, "offset": 167}
    assert SIX_MISTAKES[167:].startswith("ka.usr.name")
    assert problems["errors"][1] == {
        "code": "LOAD_ERR_COMPILE_CONDITION",
        "codedesc": "a condition cannot be used",
        "message": "there is no field 'ka.usr.name'",
        "context": {
            "locations": [
                {"item_type": "rules content", "item_name": "0.yaml", "position": file},
                {"item_type": "rule", "item_name": "Exec in a pod", "position": rule},
                {"item_type": "condition", "item_name": "", "position": place},
            ],
            "snippet": "    6 |   condition: ka.target.subresource = exec and ka.usr.name != admin\n"
            "      |                                               ^",
        },
        "item": "rule Exec in a pod",
        "part": "condition",
        "hint": "did you mean 'ka.user.name'?",
        "position": {
            "file": "0.yaml",
            "line": 6,
            "column": 47,
            "text": "  condition: ka.target.subresource = exec and ka.usr.name != admin",
        },
    }


def test_in_json_problems_come_in_the_order_of_the_text(load_text: LoadText) -> None:
    result = load_text(SIX_MISTAKES)
    told = json.loads(result.to_json())
    in_text = [
        line.partition(": ")[2].partition(" [")[0] for line in result.to_text().splitlines() if " [LOAD_" in line
    ]
    assert [problem["message"] for problem in (*told["errors"], *told["warnings"])] == in_text


@pytest.mark.parametrize(
    ("problem", "chain"),
    [
        (Problem(Code.FILE_READ, "m"), []),
        (Problem(Code.VALIDATE, "m", item="rule a b"), [("rule", "a b", None)]),
        (Problem(Code.VALIDATE, "m", item="rule a", part="exception x y"),
         [("rule", "a", None), ("exception", "x y", None)]),
        (Problem(Code.VALIDATE, "m", _POSITION), [("rules content", "a.yaml", 0)]),
        (Problem(Code.VALIDATE, "m", _POSITION, "rule a b", part="output"),
         [("rules content", "a.yaml", 0), ("rule", "a b", None), ("output", "", 20)]),
        (Problem(Code.VALIDATE, "m", replace(_POSITION, item=ItemPlace("rule a b", 2, 3, 12)), "rule a b"),
         [("rules content", "a.yaml", 0), ("rule", "a b", 12)]),
    ],
)  # fmt: skip
def test_in_json_a_place_is_a_chain(problem: Problem, chain: list[tuple[str, str, int | None]]) -> None:
    locations = json.loads(LoadResult(None, [problem]).to_json())["errors"][0]["context"]["locations"]
    assert [
        (at["item_type"], at["item_name"], at["position"] and at["position"]["offset"]) for at in locations
    ] == chain


def test_a_mistake_in_a_list_or_macro_is_told_with_it_and_with_what_uses_it(load_text: LoadText) -> None:
    lists = "- list: l\n  items:\n    - 'd('\n- macro: m\n  condition: ka.verb in (l)\n"
    result = load_text(lists, rule_text("m") + rule_text("ka.uri in (l)", name="s"))
    assert result.to_text() == (
        "error: expected ',' or ')' in the list, found '(' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:3:9, in list l, used by macro m, condition\n"
        "    3 |     - 'd('\n"
        "      |         ^\n"
        '  hint: values with blanks go between double quotes: "a b"'
    )
    (problem,) = json.loads(result.to_json())["errors"]
    assert [(*at.values(),) for at in problem["context"]["locations"]] == [
        ("rules content", "0.yaml", {"name": "0.yaml", "line": 1, "column": 1, "offset": 0}),
        ("macro", "m", None),
        ("condition", "", None),
        ("list", "l", {"name": "0.yaml", "line": 1, "column": 3, "offset": 2}),
    ]


def test_several_files_are_one_load() -> None:
    told = json.loads(LoadResult(None, [], ("a.yaml", "b.yaml")).to_json())
    assert told == {
        "name": "a.yaml, b.yaml",
        "files": ["a.yaml", "b.yaml"],
        "successful": False,
        "errors": [],
        "warnings": [],
    }


def test_a_problem_without_a_place_has_no_snippet() -> None:
    problem = Problem(Code.FILE_READ, "m").to_dict()
    assert (problem["position"], problem["context"]) == (None, {"locations": [], "snippet": ""})
    assert Problem(Code.FILE_READ, "m").to_text() == "error: m [LOAD_ERR_FILE_READ]"


@pytest.mark.parametrize("code", Code)
def test_a_code_says_in_short_what_it_is(code: Code) -> None:
    assert code.description.isprintable()
    assert len(code.description) <= 60
    assert [other for other in Code if other.description == code.description] == [code]


@pytest.mark.parametrize("code", Code)
def test_a_code_is_an_error_or_a_warning_by_its_name(code: Code) -> None:
    assert code.is_error == code.value.startswith("LOAD_ERR_")


def test_problems_of_no_place_come_first_and_errors_before_warnings() -> None:
    sources = Sources()
    at = sources.locate(sources.add("a.yaml", "x"))
    problems = (
        Problem(Code.UNUSED_LIST, "placed warning", at),
        Problem(Code.YAML_PARSE, "placed error", at),
        Problem(Code.NO_FILES, "warning of a folder"),
        Problem(Code.FILE_READ, "error of a file"),
    )
    told = LoadResult(None, problems, ("a.yaml",)).to_text()
    assert [line.partition(": ")[2].partition(" [")[0] for line in told.splitlines() if " [LOAD_" in line] == [
        "error of a file",
        "placed error",
        "warning of a folder",
        "placed warning",
    ]
