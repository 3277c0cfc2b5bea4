"""One whole story a policy: a real API server, the service that it posts to, and what both say at the end."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.e2e.recorded import Alert
from tests.kube import story
from tests.kube.inventory import KINDS, Inventory, of_kubectl
from tests.kube.testbed import started
from tests.kube.watcher import APISERVER, Watcher, watching

FLAGS: Final = (
    "--audit-webhook-batch-max-wait=1s",
    "--audit-webhook-batch-max-size=100",
    "--audit-webhook-batch-throttle-qps=40",
    "--audit-webhook-batch-throttle-burst=60",
)
"""As deploy/apiserver/README.md gives them."""

EVERYTHING: Final = """\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
"""
"""Every stage of every request, with both bodies: what an operator may have for other reasons."""

MADE: Final = "Privileged Pod Made"

MINE: Final = f"""\
- rule: {MADE}
  desc: A pod with a privileged container was made, by a person or by a controller.
  condition: >
    ka.verb = create and ka.target.resource = pods and not ka.target.subresource exists
    and ka.response.code = 201 and podspec.privileged = true
  output: privileged pod made by %ka.user.name
  priority: NOTICE
  source: k8s_audit
"""
"""A rule of the test's own: the ones that ship tell of a template where it is written, not of each pod made from it."""

SHIPPED: Final = "shipped"

_PAUSE_SECONDS: Final = 3.0
"""How long the service is away after its crash."""


class Told(NamedTuple):
    """What was left when the story was over."""

    is_shipped: bool
    """Whether the policy was the one that ships."""
    watcher: Watcher
    """Ended, with all that it left."""
    exit_code: int
    alerts: dict[str, Alert]
    actual: Inventory
    """What kubectl showed in the end."""
    audit_log: Path
    """What the API server told, written by itself."""


@pytest.fixture(scope="module", params=[SHIPPED, "everything"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Tell the story under a policy, and give what it left. In the middle of it the service crashes."""
    folder = tmp_path_factory.mktemp(request.param)
    policy = APISERVER / "audit-policy.yaml"
    if request.param != SHIPPED:
        policy = folder / "policy.yaml"
        policy.write_text(EVERYTHING)
    (folder / "mine.yaml").write_text(MINE)
    with watching(folder, "--rules", "mine.yaml", "--state", "state") as watcher:
        with started(folder, policy, watcher.kubeconfig(), FLAGS) as cluster:
            story.tell(cluster, story.FIRST_HALF)
            watcher.kill()
            time.sleep(_PAUSE_SECONDS)
            watcher.start()
            story.tell(cluster, story.SECOND_HALF)
            story.settle(cluster)
            final = folder / "final.json"
            final.write_text(cluster.admin(f"get {KINDS} -A -o json"))
            # What is still on its way arrives before the API server has ended.
            cluster.testbed.down()
        exit_code = watcher.stop()
        actual = of_kubectl(final.read_text())
        yield Told(request.param == SHIPPED, watcher, exit_code, watcher.alerts(), actual, folder / "audit.log")
