"""Which resources are shown."""

import msgspec
import pytest

from auditstream.resource_choice import Choice, resource_called
from auditstream.usage import UsageError
from processor.listing import Created
from tests.auditstream.known import a_resource
from wire.tracked import TRACKED

WEB = a_resource(
    api_group="apps",
    resource="deployments",
    kind="Deployment",
    namespace="shop",
    name="web",
    created=Created("alice", None, None),
)


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(cluster="prod", namespace="shop", resource="deployments", name="web", created_by="alice"),
        Choice(with_gone=True),
    ],
)
def test_what_is_asked_for_is_shown(choice: Choice) -> None:
    assert choice.holds(WEB)


@pytest.mark.parametrize(
    "choice",
    [
        Choice(cluster="Prod"),
        Choice(namespace=""),
        Choice(resource="pods"),
        Choice(name="we"),
        Choice(created_by="bob"),
        Choice(cluster="prod", name="other"),
    ],
)
def test_anything_else_is_not(choice: Choice) -> None:
    assert not choice.holds(WEB)


def test_what_is_gone_is_shown_when_asked_for() -> None:
    gone = msgspec.structs.replace(WEB, exists=False)
    assert [Choice(with_gone=both).holds(gone) for both in (False, True)] == [False, True]


@pytest.mark.parametrize("created", [None, Created(None, None, None)])
def test_nobody_created_what_nobody_is_known_to_have(created: Created | None) -> None:
    assert not Choice(created_by="alice").holds(msgspec.structs.replace(WEB, created=created))


def test_a_kind_may_be_written_in_every_usual_way() -> None:
    for (_, resource), tracked in TRACKED.items():
        spellings = (tracked.kind, tracked.kind.lower(), tracked.kind + "s", resource, resource.upper())
        assert {resource_called(spelling) for spelling in spellings} == {resource}


@pytest.mark.parametrize(("short", "resource"), [("ns", "namespaces"), ("Deploy", "deployments"), ("svc", "services")])
def test_a_kind_may_be_written_as_kubectl_shortens_it(short: str, resource: str) -> None:
    assert resource_called(short) == resource


def test_a_kind_of_which_nothing_is_remembered_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        resource_called("deploymnet")
    assert str(error.value) == "nothing is remembered of the kind 'deploymnet': did you mean 'Deployment'?"
    with pytest.raises(UsageError, match=r"'xyz': known are ClusterRole, ClusterRoleBinding, "):
        resource_called("xyz")
