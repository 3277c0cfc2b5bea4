"""What is known at the end of a story that several people tell a real API server: each alert's person, each object.

Not part of the default suite: `make e2e` runs it where `KUBE_TESTBED` is set.
"""

import json
from typing import Any

import pytest

from tests.kube.conftest import MADE, Told
from tests.kube.inventory import Inventory, differences, of_auditstream
from tests.kube.story_work import DANGEROUS, UNTOLD
from tests.kube.watcher import CLUSTER

pytestmark = pytest.mark.kube


def _fields(told: Told, rule: str, user: str) -> list[dict[str, Any]]:
    """Return the output fields of the alerts of a rule on what a user did."""
    found = [alert["output_fields"] for alert in told.alerts.values() if alert["rule"] == rule]
    return [fields for fields in found if fields["ka.user.name"] == user]


def test_serve_ends_well_and_has_rejected_nothing(told: Told) -> None:
    assert told.exit_code == 0
    assert told.watcher.rejected() == []


def test_alerts_are_those_of_the_api_servers_own_log(told: Told) -> None:
    printed = told.watcher.run("replay", "--cluster", CLUSTER, "--rules", "mine.yaml", str(told.audit_log))
    replayed = {alert["id"]: alert["rule"] for alert in map(json.loads, printed.splitlines())}
    assert {id_: alert["rule"] for id_, alert in told.alerts.items()} == replayed


def test_the_alert_on_a_pod_that_a_deployment_made_names_the_person(told: Told) -> None:
    made = _fields(told, MADE, "system:serviceaccount:kube-system:replicaset-controller")
    assert len(made) == 2
    for fields in made:
        assert fields["resource.owner.kind"] == "ReplicaSet"
        assert fields["resource.root.kind"] == "Deployment"
        assert fields["resource.root.name"] == DANGEROUS
        assert fields["resource.root.user"] == "alice"


def test_the_alert_on_a_session_in_such_a_pod_names_both_persons(told: Told) -> None:
    sessions = _fields(told, "Exec Or Attach To Pod", "carol")
    assert "alice" in {fields["resource.root.user"] for fields in sessions if fields["resource.root.name"] == DANGEROUS}


def test_what_exists_is_what_kubectl_shows(told: Told) -> None:
    # Answers about Secrets are not sent under the policy that ships, and their uids are nowhere else.
    unknown = [("", "secrets")] if told.is_shipped else []
    assert differences(_outside(told.actual), _outside(_listed(told)), unknown) == []


def test_what_was_done_though_its_answer_could_not_be_given_is_known(told: Told) -> None:
    """Its uid is not: that was in the answer."""
    within = [{thing for thing in inventory if thing.namespace == UNTOLD} for inventory in (told.actual, _listed(told))]
    assert within[0] == within[1]


def test_a_pod_that_was_made_so_alerts(told: Told) -> None:
    alerts = [alert for alert in told.alerts.values() if f"{UNTOLD}/made" in alert["output"]]
    assert "Privileged Pod Or Template" in {alert["rule"] for alert in alerts}


def _listed(told: Told) -> Inventory:
    return of_auditstream(told.watcher.run("resources", "--state", "state", "--json"), CLUSTER)


def _outside(inventory: Inventory) -> Inventory:
    """Return what is not in the namespace of which the API server tells less than happens."""
    return {thing: uid for thing, uid in inventory.items() if thing.namespace != UNTOLD}
