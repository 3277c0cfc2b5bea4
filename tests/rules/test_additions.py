"""What `append_output` of a `falco.yaml` puts behind outputs and into the fields of alerts."""

from collections.abc import Callable

import pytest

from rules.event import Event
from tests.rules.configured import RULE, load_with, only_rule, output_of
from tests.rules.rule_text import rule_text as _rule
from tests.rules.steps import steps

MakeEvent = Callable[..., Event]


@pytest.mark.parametrize(
    ("match", "concerns"),
    [
        ("{}", True),
        ("", True),
        ("{source: k8s_audit}", True),
        ("{source: syscall}", False),
        ("{rule: r}", True),
        ("{rule: R}", False),
        ("{tags: []}", True),
        ("{tags: }", True),
        ("{tags: [a]}", True),
        ("{tags: [b, a]}", True),
        ("{tags: [a, c]}", False),
        ("{source: k8s_audit, tags: [a], rule: r}", True),
        ("{source: k8s_audit, tags: [a], rule: s}", False),
    ],
)
def test_an_entry_is_for_rules_that_are_all_it_names(match: str, concerns: bool, make_event: MakeEvent) -> None:  # noqa: FBT001
    result = load_with(f"append_output: [{{match: {match}, extra_output: verb=%ka.verb}}]\n")
    assert output_of(result, make_event()) == ("o verb=create" if concerns else "o")


def test_outputs_are_appended_in_the_order_of_the_entries(make_event: MakeEvent) -> None:
    result = load_with("append_output:\n  - extra_output: 1 %ka.verb\n  - extra_output: '  2'\n")
    assert output_of(result, make_event()) == "o 1 create   2"


def test_suggested_fields_are_the_static_ones(make_event: MakeEvent) -> None:
    configuration = (
        "static_fields: {env: prod, site.rack: r1}\n"
        "append_output:\n  - {suggested_output: true, extra_output: first}\n  - suggested_output: off\n"
    )
    assert output_of(load_with(configuration), make_event()) == "o first static_env=prod static_site_rack=r1"


def test_extra_fields_are_fields_and_formats() -> None:
    configuration = (
        "append_output:\n"
        "  - extra_fields:\n"
        "      - evt.hostname\n"
        '      - ka.uri.param["a"]\n'
        "      - who: '%ka.user.name, %ka.impuser.name'\n"
        "  - match: {rule: r}\n"
        "    extra_fields: [who: 'again', jevt.value: x]\n"
    )
    extra = {one.name: one for one in only_rule(load_with(configuration)).extra_fields}
    assert list(extra) == ["evt.hostname", "ka.uri.param[a]", "who", "jevt.value"]
    assert [one.is_format for one in extra.values()] == [False, False, True, True]
    assert extra["who"].pieces == ("again",)


def test_what_is_wrong_with_an_addition_is_told_once_for_all_rules() -> None:
    text = "append_output: [{extra_output: 'a %proc.name', extra_fields: [proc.name]}]\n"
    told = [(problem.message, problem.item, problem.part) for problem in load_with(text, RULE, _rule(name="s")).errors]
    assert told == [
        ("there is no field 'proc.name'", "rule r", "output"),
        ("there is no field 'proc.name'", "rule r", "extra_fields"),
    ]


@pytest.mark.parametrize(
    ("entries", "size", "rules", "told"),
    [
        (1000, 3, 3, []),
        (1002, 3, 3, [("'append_output' has too many entries", "at most 1,000")]),
        (10, 10_000, 250, []),
        (
            10,
            10_000,
            251,
            [("append_output appends too much", "at most 25,000,000 characters to all rules together")],
        ),
    ],
)
def test_a_configuration_cannot_let_rules_grow_beyond_bounds(
    entries: int, size: int, rules: int, told: list[tuple[str, str]]
) -> None:
    configuration = "append_output:\n" + f"  - {{extra_output: {'x' * size}}}\n" * entries
    result = load_with(configuration, "".join(_rule(name=f"r{number}") for number in range(rules)))
    assert [(problem.message, problem.hint) for problem in result.errors] == told


def test_an_entry_too_many_hides_no_mistake() -> None:
    configuration = "append_output:\n" + "  - {extra_output: '%ka.nope'}\n" * 1001
    result = load_with(configuration, RULE)
    assert result.errors[0].item == "append_output[1000]"
    assert {problem.message for problem in result.errors[1:]} == {"there is no field 'ka.nope'"}


def test_entries_count_from_the_first_whatever_it_is() -> None:
    configuration = "append_output: [x, {match: {rule: [q]}}]\nrules:\n  - ~\n  - enable: {rule: nosuch}\n"
    told = [(problem.item, problem.message) for problem in load_with(configuration, RULE).problems]
    assert ("append_output[1]", "'rule' must be text") in told
    assert ("rules[1]", "no rule is called 'nosuch': nothing is enabled by it") in told


def test_what_is_appended_to_no_rule_is_not_looked_at() -> None:
    text = "append_output: [{match: {source: syscall}, extra_output: '%proc.name', extra_fields: [proc.name]}]\n"
    assert list(load_with(text).problems) == []


