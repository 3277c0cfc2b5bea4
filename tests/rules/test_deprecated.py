"""Old fields in outputs and conditions."""

from collections.abc import Callable

import pytest

from rules.deprecated import is_old, old_fields, without_container_info
from rules.errors import LoadResult
from rules.text import Text

LoadText = Callable[..., LoadResult]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("evt.dir", True),
        ("evt.latency", True),
        ("evt.latency.human", True),
        ("evt.wait_latency", True),
        ("evt.direction", False),
        ("evt.time", False),
    ],
)
def test_old_fields_are_known_by_name(field: str, *, expected: bool) -> None:
    assert is_old(field) is expected
    assert [name for name, _ in old_fields(Text.at(f"x %{field}. y", 0))] == ([field] if expected else [])


def test_nothing_stands_in_place_of_the_container() -> None:
    output, places = without_container_info(Text.at("a %container.info b%container.info", 7))
    assert (output.value, places) == ("a  b", [7, 7])
    plain = Text.at("a", 0)
    assert without_container_info(plain) == (plain, [])


def test_an_old_output_is_told(load_text: LoadText) -> None:
    rule = "- rule: r\n  desc: d\n  condition: ka.verb = a\n  output: a (%container.info) b\n  priority: debug\n"
    result = load_text(rule + "  source: k8s_audit\n")
    assert result.ruleset is not None
    assert result.ruleset.rules[0].output == ("a () b",)
    assert result.to_text() == (
        "warning: '%container.info' is old, and nothing stands in its place [LOAD_DEPRECATED_ITEM]\n"
        "  --> 0.yaml:4:14, in rule r, output\n"
        "    4 |   output: a (%container.info) b\n"
        "      |              ^\n"
        "  hint: leave it out"
    )


def test_an_old_field_is_told_besides_that_it_is_not_there(load_text: LoadText) -> None:
    rule = "- rule: r\n  desc: d\n  condition: evt.dir = a\n  output: a %evt.latency\n  priority: debug\n"
    result = load_text(rule + "  source: k8s_audit\n")
    assert result.to_text() == (
        "error: there is no field 'evt.dir' [LOAD_ERR_COMPILE_CONDITION]\n"
        "  --> 0.yaml:3:14, in rule r, condition\n"
        "    3 |   condition: evt.dir = a\n"
        "      |              ^\n"
        "  hint: `auditstream rules fields` lists all fields\n\n"
        "error: there is no field 'evt.latency' [LOAD_ERR_COMPILE_OUTPUT]\n"
        "  --> 0.yaml:4:13, in rule r, output\n"
        "    4 |   output: a %evt.latency\n"
        "      |             ^\n"
        "  hint: `auditstream rules fields` lists all fields\n\n"
        "warning: 'evt.dir' is old [LOAD_DEPRECATED_ITEM]\n"
        "  --> 0.yaml:3:14, in rule r, condition\n"
        "    3 |   condition: evt.dir = a\n"
        "      |              ^\n"
        "  hint: leave it out: Falco has it no more\n\n"
        "warning: 'evt.latency' is old [LOAD_DEPRECATED_ITEM]\n"
        "  --> 0.yaml:4:14, in rule r, output\n"
        "    4 |   output: a %evt.latency\n"
        "      |              ^\n"
        "  hint: leave it out: Falco has it no more"
    )
