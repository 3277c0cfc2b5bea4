"""What is remembered of what an object asks for: bounded, and nothing of what it holds."""

import json

import pytest

from processor.spec import MAX_LIST_BYTES, MAX_NAME, BindingFacts, joined, patch_of, spec_of, template_digest
from rules.document import Value
from rules.podspec import PodSpecFacts

_RBAC = "rbac.authorization.k8s.io"


def _value(body: object) -> Value:
    return Value(json.dumps(body).encode())


def _pod(**spec: object) -> Value:
    return _value({"spec": spec})


def test_of_most_resources_nothing_is_remembered() -> None:
    for group, resource in (("", "configmaps"), ("", "secrets"), (_RBAC, "roles"), ("example.com", "pods")):
        body = _value({"data": {"a": "b"}, "spec": {"containers": []}, "rules": []})
        assert spec_of(group, resource, body) is None
        assert patch_of(group, resource, body) is None
    assert patch_of(_RBAC, "rolebindings", _value({"roleRef": {"name": "r"}})) is None


def test_a_list_is_bounded_and_a_long_element_hides_no_short_one() -> None:
    volumes = [{"hostPath": {"path": f"/{'x' * MAX_LIST_BYTES}"}}, {"hostPath": {"path": "/etc"}}]
    images = [{"image": f"{number:05}"} for number in range(MAX_LIST_BYTES)]
    facts = spec_of("", "pods", _pod(volumes=volumes, containers=images, serviceAccountName="s" * 1000))
    assert isinstance(facts, PodSpecFacts)
    assert len(facts.images) == MAX_LIST_BYTES // 8
    assert facts.service_account == "s" * MAX_NAME
    assert facts.host_paths == ("/etc",)


def test_what_is_short_is_hidden_by_no_number_of_long_ones() -> None:
    paths = [f"/srv/{number:03}" for number in range(1000)]
    volumes = [{"hostPath": {"path": path}} for path in (*paths[:500], "/etc", *paths[500:], "/")]
    facts = spec_of("", "pods", _pod(volumes=volumes))
    assert isinstance(facts, PodSpecFacts)
    assert facts.host_paths[-2:] == ("/etc", "/")  # in their order
    assert len(facts.host_paths) == 373


def test_a_binding_without_parts_says_nothing() -> None:
    assert spec_of(_RBAC, "rolebindings", _value({})) == BindingFacts(None, None, ())
    odd = _value({"roleRef": {"kind": 1, "name": ""}, "subjects": [1, {"kind": "User"}, {"name": "x"}]})
    assert spec_of(_RBAC, "rolebindings", odd) == BindingFacts(None, None, ())
    plain = _value({"subjects": [{"kind": "ServiceAccount", "name": "x"}]})
    assert spec_of(_RBAC, "rolebindings", plain) == BindingFacts(None, None, ("ServiceAccount:x",))


@pytest.mark.parametrize(
    ("resource", "one", "other", "is_same"),
    [
        ("deployments", {"replicas": 1, "template": {"a": 1}}, {"replicas": 2, "template": {"a": 1}}, True),
        ("deployments", {"template": {"a": 1}}, {"template": {"a": 2}}, False),
        ("cronjobs", {"suspend": True, "jobTemplate": 1}, {"jobTemplate": 1}, False),
        ("cronjobs", {"jobTemplate": 1}, {"jobTemplate": 2}, False),
        ("pods", {"containers": [1], "nodeName": "n"}, {"containers": [1]}, True),
        ("pods", {"containers": [1]}, {"containers": [1], "ephemeralContainers": [2]}, False),
        ("services", {"type": "ClusterIP"}, {"type": "NodePort"}, False),
    ],
)
def test_a_template_is_what_is_asked_for_but_numbers_of_replicas(
    resource: str, one: object, other: object, *, is_same: bool
) -> None:
    group = {"deployments": "apps", "cronjobs": "batch"}.get(resource, "")
    digests = [template_digest(group, resource, _value({"spec": spec})) for spec in (one, other)]
    assert (digests[0] == digests[1]) is is_same
    assert template_digest(group, resource, _value({})) == b""


def test_what_a_patch_asks_for_is_added_to_what_is_known() -> None:
    known = spec_of("", "pods", _pod(containers=[{"image": "a"}], serviceAccountName="s"))
    patch = patch_of("", "pods", _pod(hostPID=True, containers=[{"image": "b"}]))
    assert patch is not None
    both = joined(known, patch)
    assert isinstance(both, PodSpecFacts)
    assert (both.host_pid, both.images, both.service_account) == (True, ("a", "b"), "s")
    binding = BindingFacts(None, "r", ())
    assert joined(binding, patch) == patch
    assert joined(known, binding) == binding
