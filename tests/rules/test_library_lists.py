"""Rules of the pack that wait for a list of the user's: off, silent while it is empty, and at work by five lines."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from processor.rule_files import pack_files
from rules.errors import Code, LoadResult
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Rule
from rules.selection import AS_WRITTEN, Choice, Selection
from tests.pack_samples import samples
from tests.rules.pack_rules import FORMS, RULES, Document, as_shipped, names_of, ruleset_of, waits, written

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"
WAITING = [rule for rule in RULES if waits(rule)]
IMAGE = "Pod Or Template With Unlisted Image"


def _list_of(rule: Rule) -> str:
    (tag,) = (tag for tag in rule.tags if tag.startswith("needs_list:"))
    return tag.removeprefix("needs_list:")


@cache
def _loaded(text: str, selection: Selection = AS_WRITTEN) -> LoadResult:
    return load([*pack_files(), RuleFile("mine.yaml", text.encode())], selection)


def _users_file(rule: Rule, *items: str) -> str:
    name = json.dumps(rule.name)
    switch = f"- rule: {name}\n  enabled: true\n  override: {{enabled: replace}}\n"
    return f"- list: {_list_of(rule)}\n  items: {json.dumps(items)}\n{switch}"


def _from_docs() -> str:
    """Return the file that the documentation tells users to write."""
    text = DOCS.read_text(encoding="utf-8")
    section = text[text.index("### Rules that wait for a list") :]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_pack_has_rules_that_wait_and_says_for_what() -> None:
    ruleset = ruleset_of(as_shipped())
    assert {rule.name: rule.empty_lists for rule in ruleset.waiting} == {
        rule.name: (_list_of(rule),) for rule in WAITING
    }
    assert {_list_of(rule) for rule in WAITING} == {
        "permitted_images",
        "permitted_namespaces",
        "permitted_users",
        "permitted_administrators",
        "expected_networks",
        "closed_namespaces",
    }


def test_the_file_in_the_documentation_sets_a_rule_to_work() -> None:
    text = _from_docs()
    assert len(text.splitlines()) == 5
    result = _loaded(text)
    assert result.problems == ()
    ruleset = ruleset_of(result)
    assert ruleset.by_name[IMAGE].is_enabled
    assert IMAGE not in {rule.name for rule in ruleset.waiting}
    listed = written(("", "pods"), {"containers": [{"name": "c", "image": "registry.example.com/a:1"}]}, "create")
    other = written(("", "pods"), {"containers": [{"name": "c", "image": "evil.example.net/a:1"}]}, "create")
    assert IMAGE not in names_of(listed, ruleset)
    assert IMAGE in names_of(other, ruleset)


@pytest.mark.parametrize("rule", WAITING, ids=lambda rule: rule.name)
def test_a_rule_alerts_by_a_file_of_the_users(rule: Rule) -> None:
    result = _loaded(_users_file(rule, "data" if "closed" in _list_of(rule) else "something-else"))
    assert result.problems == ()
    assert any(
        rule.name in names_of(sample.event, ruleset_of(result), sample.before)
        for sample in samples(rule)
        if sample.alert
    )


@pytest.mark.parametrize("rule", WAITING, ids=lambda rule: rule.name)
def test_a_rule_is_silent_while_its_list_is_empty_and_that_is_told(rule: Rule) -> None:
    by_file = _loaded(_users_file(rule))
    by_option = load(pack_files(), Selection((Choice(enables=True, pattern=rule.name),)))
    for result in (by_file, by_option):
        (problem,) = result.problems
        assert (problem.code, problem.item, problem.part) == (Code.NEEDED_LIST_EMPTY, f"rule {rule.name}", "tags")
        name = _list_of(rule)
        assert problem.message == (
            f"this rule is on, and its list '{name}' is empty: fill the list or switch the rule off"
        )
        assert problem.hint == f"in a file of your own, write `- list: {name}` and its `items`"
        assert all(rule.name not in names_of(sample.event, ruleset_of(result)) for sample in samples(rule))


def _pod(*images: str) -> Document:
    return {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (["registry.example.com/a:1", "registry.example.com/b@sha256:0"], set()),
        (["nginx:1.29", "quay.io/team/tool"], set()),
        (["registry.example.com/a:1", "evil.example.net/b:1"], {IMAGE}),
        (["quay.io/team/tool-evil:1"], {IMAGE}),
        (["registry.example.com.evil.net/a:1"], {IMAGE}),
        (["nginx/nginx:1.29"], {IMAGE}),
        (["registry.example.com/a:1", "nginx:1.29", "ghcr.io/team/x:1"], set()),  # each by an entry of its own
        (["ghcr.io/team/deep/x:1"], set()),
        (["ghcr.io/team-evil/x:1"], {IMAGE}),
        (["ghcr.io/team:1"], {IMAGE}),
        (["quay.io/team/tool/evil:1"], {IMAGE}),
        (["docker.io/library/nginx:1", "nginx:1.29"], {IMAGE}),  # nginx alone is only what says no more
        ([f"registry.example.com/{number}" for number in range(20)], set()),
        ([*(f"registry.example.com/{number}" for number in range(20)), "evil.example.net/b:1"], {IMAGE}),
        ([*(f"registry.example.com/{number}" for number in range(7)), "evil.example.net/b:1"], {IMAGE}),
        (
            [*(f"registry.example.com/{number}" for number in range(8)), "nginx:1.29"],
            {IMAGE},
        ),  # as the ninth, all alike
    ],
)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", [("", "pods"), ("apps", "deployments"), ("batch", "cronjobs")], ids=lambda at: at[1])
def test_each_image_passes_by_registry_folder_or_repository(
    images: list[str], told: set[str], form: str, target: tuple[str, str]
) -> None:
    rule = next(rule for rule in RULES if rule.name == IMAGE)
    ruleset = ruleset_of(
        _loaded(_users_file(rule, "registry.example.com", "nginx", "quay.io/team/tool", "ghcr.io/team/"))
    )
    event = written(target, _pod(*images), form)
    assert names_of({**event, "responseObject": None}, ruleset) & {IMAGE} == told


def test_a_namespace_whose_name_the_server_makes_up_is_unlisted() -> None:
    rule = next(rule for rule in RULES if rule.name == "Unlisted Namespace Created")
    event = next(sample.event for sample in samples(rule) if sample.alert)
    event["objectRef"].pop("name")
    assert rule.name in names_of(event)


def test_a_user_passes_by_a_group_too() -> None:
    rule = next(rule for rule in RULES if rule.name == "Request By Unlisted User")
    event = next(sample.event for sample in samples(rule) if sample.alert)
    (group, *_) = event["user"]["groups"]
    groups = f"- list: permitted_groups\n  items: [{group}]\n  override: {{items: append}}\n"
    assert rule.name in names_of(event, ruleset_of(_loaded(_users_file(rule, "someone"))))
    assert rule.name not in names_of(event, ruleset_of(_loaded(_users_file(rule, "someone") + groups)))


def test_whoever_acts_as_a_full_administrator_is_one() -> None:
    rule = next(rule for rule in RULES if rule.name == "Full Administrator At Work")
    event = next(sample.event for sample in samples(rule) if sample.alert)
    event["user"] = {"username": "someone", "groups": ["system:authenticated"]}
    assert rule.name not in names_of(event)
    assert rule.name in names_of({**event, "impersonatedUser": {"username": "root", "groups": ["system:masters"]}})
