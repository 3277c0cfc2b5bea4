"""Variables in the texts of a `falco.yaml`."""

from collections.abc import Callable

from rules.event import Event
from tests.rules.configured import load_with, only_rule, output_of

MakeEvent = Callable[..., Event]


def test_variables_are_put_into_texts(make_event: MakeEvent) -> None:
    configuration = (
        "static_fields: {env: '${STAGE}-$${STAGE}', path: 'a$b ${STAGE'}\n"
        "append_output:\n"
        "  - extra_output: in ${STAGE} %static.env %static.path\n"
        "    extra_fields: ['${FIELD}', also: '${STAGE}${STAGE}']\n"
    )
    result = load_with(configuration, variables={"STAGE": "prod", "FIELD": "ka.verb"})
    assert output_of(result, make_event()) == "o in prod prod-${STAGE} a$b ${STAGE"
    assert [(one.name, one.pieces) for one in only_rule(result).extra_fields][1] == ("also", ("prodprod",))
    assert only_rule(result).extra_fields[0].name == "ka.verb"


def test_a_variable_that_is_no_text_becomes_text(make_event: MakeEvent) -> None:
    configuration = "static_fields: {env: '${STAGE}'}\nappend_output: [{suggested_output: true}]\n"
    result = load_with(configuration, variables={"STAGE": "\udcffé"})
    assert output_of(result, make_event()) == "o static_env=\ufffdé"


def test_a_variable_may_be_empty_or_of_no_name(make_event: MakeEvent) -> None:
    result = load_with("append_output: [{extra_output: 'a${EMPTY}b${}c'}]\n", variables={"EMPTY": "", "": "-"})
    assert output_of(result, make_event()) == "o ab-c"


def test_a_variable_is_taken_as_it_is_and_a_lone_dollar_is_itself(make_event: MakeEvent) -> None:
    variables = {"A": "${B} $", "B": "b"}
    result = load_with("append_output: [{extra_output: '$5 ${A} ${B}'}]\n", variables=variables)
    assert output_of(result, make_event()) == "o $5 ${B} $ b"


_WHEREVER = """\
append_output:
  - match: {rule: "${RULE}", tags: ["${TAG}", b], source: "${SOURCE}"}
    suggested_output: ${FLAG}
static_fields: {env: e}
"""


def test_variables_are_put_in_wherever_a_text_stands(make_event: MakeEvent) -> None:
    right = {"RULE": "r", "TAG": "a", "SOURCE": "k8s_audit", "FLAG": "yes"}
    result = load_with(_WHEREVER, variables=right)
    assert result.warnings == []
    assert output_of(result, make_event()) == "o static_env=e"
    for other in ({"RULE": "s"}, {"TAG": "c"}, {"SOURCE": "syscall"}, {"FLAG": "no"}):
        assert output_of(load_with(_WHEREVER, variables={**right, **other}), make_event()) == "o"


def test_an_empty_variable_names_neither_rule_nor_source(make_event: MakeEvent) -> None:
    empty = {"RULE": "", "TAG": "a", "SOURCE": "", "FLAG": "true"}
    assert output_of(load_with(_WHEREVER, variables=empty), make_event()) == "o static_env=e"


def test_variables_choose_rules_and_the_minimum_priority() -> None:
    text = "rules: [{'${VERB}': {}, disable: {rule: '${RULE}', tag: '${TAG}'}}]\n"
    for name, value in (("RULE", "r"), ("TAG", "b")):
        result = load_with(text, variables={"RULE": "", "TAG": "", name: value})
        assert not only_rule(result).is_enabled
        told = [problem.message for problem in result.problems]
        assert told == ["the key '${VERB}' is unknown here and ignored"], "keys are what they are"
    assert not only_rule(load_with("priority: ${P}\n", variables={"P": "Error"})).is_enabled