def test_a_rule_may_be_left_out_for_an_appended_output_but_not_for_an_extra_field() -> None:
    rule = _rule(extra="  skip-if-unknown-filter: true\n")
    result = load_with("append_output: [{extra_output: '%proc.name'}]\n", rule)
    assert [problem.code.value for problem in result.problems] == ["LOAD_UNKNOWN_FILTER"]
    result = load_with("append_output: [{extra_fields: [proc.name]}]\n", rule)
    assert [problem.code.value for problem in result.problems] == ["LOAD_ERR_COMPILE_OUTPUT"]


def test_what_is_old_is_told_of_what_is_appended_too() -> None:
    text = "append_output: [{extra_output: '%container.info', extra_fields: [a: evt.dir]}]\n"
    assert [(problem.code.value, problem.message) for problem in load_with(text).problems] == [
        ("LOAD_DEPRECATED_ITEM", "'%container.info' is old, and nothing stands in its place"),
        ("LOAD_DEPRECATED_ITEM", "'evt.dir' is old"),
    ]


def test_a_later_file_cannot_take_a_rule_from_a_broken_addition() -> None:
    configuration = "append_output: [{match: {tags: [a]}, extra_output: '%proc.name'}]\n"
    retagged = "- rule: r\n  tags: [b]\n  override: {tags: replace}\n"
    assert [problem.message for problem in load_with(configuration, RULE, retagged).errors] == [
        "there is no field 'proc.name'"
    ]


def test_a_misspelt_key_and_an_unknown_rule_are_told() -> None:
    text = (
        "append_output:\n"
        "  - {match: {rules: r}, extra_outputs: a}\n"
        "  - {match: {rule: pod made}, extra_output: a}\n"
        "  - {match: {rule: zzz}, extra_output: a}\n"
        "  - {match: {rule: zzz, source: syscall}, extra_output: a}\n"
    )
    result = load_with(text, _rule(name="Pod made"))
    assert result.errors == []
    assert [(problem.code.value, problem.message, problem.item, problem.hint) for problem in result.warnings] == [
        ("LOAD_UNKNOWN_KEY", "the key 'rules' is unknown here and ignored", "append_output[0]", ""),
        ("LOAD_UNKNOWN_KEY", "the key 'extra_outputs' is unknown here and ignored", "append_output[0]", ""),
        ("LOAD_UNKNOWN_RULE", "no rule is called 'pod made': nothing is appended", "append_output[1]",
         "did you mean 'Pod made'?"),
        ("LOAD_UNKNOWN_RULE", "no rule is called 'zzz': nothing is appended", "append_output[2]",
         "`auditstream rules list` lists all rules"),
    ]  # fmt: skip


@pytest.mark.parametrize("output", ["", "''", '""', "~", "${EMPTY}"])
def test_an_empty_output_appends_nothing(output: str, make_event: MakeEvent) -> None:
    result = load_with(f"append_output:\n  - extra_output: {output}\n", variables={"EMPTY": ""})
    assert list(result.problems) == []
    assert output_of(result, make_event()) == "o"


def test_a_plain_field_may_be_named_twice() -> None:
    result = load_with("append_output: [{extra_fields: [ka.verb, ka.stage, ka.verb]}]\n")
    assert [one.name for one in only_rule(result).extra_fields] == ["ka.verb", "ka.stage"]


def test_each_part_of_an_output_is_read_by_itself(make_event: MakeEvent) -> None:
    star = "append_output: [{extra_output: '*%ka.verb'}]\n"
    assert output_of(load_with(star, _rule(output="*%ka.verb")), make_event()) == "create *create"
    split = "append_output: [{extra_output: '(ka.verb)'}]\n"
    (problem,) = load_with(split, _rule(output="%toupper")).errors
    assert (problem.message, str(problem.position)) == ("there is no field 'toupper'", "0.yaml:4:12")


def test_what_is_appended_may_be_all_of_an_output(make_event: MakeEvent) -> None:
    rule = _rule(output="%container.info")
    assert output_of(load_with("append_output: [{extra_output: '%ka.verb'}]\n", rule), make_event()) == " create"
    assert [problem.message for problem in load_with("append_output: []\n", rule).errors] == ["the output is empty"]


def test_what_is_appended_is_read_once_for_all_rules() -> None:
    text = f"append_output: [{{extra_output: '{'%ka.verb ' * 1000}', extra_fields: [a: '{'%ka.verb ' * 1000}']}}]\n"

    def work(rules: int, configuration: str) -> int:
        files = "".join(_rule(name=f"r{number}") for number in range(rules))
        return steps(lambda: load_with(configuration, files))

    work(1, text)  # what is made once
    appended = [work(rules, text) - work(rules, "") for rules in (1, 5)]
    assert appended[1] < 1.1 * appended[0]


def test_problems_of_what_is_appended_are_told_once_for_all_rules() -> None:
    text = "append_output: [{extra_output: '%container.info evt.dir', extra_fields: [evt.dir: evt.dir]}]\n"
    told = [(problem.item, problem.part) for problem in load_with(text, RULE, _rule(name="s")).problems]
    assert told == [("rule r", "output"), ("rule r", "output"), ("rule r", "extra_fields")]
