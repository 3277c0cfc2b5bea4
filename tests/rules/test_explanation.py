"""A rule is explained by what it was compiled to, and nothing of its meaning is lost."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from processor.rule_files import pack_files
from rules.conditions import Condition
from rules.errors import LoadResult
from rules.event import Event
from rules.explanation import condition_lines, condition_text, fields_read, output_text, unmet
from rules.loader import load
from rules.ruleset import Rule
from rules.tokenizer import ConditionError
from tests.evaluators import condition_of
from tests.rules.strategies import CONDITIONS

MakeEvent = Callable[..., Event]
LoadText = Callable[..., LoadResult]

RULE = """
- list: verbs
  items: [create, "set up", delete]
- macro: writes
  condition: ka.verb in (verbs) or ka.target.name = val(ka.useragent)
- rule: Shown
  desc: d
  condition: writes and not tolower(ka.uri.param["dry=run"]) = "true"
  output: "%10ka.user.name %toupper(ka.verb) %ka.uri.param[a] 100 of %jevt.value['/a=b']."
  priority: INFO
  source: k8s_audit
  exceptions:
    - {name: known, fields: [ka.user.name, ka.target.name], values: [[alice, "a,b"], [bob, c]]}
"""


def _rule(result: LoadResult) -> Rule:
    assert result.ruleset is not None, result.to_text()
    return result.ruleset.rules[0]


def _meaning(condition: Any) -> Any:
    """Return a condition without what operators made of its constants: two patterns of one text are not equal."""
    if isinstance(condition, tuple):
        return tuple(map(_meaning, condition))
    if not isinstance(condition, Condition):
        return condition
    return type(condition), *(
        _meaning(getattr(condition, one.name)) for one in dataclasses.fields(condition) if one.name != "bound"
    )


def test_lists_macros_and_exceptions_are_put_in(load_text: LoadText) -> None:
    rule = _rule(load_text(RULE))
    assert condition_text(rule.condition) == (
        '((ka.verb in (create, "set up", delete) or ka.target.name = val(ka.useragent)) '
        "and not tolower(ka.uri.param[dry=run]) = true) "
        'and not(ka.user.name = alice and ka.target.name = "a,b" or ka.user.name = bob and ka.target.name = c)'
    )
    assert condition_lines(rule.condition, 60) == [
        "(",
        "    (",
        '        ka.verb in (create, "set up", delete)',
        "        or ka.target.name = val(ka.useragent)",
        "    )",
        "    and not tolower(ka.uri.param[dry=run]) = true",
        ")",
        "and not(",
        '    ka.user.name = alice and ka.target.name = "a,b"',
        "    or ka.user.name = bob and ka.target.name = c",
        ")",
    ]


def test_fields_are_those_of_condition_and_output_each_once(load_text: LoadText) -> None:
    found = [(read.name, read.in_condition, read.in_output) for read in fields_read(_rule(load_text(RULE)))]
    assert found == [
        ("ka.verb", True, True),
        ("ka.target.name", True, False),
        ("ka.useragent", True, False),
        ('ka.uri.param["dry=run"]', True, False),
        ("ka.user.name", True, True),
        ("ka.uri.param[a]", False, True),
        ('jevt.value["/a=b"]', False, True),
    ]


def test_an_output_is_shown_as_it_was_written(load_text: LoadText) -> None:
    rule = _rule(load_text(RULE))
    expected = '%10ka.user.name %toupper(ka.verb) %ka.uri.param[a] 100 of %jevt.value["/a=b"].'
    assert output_text(rule.output) == expected


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("ka.verb = get", "ka.verb = get does not hold (ka.verb is 'create')"),
        (
            "ka.verb = create and (ka.verb exists and ka.verb = get)",
            "ka.verb = get does not hold (ka.verb is 'create')",
        ),
        ("not not ka.verb = get", "ka.verb = get does not hold (ka.verb is 'create')"),
        ("not(ka.verb exists)", "not ka.verb exists does not hold (ka.verb is 'create')"),
        ("toupper(ka.verb) = get", "toupper(ka.verb) = get does not hold (toupper(ka.verb) is 'CREATE')"),
        (
            "ka.target.subresource exists",
            "ka.target.subresource exists does not hold (ka.target.subresource is absent)",
        ),
        (
            "ka.user.groups in (a)",
            "ka.user.groups in (a) does not hold (ka.user.groups is (dev, system:authenticated))",
        ),
        ("evt.is_async = true", "evt.is_async = true does not hold (evt.is_async is false)"),
        ("evt.rawtime < 5", "evt.rawtime < 5 does not hold (evt.rawtime is 1795466041258117000)"),
        ("ka.verb = get or ka.verb = list", "ka.verb = get or ka.verb = list does not hold"),
        ("not (ka.verb = create or ka.verb = b)", "not(ka.verb = create or ka.verb = b) does not hold"),
        (f"ka.verb in ({'abcd, ' * 50}e)", f"ka.verb in ({'abcd, ' * 31}a… does not hold (ka.verb is 'create')"),
    ],
)
def test_why_a_condition_does_not_hold_is_told(condition: str, told: str, make_event: MakeEvent) -> None:
    assert unmet(condition_of(condition), make_event()) == told


@pytest.mark.parametrize(
    "text",
    [
        "evt.is_async = false",
        "evt.num >= -1",
        "evt.num in (1, 22)",
        "ka.verb exists",
        "ka.verb = ''",
        "ka.verb == a and ka.verb != b",
        "not not(ka.verb icontains allof (a, 'b c'))",
        "join(',', (ka.verb, 'a', len(ka.user.name))) glob '*x'",
        "getopt(ka.req.pod.containers.command, 'ab:')[b] < 5",
        "ka.user.groups intersects (a, b) or ka.user.groups in val(ka.user.groups)",
        r'ka.verb regex "\\.\x01é\\ "',
    ],
)
def test_a_condition_shown_means_the_same_again(text: str) -> None:
    condition = condition_of(text)
    assert _meaning(condition_of(condition_text(condition))) == _meaning(condition)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONDITIONS)
def test_any_condition_shown_means_the_same_again(text: str) -> None:
    try:
        condition = condition_of(text)
    except ConditionError:
        return
    assert _meaning(condition_of(condition_text(condition))) == _meaning(condition)
    assert _meaning(condition_of("\n".join(condition_lines(condition, 50)))) == _meaning(condition)


def test_every_rule_that_ships_shown_means_the_same_again() -> None:
    ruleset = load(pack_files()).ruleset
    assert ruleset is not None
    for rule in ruleset.rules:
        assert _meaning(condition_of("\n".join(condition_lines(rule.condition, 100)))) == _meaning(rule.condition)
