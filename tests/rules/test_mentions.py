"""Names in a `falco.yaml` that nothing has, as they are told."""

from tests.rules.configured import load_with
from tests.rules.rule_text import rule_text as _rule


def test_so_many_unknown_rules_get_a_guess() -> None:
    rules = "".join(_rule(name=f"Pod made {number:050}") for number in range(300))
    entries = "".join(f"  - {{match: {{rule: Pod mode {number:050}}}}}\n" for number in range(20))
    hints = [problem.hint for problem in load_with(f"append_output:\n{entries}", rules).warnings]
    assert (hints[0], hints[-1]) == (f"did you mean 'Pod made {0:050}'?", "`auditstream rules list` lists all rules")


def test_a_pattern_may_fit_any_rule_and_a_name_only_itself() -> None:
    text = "rules: [{disable: {rule: 'Pod *'}}, {enable: {rule: '*x*'}}]\nappend_output: [{match: {rule: 'Pod *'}}]\n"
    assert [(problem.item, problem.message) for problem in load_with(text, _rule(name="Pod made")).warnings] == [
        ("append_output[0]", "no rule is called 'Pod *': nothing is appended"),
        ("rules[1]", "no rule is called '*x*': nothing is enabled by it"),
    ]


def test_rules_of_other_sources_are_there_too() -> None:
    text = (
        "rules: [{disable: {rule: s, tag: host}}]\n"
        "append_output: [{match: {source: other, rule: zzz, tags: [zzz]}}, {match: {tags: [host], rule: s}}]\n"
    )
    result = load_with(text, _rule(name="s", source="other", extra="  tags: [host]\n"))
    assert [problem.code.value for problem in result.problems] == ["LOAD_UNKNOWN_SOURCE"]
    (problem,) = load_with("append_output: [{match: {source: other}}]\n").problems
    assert problem.message == "no rule has the source 'other': nothing is appended"
    assert problem.hint == "rules for audit events have source: k8s_audit"


def test_the_sources_that_are_everywhere_need_no_rules() -> None:
    text = "append_output: [{match: {source: k8s_audit}}, {match: {source: syscall}}]\n"
    assert list(load_with(text, "[]").problems) == []
