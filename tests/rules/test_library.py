"""The pack that ships: it loads, every rule is whole, and each sample alerts or not as it says."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

import rules
from auditstream.sample import judge
from auditstream.sample_files import file_stem, group_of
from processor.alert import Alert
from processor.rule_files import pack_files
from rules.errors import LoadResult
from rules.items import Priority
from rules.loader import load
from rules.podspec import POD_SPEC_PATHS
from rules.reader import RuleFile
from rules.ruleset import Rule, Ruleset
from rules.selection import Choice, Selection
from tests.pack_samples import Sample, outcome_by_both, outcome_of, raw_samples, samples

Document = dict[str, object]

SAMPLES = Path(rules.__file__).parent / "library" / "samples"
STOCK_NAMES = Path(__file__).parent / "fixtures" / "stock-names.txt"

MAX_SAMPLE_BYTES = 320_000
MEANT_TO_BE_OFF = {"Every Audit Event"}

# Placeholders that stand where something secret stood.
REDACTED = "[redacted]"


# --- the pack and its samples ----------------------------------------------------------------------------------------


def _as_shipped() -> LoadResult:
    return load(pack_files())


@cache
def _all_on() -> Ruleset:
    names = frozenset(rule.name for rule in _ruleset(_as_shipped()).rules)
    return _ruleset(load(pack_files(), Selection(tuple(Choice(enables=True, pattern=name) for name in names))))


def _ruleset(result: LoadResult) -> Ruleset:
    assert result.ruleset is not None, result.to_text()
    return result.ruleset


def _alerts(
    event: Mapping[str, object], ruleset: Ruleset | None = None, before: Sequence[Mapping[str, object]] = ()
) -> list[Alert]:
    """Return the alerts of an event that comes after others."""
    return outcome_of(event, ruleset or _all_on(), before).alerts


def _names(
    event: Mapping[str, object], ruleset: Ruleset | None = None, before: Sequence[Mapping[str, object]] = ()
) -> set[str]:
    return {alert.rule for alert in _alerts(event, ruleset, before)}


def _suspicions(event: Mapping[str, object], ruleset: Ruleset | None = None) -> set[str]:
    return {alert.rule for alert in _alerts(event, ruleset) if "class_suspicious" in alert.tags}


RULES = _all_on().rules
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
    result = _as_shipped()
    assert result.problems == ()
    assert len(_ruleset(result).rules) > 50


def test_no_name_is_one_of_falcos_stock_file() -> None:
    stock = {line for line in STOCK_NAMES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")}
    text = "\n".join(file.content.decode() for file in pack_files())
    defined = {": ".join(found) for found in re.findall(r"^- (rule|macro|list): (.+)$", text, re.MULTILINE)}
    assert len(stock) > 100
    assert len(defined) > len(RULES)
    assert not stock & defined


def test_only_what_is_meant_to_be_off_is_off() -> None:
    assert {rule.name for rule in _ruleset(_as_shipped()).rules if not rule.is_enabled} == MEANT_TO_BE_OFF


def test_samples_belong_to_rules_and_stay_small() -> None:
    files = set(SAMPLES.rglob("*.*"))
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
    assert rule.priority in (Priority.WARNING, Priority.NOTICE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_says_who_what_and_where_from(rule: Rule) -> None:
    shown = next(
        alert.output_fields
        for is_alert, event, before in samples(rule)
        if is_alert
        for alert in _alerts(event, before=before)
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
    alerts = outcome_by_both(sample.event, _all_on(), sample.before).alerts
    assert (rule in {alert.rule for alert in alerts}) is sample.alert


# --- once a request, only where something happened -------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_request_that_was_only_received_alerts_nowhere(rule: str, sample: Sample) -> None:  # noqa: ARG001 - all samples
    received = {name: value for name, value in sample.event.items() if name not in {"responseStatus", "responseObject"}}
    assert _names({**received, "stage": "RequestReceived"}, before=sample.before) <= MEANT_TO_BE_OFF


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_request_alerts_in_one_of_its_stages_only(rule: str, sample: Sample) -> None:
    if rule in MEANT_TO_BE_OFF or not sample.alert:
        return
    other = {"ResponseComplete": "ResponseStarted", "ResponseStarted": "ResponseComplete"}[str(sample.event["stage"])]
    assert rule not in _names({**sample.event, "stage": other}, before=sample.before)


@pytest.mark.parametrize(("rule", "sample"), ALL_SAMPLES)
def test_a_dry_run_that_succeeds_is_no_warning(rule: str, sample: Sample) -> None:
    is_alert, event, before = sample
    reference = event.get("objectRef")
    subresource = reference.get("subresource") if isinstance(reference, dict) else None
    never_dry = subresource in {"exec", "attach", "portforward", "proxy", "token"}
    if not is_alert or never_dry or event["verb"] not in {"create", "update", "patch", "delete", "deletecollection"}:
        return
    if rule in MEANT_TO_BE_OFF | {"User Impersonated", "Service Account Asks For Its Permissions"}:
        return  # what these tell is not a change
    uri = str(event["requestURI"])
    dry = {**event, "requestURI": uri + ("&" if "?" in uri else "?") + "dryRun=All"}
    status = event["responseStatus"]
    is_refused = isinstance(status, dict) and status["code"] == 403
    options = event.get("requestObject")
    is_body_known = isinstance(options, dict) or event["level"] == "Metadata"
    if event["verb"] in {"delete", "deletecollection"} and is_body_known and not is_refused:
        # The API server obeys the body where there is one: the URI alone must hide nothing.
        assert rule in _names(dry, before=before)
        dry["requestObject"] = {**(options if isinstance(options, dict) else {}), "dryRun": ["All"]}
    # A refused one has probed what its sender may do as well as any other.
    assert (rule in _names(dry, before=before)) is is_refused


# --- dangerous pods in every form ------------------------------------------------------------------------------------

DANGERS: dict[str, Document] = {
    "Privileged Pod Or Template": {"containers": [{"name": "c", "securityContext": {"privileged": True}}]},
    "Pod Or Template With Sensitive Host Path": {
        "volumes": [{"name": "v", "hostPath": {"path": "/var/lib/../../etc"}}]
    },
    "Pod Or Template In Host Namespace": {"hostPID": True},
    "Pod Or Template With Takeover Capability": {
        "initContainers": [{"name": "c", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]
    },
    "Pod Or Template With Host Port": {"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]},
}
HARMLESS: Document = {"containers": [{"name": "c", "image": "registry.example.test/app:1"}]}
FORMS = ("create", "update", "merge patch", "JSON patch", "server-side apply")


def _in_place(path: tuple[str, ...], spec: object) -> Document:
    """Return the smallest object that has a pod spec where this resource has it."""
    found = spec
    for name in reversed(path):
        found = {name: found}
    assert isinstance(found, dict)
    return found


def _written(target: tuple[str, str], spec: Document, form: str) -> Document:
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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
@pytest.mark.parametrize("rule", DANGERS)
def test_a_dangerous_pod_spec_alerts_in_every_form(rule: str, target: tuple[str, str], form: str) -> None:
    assert _suspicions(_written(target, DANGERS[rule], form)) == {rule}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
def test_a_harmless_pod_spec_alerts_in_no_form(target: tuple[str, str], form: str) -> None:
    assert not _suspicions(_written(target, HARMLESS, form))


@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
def test_a_label_on_something_dangerous_asks_for_nothing(target: tuple[str, str]) -> None:
    event = _written(target, DANGERS["Privileged Pod Or Template"], "merge patch")
    event["requestObject"] = {"metadata": {"labels": {"a": "b"}}}
    assert not _suspicions(event)


def test_a_controllers_pod_is_told_by_its_template_alone() -> None:
    event = _written(("", "pods"), DANGERS["Privileged Pod Or Template"], "create")
    event["user"] = {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []}
    owned = {"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": True}]}}
    assert "Privileged Pod Or Template" in _names(event)
    body = event["requestObject"]
    assert isinstance(body, dict)
    assert not _suspicions({**event, "requestObject": {**owned, **body}})


@pytest.mark.parametrize("form", ["create", "server-side apply", "update", "merge patch", "JSON patch"])
@pytest.mark.parametrize(
    ("rule", "group", "resource", "body"),
    [
        ("Service On Node Port", "", "services", {"spec": {"type": "NodePort"}}),
        ("Service With External IPs", "", "services", {"spec": {"externalIPs": ["198.51.100.7"]}}),
        ("Service On Load Balancer", "", "services", {"spec": {"type": "LoadBalancer"}}),
        ("ConfigMap With Private Credentials", "", "configmaps", {"data": {"DB_PASSWORD": "x"}}),
        ("Role With Wildcards", "rbac.authorization.k8s.io", "roles", {"rules": [{"apiGroups": [""], "verbs": ["*"]}]}),
        ("Role That Can Exec In Pods", "rbac.authorization.k8s.io", "roles", {"rules": [{"resources": ["pods/exec"]}]}),
        ("Role That Can Escalate", "rbac.authorization.k8s.io", "roles", {"rules": [{"verbs": ["impersonate"]}]}),
        ("Role With Write Verbs", "rbac.authorization.k8s.io", "roles", {"rules": [{"verbs": ["patch"]}]}),
        (
            "Binding To Cluster Admin",
            "rbac.authorization.k8s.io",
            "rolebindings",
            {"roleRef": {"name": "cluster-admin"}, "subjects": [{"kind": "User", "name": "someone"}]},
        ),
        (
            "Binding For Anonymous Or All Users",
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            {"subjects": [{"kind": "Group", "name": "system:unauthenticated"}]},
        ),
    ],
)
def test_other_objects_alert_in_every_form(rule: str, group: str, resource: str, body: Document, form: str) -> None:
    event = _written(("", "pods"), HARMLESS, form)
    name, value = next(reversed(body.items()))
    event["objectRef"] = {"apiGroup": group, "resource": resource, "namespace": "n", "name": "x"}
    event["requestObject"] = [{"op": "add", "path": f"/{name}", "value": value}] if form == "JSON patch" else body
    event["responseObject"] = {"metadata": {"name": "x"}, **body}
    assert rule in _names(event)


# --- what a user's lists change --------------------------------------------------------------------------------------


def _with_list(name: str, *items: str) -> Ruleset:
    text = f"- list: {name}\n  items: {json.dumps(items)}\n"
    return _ruleset(load([*pack_files(), RuleFile("mine.yaml", text.encode())]))


def test_a_trusted_image_may_be_privileged_in_any_version_but_only_alone() -> None:
    ruleset = _with_list("trusted_privileged_images", "registry.example.test:5000/agent")
    agent: Document = {
        "name": "a",
        "image": "registry.example.test:5000/agent:2",
        "securityContext": {"privileged": True},
    }
    other: Document = {"name": "b", "image": "registry.example.test/app:1"}
    alone = _written(("apps", "daemonsets"), {"containers": [agent]}, "create")
    accompanied = _written(("apps", "daemonsets"), {"containers": [agent, other]}, "create")
    assert not _suspicions({**alone, "responseObject": None}, ruleset)
    assert _suspicions(accompanied, ruleset) == {"Privileged Pod Or Template"}


def test_a_trusted_user_may_exec_but_not_for_others() -> None:
    rule = next(rule for rule in RULES if rule.name == "Exec Or Attach To Pod")
    event = next(sample.event for sample in samples(rule) if sample.alert)
    user = event["user"]
    assert isinstance(user, dict)
    assert rule.name not in _names(event, _with_list("trusted_exec_users", user["username"]))
    assert rule.name in _names(event, _with_list("trusted_exec_users", "someone-else"))


def test_an_emptied_list_is_as_if_it_were_not_there() -> None:
    event = _written(("", "pods"), HARMLESS, "create")
    event["objectRef"] = {"resource": "pods", "subresource": "binding", "namespace": "n", "name": "x"}
    event["user"] = {"username": "system:kube-scheduler"}
    assert not _suspicions(event, _ruleset(_as_shipped()))
    assert _suspicions(event, _with_list("trusted_schedulers")) == {"Pod Bound To Node By Hand"}


# --- the alert never repeats a credential ----------------------------------------------------------------------------

CREDENTIAL = "hunter2-correct-horse"


@pytest.mark.parametrize(
    "data",
    [
        {"DB_PASSWORD": CREDENTIAL},
        {"app.properties": f"user=x\npassword={CREDENTIAL}\n"},
        {"app.yaml": f"db:\n  password: {CREDENTIAL}\n"},
        {"app.json": json.dumps({"password": CREDENTIAL})},
        {"env": f"AWS_ACCESS_KEY_ID=AKIA{CREDENTIAL}"},
        {"id": f"-----BEGIN EC PRIVATE KEY-----\n{CREDENTIAL}\n"},
        {"web": f"https://{CREDENTIAL}.example.test/?token=x"},
    ],
    ids=["key", "properties", "yaml", "json", "environment", "private-key", "url"],
)
@pytest.mark.parametrize("form", ["create", "update", "merge patch", "JSON patch"])
def test_no_alert_holds_what_a_configmap_holds(data: dict[str, str], form: str) -> None:
    event = _written(("", "pods"), HARMLESS, form)
    name, value = next(iter(data.items()))
    event["objectRef"] = {"resource": "configmaps", "namespace": "kube-system", "name": "coredns"}
    patch = [{"op": "add", "path": f"/data/{name}", "value": value}]
    event["requestObject"] = patch if form == "JSON patch" else {"data": data}
    event["responseObject"] = {"kind": "ConfigMap", "metadata": {"name": "coredns"}, "data": data}
    alerts = _alerts(event)
    assert "ConfigMap With Private Credentials" in {alert.rule for alert in alerts}
    for alert in alerts:
        assert CREDENTIAL not in alert.to_json().decode()


def test_no_alert_repeats_the_data_of_a_recorded_configmap() -> None:
    rule = next(rule for rule in RULES if rule.name == "ConfigMap With Private Credentials")
    for _, event, _ in samples(rule):
        body = event["requestObject"]
        assert isinstance(body, dict)
        said = "".join(alert.to_json().decode() for alert in _alerts(event))
        for value in body["data"].values():
            assert json.dumps(value)[1:-1] not in said


@pytest.mark.parametrize(
    "data", [{"ca.crt": "-----BEGIN CERTIFICATE-----"}, {"passwordPolicy": "strong"}, {"tokenLifetime": "1h"}, {}]
)
def test_a_configmap_without_credentials_does_not_alert(data: dict[str, str]) -> None:
    event = _written(("", "pods"), HARMLESS, "create")
    event["objectRef"] = {"resource": "configmaps", "namespace": "n", "name": "x"}
    event["requestObject"] = {"data": data}
    assert not _suspicions(event)
