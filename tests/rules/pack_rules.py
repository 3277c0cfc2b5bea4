"""The pack that ships, loaded, and what its rules say of events that tests make up."""

from collections.abc import Mapping, Sequence
from functools import cache

from auditstream.sample_files import Folder
from processor.alert import Alert
from processor.rule_files import pack_files
from rules.errors import LoadResult
from rules.loader import load
from rules.podspec import POD_SPEC_PATHS
from rules.reader import RuleFile
from rules.ruleset import Rule, Ruleset
from rules.selection import Choice, Selection
from tests.pack_samples import outcome_of

Document = dict[str, object]


def as_shipped() -> LoadResult:
    return load(pack_files())


@cache
def all_on() -> Ruleset:
    """Return the pack with all its rules on, and the lists filled that some wait for."""
    return ruleset_of(load([*pack_files(), filled_lists()], Selection((Choice(enables=True, pattern="*"),))))


def filled_lists() -> RuleFile:
    """Return the lists that samples take for granted."""
    path = Folder().lists()
    assert path is not None
    return RuleFile(str(path), path.read_bytes())


def waits(rule: Rule) -> bool:
    return any(tag.startswith("needs_list:") for tag in rule.tags)


def ruleset_of(result: LoadResult) -> Ruleset:
    assert result.ruleset is not None, result.to_text()
    return result.ruleset


def alerts_of(
    event: Mapping[str, object], ruleset: Ruleset | None = None, before: Sequence[Mapping[str, object]] = ()
) -> list[Alert]:
    """Return the alerts of an event that comes after others."""
    return outcome_of(event, ruleset or all_on(), before).alerts


def names_of(
    event: Mapping[str, object], ruleset: Ruleset | None = None, before: Sequence[Mapping[str, object]] = ()
) -> set[str]:
    return {alert.rule for alert in alerts_of(event, ruleset, before)}


def suspicions_of(event: Mapping[str, object], ruleset: Ruleset | None = None) -> set[str]:
    """Return what alerts of class 1, without what waits for a list and what is no alarm."""
    return {
        alert.rule
        for alert in alerts_of(event, ruleset or alarms())
        if "class_suspicious" in alert.tags and alert.rule not in NO_ALARM
    }


@cache
def alarms() -> Ruleset:
    return ruleset_of(as_shipped())


NO_ALARM = {"Full Administrator At Work", "Dangerous Pod Made By Controller"}
RULES = all_on().rules
HARMLESS: Document = {"containers": [{"name": "c", "image": "registry.example.test/app:1"}]}
FORMS = ("create", "update", "merge patch", "JSON patch", "server-side apply")


def _in_place(path: tuple[str, ...], spec: object) -> Document:
    """Return the smallest object that has a pod spec where this resource has it."""
    found = spec
    for name in reversed(path):
        found = {name: found}
    assert isinstance(found, dict)
    return found


def written(target: tuple[str, str], spec: Document, form: str) -> Document:
    """Return the event of a pod spec written in one of the forms of a request; a JSON patch adds its first member."""
    group, resource = target
    path = POD_SPEC_PATHS[target]
    body: object = _in_place(path, spec)
    response: object = {"metadata": {"name": "x", "namespace": "n"}, **_in_place(path, {**HARMLESS, **spec})}
    if form == "JSON patch":
        name, value = next(iter(spec.items()))
        body = [{"op": "add", "path": "/" + "/".join((*path, name)), "value": value}]
    verb = form if form in {"create", "update"} else "patch"
    code = 201 if form in {"create", "server-side apply"} else 200
    return {
        "auditID": "00000000-0000-4000-8000-000000000001",
        "stage": "ResponseComplete",
        "verb": verb,
        "requestURI": f"/apis/{group}/v1/namespaces/n/{resource}/x",
        "user": {"username": "someone", "groups": ["system:authenticated"]},
        "sourceIPs": ["192.0.2.7"],
        "objectRef": {"apiGroup": group, "resource": resource, "namespace": "n", "name": "x"},
        "responseStatus": {"metadata": {}, "code": code},
        "requestObject": body,
        "responseObject": response,
        "stageTimestamp": "2026-01-02T03:04:05.000000Z",
    }
