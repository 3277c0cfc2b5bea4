"""Crashes and rebalances in the middle of clusters' histories: the inventory and all alerts are as without them.

What the workers leave behind is held against one engine that was never disturbed, in whole: every byte of the state,
with its expiries and the clocks, and every member of every alert, with all that is known of its target, repeats too.
That creations and destructions are all told is also held against the histories themselves.
"""

import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from processor.state import NEVER, expiry_of
from rules.resource_fields import RESOURCE_FIELDS
from tests.processor.stream.histories import Course, disordered, records_of
from tests.processor.stream.workers import Installation, is_marker, until

if TYPE_CHECKING:
    from wire.record import Record

pytestmark = pytest.mark.partitions(3)

CLASS_2 = {"configmaps": "ConfigMap", "deployments": "Deployment", "namespaces": "Namespace", "services": "Service"}
PATIENT = {"checkpoint_seconds": 60, "checkpoint_records": 400}
"""Checkpoints come by what is judged, so that a crash in one of them finds much under way."""


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """Have the rules that ship, and one that shows all that is known of the target of every event."""
    shown = " ".join(f"{field.name}=%{field.name}" for field in RESOURCE_FIELDS)
    installation.rules.write_text(f"""\
- rule: Everything Known
  desc: Every event of a tracked resource, with all that is known of it.
  condition: ka.target.resource exists
  output: {shown}
  priority: INFO
  source: k8s_audit
""")
    installation.with_pack = True
    return installation


class Clusters:
    """What happens in some clusters, in two halves: two a partition, one told in order and one not."""

    def __init__(self, partitions: int, events: int, seed: int) -> None:
        self.halves: list[list[tuple[int, Record]]] = [[], []]
        """Each record with its partition."""
        self.created: Counter[str] = Counter()
        """How many objects were created, by the rule that tells it."""
        for number in range(2 * partitions):
            course = Course(seed + number)
            course.go_on(events)
            self.created.update(_creations(course.server.events))
            happened = disordered(course.server.events, seed) if number % 2 else course.server.events
            records = [(number % partitions, record) for record in records_of(happened, f"cluster-{number}")]
            middle = len(records) // 2
            self.halves[0] = _mixed(self.halves[0], records[:middle], seed)
            self.halves[1] = _mixed(self.halves[1], records[middle:], seed)

    def send(self, installation: Installation, half: int) -> None:
        """Send a half."""
        for partition in range(installation.kafka.partitions):
            installation.send([record for place, record in self.halves[half] if place == partition], partition)


def _mixed(one: Sequence[Any], other: Sequence[Any], seed: int) -> list[Any]:
    """Return two sequences as one, each in its order."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    sources = [*[one] * len(one), *[other] * len(other)]
    chance.shuffle(sources)
    left = {id(source): iter(source) for source in (one, other)}
    return [next(left[id(source)]) for source in sources]


def _creations(events: list[dict[str, Any]]) -> Iterator[str]:
    for event in events:
        kind = CLASS_2.get(event["objectRef"]["resource"])
        if kind and event["verb"] == "create" and event["responseStatus"]["code"] == 201:
            yield f"{kind} Created"


def _check(installation: Installation, clusters: Clusters) -> None:
    """Hold everything against an undisturbed run and against what happened."""
    alerts, states = installation.check()
    sent = installation.alerts()
    assert len(sent) > len(alerts), "nothing was judged twice"
    found = {alert["id"]: alert for alert in sent}.values()
    told = Counter(alert["rule"] for alert in found)
    assert {name: told[name] for name in clusters.created} == clusters.created
    destroyed = [alert["output_fields"] for alert in found if alert["rule"].endswith(" Destroyed")]
    assert {name for name in told if name.endswith(" Destroyed")} == {f"{kind} Destroyed" for kind in CLASS_2.values()}
    assert all("resource.created.user" in fields and "resource.lifetime_seconds" in fields for fields in destroyed)
    # And the state is one in which a crash could show: clocks, expiries, names that were forgotten.
    for partition, state in states.items():
        assert {key[:7] for key in state if key.startswith(b"\0")} == {b"\0clock\0"}
        assert any(expiry_of(value) != NEVER for value in state.values()), partition
    assert [each for each in installation.changelog() if each.value is None]


def _torn(installation: Installation) -> set[int]:
    """Return the partitions of the changelog that end with something other than a marker."""
    last = {each.partition: each for each in installation.changelog()}
    return {partition for partition, each in last.items() if not is_marker(each)}


def _course(installation: Installation, clusters: Clusters, point: str) -> None:
    """Have a worker killed at a point, one that takes over, one that joins it, and the first of them leave."""
    clusters.send(installation, 0)
    victim = installation.start(point, **PATIENT)
    assert victim.ended() == -signal.SIGKILL, victim.told()
    torn = _torn(installation)
    assert bool(torn) is (not point.startswith("end_before_state")), torn
    first = installation.start(checkpoint_seconds=0.1)
    first.await_ready()
    clusters.send(installation, 1)
    second = installation.start(checkpoint_seconds=0.1)
    second.await_ready()
    until(lambda: second.count("auditstream_processor_partitions") > 0, "a partition of its own")
    assert first.stop() == 0
    installation.await_committed()
    assert second.stop() == 0


def test_a_crash_and_a_rebalance_in_the_middle_of_histories_change_nothing(installation: Installation) -> None:
    clusters = Clusters(installation.kafka.partitions, events=150, seed=1)
    _course(installation, clusters, "end_before_marker=5")
    _check(installation, clusters)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", [10, 20])
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("end_before_state=2", id="between alerts and state"),
        pytest.param("end_after=6", id="between two batches of state"),
        pytest.param("end_before_marker=5", id="between state and marker"),
        pytest.param("end_before_marker=9", id="between state and marker, later"),
    ],
)
def test_whatever_the_point_of_the_crash(installation: Installation, point: str, seed: int) -> None:
    clusters = Clusters(installation.kafka.partitions, events=1500, seed=seed)
    _course(installation, clusters, point)
    _check(installation, clusters)
