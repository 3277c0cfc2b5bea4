"""Fields of containers, beyond what the conformance data holds: the readings that differ from the reference's."""

from collections.abc import Callable

import pytest

from rules.catalogue import FIELDS
from rules.container_fields import repository
from rules.event import Event
from rules.fields import FieldValue

MakeEvent = Callable[..., Event]

_SPEC = {
    "securityContext": {"runAsUser": 11},
    "containers": [
        {
            "name": "a",
            "image": "nginx:1",
            "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "SYS_TIME"]}},
        },
        {"name": "b", "image": "nginx:2"},
    ],
}


@pytest.fixture
def read(make_event: MakeEvent) -> Callable[..., FieldValue]:
    def read_field(name: str, argument: str | None = None, spec: object = _SPEC) -> FieldValue:
        field = FIELDS.get(name)
        assert field is not None
        return field.read(make_event(requestObject={"spec": spec}), argument)

    return read_field


def test_every_added_capability_is_an_element(read: Callable[..., FieldValue]) -> None:
    assert read("ka.req.pod.containers.add_capabilities") == ("NET_ADMIN", "SYS_TIME")


def test_the_user_in_force_is_the_containers_the_pods_or_root(read: Callable[..., FieldValue]) -> None:
    assert read("ka.req.pod.containers.eff_run_as_user") == ("0", "11")
    assert read("ka.req.pod.containers.eff_run_as_group") == ("0", "0")
    assert read("ka.req.pod.containers.eff_run_as_user", "0") == ("0",)
    assert read("ka.req.pod.containers.eff_run_as_user", "1") is None
    assert read("ka.req.pod.containers.eff_run_as_user", "2") is None
    assert read("ka.req.pod.containers.eff_run_as_user", spec={}) is None
    assert read("ka.req.pod.containers.eff_run_as_user", spec={"containers": []}) is None
    one = {"containers": {"securityContext": {"runAsUser": 5}}}
    assert read("ka.req.pod.containers.eff_run_as_user", spec=one) == ("5",)
    assert read("ka.req.pod.containers.eff_run_as_user", "3", spec=one) == ("5",)


def test_an_ephemeral_container_has_no_host_port() -> None:
    assert FIELDS.get("ka.req.pod.initContainers.host_port") is not None
    assert FIELDS.get("ka.req.pod.ephemeralContainers.host_port") is None


@pytest.mark.parametrize(
    ("image", "expected"),
    [("nginx", "nginx"), ("a/b:1", "a/b"), ("a/b@sha256:c", "a/b"), ("localhost:5000/a", "localhost"), ("", "")],
)
def test_a_repository_ends_at_the_first_colon_or_at(image: str, expected: str) -> None:
    assert repository(image) == expected


def test_no_spec_at_all_is_no_answer(read: Callable[..., FieldValue]) -> None:
    for name in ("image", "image.repository", "privileged"):
        assert read(f"ka.req.container.{name}", spec={}) is None


def test_the_first_containers_image_stands_for_all(read: Callable[..., FieldValue]) -> None:
    assert read("ka.req.container.image") == "nginx:1"
    assert read("ka.req.container.image.repository") == "nginx"
    assert read("ka.req.container.privileged") == "false"


def _containers(*containers: object) -> dict[str, object]:
    return {"containers": list(containers)}


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("image", _SPEC, ("nginx:1", "nginx:2")),
        ("image", _containers({"image": "a"}, {}), None),
        ("image.repository", _SPEC, ("nginx", "nginx")),
        ("image.repository", _containers({"image": "a"}, {}), None),
        ("command", _containers({"command": ["sh", "-c"]}, {}, {"command": []}), ("sh -c", "")),
        ("command", _containers({"command": ["sh", 5]}), None),
        ("args", _containers({"args": ["a"]}, {"args": None}), None),
        ("args", _containers({}), None),
        (
            "host_port",
            _containers({"ports": [{"hostPort": 80, "containerPort": 8080}, {"containerPort": 443}, {}]}, {}),
            ("80", "443"),
        ),
        ("host_port", _containers({"ports": [{"hostPort": 80}]}, {"ports": 5}), None),
        ("host_port", _containers({}), None),
        ("add_capabilities", _containers({}, {"securityContext": {"capabilities": {"add": "ALL"}}}), None),
    ],
)
def test_what_containers_do_not_say_is_passed_over_or_hides_all(
    read: Callable[..., FieldValue], name: str, spec: object, expected: FieldValue
) -> None:
    assert read(f"ka.req.pod.containers.{name}", spec=spec) == expected
