"""What of a `falco.yaml` counts for rules: `append_output` and `static_fields`."""

from collections.abc import Callable, Mapping

import pytest

from rules.errors import LoadResult
from rules.event import Event
from rules.loader import load
from rules.output import render, values
from rules.reader import RuleFile
from rules.ruleset import Rule
from tests.rules.rule_text import rule_text as _rule

MakeEvent = Callable[..., Event]

_RULE = _rule(output="o", extra="  tags: [a, b]\n")


def _load(configuration: str, *texts: str, variables: Mapping[str, str] | None = None) -> LoadResult:
    files = [RuleFile(f"{number}.yaml", text.encode()) for number, text in enumerate(texts or (_RULE,))]
    return load(files, falco_config=RuleFile("falco.yaml", configuration.encode()), variables=variables)


def _only(result: LoadResult) -> Rule:
    assert result.ruleset is not None, result.to_text()
    (rule,) = result.ruleset.rules
    return rule


def _output(result: LoadResult, event: Event) -> str:
    pieces = _only(result).output
    return render(pieces, values(pieces, event))


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
    result = _load(f"append_output: [{{match: {match}, extra_output: verb=%ka.verb}}]\n")
    assert _output(result, make_event()) == ("o verb=create" if concerns else "o")


def test_outputs_are_appended_in_the_order_of_the_entries(make_event: MakeEvent) -> None:
    result = _load("append_output:\n  - extra_output: 1 %ka.verb\n  - extra_output: '  2'\n")
    assert _output(result, make_event()) == "o 1 create   2"


def test_static_fields_are_fields_of_conditions_outputs_and_exceptions(make_event: MakeEvent) -> None:
    static = "static_fields: {env: prod, Rack.r2: 0x10, odd: 'a b'}\n"
    rule = _rule(
        "static.env = prod and static.odd startswith val(static.odd) and toupper(static.env) = PROD",
        "%static.env %static.Rack.r2 %10static.odd.",
        extra="  exceptions: [{name: e, fields: static.env, values: [test]}]\n",
    )
    result = _load(static, rule)
    assert result.warnings == []
    assert result.ruleset is not None
    assert [match.name for match in result.ruleset.match(make_event()).matches] == ["r"]
    assert _output(result, make_event()) == "prod 0x10 a b       ."
    assert [field.name for field in result.fields][-3:] == ["static.env", "static.Rack.r2", "static.odd"]
    refused = _load("append_output: []\n", rule)
    assert refused.errors[0].message == "there is no field 'static.env'"


def test_a_constant_that_is_a_static_fields_name_is_told() -> None:
    (warning,) = _load("static_fields: {env: prod}\n", _rule("ka.verb = static.env")).warnings
    assert warning.message == "'static.env' is compared as text, not as the field of that name"


def test_suggested_fields_are_the_static_ones(make_event: MakeEvent) -> None:
    configuration = (
        "static_fields: {env: prod, site.rack: r1}\n"
        "append_output:\n  - {suggested_output: true, extra_output: first}\n  - suggested_output: off\n"
    )
    assert _output(_load(configuration), make_event()) == "o first static_env=prod static_site_rack=r1"


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
    extra = {one.name: one for one in _only(_load(configuration)).extra_fields}
    assert list(extra) == ["evt.hostname", "ka.uri.param[a]", "who", "jevt.value"]
    assert [one.is_format for one in extra.values()] == [False, False, True, True]
    assert extra["who"].pieces == ("again",)


def test_variables_are_put_into_texts(make_event: MakeEvent) -> None:
    configuration = (
        "static_fields: {env: '${STAGE}-$${STAGE}', path: 'a$b ${STAGE'}\n"
        "append_output:\n"
        "  - extra_output: in ${STAGE} %static.env %static.path\n"
        "    extra_fields: ['${FIELD}', also: '${STAGE}${STAGE}']\n"
    )
    result = _load(configuration, variables={"STAGE": "prod", "FIELD": "ka.verb"})
    assert _output(result, make_event()) == "o in prod prod-${STAGE} a$b ${STAGE"
    assert [(one.name, one.pieces) for one in _only(result).extra_fields][1] == ("also", ("prodprod",))
    assert _only(result).extra_fields[0].name == "ka.verb"


def test_a_static_field_ends_where_texts_do(make_event: MakeEvent) -> None:
    result = _load('static_fields: {env: "a\\0b"}\nappend_output: [{suggested_output: true}]\n')
    assert _output(result, make_event()) == "o static_env=a"


def test_a_variable_that_is_no_text_becomes_text(make_event: MakeEvent) -> None:
    configuration = "static_fields: {env: '${STAGE}'}\nappend_output: [{suggested_output: true}]\n"
    result = _load(configuration, variables={"STAGE": "\udcffé"})
    assert _output(result, make_event()) == "o static_env=\ufffdé"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "append_output:\nstatic_fields:\n", "append_output: []\n", "---\n~\n"]
)
def test_a_configuration_may_say_nothing(text: str, make_event: MakeEvent) -> None:
    result = _load(text)
    assert list(result.problems) == []
    assert _output(result, make_event()) == "o"
    assert result.ruleset is not None
    plain = load([RuleFile("0.yaml", _RULE.encode())])
    assert plain.ruleset is not None
    assert result.ruleset.digest == plain.ruleset.digest


