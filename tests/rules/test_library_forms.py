"""The pack finds what is dangerous in whatever form it is asked for, minds its user's lists, and repeats no secret."""

import json
from base64 import b64encode

import pytest

from processor.rule_files import pack_files
from rules.loader import load
from rules.podspec import POD_SPEC_PATHS
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from tests.pack_samples import samples
from tests.rules.pack_rules import (
    FORMS,
    HARMLESS,
    RULES,
    Document,
    alerts_of,
    as_shipped,
    names_of,
    ruleset_of,
    suspicions_of,
    written,
)

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


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
@pytest.mark.parametrize("rule", DANGERS)
def test_a_dangerous_pod_spec_alerts_in_every_form(rule: str, target: tuple[str, str], form: str) -> None:
    assert suspicions_of(written(target, DANGERS[rule], form)) == {rule}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
def test_a_harmless_pod_spec_alerts_in_no_form(target: tuple[str, str], form: str) -> None:
    assert not suspicions_of(written(target, HARMLESS, form))


@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
def test_a_label_on_something_dangerous_asks_for_nothing(target: tuple[str, str]) -> None:
    event = written(target, DANGERS["Privileged Pod Or Template"], "merge patch")
    event["requestObject"] = {"metadata": {"labels": {"a": "b"}}}
    assert not suspicions_of(event)


