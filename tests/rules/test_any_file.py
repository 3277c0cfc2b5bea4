"""Whatever a rule file holds, a load ends in a ruleset or in problems that can be told, never in an exception."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.errors import LoadResult
from rules.loader import load
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
