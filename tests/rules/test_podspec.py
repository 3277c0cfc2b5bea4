"""What a pod spec asks for, wherever an event carries one."""

from collections.abc import Callable
from typing import Any

import pytest

from rules.event import Event
from rules.podspec import POD_SPEC_PATHS, image_origins, image_repository, normalised, prefixes, registry

MakeEvent = Callable[..., Event]

_PRIVILEGED = {"containers": [{"name": "c", "image": "a/b:1", "securityContext": {"privileged": True}}]}


def _wrapped(path: tuple[str, ...], spec: object) -> Any:
    for name in reversed(path):
        spec = {name: spec}
    return spec


@pytest.mark.parametrize(("target", "path"), POD_SPEC_PATHS.items())
@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_a_pod_spec_is_found_in_every_resource_that_has_one(
    make_event: MakeEvent, target: tuple[str, str], path: tuple[str, ...], verb: str
) -> None:
    group, resource = target
    reference = {"resource": resource} | ({"apiGroup": group} if group else {})
    event = make_event(verb=verb, objectRef=reference, requestObject=_wrapped(path, _PRIVILEGED))
    assert event.pod_spec is not None
    assert event.pod_spec.privileged
    assert event.pod_spec.images == ("a/b:1",)


@pytest.mark.parametrize(
    "members",
    [
        {"verb": "delete"},
        {"objectRef": {"resource": "pods", "subresource": "status"}},
        {"objectRef": {"resource": "pods", "subresource": "binding"}},
        {"objectRef": {"resource": "pods", "apiGroup": "other.io"}},
        {"requestObject": ...},
        {"requestObject": {"spec": None}},
        {"requestObject": "x"},
    ],
)
def test_other_events_carry_none(make_event: MakeEvent, members: dict[str, object]) -> None:
    assert make_event(**{"requestObject": {"spec": _PRIVILEGED}, **members}).pod_spec is None


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "add", "path": "/spec/template/spec/containers/0/securityContext/privileged", "value": True}],
        [{"op": "replace", "path": "/spec/template/spec/containers/-", "value": _PRIVILEGED["containers"][0]}],
        [{"op": "replace", "path": "/spec/template/spec", "value": _PRIVILEGED}],
        [{"op": "replace", "path": "", "value": {"spec": {"template": {"spec": _PRIVILEGED}}}}],
        [
            {"op": "remove", "path": "/x"},
            {"path": 5},
            7,
            {"op": "add", "path": "/spec/template", "value": {"spec": _PRIVILEGED}},
        ],
    ],
)
def test_a_json_patch_says_what_its_values_say(make_event: MakeEvent, operations: list[object]) -> None:
    reference = {"apiGroup": "apps", "resource": "deployments"}
    event = make_event(verb="patch", objectRef=reference, requestObject=operations)
    assert event.pod_spec is not None
    assert event.pod_spec.privileged


def test_a_test_in_a_json_patch_asks_for_nothing(make_event: MakeEvent) -> None:
    operations = [{"op": "test", "path": "/spec/hostNetwork", "value": True}]
    assert make_event(verb="patch", requestObject=operations).pod_spec is None


def test_a_patch_and_what_became_of_it_count_together(make_event: MakeEvent) -> None:
    event = make_event(
        verb="patch",
        requestObject={"spec": {"hostPID": True, "serviceAccountName": "asked"}},
        responseObject={"spec": {**_PRIVILEGED, "serviceAccountName": "became"}},
    )
    facts = event.pod_spec
    assert facts is not None
    assert (facts.host_pid, facts.privileged, facts.service_account) == (True, True, "became")


def test_every_kind_of_container_counts(make_event: MakeEvent) -> None:
    spec = {
        name: [{"image": f"{name}:1", "securityContext": {"capabilities": {"add": [name, 5]}, "runAsUser": number}}]
        for number, name in enumerate(("containers", "initContainers", "ephemeralContainers"))
    }
    facts = make_event(requestObject={"spec": {**spec, "securityContext": {"runAsUser": 7}}}).pod_spec
    assert facts is not None
    assert facts.images == ("containers:1", "initContainers:1", "ephemeralContainers:1")
    assert facts.capabilities_added == ("CONTAINERS", "INITCONTAINERS", "EPHEMERALCONTAINERS")
    assert facts.run_as_user == ("0", "1", "2", "7")


def test_wrong_shapes_ask_for_nothing(make_event: MakeEvent) -> None:
    spec = {
        "containers": [
            5,
            {"image": 5, "ports": [{"hostPort": "x"}, 3], "securityContext": []},
            {"securityContext": {}},
        ],
        "initContainers": "x",
        "volumes": [{"hostPath": {"path": 5}}, {"hostPath": "x"}, {}],
        "hostNetwork": "true",
        "serviceAccountName": 5,
        "serviceAccount": "",
    }
    facts = make_event(requestObject={"spec": spec}).pod_spec
    assert facts is not None
    assert (facts.privileged, facts.host_network, facts.host_paths, facts.images) == (False, False, (), ())
    assert (facts.host_ports, facts.capabilities_added, facts.service_account) == ((), (), None)


