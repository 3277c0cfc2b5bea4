"""The pack that ships: it loads, every rule is whole, and each sample alerts or not as it says."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rules
from auditstream.sample import judge
from auditstream.sample_files import file_stem, group_of
from processor.rule_files import pack_files
from rules.items import Priority
from rules.ruleset import Rule
from tests.pack_samples import Sample, outcome_by_both, raw_samples, samples
from tests.rules.pack_rules import (
    NO_ALARM,
    RULES,
    alerts_of,
    all_on,
    as_shipped,
    names_of,
    ruleset_of,
    waits,
)

SAMPLES = Path(rules.__file__).parent / "library" / "samples"
STOCK_NAMES = Path(__file__).parent / "fixtures" / "stock-names.txt"

MAX_SAMPLE_BYTES = 750_000
MEANT_TO_BE_OFF = {"Every Audit Event"}

# What these tell is not a change.
NO_CHANGE = {
    "Full Administrator Impersonated",
    "System Component Impersonated",
    "User Impersonated",
    "Service Account Asks For Its Permissions",
    "Unlisted Administrator At Work",
    "Request By Unlisted User",
    "Request From Unexpected Network",
}

# Placeholders that stand where something secret stood.
REDACTED = "[redacted]"


ALL_SAMPLES = [
    pytest.param(rule.name, sample, id=f"{rule.name}-{number}-{'alerts' if sample.alert else 'does-not'}")
    for rule in RULES
    for number, sample in enumerate(samples(rule), start=1)
]


def _every_value(value: object) -> Iterator[tuple[str, object]]:
    """Yield all members of a document, at any depth, by name."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name, member
            yield from _every_value(member)
    elif isinstance(value, list):
        for element in value:
            yield from _every_value(element)


# --- the pack as a whole ---------------------------------------------------------------------------------------------


def test_the_pack_loads_without_errors_and_warnings() -> None:
    result = as_shipped()
    assert result.problems == ()
    assert len(ruleset_of(result).rules) > 50


