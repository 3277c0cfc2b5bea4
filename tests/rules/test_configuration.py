"""What of a `falco.yaml` counts for rules, all in all: constants, which rules are on, keys, the digest."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from rules.errors import LoadResult
from rules.event import Event
from rules.items import Priority
from rules.loader import load
from rules.reader import RuleFile
from rules.selection import Choice, Selection
from tests.rules.configured import RULE, load_with, output_of
from tests.rules.rule_text import rule_text as _rule

MakeEvent = Callable[..., Event]


def test_static_fields_are_fields_of_conditions_outputs_and_exceptions(make_event: MakeEvent) -> None:
    static = "static_fields: {env: prod, Rack.r2: 0x10, odd: 'a b'}\n"
    rule = _rule(
        "static.env = prod and static.odd startswith val(static.odd) and toupper(static.env) = PROD",
        "%static.env %static.Rack.r2 %10static.odd.",
        extra="  exceptions: [{name: e, fields: static.env, values: [test]}]\n",
    )
    result = load_with(static, rule)
    assert result.warnings == []
    assert result.ruleset is not None
    assert [match.name for match in result.ruleset.match(make_event()).matches] == ["r"]
    assert output_of(result, make_event()) == "prod 0x10 a b       ."
    assert [field.name for field in result.fields][-3:] == ["static.env", "static.Rack.r2", "static.odd"]
    refused = load_with("append_output: []\n", rule)
    assert refused.errors[0].message == "there is no field 'static.env'"


def test_a_constant_that_is_a_static_fields_name_is_told() -> None:
    (warning,) = load_with("static_fields: {env: prod}\n", _rule("ka.verb = static.env")).warnings
    assert warning.message == "'static.env' is compared as text, not as the field of that name"


def test_a_static_field_ends_where_texts_do(make_event: MakeEvent) -> None:
    result = load_with('static_fields: {env: "a\\0b"}\nappend_output: [{suggested_output: true}]\n')
    assert output_of(result, make_event()) == "o static_env=a"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "append_output:\nstatic_fields:\n", "append_output: []\n", "---\n~\n"]
)
def test_a_configuration_may_say_nothing(text: str, make_event: MakeEvent) -> None:
    result = load_with(text)
    assert list(result.problems) == []
    assert output_of(result, make_event()) == "o"
    assert result.ruleset is not None
    plain = load([RuleFile("0.yaml", RULE.encode())])
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
        ruleset = load_with(text, variables={"STAGE": "stage"}).ruleset
        assert ruleset is not None
        digests.add(ruleset.digest)
    assert len(digests) == len(texts)


_RULES = (
    _rule(name="Alpha", extra="  tags: [a, b]\n")
    + _rule(name="Beta", extra="  tags: [b]\n").replace("debug", "error")
    + _rule(name="Gamma", extra="  enabled: false\n").replace("debug", "notice")
)


def _on(result: LoadResult) -> str:
    assert result.errors == []
    assert result.ruleset is not None
    return " ".join(rule.name for rule in result.ruleset.rules if rule.is_enabled)


@pytest.mark.parametrize(
    ("configuration", "on"),
    [
        ("rules:", "Alpha Beta"),
        ("rules: []", "Alpha Beta"),
        ("rules: [{disable: {rule: Alpha}}]", "Beta"),
        ("rules: [{disable: {tag: b}}]", ""),
        ("rules: [{disable: {rule: '*'}}, {enable: {tag: a}}]", "Alpha"),
        ("rules: [{enable: {rule: '*'}}, {disable: {tag: a}}, {enable: {rule: '*a'}}]", "Alpha Beta Gamma"),
        ("rules: [{enable: {tag: a}}, {disable: {rule: '*'}}]", ""),
        ("rules: [{disable: {rule: Beta, tag: a}}]", ""),
        ("rules: [{enable: {rule: Gamma}, disable: {rule: '*'}}]", "Alpha Beta Gamma"),
        ("rules: [{disable: {rule: alpha}}]", "Alpha Beta"),
        ("priority: Info", "Beta"),
        ("priority: notice\nrules: [{enable: {rule: '*'}}]", "Beta Gamma"),
        ("priority:", "Alpha Beta"),
    ],
)
def test_rules_are_switched_in_the_order_of_the_entries(configuration: str, on: str) -> None:
    assert _on(load_with(configuration, _RULES)) == on


def test_what_is_chosen_elsewhere_comes_later_and_wins() -> None:
    configuration = (
        "priority: error\nrules: [{disable: {rule: '*'}}, {enable: {rule: Beta}}, {enable: {rule: Alpha}}]\n"
    )
    choices = (Choice(enables=False, pattern="Beta"), Choice(enables=True, pattern="Gamma"))
    assert _on(load_with(configuration, _RULES)) == "Beta"
    assert _on(load_with(configuration, _RULES, selection=Selection(choices))) == ""
    for priority, on in ((Priority.DEBUG, "Alpha Gamma"), (Priority.NOTICE, "Gamma")):
        assert _on(load_with(configuration, _RULES, selection=Selection(choices, priority))) == on


@pytest.mark.parametrize(("entries", "is_refused"), [(1000, False), (1001, True), (1002, True)])
def test_choices_are_so_many_at_most(entries: int, is_refused: bool) -> None:  # noqa: FBT001
    result = load_with("rules:\n" + "  - enable: {rule: r}\n" * entries)
    assert [(problem.message, problem.hint, str(problem.position)) for problem in result.problems] == [
        ("'rules' has too many entries", "at most 1,000", "falco.yaml:1002:5")
    ] * is_refused


_WHOLE = """\
config_files: [/etc/falco/config.d]
watch_config_files: true
rules_files: [/etc/falco/falco_rules.yaml]
engine: {kind: modern_ebpf, modern_ebpf: {cpus_for_each_buffer: 2}}
capture: {enabled: false}
load_plugins: [k8saudit, json]
plugins_hostinfo: true
plugins: [{name: json, library_path: libjson.so, init_config: "${WHATEVER}"}]
time_format_iso_8601: false
buffer_format_base64: false
priority: debug
json_output: false
json_include_output_property: true
json_include_message_property: false
json_include_output_fields_property: true
json_include_tags_property: true
buffered_outputs: false
rule_matching: all
outputs_queue: {capacity: 0}
append_output: [{suggested_output: true}]
static_fields: {}
stdout_output: {enabled: true}
syslog_output: {enabled: true}
file_output: {enabled: false}
http_output: {enabled: false}
program_output: {enabled: false}
grpc_output: {enabled: false}
grpc: {enabled: false}
webserver: {enabled: true}
log_stderr: true
log_syslog: true
log_level: info
libs_logger: {enabled: true}
output_timeout: 2000
syscall_event_timeouts: {max_consecutives: 1000}
syscall_event_drops: {threshold: .1}
metrics: {enabled: false}
base_syscalls: {custom_set: []}
falco_libs: {thread_table_size: 262144}
container_engines: {docker: {enabled: true}}
rules: []
"""


def test_a_whole_falco_yaml_is_taken_as_it_is() -> None:
    assert list(load_with(_WHOLE).problems) == []


def test_keys_of_older_versions_are_known_too() -> None:
    old = "rules_file rule_files outputs metadata_download modern_bpf syscall_buf_size_preset syscall_drop_failed_exit"
    assert list(load_with("".join(f"{key}: 1\n" for key in old.split())).problems) == []


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "n", "", "''"])
def test_a_time_of_day_is_as_it_is_here(word: str) -> None:
    assert list(load_with(f"time_format_iso_8601: {word}\n").problems) == []


def test_what_a_setting_answers_is_not_told() -> None:
    text = "rule_matching: first\ntime_format_iso_8601: true\n"
    assert list(load_with(text, answered={"rule_matching", "time_format_iso_8601"}).problems) == []
    assert len(load_with(text, answered={"rule_matching"}).problems) == 1


def test_so_many_unknown_keys_get_a_guess() -> None:
    text = "".join(f"rules_files_{number:050}: []\n" for number in range(300))
    hints = [problem.hint for problem in load_with(f"ruless: []\n{text}rulez: []\n").warnings]
    assert (hints[0], hints[-1]) == ("did you mean 'rules'?", "Falco has no such key either")


@pytest.mark.parametrize("text", ["''", "", "${EMPTY}", "~"])
def test_a_static_field_may_be_empty(text: str, make_event: MakeEvent) -> None:
    configuration = f"append_output: [{{suggested_output: true}}]\nstatic_fields:\n  env: {text}\n"
    result = load_with(configuration, _rule("static.env exists"), variables={"EMPTY": ""})
    assert list(result.problems) == []
    assert output_of(result, make_event()) == "o static_env="
    assert result.ruleset is not None
    assert len(result.ruleset.match(make_event()).matches) == 1


@pytest.mark.parametrize("text", ["[a]", "{a: b}", "${NO}", "a${NO}"])
def test_a_broken_static_field_is_told_once(text: str) -> None:
    result = load_with(f"static_fields:\n  env: {text}\n", _rule("static.env = prod", "%static.env"))
    assert [problem.item for problem in result.problems] == ["static_fields"]


def test_the_configuration_is_told_before_the_files() -> None:
    result = load_with("append_output: [{extra_output: '%proc.name'}]\nzzz: 1\n", "- macro: m\n", RULE)
    assert result.files == ("falco.yaml", "0.yaml", "1.yaml")
    assert [line.split()[1] for line in result.to_text().splitlines() if "-->" in line] == [
        "falco.yaml:1:33,",
        "0.yaml:1:3,",
        "falco.yaml:2:1",
    ]


_TAGS = "append_output: [{match: {tags: [a, b, c, d, e, f]}, extra_output: x}]"


def test_the_digest_is_the_same_in_every_process() -> None:
    script = f"from tests.rules.configured import load_with; print(load_with({_TAGS!r}).ruleset.digest)"
    digests = {
        subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", script], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in "0123"
    }
    assert len(digests) == 1


def test_the_digest_tells_what_a_configuration_switches_and_no_more() -> None:
    def digest(configuration: str) -> str:
        ruleset = load_with(configuration, _RULES).ruleset
        assert ruleset is not None
        return ruleset.digest

    plain = digest("")
    assert digest("rules: [{enable: {rule: Alpha}}]") == plain
    assert len({plain, digest("priority: error"), digest("rules: [{disable: {rule: '*'}}]")}) == 3


@pytest.mark.parametrize("text", ["static_fields: [a\n", "static_fields: [a]\n", "- a\n---\n[\n"])
def test_what_reads_a_constant_that_cannot_be_read_is_not_told_to_lack_it(text: str) -> None:
    exceptions = "  exceptions: [{name: e, fields: static.c, values: [a]}, {name: f, fields: stat.c}]\n"
    result = load_with(text, _rule("static.a = b and stat.a = b", "%static.b", extra=exceptions))
    assert result.ruleset is None
    assert [problem.message for problem in result.errors[1:]] == [
        "there is no field 'stat.c'",
        "there is no field 'stat.a'",
    ]


def test_constants_of_many_characters_are_no_aliases() -> None:
    result = load_with(f"static_fields: {{a: {'x' * 600_000}, b: {'x' * 600_000}}}\n", _rule("static.a = b"))
    assert result.errors == []


def test_variables_put_in_have_a_bound() -> None:
    text = "static_fields:\n" + "".join(f"  f{number}: ${{A}}\n" for number in range(251))
    (problem,) = load_with(text, variables={"A": "x" * 100_000}).errors
    assert problem.message == "with its variables put in the file holds more than 25,000,000 characters"
    assert problem.position is not None
    assert problem.position.line == 252


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("json_include_output_property", "false", "is there"),
        ("json_include_output_property", "Yes", None),
        ("json_include_message_property", "true", "is not there"),
        ("json_include_message_property", "off", None),
        ("json_include_tags_property", "false", "is there"),
        ("json_include_output_fields_property", "no", "is there"),
    ],
)
def test_members_of_alerts_are_not_chosen(key: str, value: str, told: str | None) -> None:
    problems = [(problem.message, problem.hint) for problem in load_with(f"{key}: {value}\n").problems]
    message = f"'{key}' is not taken: what it speaks of {told} in every alert"
    assert problems == ([] if told is None else [(message, "leave it out")])
