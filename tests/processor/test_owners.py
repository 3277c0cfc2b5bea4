"""Who is behind an object: owners are believed as far as who wrote them, up to a person or what is not known."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.processor.watching import last

if TYPE_CHECKING:
    from tests.processor.conftest import ApiServer

Server = Callable[..., "ApiServer"]

_ACCOUNTS = "system:serviceaccount:kube-system:"
_SETS = _ACCOUNTS + "replicaset-controller"
_DEPLOYMENTS = _ACCOUNTS + "deployment-controller"


def _template(**members: object) -> dict[str, Any]:
    return {"template": {"spec": members}}


def _deploy(server: "ApiServer", user: str = "alice") -> None:
    server.create("deployments", "web", user=user, spec=_template(hostNetwork=False))
    server.create("replicasets", "web-1", user=_DEPLOYMENTS, owner="deployments/web", spec=_template())
    server.create("pods", "web-1-x", user=_SETS, owner="replicasets/web-1")


def _root(server: "ApiServer") -> tuple[object, ...]:
    facts = last(server.records())
    return facts.get("root.kind"), facts.get("root.name"), facts.get("root.user")


def test_behind_a_pod_of_a_deployment_is_who_made_the_deployment(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    assert _root(server) == ("Deployment", "web", "alice")
    facts = last(server.records())
    assert (facts["owner.kind"], facts["owner.name"]) == ("ReplicaSet", "web-1")
    assert (facts["created.user"], facts["root.source_ip"]) == (_SETS, "192.0.2.7")


def test_where_all_controllers_are_one_user_they_are_believed_too(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", spec=_template())
    manager = "system:kube-controller-manager"
    server.create("replicasets", "web-1", user=manager, owner="deployments/web")
    server.create("pods", "web-1-x", user=manager, owner="replicasets/web-1")
    assert _root(server) == ("Deployment", "web", "alice")


def test_who_changed_what_it_asks_for_is_behind_it_and_nobody_who_only_scaled_or_labelled_it(
    api_server: Server,
) -> None:
    server = api_server()
    _deploy(server)
    server.patch("deployments", "web", user="bob", spec=_template(hostNetwork=True))
    server.scale("web", 3)
    server.patch("deployments", "web", user="carol")
    server.scale("web", 5)
    server.patch("deployments", "web", user="dave", spec={**_template(hostNetwork=True), "replicas": 7})
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", "bob")


def test_a_change_whose_spec_is_hidden_is_that_of_who_hid_it(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.answer = "PartialObjectMetadata"
    server.patch("deployments", "web", user="mallory", spec=_template(hostNetwork=True))
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", "mallory")


def test_after_a_change_that_shows_nothing_nobody_is_named_unless_it_was_the_same(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.level = "Metadata"
    server.patch("deployments", "web", user="alice")
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", "alice")
    server.patch("deployments", "web", user="bob")
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", None)


def test_who_changed_it_is_not_covered_by_who_does_so_later(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.level = "Metadata"
    server.patch("deployments", "web", user="mallory")
    server.patch("deployments", "web", user="alice")
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", None)


@pytest.mark.parametrize(
    ("patch", "person"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, None),
        ([{"op": "add", "path": "/metadata/labels/a", "value": "b"}, 3], None),
        ([{"op": "add", "path": "/spec/paused", "value": True}], "alice"),
        ([{"op": "replace", "path": "", "value": {}}], "alice"),
        ({"spec": {"paused": True}}, "alice"),
    ],
)
def test_who_labels_what_somebody_unseen_has_changed_is_not_behind_it(
    api_server: Server, patch: object, person: str | None
) -> None:
    server = api_server()
    _deploy(server)
    server.patch("deployments", "web", user="mallory", spec=_template(hostNetwork=True))
    server.events.pop()  # in a batch that got lost
    server.patch("deployments", "web", user="alice")
    server.events[-1]["requestObject"] = patch
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", person)


def test_whose_owner_was_written_by_nobody_knows_whom_has_a_root_but_nobody_behind_it(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.create("pods", "own", user="mallory", owner="replicasets/web-1")
    server.events.pop()
    server.patch("pods", "own", user="bob")
    assert _root(server) == ("Deployment", "web", None)


def test_of_a_deployment_older_than_the_pipeline_nobody_is_named_until_somebody_changes_it(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.events = server.events[1:]
    server.patch("deployments", "web", user="bob")
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", None)
    server.patch("deployments", "web", user="carol", spec=_template(hostNetwork=True))
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", "carol")


@pytest.mark.parametrize("maker", ["mallory", _DEPLOYMENTS, _ACCOUNTS + "job-controller", "system:node:n"])
def test_an_owner_that_somebody_else_wrote_is_nobody_to_blame(api_server: Server, maker: str) -> None:
    server = api_server()
    _deploy(server)
    server.create("pods", "own", user=maker, owner="replicasets/web-1")
    assert _root(server) == ("Pod", "own", maker)
    assert last(server.records())["owner.name"] == "web-1"


def test_an_owner_that_is_written_later_changes_nothing(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.create("deployments", "other", user="carol", spec=_template())
    server.create("replicasets", "other-1", user=_DEPLOYMENTS, owner="deployments/other", spec=_template())
    server.objects["pods", "web-1-x"]["metadata"]["ownerReferences"] = server.objects["replicasets", "other-1"][
        "metadata"
    ]["ownerReferences"]
    server.patch("pods", "web-1-x", user="mallory")
    assert _root(server) == ("Deployment", "web", "alice")
    assert last(server.records())["owner.name"] == "other"


def test_a_walk_ends_at_an_owner_that_is_not_known(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.events = server.events[2:]
    assert _root(server) == ("ReplicaSet", "web-1", None)


def test_an_owner_is_known_by_its_uid(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    del server.objects["replicasets", "web-1"]
    server.create("replicasets", "web-1", user="mallory", spec=_template())
    server.enter("web-1-x")
    assert _root(server) == ("Deployment", "web", "alice")


def test_an_owner_that_is_gone_is_still_known(api_server: Server) -> None:
    server = api_server()
    _deploy(server)
    server.delete("replicasets", "web-1")
    server.delete("deployments", "web", user="bob")
    server.delete("pods", "web-1-x", user=_ACCOUNTS + "generic-garbage-collector")
    assert _root(server) == ("Deployment", "web", "alice")


def test_what_a_controller_made_without_showing_for_whom_has_no_known_root(api_server: Server) -> None:
    server = api_server("Metadata")
    _deploy(server)
    assert _root(server) == (None, None, None)
    assert last(server.records())["created.user"] == _SETS


def test_owners_that_own_each_other_end_the_walk(api_server: Server) -> None:
    server = api_server()
    server.create("pods", "seed")
    server.create("replicasets", "a", user=_DEPLOYMENTS)
    one = server.objects["replicasets", "a"]
    server.create("replicasets", "b", user=_DEPLOYMENTS)
    two = server.objects["replicasets", "b"]
    for mine, other in ((one, two), (two, one)):
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": other["metadata"]["name"]}
        mine["metadata"]["ownerReferences"] = [{**reference, "uid": other["metadata"]["uid"], "controller": True}]
    server.events.clear()  # both are older than the pipeline, so that what they say is all there is
    server.patch("replicasets", "a")
    server.patch("replicasets", "b")
    assert _root(server) == ("ReplicaSet", "b", None)


def test_a_walk_is_of_bounded_length(api_server: Server) -> None:
    server = api_server()
    server.create("replicasets", "r-0", user=_DEPLOYMENTS)
    for number in range(1, 8):
        server.create("replicasets", f"r-{number}", user=_DEPLOYMENTS, owner=f"replicasets/r-{number - 1}")
    server.events.clear()
    for number in range(8):
        server.patch("replicasets", f"r-{number}")
    assert _root(server) == ("ReplicaSet", "r-2", None)


@pytest.mark.parametrize(
    ("kind", "version", "node", "root"),
    [
        ("Node", "v1", "n", ("Node", "n", None)),
        ("Node", "v1", "other", ("Pod", "web", "system:node:n")),
        ("Rollout", "argoproj.io/v1alpha1", "n", ("Pod", "web", "system:node:n")),
    ],
)
def test_a_node_owns_what_its_kubelet_mirrors(
    api_server: Server, kind: str, version: str, node: str, root: tuple[object, ...]
) -> None:
    server = api_server()
    server.create("pods", "web", user="system:node:n")
    event = server.events[-1]
    reference = {"apiVersion": version, "kind": kind, "name": node, "uid": "u", "controller": True}
    event["responseObject"]["metadata"]["ownerReferences"] = [{**reference, "controller": False}, reference]
    assert _root(server) == root


def test_who_takes_finalizers_of_what_is_being_deleted_changed_nothing(api_server: Server) -> None:
    server = api_server()
    server.create("deployments", "web", user="alice", spec=_template(), finalizers=["foregroundDeletion"])
    server.patch("deployments", "web", user="bob", spec=_template(hostNetwork=True))
    server.delete("deployments", "web", user="carol")
    server.answer = "PartialObjectMetadata"
    server.finish("deployments", "web", user=_ACCOUNTS + "generic-garbage-collector")
    assert _root(server) == ("Deployment", "web", "bob")
