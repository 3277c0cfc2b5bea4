"""What is known at the end of a story that several people tell a real API server: each alert's person, each object.

Not part of the default suite: `make e2e` runs it where `KUBE_TESTBED` is set.
"""

import pytest

from tests.kube.conftest import Told
from tests.kube.inventory import differences, of_auditstream
from tests.kube.watcher import CLUSTER

pytestmark = pytest.mark.kube

NOT_YET = pytest.mark.xfail(strict=True, reason="the inventory is neither listed nor does it know owners yet")


def test_serve_ends_well_and_has_rejected_nothing(told: Told) -> None:
    assert told.exit_code == 0
    assert told.watcher.rejected() == []


def test_alerts_are_those_of_the_api_servers_own_log(told: Told) -> None:
    replayed = told.watcher.run("replay", "--cluster", CLUSTER, str(told.audit_log)).splitlines()
    assert len(told.alerts) == len(replayed)


@NOT_YET
def test_the_alert_on_a_pod_that_a_deployment_made_names_the_person(told: Told) -> None:
    made = [
        alert["output_fields"]
        for alert in told.alerts.values()
        if alert["rule"] == "Privileged Pod Or Template"
        and alert["output_fields"]["ka.user.name"] == "system:serviceaccount:kube-system:replicaset-controller"
    ]
    assert len(made) == 2
    for fields in made:
        assert fields["resource.root.kind"] == "Deployment"
        assert fields["resource.root.user"] == "alice"


@NOT_YET
def test_what_exists_is_what_kubectl_shows(told: Told) -> None:
    listed = told.watcher.run("resources", "--state", "state", "--json")
    # Answers about Secrets are not sent under the policy that ships, and their uids are nowhere else.
    unknown = [("", "secrets")] if told.is_shipped else []
    assert differences(told.actual, of_auditstream(listed, CLUSTER), unknown) == []
