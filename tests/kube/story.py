"""The story that is told of a cluster: its steps in their order, and the end, when nothing moves any more."""

import time
from collections.abc import Callable
from typing import Final

from tests.kube import story_ends as ends
from tests.kube import story_refused as refused
from tests.kube import story_work as work
from tests.kube.testbed import Cluster, until

Step = Callable[[Cluster], None]

FIRST_HALF: Final[tuple[Step, ...]] = (
    work.people_are_let_in,
    work.a_clock_ticks,
    work.alice_deploys_what_is_dangerous,
    work.a_rollout,
    work.other_workloads,
    work.patches_of_all_kinds,
    work.server_side_apply,
    work.names_from_the_server,
    ends.bare_pods,
    refused.something_is_there,
    refused.for_trial,
    refused.without_permission,
)

SECOND_HALF: Final[tuple[Step, ...]] = (
    refused.against_what_is_there,
    refused.against_a_quota,
    refused.against_admission,
    work.answers_of_other_forms,
    work.answers_that_cannot_be_given,
    work.roles_and_bindings,
    work.ways_into_pods,
    work.evictions,
    work.another_in_whose_name,
    ends.deployments_by_each_propagation,
    ends.jobs_and_daemons_end,
    ends.pods_without_grace,
    ends.names_made_again,
    ends.finalizers,
    ends.finalizers_removed_by_other_means,
    ends.many_at_once,
    ends.a_namespace_with_all_it_holds,
    ends.namespaces_that_do_not_end,
    refused.in_another_group,
    work.the_clock_stops,
)

GRACE_SECONDS: Final = 30.0
"""What a pod is given whose deletion says nothing else."""

SETTLING_SECONDS: Final = GRACE_SECONDS + 60.0 + 5.0
"""After the last deletion, until a pod counts as gone whose end nobody told; some more, since events tell the time."""


def tell(cluster: Cluster, steps: tuple[Step, ...]) -> None:
    """Do the steps, one after another; the one that is under way is printed, for a story that does not get on."""
    for step in steps:
        started = time.monotonic()
        step(cluster)
        print(f"{time.monotonic() - started:6.1f} s  {step.__name__}")  # noqa: T201 - pytest shows it when a test fails


def settle(cluster: Cluster) -> None:
    """Wait until what was asked for is done, and as long as it takes until all of it counts as gone."""

    def is_quiet() -> bool:
        pods = cluster.admin.list("pods", "-A")
        ending = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
        active = [job for job in cluster.admin.list("jobs", "-A") if job["status"].get("active")]
        return not active and all(pod["metadata"].get("finalizers") for pod in ending)

    until(is_quiet, "no pod is ending, and no Job is running")
    time.sleep(SETTLING_SECONDS)