def test_a_patch_of_something_else_asks_for_nothing(make_event: MakeEvent) -> None:
    patch = [
        {"op": "add", "path": "/metadata/labels/app", "value": "web"},
        {"op": "replace", "path": "/spec", "value": 5},
        {"op": "replace", "path": "/spec/hostNetwork", "value": True},
    ]
    facts = make_event(verb="patch", requestObject=patch).pod_spec
    assert facts is not None
    assert (facts.host_network, facts.host_pid) == (True, False)


def test_host_ports_and_paths_are_told(make_event: MakeEvent) -> None:
    spec = {
        "containers": [{"ports": [{"hostPort": 8080, "containerPort": 80}, {"hostPort": 0}, {"containerPort": 1}]}],
        "volumes": [{"hostPath": {"path": "/var//run/../run/"}}, {"hostPath": {"path": "/var/run"}}],
        "hostIPC": True,
        "serviceAccount": "old",
    }
    facts = make_event(requestObject={"spec": spec}).pod_spec
    assert facts is not None
    assert (facts.host_ports, facts.host_paths, facts.host_ipc) == (("8080",), ("/var/run",), True)
    assert facts.service_account == "old"


def test_numbers_that_no_float_holds_do_no_harm(make_record: Any) -> None:
    from processor.decode import decode  # noqa: PLC0415 - this test alone writes bytes of its own

    record = make_record(requestObject="X", stageTimestamp="2026-11-23T20:34:01Z")
    value = record.value.replace(b'"X"', b'{"spec":{"hostPID":true,"securityContext":{"runAsUser":1e999}}}')
    event = decode(type(record)(value, None, "c", 0))
    assert isinstance(event, Event)
    assert event.pod_spec is not None
    assert event.pod_spec.run_as_user == ("1e999",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "/"), ("", "/"), ("/etc/", "/etc"), ("//etc//x", "/etc/x"), ("/a/./b", "/a/b"), ("/a/../../b", "/b")],
)
def test_a_path_is_normalised(path: str, expected: str) -> None:
    assert normalised(path) == expected


def test_prefixes_are_the_path_and_its_parents() -> None:
    assert list(prefixes("/var/run/docker.sock")) == ["/", "/var", "/var/run", "/var/run/docker.sock"]
    assert list(prefixes("/")) == ["/"]
    assert list(prefixes("/a/b")) == ["/", "/a", "/a/b"]


def test_a_long_path_has_few_prefixes_and_short_ones() -> None:
    deep = list(prefixes("/a" * 30_000))
    assert (len(deep), deep[-1]) == (33, "/a" * 32)
    assert list(prefixes("/etc/" + "x" * 300)) == ["/", "/etc"]


def test_a_long_pointer_of_a_json_patch_says_nothing_of_a_pod_spec(make_event: MakeEvent) -> None:
    operations = [{"op": "add", "path": "/spec" + "/a" * 100_000, "value": 1}]
    assert make_event(verb="patch", requestObject=operations).pod_spec is None


@pytest.mark.parametrize(
    ("image", "host", "repository"),
    [
        ("nginx", "docker.io", "nginx"),
        ("library/nginx:1", "docker.io", "library/nginx"),
        ("localhost/x", "localhost", "localhost/x"),
        ("reg.example.test:5000/a/b:1.2@sha256:c", "reg.example.test:5000", "reg.example.test:5000/a/b"),
        ("reg.example.test:5000/a", "reg.example.test:5000", "reg.example.test:5000/a"),
        ("host:5000/x@sha256:d", "host:5000", "host:5000/x"),
    ],
)
def test_an_image_names_its_registry_and_repository(image: str, host: str, repository: str) -> None:
    assert (registry(image), image_repository(image)) == (host, repository)


@pytest.mark.parametrize(
    ("image", "origins"),
    [
        ("nginx:1", ("nginx", "docker.io/library/nginx", "docker.io", "docker.io/library/")),
        ("docker.io/nginx", ("docker.io/nginx", "docker.io/library/nginx", "docker.io", "docker.io/library/")),
        ("nginx/evil", ("nginx/evil", "docker.io/nginx/evil", "docker.io", "docker.io/nginx/")),
        (
            "reg.test:5000/a/b/c:1@sha256:d",
            ("reg.test:5000/a/b/c", "reg.test:5000", "reg.test:5000/a/", "reg.test:5000/a/b/"),
        ),
        ("localhost/x", ("localhost/x", "localhost")),
    ],
)
def test_an_image_can_be_listed_by_all_that_it_comes_from(image: str, origins: tuple[str, ...]) -> None:
    assert image_origins(image) == origins


def test_a_long_image_has_few_folders() -> None:
    origins = image_origins("quay.io" + "/a" * 50_000)
    assert origins[:2] == ("quay.io" + "/a" * 50_000, "quay.io")
    assert (len(origins), origins[-1]) == (34, "quay.io" + "/a" * 32 + "/")


@pytest.mark.parametrize("where", ["container", "pod"])
def test_a_host_process_of_windows_is_privileged(make_event: MakeEvent, where: str) -> None:
    for claim, expected in ((True, True), (False, False), ("true", False)):
        context = {"windowsOptions": {"hostProcess": claim}}
        container = {"name": "c", **({"securityContext": context} if where == "container" else {})}
        spec = {"containers": [container], **({"securityContext": context} if where == "pod" else {})}
        facts = make_event(requestObject={"spec": spec}).pod_spec
        assert facts is not None
        assert facts.privileged is expected