def test_the_digest_tells_configurations_apart() -> None:
    texts = [
        "static_fields: {env: prod}",
        "static_fields: {env: test}",
        "static_fields: {env: '${STAGE}'}",
        "append_output: [{extra_output: a}]",
        "append_output: [{extra_output: b}]",
        "append_output: [{extra_output: a, match: {rule: r}}]",
        "append_output: [{extra_output: a, match: {tags: [a]}}]",
        "append_output: [{extra_output: a, match: {source: k8s_audit}}]",
        "append_output: [{extra_fields: [ka.verb]}]",
        "append_output: [{extra_fields: [ka.verb: a]}]",
        "append_output: [{extra_fields: [ka.verb: b]}]",
    ]
    digests = set()
    for text in texts:
        ruleset = _load(text, variables={"STAGE": "stage"}).ruleset
        assert ruleset is not None
        digests.add(ruleset.digest)
    assert len(digests) == len(texts)


def test_what_is_wrong_with_an_addition_is_told_once_for_all_rules() -> None:
    text = "append_output: [{extra_output: 'a %proc.name', extra_fields: [proc.name]}]\n"
    told = [(problem.message, problem.item, problem.part) for problem in _load(text, _RULE, _rule(name="s")).errors]
    assert told == [
        ("there is no field 'proc.name'", "rule r", "output"),
        ("there is no field 'proc.name'", "rule r", "extra_fields"),
    ]


@pytest.mark.parametrize(
    ("entries", "size", "rules", "is_refused"),
    [(1000, 3, 3, False), (1001, 3, 3, True), (10, 10_000, 250, False), (10, 10_000, 251, True)],
)
def test_a_configuration_cannot_let_rules_grow_beyond_bounds(
    entries: int,
    size: int,
    rules: int,
    is_refused: bool,  # noqa: FBT001
) -> None:
    configuration = "append_output:\n" + f"  - {{extra_output: {'x' * size}}}\n" * entries
    result = _load(configuration, "".join(_rule(name=f"r{number}") for number in range(rules)))
    assert [(problem.message, problem.hint) for problem in result.errors] == [
        ("append_output appends too much", "at most 1,000 entries, and 25,000,000 characters to all rules together")
    ] * is_refused


def test_what_is_appended_to_no_rule_is_not_looked_at() -> None:
    text = "append_output: [{match: {source: syscall}, extra_output: '%proc.name', extra_fields: [proc.name]}]\n"
    assert list(_load(text).problems) == []


def test_a_rule_may_be_left_out_for_an_appended_output_but_not_for_an_extra_field() -> None:
    rule = _rule(extra="  skip-if-unknown-filter: true\n")
    result = _load("append_output: [{extra_output: '%proc.name'}]\n", rule)
    assert [problem.code.value for problem in result.problems] == ["LOAD_UNKNOWN_FILTER"]
    result = _load("append_output: [{extra_fields: [proc.name]}]\n", rule)
    assert [problem.code.value for problem in result.problems] == ["LOAD_ERR_COMPILE_OUTPUT"]


def test_what_is_old_is_told_of_what_is_appended_too() -> None:
    text = "append_output: [{extra_output: '%container.info', extra_fields: [a: evt.dir]}]\n"
    assert [(problem.code.value, problem.message) for problem in _load(text).problems] == [
        ("LOAD_DEPRECATED_ITEM", "'%container.info' is old, and nothing stands in its place"),
        ("LOAD_DEPRECATED_ITEM", "'evt.dir' is old"),
    ]


def test_a_later_file_cannot_take_a_rule_from_a_broken_addition() -> None:
    configuration = "append_output: [{match: {tags: [a]}, extra_output: '%proc.name'}]\n"
    retagged = "- rule: r\n  tags: [b]\n  override: {tags: replace}\n"
    assert [problem.message for problem in _load(configuration, _RULE, retagged).errors] == [
        "there is no field 'proc.name'"
    ]


def test_so_many_unknown_rules_get_a_guess() -> None:
    entries = "".join(f"  - {{match: {{rule: Pod mad{number}}}}}\n" for number in range(22))
    hints = [problem.hint for problem in _load(f"append_output:\n{entries}", _rule(name="Pod made")).warnings]
    assert hints == ["did you mean 'Pod made'?"] * 20 + ["`auditstream rules list` lists all rules"] * 2


def test_a_misspelt_key_and_an_unknown_rule_are_told() -> None:
    text = (
        "append_output:\n"
        "  - {match: {rules: r}, extra_outputs: a}\n"
        "  - {match: {rule: pod made}, extra_output: a}\n"
        "  - {match: {rule: zzz}, extra_output: a}\n"
        "  - {match: {rule: zzz, source: syscall}, extra_output: a}\n"
    )
    result = _load(text, _rule(name="Pod made"))
    assert result.errors == []
    assert [(problem.code.value, problem.message, problem.item, problem.hint) for problem in result.warnings] == [
        ("LOAD_UNKNOWN_KEY", "the key 'rules' is unknown here and ignored", "append_output[0]", ""),
        ("LOAD_UNKNOWN_KEY", "the key 'extra_outputs' is unknown here and ignored", "append_output[0]", ""),
        ("LOAD_UNKNOWN_RULE", "no rule is called 'pod made': nothing is appended", "append_output[1]",
         "did you mean 'Pod made'?"),
        ("LOAD_UNKNOWN_RULE", "no rule is called 'zzz': nothing is appended", "append_output[2]",
         "`auditstream rules list` lists all rules"),
    ]  # fmt: skip
