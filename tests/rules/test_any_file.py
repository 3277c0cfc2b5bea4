"""Whatever a rule file holds, a load ends in a ruleset or in problems that can be told, never in an exception."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.document import Value
from rules.errors import LoadResult
from rules.event import Event
from rules.loader import load
from rules.output import render, values
from rules.reader import RuleFile
from rules.selection import Selection
from tests.rules.condition_texts import ANY_TEXT, FORMATS
from tests.rules.strategies import CONDITIONS, JSON

_NAMES = st.sampled_from(["a", "b", "r", "pods", "a b", "ka.verb", "a-b", ""])
_CONDITION_TEXTS = (
    CONDITIONS
    | _NAMES
    | st.sampled_from(["a and b", "ka.verb in (a, pods)", "not a", "ka.verb = a or", "ka.verb in a", "and b", "('a')"])
    | ANY_TEXT
)
_OUTPUTS = (
    st.sampled_from(["o", "%ka.verb", "%nosuch.field", "100%", "%toupper(ka.verb)", "%container.info", "*%10ka.uri"])
    | FORMATS
)
_CHANGES = st.sampled_from(["append", "replace", "remove"]) | JSON
_WORDS = st.text(alphabet="ab ,=()'\"\\é", max_size=6) | st.sampled_from(["true", "5", "pods"])
_EXCEPTION = st.fixed_dictionaries(
    {},
    optional={
        "name": _NAMES,
        "fields": st.sampled_from(["ka.verb", "ka.user.groups", "tolower(ka.verb)", "x.y"])
        | st.lists(st.sampled_from(["ka.verb", "ka.user.name", "evt.num"]), max_size=3)
        | JSON,
        "comps": st.sampled_from(["=", "in", "startswith anyof", "exists", "pmatch", "regex"])
        | st.lists(st.sampled_from(["=", "in", "glob", "exists"]), max_size=3)
        | JSON,
        "values": st.lists(_WORDS | st.lists(_WORDS | st.lists(_WORDS, max_size=2), max_size=3), max_size=3) | JSON,
    },
)
_KEYS: dict[str, st.SearchStrategy[Any]] = {
    "rule": _NAMES | JSON,
    "macro": _NAMES | JSON,
    "list": _NAMES | JSON,
    "items": st.lists(_NAMES | _WORDS, max_size=4) | JSON,
    "condition": _CONDITION_TEXTS | JSON,
    "output": _OUTPUTS | JSON,
    "desc": _WORDS | JSON,
    "priority": st.sampled_from(["debug", "INFO", "Warning", "err"]) | JSON,
    "source": st.sampled_from(["k8s_audit", "syscall"]) | JSON,
    "enabled": st.booleans() | JSON,
    "tags": st.lists(_WORDS, max_size=2) | JSON,
    "append": st.booleans() | JSON,
    "override": st.dictionaries(
        st.sampled_from(["condition", "items", "output", "exceptions", "tags", "enabled", "rule"]), _CHANGES, max_size=2
    )
    | JSON,
    "exceptions": st.lists(_EXCEPTION, max_size=2) | JSON,
    "skip-if-unknown-filter": st.booleans() | JSON,
    "required_engine_version": st.sampled_from(["0.31.0", 26, "99"]) | JSON,
    "required_plugin_versions": st.lists(st.fixed_dictionaries({"name": _NAMES, "version": _WORDS}), max_size=2) | JSON,
}
_PARTS = ("condition", "output", "desc", "priority", "source")
_RULE = st.fixed_dictionaries(
    {"rule": _NAMES, **{key: _KEYS[key] for key in _PARTS}},
    optional={key: _KEYS[key] for key in ("enabled", "tags", "exceptions", "override", "append")},
)
_GOOD = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(["r", "a b"]),
        "condition": CONDITIONS | st.sampled_from(["a", "ka.verb in (b)"]),
        "output": st.sampled_from(["o", "%ka.verb"]),
        "desc": st.just("d"),
        "priority": st.just("debug"),
        "source": st.just("k8s_audit"),
    },
    optional={"exceptions": st.lists(_EXCEPTION, max_size=1)},
)
_NAMED = st.fixed_dictionaries(
    {"macro": st.sampled_from(["a", "b"]), "condition": _CONDITION_TEXTS}
) | st.fixed_dictionaries(
    {"list": st.sampled_from(["b", "pods"]), "items": st.lists(_WORDS | st.sampled_from(["a", "b"]), max_size=3)}
)
_ITEMS = _RULE | _GOOD | _NAMED | st.dictionaries(st.sampled_from(sorted(_KEYS)), JSON, max_size=4) | JSON


def _tell(result: LoadResult) -> None:
    """Tell a load's result in every way there is."""
    assert (result.ruleset is None) is bool(result.errors)
    assert result.to_text() or not result.problems
    assert json.loads(result.to_json())["successful"] is (result.ruleset is not None)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(_ITEMS, max_size=4), min_size=1, max_size=2))
