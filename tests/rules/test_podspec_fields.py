"""The `podspec.*` fields over one pod that asks for much."""

from collections.abc import Callable

import pytest

from rules.catalogue import FIELDS
from rules.event import Event
from rules.fields import FieldValue

MakeEvent = Callable[..., Event]


def test_a_persistent_volume_tells_where_it_leads(make_event: MakeEvent) -> None:
    paths, prefixes = FIELDS.get("persistentvolume.host_paths"), FIELDS.get("persistentvolume.host_path_prefixes")
    assert paths is not None
    assert prefixes is not None
    reference = {"resource": "persistentvolumes", "name": "pv"}
    spec = {"hostPath": {"path": "/var//lib/docker/overlay2"}, "local": {"path": "/."}}
    event = make_event(objectRef=reference, requestObject={"spec": spec})
    assert paths.read(event, None) == ("/var/lib/docker/overlay2", "/")
    assert prefixes.read(event, None) == ("/", "/var", "/var/lib", "/var/lib/docker", "/var/lib/docker/overlay2")
    for other in (make_event(requestObject={"spec": spec}), make_event(objectRef=reference, verb="delete")):
        assert paths.read(other, None) is None
        assert prefixes.read(other, None) is None


_SPEC = {
    "containers": [
        {"image": "reg.example.test:5000/a:1",
         "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
         "ports": [{"hostPort": 80}]},
        {"image": "nginx"},
    ],
    "volumes": [{"hostPath": {"path": "/etc/kubernetes"}}],
    "hostNetwork": True,
    "securityContext": {"runAsUser": 0},
    "serviceAccountName": "ci",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "full", "bare"),
    [
        ("privileged", "true", "false"),
        ("host_network", "true", "false"),
        ("host_pid", "false", "false"),
        ("host_ipc", "false", "false"),
        ("host_paths", ("/etc/kubernetes",), None),
        ("host_path_prefixes", ("/", "/etc", "/etc/kubernetes"), None),
        ("host_ports", ("80",), None),
        ("capabilities_added", ("SYS_ADMIN",), None),
        ("images", ("reg.example.test:5000/a:1", "nginx"), None),
        ("image_repositories", ("reg.example.test:5000/a", "nginx"), None),
        ("image_registries", ("reg.example.test:5000", "docker.io"), None),
        ("service_account", "ci", None),
        ("run_as_user", ("0",), None),
    ],
)
def test_a_field_tells_of_a_pod_spec(make_event: MakeEvent, name: str, full: FieldValue, bare: FieldValue) -> None:
    field = FIELDS.get(f"podspec.{name}")
    assert field is not None
    assert field.read(make_event(requestObject={"spec": _SPEC}), None) == full
    assert field.read(make_event(requestObject={"spec": {}}), None) == bare
    assert field.read(make_event(), None) is None


def test_what_images_come_from_is_told_of_all_or_of_one(make_event: MakeEvent) -> None:
    field = FIELDS["podspec.image_origins"]
    event = make_event(requestObject={"spec": _SPEC})
    first = ("reg.example.test:5000/a", "reg.example.test:5000")
    second = ("nginx", "docker.io/library/nginx", "docker.io", "docker.io/library/")
    assert [field.read(event, argument) for argument in (None, "0", "1", "2")] == [first + second, first, second, None]
    assert field.read(make_event(requestObject={"spec": {}}), None) is None
    assert field.read(make_event(), "0") is None