def test_no_name_is_one_of_falcos_stock_file() -> None:
    stock = {line for line in STOCK_NAMES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    text = "\n".join(file.content.decode() for file in pack_files())
    defined = {": ".join(found) for found in re.findall(r"^- (rule|macro|list): (.+)$", text, re.MULTILINE)}
    assert len(stock) > 100
    assert len(defined) > len(RULES)
    assert not stock & defined


def test_only_what_is_meant_to_be_off_is_off() -> None:
    off = {rule.name for rule in ruleset_of(as_shipped()).rules if not rule.is_enabled}
    assert off == MEANT_TO_BE_OFF | {rule.name for rule in RULES if waits(rule)}


def test_samples_belong_to_rules_and_stay_small() -> None:
    files = set(SAMPLES.rglob("*.*")) - {SAMPLES / "lists.yaml"}
    assert files == {SAMPLES / group_of(rule) / f"{file_stem(rule.name)}.jsonl" for rule in RULES}
    assert sum(file.stat().st_size for file in files) < MAX_SAMPLE_BYTES


def test_no_sample_holds_a_secret() -> None:
    for rule in RULES:
        for event in (event for sample in samples(rule) for event in (sample.event, *sample.before)):
            assert not re.search(r"eyJ[\w-]{16,}\.", json.dumps(event)), rule.name
            for name, value in _every_value(event):
                if name == "token":
                    assert value in ("", REDACTED), rule.name
            for body in (event.get("requestObject"), event.get("responseObject")):
                if isinstance(body, dict) and body.get("kind") == "Secret":
                    data = {**(body.get("data") or {}), **(body.get("stringData") or {})}
                    assert set(data.values()) <= {REDACTED}, rule.name


# --- each rule -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_is(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z][^.]*\.", rule.description.strip()), "one sentence"
    assert rule.source == "k8s_audit"
    classes = [tag for tag in rule.tags if tag.startswith("class_")]
    if classes == ["class_every_event"]:
        assert rule.priority is Priority.DEBUG
        return
    if classes == ["class_lifecycle"]:
        assert rule.priority is Priority.INFORMATIONAL
        assert len(rule.tags) == 2, "a theme"
        return
    assert classes == ["class_suspicious"]
    techniques = [tag for tag in rule.tags if tag.startswith("mitre_")]
    assert techniques
    assert all(re.fullmatch(r"mitre_t\d{4}(\.\d{3})?", tag) for tag in techniques)
    assert len(rule.tags) > 1 + len(techniques), "a theme"
    informs = (Priority.INFORMATIONAL,) if rule.name in NO_ALARM else (Priority.WARNING, Priority.NOTICE)
    assert rule.priority in informs


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_says_who_what_and_where_from(rule: Rule) -> None:
    shown = next(
        alert.output_fields
        for is_alert, event, before in samples(rule)
        if is_alert
        for alert in alerts_of(event, before=before)
        if alert.rule == rule.name
    )
    assert {"ka.user.name", "ka.verb", "ka.response.code", "request.source_ip"} <= shown.keys()
    assert {"ka.target.name", "ka.target.namespace"} & shown.keys()
    assert "ka.useragent" not in shown
    assert not any(name.startswith("ka.sourceips") for name in shown)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_a_sample_that_alerts_and_a_near_miss(rule: Rule) -> None:
    assert {sample.alert for sample in samples(rule)} == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_judges_its_samples_as_they_say(rule: Rule) -> None:
    assert [judge(sample, rule) for sample in raw_samples(rule)] == [None] * len(samples(rule))


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_sample_alerts_or_not_as_it_says_among_all_rules(rule: str, sample: Sample) -> None:
    alerts = outcome_by_both(sample.event, all_on(), sample.before).alerts
    assert (rule in {alert.rule for alert in alerts}) is sample.alert


def test_a_controllers_pod_is_told_with_the_person_behind_it() -> None:
    rule = next(rule for rule in RULES if rule.name == "Dangerous Pod Made By Controller")
    sample = next(sample for sample in samples(rule) if sample.alert and sample.before)
    (alert,) = (alert for alert in alerts_of(sample.event, before=sample.before) if alert.rule == rule.name)
    fields = alert.output_fields
    assert fields["ka.user.name"] == "system:serviceaccount:kube-system:replicaset-controller"
    assert (fields["resource.owner.kind"], fields["resource.root.kind"]) == ("ReplicaSet", "Deployment")
    assert fields["resource.root.user"] == sample.before[0]["user"]["username"]


# --- once a request, only where something happened -------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_request_that_was_only_received_alerts_nowhere(rule: str, sample: Sample) -> None:  # noqa: ARG001 - all samples
    received = {name: value for name, value in sample.event.items() if name not in {"responseStatus", "responseObject"}}
    assert names_of({**received, "stage": "RequestReceived"}, before=sample.before) <= MEANT_TO_BE_OFF


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_request_alerts_in_one_of_its_stages_only(rule: str, sample: Sample) -> None:
    if rule in MEANT_TO_BE_OFF or not sample.alert:
        return
    other = {"ResponseComplete": "ResponseStarted", "ResponseStarted": "ResponseComplete"}[str(sample.event["stage"])]
    assert rule not in names_of({**sample.event, "stage": other}, before=sample.before)


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_dry_run_that_succeeds_is_no_warning(rule: str, sample: Sample) -> None:
    is_alert, event, before = sample
    reference = event.get("objectRef")
    subresource = reference.get("subresource") if isinstance(reference, dict) else None
    never_dry = subresource in {"exec", "attach", "portforward", "proxy", "token"}
    if not is_alert or never_dry or event["verb"] not in {"create", "update", "patch", "delete", "deletecollection"}:
        return
    if rule in MEANT_TO_BE_OFF | NO_CHANGE:
        return
    uri = str(event["requestURI"])
    dry = {**event, "requestURI": uri + ("&" if "?" in uri else "?") + "dryRun=All"}
    status = event["responseStatus"]
    is_refused = isinstance(status, dict) and status["code"] == 403
    options = event.get("requestObject")
    is_body_known = isinstance(options, dict) or event["level"] == "Metadata"
    if event["verb"] in {"delete", "deletecollection"} and is_body_known and not is_refused:
        # The API server obeys the body where there is one: the URI alone must hide nothing.
        assert rule in names_of(dry, before=before)
        dry["requestObject"] = {**(options if isinstance(options, dict) else {}), "dryRun": ["All"]}
    # A refused one has probed what its sender may do as well as any other.
    assert (rule in names_of(dry, before=before)) is is_refused
