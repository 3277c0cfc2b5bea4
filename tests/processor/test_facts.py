"""The facts of an event's target: what each of them says, after the event and before it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from processor.state import MemoryState
from rules.resource_fields import RESOURCE_FIELDS
from tests.processor.watching import last, told

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_DANGEROUS: dict[str, Any] = {
    "hostNetwork": True,
    "hostPID": True,
    "hostIPC": True,
    "serviceAccountName": "builder",
    "volumes": [{"name": "v", "hostPath": {"path": "/var//run/docker.sock"}}],
    "containers": [
        {
            "name": "c",
            "image": "registry.example.com:5000/team/web:1@sha256:0",
            "env": [{"name": "TOKEN", "value": "hunter2"}],
            "ports": [{"hostPort": 80}],
            "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["SYS_ADMIN"]}},
        }
    ],
}
_OF_A_SPEC = {
    "privileged": "true",
    "host_network": "true",
    "host_pid": "true",
    "host_ipc": "true",
    "service_account": "builder",
    "host_paths": ("/var/run/docker.sock",),
    "host_path_prefixes": ("/", "/var", "/var/run", "/var/run/docker.sock"),
    "host_ports": ("80",),
    "capabilities_added": ("SYS_ADMIN",),
    "images": ("registry.example.com:5000/team/web:1@sha256:0",),
    "image_repositories": ("registry.example.com:5000/team/web",),
    "image_registries": ("registry.example.com:5000",),
    "run_as_user": ("0",),
}
_PLAIN: dict[str, Any] = {"containers": [{"name": "c", "image": "web"}]}


def test_of_a_pod_that_is_entered_everything_is_known(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web", user="alice", spec=_DANGEROUS)
    server.wait(61)
    server.enter("web", user="bob")
    facts = last(server.records())
    before = {name: value for name, value in facts.items() if name.startswith("before.")}
    after = {name: value for name, value in facts.items() if name not in before}
    assert after == {
        "exists": "true",
        "uid": "uid-1",
        "created.user": "alice",
        "created.source_ip": "192.0.2.7",
        "created.time": "2027-01-15T08:00:00.010000000Z",
        "age_seconds": 63,
        "entered.user": "bob",
        "entered.time": "2027-01-15T08:01:01.020000000Z",
        "root.kind": "Pod",
        "root.name": "web",
        "root.user": "alice",
        "root.source_ip": "192.0.2.7",
        **_OF_A_SPEC,
    }
    assert before == {f"before.{name}": value for name, value in after.items()}


def test_at_the_first_way_in_nobody_had_been_in_it_before(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web", spec=_PLAIN)
    server.enter("web", "attach", user="bob")
    server.enter("web", user="carol")
    _, first, _, second, _ = told(server.records(), MemoryState())
    assert ("resource.before.entered.user" in first, first["resource.entered.user"]) == (False, "bob")
    assert (second["resource.before.entered.user"], second["resource.entered.user"]) == ("bob", "bob")


@pytest.mark.parametrize("how", ["portforward", "proxy"])
def test_what_runs_nothing_in_a_pod_is_no_way_in(api_server: Server, how: str) -> None:
    server = api_server()
    server.create("pods", "web", spec=_PLAIN)
    server.enter("web", how)
    assert "entered.user" not in last(server.records())


def test_every_fact_has_a_field_and_every_field_a_fact(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", spec={"template": {"spec": _DANGEROUS}})
    server.create("pods", "web", spec=_DANGEROUS, owner="deployments/web")
    server.enter("web")
    server.delete("pods", "web", user="bob")
    server.finish("pods", "web")
    server.create("pods", "web", spec=_DANGEROUS, owner="deployments/web")
    server.delete_all("pods")
    facts = {name for one in told(server.records(), MemoryState()) for name in one}
    facts |= {f"resource.{name}" for name in ("role", "role_kind", "subjects")}
    facts |= {f"resource.before.{name}" for name in ("role", "role_kind", "subjects")}
    assert {field.name for field in RESOURCE_FIELDS} == facts


# --- what it was before -------------------------------------------------------------------------------------------


def test_a_change_is_told_from_what_there_was(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    server.patch("deployments", "web", user="bob", spec={"template": {"spec": _DANGEROUS}})
    facts = last(server.records())
    assert (facts["before.privileged"], facts["privileged"]) == ("false", "true")
    assert (facts["before.images"], facts["images"]) == (("web",), _OF_A_SPEC["images"])
    assert (facts["before.root.user"], facts["root.user"]) == ("alice", "bob")


def test_of_a_repeat_and_of_a_late_event_nothing_is_told_that_was_later(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    server.patch("deployments", "web", user="bob", spec={"template": {"spec": _DANGEROUS}})
    made, changed = server.records()
    for order in ([made, changed, changed], [changed, made]):
        facts = last(order)
        assert not [name for name in facts if name.startswith("before.") and name.endswith(("images", "privileged"))]


def test_a_creation_is_told_what_had_the_name_before_it(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web", user="alice")
    server.wait(60)
    server.delete("configmaps", "web", user="bob")
    server.wait(60)
    server.create("configmaps", "web", user="carol")
    facts = last(server.records())
    assert {name: value for name, value in facts.items() if name.startswith("before.")} == {
        "before.exists": "false",
        "before.uid": "uid-1",
        "before.created.user": "alice",
        "before.created.source_ip": "192.0.2.7",
        "before.created.time": "2027-01-15T08:00:00.010000000Z",
        "before.deleted.user": "bob",
        "before.deleted.time": "2027-01-15T08:01:00.020000000Z",
        "before.lifetime_seconds": 60,
        "before.root.kind": "ConfigMap",
        "before.root.name": "web",
        "before.root.user": "alice",
        "before.root.source_ip": "192.0.2.7",
    }
    assert (facts["uid"], facts["created.user"]) == ("uid-2", "carol")


# --- what is not shown --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["PartialObjectMetadata", "Table", "empty Table"])
def test_an_answer_that_shows_no_spec_hides_none(api_server: Server, answer: str) -> None:
    server = api_server(answer=answer)
    server.create("deployments", "web", spec={"template": {"spec": _DANGEROUS}})
    server.answer = "whole"
    server.delete("deployments", "web")
    assert {name: value for name, value in last(server.records()).items() if name in _OF_A_SPEC} == _OF_A_SPEC


@pytest.mark.parametrize(("level", "answer"), [("Request", "whole"), ("RequestResponse", "PartialObjectMetadata")])
def test_what_a_patch_asks_for_comes_on_top_where_its_result_is_hidden(
    api_server: Server, level: str, answer: str
) -> None:
    server = api_server()
    plain = {**_PLAIN, "serviceAccountName": "web"}
    server.create("deployments", "web", spec={"template": {"spec": plain}})
    server.level, server.answer = level, answer
    server.patch("deployments", "web", spec={"template": {"spec": {"hostNetwork": True}}})
    server.delete("deployments", "web")
    facts = last(server.records())
    assert (facts["host_network"], facts["images"], facts["service_account"]) == ("true", ("web",), "web")
    assert facts["privileged"] == "false"


def test_what_only_patches_told_says_nothing_of_the_rest(api_server: Server) -> None:
    server = api_server("Request")
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    server.events.clear()
    server.patch("deployments", "web", spec={"template": {"spec": {"hostNetwork": True}}})
    server.delete("deployments", "web")
    facts = last(server.records())
    assert facts["host_network"] == "true"
    assert "privileged" not in facts


def _flags(server: "ApiServer") -> tuple[object, ...]:
    facts = last(server.records())
    return facts.get("privileged"), facts.get("host_network")


def test_what_a_subresource_does_not_take_says_nothing_of_the_pod(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web", spec=_DANGEROUS)
    server.answer = "empty Table"
    server.debug("web")
    server.events[-1] |= {"verb": "update", "requestObject": {"kind": "Pod", "spec": _PLAIN}}
    server.enter("web")
    assert _flags(server) == ("true", "true")


def test_what_is_dangerous_is_hidden_by_no_number_of_patches(api_server: Server) -> None:
    server = api_server(answer="empty Table")
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    server.patch("deployments", "web", spec={"template": {"spec": {"hostNetwork": True}}})
    for number in range(9):
        server.patch("deployments", "web", spec={"template": {"spec": {"containers": [{"image": str(number)}]}}})
    server.delete("deployments", "web")
    assert _flags(server) == (None, "true")  # a patch that is not remembered may have asked for the other


def test_after_more_dangerous_patches_than_are_remembered_nothing_is_called_harmless(api_server: Server) -> None:
    server = api_server(answer="empty Table")
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    server.patch("deployments", "web", spec={"template": {"spec": {"hostNetwork": True}}})
    for _ in range(4):
        server.patch("deployments", "web", spec={"template": {"spec": {"hostPID": True}}})
    server.delete("deployments", "web")
    assert _flags(server) == (None, None)


@pytest.mark.parametrize("level", ["RequestResponse", "Metadata"])
def test_what_a_change_that_is_not_shown_may_have_made_is_not_called_harmless(api_server: Server, level: str) -> None:
    server = api_server()
    server.create("pods", "web", spec={**_PLAIN, "hostNetwork": True})
    server.level = level
    server.debug("web", privileged=True)
    server.level = "RequestResponse"
    server.enter("web")
    assert _flags(server) == ({"RequestResponse": "true", "Metadata": None}[level], "true")


@pytest.mark.parametrize("answer", ["PartialObjectMetadata", "empty Table"])
def test_what_a_patch_copies_from_elsewhere_is_not_called_harmless(api_server: Server, answer: str) -> None:
    server = api_server()
    server.create("deployments", "web", spec={"template": {"spec": {**_PLAIN, "hostNetwork": True}}})
    server.answer = answer
    server.move("deployments", "web", spec={"template": {"spec": _DANGEROUS}})
    server.delete("deployments", "web")
    assert _flags(server) == (None, "true")
    server.create("deployments", "web", spec={"template": {"spec": _PLAIN}})
    assert _flags(server) == ("false", "false")


def test_what_is_shown_later_stands_over_what_was_asked_for(api_server: Server) -> None:
    server = api_server("Request")
    server.create("deployments", "web", spec={"template": {"spec": _DANGEROUS}})
    server.level = "RequestResponse"
    server.patch("deployments", "web", spec={"template": {"spec": _PLAIN}})
    assert last(server.records())["privileged"] == "false"


def test_at_level_metadata_it_is_known_that_and_when_and_by_whom(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("pods", "web", user="alice", spec=_DANGEROUS)
    server.wait(60)
    server.enter("web", user="bob")
    facts = last(server.records())
    assert {name: value for name, value in facts.items() if not name.startswith("before.")} == {
        "exists": "true",
        "created.user": "alice",
        "created.source_ip": "192.0.2.7",
        "created.time": "2027-01-15T08:00:00.010000000Z",
        "age_seconds": 62,
        "entered.user": "bob",
        "entered.time": "2027-01-15T08:01:00.020000000Z",
        "root.kind": "Pod",
        "root.name": "web",
        "root.user": "alice",
        "root.source_ip": "192.0.2.7",
    }


# --- ends -----------------------------------------------------------------------------------------------------------


def test_a_pod_whose_end_was_not_seen_is_gone_when_its_grace_is_long_over(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web")
    server.delete("pods", "web", user="bob")
    del server.objects["pods", "web"]
    server.wait(30 + 59)
    server.enter("web")
    assert last(server.records())["exists"] == "true"
    server.wait(2)
    server.enter("web")
    facts = last(server.records())
    assert (facts["before.exists"], facts["exists"], facts["lifetime_seconds"]) == ("false", "false", 90)


@pytest.mark.parametrize("seconds", [0, 5_000_000_000, 10**17])
def test_a_grace_may_be_of_centuries(api_server: Server, seconds: int) -> None:
    server = api_server()
    server.create("pods", "web")
    server.delete("pods", "web", user="bob")
    server.events[-1]["responseObject"]["metadata"]["deletionGracePeriodSeconds"] = seconds
    facts = last(server.records())
    assert (facts["exists"], facts["deleted.user"]) == ("true" if seconds else "false", "bob")


def test_a_pod_that_a_later_deletion_does_not_find_is_gone(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web")
    server.delete("pods", "web", user="bob")
    del server.objects["pods", "web"]
    server.wait(5)
    server.delete("pods", "web", user="carol")
    server.wait(1)
    server.enter("web")
    facts = last(server.records())
    assert (facts["exists"], facts["deleted.user"], facts["lifetime_seconds"]) == ("false", "bob", 5)


def test_a_pod_that_is_seen_after_its_grace_had_not_ended(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web", user="alice")
    server.delete("pods", "web", user="bob")
    server.wait(300)
    server.enter("web", user="carol")
    facts = last(server.records()[:-1])
    assert (facts["exists"], facts["created.user"], facts["deleted.user"]) == ("true", "alice", "bob")


def test_a_pod_that_has_finalizers_waits_for_them(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "web", finalizers=["example.com/wait"])
    server.delete("pods", "web")
    server.wait(300)
    server.objects.clear()
    server.enter("web")
    assert last(server.records())["exists"] == "true"


# --- deletions of all there was -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["whole", "PartialObjectMetadata", "Table"])
def test_a_deletion_of_many_names_them(api_server: Server, answer: str) -> None:
    server = api_server(answer=answer)
    for number in range(60):
        server.create("configmaps", f"n-{number}")
    server.delete_all("configmaps")
    assert last(server.records()) == {"count": 60, "names": tuple(f"n-{number}" for number in range(50))}
    server.delete_all("configmaps")
    assert last(server.records()) == {"count": 0}


@pytest.mark.parametrize("answer", ["empty Table", "nothing"])
def test_a_deletion_of_all_that_lists_nothing_ended_what_was_there(api_server: Server, answer: str) -> None:
    server = api_server()
    server.create("configmaps", "web", user="alice")
    server.create("configmaps", "kept", user="alice", finalizers=["example.com/wait"])
    server.create("pods", "web", user="alice")
    server.wait(5)
    server.level, server.answer = ("Metadata", "whole") if answer == "nothing" else ("RequestResponse", answer)
    for resource in ("configmaps", "pods"):
        server.delete_all(resource, user="bob")
        assert last(server.records()) == {}
    server.level, server.answer = "RequestResponse", "whole"
    server.patch("configmaps", "web")
    facts = last(server.records())
    assert (facts["exists"], facts["deleted.user"], facts["lifetime_seconds"]) == ("false", "bob", 5)
    server.patch("configmaps", "kept")
    facts = last(server.records())
    assert (facts["exists"], facts["deleted.user"]) == ("true", "bob")
    server.create("pods", "web")  # refused: it has its grace
    assert last(server.records())["exists"] == "true"


def test_what_is_created_after_a_deletion_of_all_is_not_ended_by_it(api_server: Server) -> None:
    server = api_server("Metadata")
    server.create("configmaps", "web", user="alice")
    server.delete_all("configmaps", user="bob")
    server.wait(1)
    server.create("configmaps", "web", user="carol")
    server.patch("configmaps", "web")
    facts = last(server.records())
    assert (facts["exists"], facts["created.user"]) == ("true", "carol")
    assert "deleted.user" not in facts


def test_what_is_shown_alive_after_a_deletion_of_all_was_not_there_or_was_left(api_server: Server) -> None:
    server = api_server()
    server.create("configmaps", "web", user="alice")
    server.level = "Metadata"
    server.delete_all("configmaps", user="bob")
    server.objects = {("configmaps", "web"): {"kind": "ConfigMap", "metadata": {"uid": "uid-1"}, "spec": {}}}
    server.objects["configmaps", "web"]["metadata"] |= {"creationTimestamp": "2027-01-15T08:00:00Z"}
    server.level = "RequestResponse"
    server.patch("configmaps", "web")
    assert "deleted.user" not in last(server.records())


# --- bindings -------------------------------------------------------------------------------------------------------


def test_a_binding_tells_its_role_and_subjects_at_its_end(make_record: Callable[..., Any]) -> None:
    target = {"resource": "clusterrolebindings", "apiGroup": "rbac.authorization.k8s.io", "name": "b"}
    metadata = {"name": "b", "uid": "u", "creationTimestamp": "2026-11-23T20:34:01Z", "resourceVersion": "7"}
    subjects = [
        {"kind": "User", "name": "alice"},
        {"kind": "ServiceAccount", "namespace": "shop", "name": "default"},
        {"kind": "Group"},
    ]
    role = {"kind": "ClusterRole", "name": "cluster-admin"}
    body = {"kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role, "subjects": subjects}
    made = make_record(objectRef=target, responseObject=body)
    status = {"kind": "Status", "details": {"uid": "u"}}
    ended = make_record(
        verb="delete", objectRef=target, responseObject=status, stageTimestamp="2026-11-23T20:35:01.258117Z"
    )
    records = [type(record)(record.value, b"default/rbac", "default", 0) for record in (made, ended)]
    facts = last([*records[:1], type(made)(ended.value.replace(b":201", b":200"), b"default/rbac", "default", 0)])
    assert (facts["role_kind"], facts["role"]) == ("ClusterRole", "cluster-admin")
    assert facts["subjects"] == ("User:alice", "ServiceAccount:shop/default")
    assert (facts["exists"], facts["lifetime_seconds"]) == ("false", 60)