def test_a_controllers_pod_is_told_by_its_template_alone() -> None:
    event = written(("", "pods"), DANGERS["Privileged Pod Or Template"], "create")
    event["user"] = {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []}
    owned = {"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": True}]}}
    assert "Privileged Pod Or Template" in names_of(event)
    body = event["requestObject"]
    assert isinstance(body, dict)
    assert not suspicions_of({**event, "requestObject": {**owned, **body}})


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
            "Binding To Component Role",
            "rbac.authorization.k8s.io",
            "rolebindings",
            {"roleRef": {"name": "system:node"}, "subjects": [{"kind": "User", "name": "someone"}]},
        ),
        (
            "Binding To Admin Of All Namespaces",
            "rbac.authorization.k8s.io",
            "clusterrolebindings",
            {"roleRef": {"name": "admin"}, "subjects": [{"kind": "User", "name": "someone"}]},
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
    event = written(("", "pods"), HARMLESS, form)
    name, value = next(reversed(body.items()))
    event["objectRef"] = {"apiGroup": group, "resource": resource, "namespace": "n", "name": "x"}
    event["requestObject"] = [{"op": "add", "path": f"/{name}", "value": value}] if form == "JSON patch" else body
    event["responseObject"] = {"metadata": {"name": "x"}, **body}
    assert rule in names_of(event)


# --- what a user's lists change --------------------------------------------------------------------------------------


def _with_list(name: str, *items: str) -> Ruleset:
    text = f"- list: {name}\n  items: {json.dumps(items)}\n"
    return ruleset_of(load([*pack_files(), RuleFile("mine.yaml", text.encode())]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", POD_SPEC_PATHS, ids=lambda target: target[1])
def test_a_host_process_of_windows_alerts_as_privileged(target: tuple[str, str], form: str) -> None:
    spec: Document = {"securityContext": {"windowsOptions": {"hostProcess": True}}, **HARMLESS}
    assert suspicions_of(written(target, spec, form)) == {"Privileged Pod Or Template"}


def test_a_trusted_image_may_be_privileged_in_any_version_but_only_alone() -> None:
    ruleset = _with_list("trusted_privileged_images", "registry.example.test:5000/agent")
    agent: Document = {
        "name": "a",
        "image": "registry.example.test:5000/agent:2",
        "securityContext": {"privileged": True},
    }
    other: Document = {"name": "b", "image": "registry.example.test/app:1"}
    alone = written(("apps", "daemonsets"), {"containers": [agent]}, "create")
    accompanied = written(("apps", "daemonsets"), {"containers": [agent, other]}, "create")
    assert not suspicions_of({**alone, "responseObject": None}, ruleset)
    assert suspicions_of(accompanied, ruleset) == {"Privileged Pod Or Template"}


def test_a_trusted_user_may_exec_but_not_for_others() -> None:
    rule = next(rule for rule in RULES if rule.name == "Exec Or Attach To Pod")
    event = next(sample.event for sample in samples(rule) if sample.alert)
    user = event["user"]
    assert isinstance(user, dict)
    assert rule.name not in names_of(event, _with_list("trusted_exec_users", user["username"]))
    assert rule.name in names_of(event, _with_list("trusted_exec_users", "someone-else"))


def test_an_emptied_list_is_as_if_it_were_not_there() -> None:
    event = written(("", "pods"), HARMLESS, "create")
    event["objectRef"] = {"resource": "pods", "subresource": "binding", "namespace": "n", "name": "x"}
    event["user"] = {"username": "system:kube-scheduler"}
    assert not suspicions_of(event, ruleset_of(as_shipped()))
    assert suspicions_of(event, _with_list("trusted_schedulers")) == {"Pod Bound To Node By Hand"}


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
        {"url": f"postgres://shop:{CREDENTIAL}@db.example.test:5432/shop"},
        {"id": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{CREDENTIAL}\n"},
    ],
    ids=["key", "properties", "yaml", "json", "environment", "private-key", "url", "url-password", "pgp"],
)
@pytest.mark.parametrize("form", ["create", "update", "merge patch", "JSON patch"])
def test_no_alert_holds_what_a_configmap_holds(data: dict[str, str], form: str) -> None:
    event = written(("", "pods"), HARMLESS, form)
    name, value = next(iter(data.items()))
    event["objectRef"] = {"resource": "configmaps", "namespace": "kube-system", "name": "coredns"}
    patch = [{"op": "add", "path": f"/data/{name}", "value": value}]
    event["requestObject"] = patch if form == "JSON patch" else {"data": data}
    event["responseObject"] = {"kind": "ConfigMap", "metadata": {"name": "coredns"}, "data": data}
    alerts = alerts_of(event)
    assert "ConfigMap With Private Credentials" in {alert.rule for alert in alerts}
    for alert in alerts:
        assert CREDENTIAL not in alert.to_json().decode()


def test_no_alert_repeats_the_data_of_a_recorded_configmap() -> None:
    rule = next(rule for rule in RULES if rule.name == "ConfigMap With Private Credentials")
    for _, event, _ in samples(rule):
        body = event["requestObject"]
        assert isinstance(body, dict)
        said = "".join(alert.to_json().decode() for alert in alerts_of(event))
        for value in body["data"].values():
            assert json.dumps(value)[1:-1] not in said


def _configmap(data: Document) -> Document:
    event = written(("", "pods"), HARMLESS, "create")
    event["objectRef"] = {"resource": "configmaps", "namespace": "n", "name": "x"}
    return {**event, "requestObject": {"data": data}, "responseObject": {"data": data}}


@pytest.mark.parametrize(
    "data",
    [
        *({key: "x"} for key in ("pwd", "PWD", "DB_PASS", "db-pass", "dbPass", "pass", "clientSecret", "privateKey")),
        *(
            {"app.yaml": text}
            for text in ("token: x", "a: b\ntoken: x", "db:\n  password: 'x'", "client_secret: nudge")
        ),
        *({"app.ini": text} for text in ("db_pass=x", "password = x", 'password = "x"', "Server=db;Pwd=x;")),
        {"app.json": '{"pass": "x"}'},
        {"kubeconfig": "x"},
        {"kubectl.conf": "users:\n- user:\n    client-key-data: LS0x"},
        *({"url": url} for url in ("redis://:x@cache", "before amqp://a:b&c@mq/x", "https://me:sesame@registry.test")),
        # What is empty hides nothing beside it.
        {"password": "", "other_password": "x"},
        *({"x": text.replace("K", f"AIza{'0a_-Z' * 7}")} for text in ("K", "a=K", "a\nK\nb", '{"a": "K"}', "x?y=K&z")),
        {"app.yaml": "password: ''\nother:\n  password: x"},
    ],
)
def test_a_credential_is_told_by_what_it_is_called(data: Document) -> None:
    assert "ConfigMap With Private Credentials" in suspicions_of(_configmap(data))


@pytest.mark.parametrize(
    "data",
    [
        *({"ca.crt": "-----BEGIN CERTIFICATE-----"}, {"passwordPolicy": "strong"}, {"tokenLifetime": "1h"}, {}),
        *({"password": ""}, {"password": None}, {"bypass": "x"}, {"pwd": "/app"}, {"env": "PWD=/app"}),
        *({"x": f"{before}AIza{'0' * 35}{after}"} for before, after in (("a", ""), ("", "0"), ("/", "="), ("_", ""))),
        *({"app.yaml": f"password:{value}"} for value in ("", " ", " ''", " ~", " null", "\n  rules: 3", ' ""\na: b')),
        *({"app.ini": f"password={value}"} for value in ("", "\nuser=x", '""', "= b")),
        *({"app.json": f'{{"password": {value}}}'} for value in ('""', "null")),
        *({"url": url} for url in (
            *("http://web:8080/x@y", "http://web:8080?x=a@b", "http://web:8080\nmail: a@b", "ssh://git@host:22/x"),
            *("postgres://${USER}:${PASSWORD}@db", "postgres://user:$(PASSWORD)@db", "oci://app:1@sha256:abc"),
        )),
        {"key": "-----BEGIN PGP PUBLIC KEY BLOCK-----"},
    ],
)  # fmt: skip
def test_a_configmap_without_credentials_does_not_alert(data: Document) -> None:
    assert not suspicions_of(_configmap(data))


@pytest.mark.parametrize("kind", ["RSA ", "", "EC ", "OPENSSH ", "DSA ", "ENCRYPTED ", "PGP "])
@pytest.mark.parametrize("member", ["data", "binaryData"])
def test_a_private_key_in_base64_is_told(kind: str, member: str) -> None:
    key = b64encode(f"-----BEGIN {kind}PRIVATE KEY{' BLOCK' if kind == 'PGP ' else ''}-----\nx".encode()).decode()
    event = _configmap({}) | {"requestObject": {member: {"id": key}}}
    assert "ConfigMap With Private Credentials" in suspicions_of(event)


@pytest.mark.parametrize("rule", DANGERS)
@pytest.mark.parametrize("form", ["update", "JSON patch"])
def test_a_pod_that_is_known_is_not_told_again_when_it_is_written_back(rule: str, form: str) -> None:
    made = written(("", "pods"), DANGERS[rule], "create")
    body = made["responseObject"]
    assert isinstance(body, dict)
    shown = {**body, "metadata": {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": "1"}}
    later = written(("", "pods"), DANGERS[rule], form) | {"stageTimestamp": "2026-01-02T03:05:05.000000Z"}
    assert rule in names_of(later)
    assert rule not in names_of(later, before=[made | {"responseObject": shown}])


@pytest.mark.parametrize("rule", ["Privileged Pod Or Template", "Pod Or Template With Takeover Capability"])
def test_an_ephemeral_container_is_told_of_a_pod_that_is_known(rule: str) -> None:
    made = written(("", "pods"), HARMLESS, "create")
    added = written(("", "pods"), DANGERS[rule], "update")
    target = {"resource": "pods", "namespace": "n", "name": "x", "subresource": "ephemeralcontainers"}
    assert rule in names_of(added | {"objectRef": target}, before=[made])


def _of_a_deployment(spec: Document, form: str, second: int) -> Document:
    event = written(("apps", "deployments"), spec, form)
    body = event["responseObject"]
    assert isinstance(body, dict)
    known = {"name": "x", "namespace": "n", "uid": "u", "resourceVersion": str(second)}
    return event | {
        "responseObject": body | {"metadata": known},
        "stageTimestamp": f"2026-01-02T03:04:{second:02}.000000Z",
    }


@pytest.mark.parametrize("rule", [rule for rule in DANGERS if rule != "Pod Or Template With Host Port"])
@pytest.mark.parametrize("form", ["update", "merge patch", "JSON patch"])
def test_what_the_account_of_a_controller_turns_dangerous_is_told(rule: str, form: str) -> None:
    controller = {"username": "system:serviceaccount:kube-system:deployment-controller", "groups": []}
    turned = _of_a_deployment(DANGERS[rule], form, 30) | {"user": controller}
    harmless = _of_a_deployment(HARMLESS, "create", 10)
    assert rule in names_of(turned, before=[harmless])
    # What was so before is the work of whoever made it, and of what was not known nothing is told.
    assert rule not in names_of(turned, before=[harmless, _of_a_deployment(DANGERS[rule], "update", 20)])
    assert rule not in names_of(turned)


@pytest.mark.parametrize("shared", ["hostNetwork", "hostIPC"])
def test_a_host_namespace_that_the_account_of_a_controller_shares_is_told(shared: str) -> None:
    controller = {"username": "system:kube-controller-manager", "groups": []}
    turned = _of_a_deployment({shared: True}, "update", 30) | {"user": controller}
    harmless = _of_a_deployment(HARMLESS, "create", 10)
    assert "Pod Or Template In Host Namespace" in names_of(turned, before=[harmless])


def test_no_controller_adds_ephemeral_containers() -> None:
    event = written(("", "pods"), DANGERS["Privileged Pod Or Template"], "update")
    event["objectRef"] = {"resource": "pods", "namespace": "n", "name": "x", "subresource": "ephemeralcontainers"}
    event["user"] = {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []}
    assert "Privileged Pod Or Template" in names_of(event)