def test_any_items_are_loaded_or_told(files: list[list[object]]) -> None:
    _tell(
        load(
            [RuleFile(f"{number}.yaml", json.dumps(items).encode()) for number, items in enumerate(files)], Selection()
        )
    )


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80) | st.text(alphabet="-:[]{}&*!|>'\"%@#? \n\tarulemco0\x85\ufeff", max_size=80).map(str.encode)
)
def test_any_bytes_are_loaded_or_told(content: bytes) -> None:
    _tell(load([RuleFile("any.yaml", content)], Selection()))


_EVENT = Event(Value(b'{"auditID": "1", "verb": "get"}'), 0)
_FIELD = st.sampled_from(["evt.hostname", "ka.verb", "proc.name", "10ka.verb", "static.a"]) | _WORDS
_FORMATS = st.sampled_from(["%ka.verb", "%static.a", "%proc.name", "100%", "${A}", "$${A}", "${B", "%container.info"])
_MATCH = st.fixed_dictionaries(
    {}, optional={"rule": _NAMES, "source": _NAMES, "tags": st.lists(_WORDS, max_size=2) | JSON}
)
_ADDITION = st.fixed_dictionaries(
    {},
    optional={
        "match": _MATCH | JSON,
        "extra_output": _FORMATS | JSON,
        "extra_fields": st.lists(_FIELD | st.dictionaries(_WORDS, _FORMATS | JSON, max_size=2), max_size=2) | JSON,
        "suggested_output": st.booleans() | JSON,
    },
)
_VERBS = st.sampled_from(["enable", "disable", "enabled"])
_CHOSEN = st.dictionaries(st.sampled_from(["rule", "tag", "rules"]), _NAMES | _FORMATS | st.just("*"), max_size=2)
_CONFIGURATION = st.fixed_dictionaries(
    {},
    optional={
        "append_output": st.lists(_ADDITION, max_size=3) | JSON,
        "static_fields": st.dictionaries(st.sampled_from(["a", "a.b", "a-b", ""]), _FORMATS | JSON, max_size=2) | JSON,
        "priority": st.sampled_from(["debug", "Error", "${B}", "${A}"]) | JSON,
        "rules": st.lists(st.dictionaries(_VERBS, _CHOSEN | JSON, max_size=2) | JSON, max_size=3) | JSON,
        "rule_matching": st.sampled_from(["first", "all"]) | JSON,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_CONFIGURATION, st.lists(_GOOD, max_size=2))
def test_any_configuration_is_taken_or_told(configuration: dict[str, object], rules: list[object]) -> None:
    result = load(
        [RuleFile("0.yaml", json.dumps(rules).encode())],
        Selection(),
        RuleFile("falco.yaml", json.dumps(configuration).encode()),
        {"A": "%ka.verb"},
    )
    _tell(result)
    for rule in () if result.ruleset is None else result.ruleset.rules:
        for pieces in (rule.output, *(extra.pieces for extra in rule.extra_fields)):
            assert isinstance(render(pieces, values(pieces, _EVENT)), str)


# What is right or wrong by what other files have made of its names until then.
_TUNED_TEXTS = st.sampled_from(
    ["ka.verb exists", "no.such = 1", "m", "not n", "ka.verb in (l)", "ka.verb in (k, o d)", "l", "m and n or m"]
)
_EXCEPTED = st.lists(st.sampled_from(["l", "k", "x", ["y"], "o d"]), min_size=1, max_size=2)
_LISTS = st.sampled_from(["l", "k", "o d", "in", "="])
_LIST_ITEMS = st.lists(st.sampled_from(["x", "x=y", "l", "k", "m", "o d"]), max_size=2)
_TUNED_RULES = st.sampled_from(["r", "s"])
_APPEND: dict[str, st.SearchStrategy[object]] = {"append": st.just("true")}
_TUNED = (
    st.fixed_dictionaries({"list": _LISTS, "items": _LIST_ITEMS}, optional=_APPEND)
    | st.fixed_dictionaries({"macro": st.sampled_from(["m", "n"]), "condition": _TUNED_TEXTS})
    | st.fixed_dictionaries({"macro": st.sampled_from(["m", "n"]), "condition": st.just([])})
    | st.fixed_dictionaries({"list": _LISTS, "items": st.just([None])})
    | st.fixed_dictionaries(
        {
            "rule": _TUNED_RULES,
            "exceptions": st.sampled_from([[{"name": "e", "values": [["l"]]}], [{"name": "f", "fields": []}]]),
            **_APPEND,
        }
    )
    | st.fixed_dictionaries(
        {"macro": st.sampled_from(["m", "n"]), "condition": st.sampled_from(["or m", "and n"]), **_APPEND}
    )
    | st.fixed_dictionaries(
        {
            "rule": _TUNED_RULES,
            "condition": _TUNED_TEXTS,
            "output": st.sampled_from(["o", "%no.such"]),
            "desc": st.just("d"),
            "priority": st.sampled_from(["debug", "debug", "debg"]),
            "source": st.just("k8s_audit"),
        },
        optional={
            "tags": st.sampled_from([["t"], ["u"], ["t", "u"]]),
            "exceptions": st.tuples(st.sampled_from(["ka.verb", ["ka.verb"], "no.such"]), _EXCEPTED).map(
                lambda made: [{"name": "e", "fields": made[0], "values": made[1]}]
            ),
        },
    )
    | st.fixed_dictionaries({"rule": _TUNED_RULES, "condition": st.sampled_from(["or m", "and n"]), **_APPEND})
    | st.fixed_dictionaries(
        {"rule": _TUNED_RULES, "enabled": st.booleans(), "override": st.just({"enabled": "replace"})}
    )
    | st.fixed_dictionaries(
        {"rule": _TUNED_RULES, "tags": st.sampled_from([["t"], []]), "override": st.just({"tags": "replace"})}
    )
)
_APPENDED = st.sampled_from(["{}", "append_output: [{match: {tags: [t]}, extra_output: '%no.field'}]"])


_RIGHT = {"condition": "ka.verb exists", "output": "o", "desc": "d", "priority": "debug", "source": "k8s_audit"}
_MENDED: dict[str, object] = {
    **{name: {"list": name, "items": ["x"]} for name in "lk"},
    **{name: {"macro": name, "condition": "ka.verb exists"} for name in "mn"},
    **{name: {"rule": name, **_RIGHT} for name in "rs"},
}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(_TUNED, min_size=1, max_size=3), min_size=1, max_size=3),
    st.sets(st.sampled_from("lkmnrs")),
    _APPENDED,
)
def test_files_are_right_together_where_each_is_right_with_those_before_it(
    files: list[list[object]], mended: set[str], appended: str
) -> None:
    falco_config = RuleFile("falco.yaml", appended.encode())
    files.append([_MENDED[name] for name in sorted(mended)])
    places = [(f"{number}.yaml", line) for number, items in enumerate(files) for line in range(1, len(items) + 1)]
    # As the reference does it: each time all that there is until now is compiled anew, as if it were one file.
    states = [[item for file in files[:end] for item in file] for end in range(1, len(files) + 1)]
    wrong = {
        (*places[line - 1], column) if file == "0.yaml" else (file, line, column)
        for state in states
        for file, line, column in _wrong(load([_by_lines(0, state)], falco_config=falco_config))
    }
    assert set(_wrong(load(list(itertools.starmap(_by_lines, enumerate(files))), falco_config=falco_config))) == wrong


def _by_lines(number: int, items: list[object]) -> RuleFile:
    """Return a file with an item a line."""
    return RuleFile(f"{number}.yaml", "".join(f"- {json.dumps(item)}\n" for item in items).encode())


def _wrong(result: LoadResult) -> Iterator[tuple[str, int, int]]:
    """Yield the places of errors."""
    for problem in result.errors:
        assert problem.position is not None
        yield problem.position.file, problem.position.line, problem.position.column
