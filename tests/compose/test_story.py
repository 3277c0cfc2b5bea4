"""The README's commands in the order in which a user comes to them, around one project.

A mistake in a rule file, the first `up`, the demo, own rules and options, `down` and `up`, and nothing left at the end.
"""

import json
from typing import Any, Final, NamedTuple

import pytest

from tests.compose.stack import ROOT, Ended, Stack, inspected, succeed, until
from tests.e2e import topics
from tests.e2e.recorded import BODIES, Alert, in_one_process, records_of, replayed
from wire.record import MAX_EVENT_BYTES, identity

pytestmark = pytest.mark.e2e

MINE: Final = """\
- rule: Mine
  desc: A ConfigMap was made.
  condition: ka.verb = create and ka.target.resource = configmaps
  output: made by %ka.user.name
  priority: NOTICE
  source: k8s_audit
"""
BROKEN: Final = MINE.replace("ka.verb", "ka.verbs")
EVERY: Final = "Every Audit Event"

_SAMPLES: Final = ROOT / "rules" / "library" / "samples" / "lifecycle"


def _sample(name: str) -> dict[str, Any]:
    """Return the event of a rule's first sample."""
    return json.loads((_SAMPLES / f"{name}.jsonl").read_text().splitlines()[0])["event"]  # type: ignore[no-any-return]


def _body(*events: dict[str, Any]) -> bytes:
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}).encode()


CREATED: Final = _body(_sample("deployment-created"))
DELETED: Final = _body(_sample("deployment-destroyed"))


def _large() -> bytes:
    """Return a body of one event that has almost all the bytes that an event may have."""
    event = _sample("configmap-created")
    event["requestObject"]["data"] = {"large": "x" * (MAX_EVENT_BYTES - 16 * 1024)}
    return _body(event)


LARGE: Final = _large()


class Broken(NamedTuple):
    """What a mistake in a rule file led to."""

    up: Ended
    told: str
    processor: str
    """The state of its container."""


class Shown(NamedTuple):
    """What the demo did."""

    first: Ended
    again: Ended
    alerts: dict[str, Alert]
    after_again: dict[str, Alert]
    from_this_machine: dict[str, Alert]


class Kept(NamedTuple):
    """What was there before a `down`, and after the next `up`."""

    containers: list[str]
    """When all was down."""
    before: dict[bytes, bytes]
    after: dict[bytes, bytes]
    alerts: dict[str, Alert]
    destroyed: Alert


@pytest.fixture(scope="module")
def broken(stack: Stack) -> Broken:
    (stack.rules / "mine.yaml").write_text(BROKEN)
    ended = stack.compose("up", "--wait")
    return Broken(ended, stack.told("rules"), inspected(stack.container("processor"), ".State.Status"))


@pytest.fixture(scope="module")
def running(stack: Stack, broken: Broken) -> Stack:
    assert broken.up.code
    (stack.rules / "mine.yaml").unlink()
    stack.up()
    return stack


@pytest.fixture(scope="module")
def shown(running: Stack) -> Shown:
    first = running.compose("run", "--rm", "demo")
    settle(running)
    alerts = running.printed_alerts()
    again = running.compose("run", "--rm", "demo")
    settle(running)
    return Shown(first, again, alerts, running.printed_alerts(), topics.alerts(running.kafka))


@pytest.fixture(scope="module")
def looked_at(running: Stack, shown: Shown) -> tuple[Ended, bool]:
    """Have a mistake looked at as rules.d/README.md says, and tell whether the processor went on."""
    assert shown.alerts
    before = running.containers("processor")
    (running.rules / "mine.yaml").write_text(BROKEN)
    ended = running.compose("run", "--rm", "rules")
    return ended, running.containers("processor") == before and running.is_healthy("processor")


@pytest.fixture(scope="module")
def chosen(running: Stack, shown: Shown, looked_at: tuple[Ended, bool]) -> dict[str, Alert]:
    """Give the alerts of one body with a rule of one's own and with the one that shows every event."""
    assert shown.alerts
    assert looked_at
    (running.rules / "mine.yaml").write_text(MINE)
    running.choose({"AUDITSTREAM_ENABLE_RULES": EVERY})
    running.up("--force-recreate", "processor")
    running.post(BODIES[1], "chosen")
    settle(running)
    return running.alerts_of("chosen")


@pytest.fixture(scope="module")
def kept(running: Stack, chosen: dict[str, Alert]) -> Kept:
    assert chosen
    running.post(CREATED, "kept")
    settle(running)
    before = topics.inventory(running.kafka)
    alerts = running.printed_alerts()
    succeed(running.compose("down"))
    left = running.left_behind()
    running.up()
    assert alerts.items() <= running.printed_alerts().items()
    after = topics.inventory(running.kafka)
    running.post(DELETED, "kept")
    settle(running)
    found = running.alerts_of("kept")
    (destroyed,) = (alert for alert in found.values() if alert["rule"] == "Deployment Destroyed")
    return Kept(left.get("container", []) + left.get("network", []), before, after, found, destroyed)


@pytest.fixture(scope="module")
def over(running: Stack, kept: Kept) -> dict[str, list[str]]:
    """Give what is left after `down --volumes`."""
    assert kept.alerts
    succeed(running.compose("down", "--volumes"))
    return running.left_behind()


def settle(stack: Stack) -> None:
    until(lambda: topics.is_all_committed(stack.kafka), "everything is judged and committed")


def test_a_mistake_in_a_rule_file_ends_up_and_is_told(broken: Broken) -> None:
    assert broken.up.code == 1
    assert 'service "rules" didn\'t complete successfully: exit 1' in broken.up.err
    assert broken.processor == "created"
    first, where, *_ = broken.told.splitlines()
    assert first.startswith("error: ")
    assert "ka.verbs" in first
    assert where == "  --> /etc/auditstream/rules.d/mine.yaml:3:14, in rule Mine, condition"


def test_when_it_is_mended_everything_comes_up(running: Stack) -> None:
    assert all(running.is_healthy(service) for service in ("kafka", "ingest", "processor"))
    assert [inspected(running.container(service), ".State.ExitCode") for service in ("topics", "rules")] == [0, 0]
    until(lambda: "auditstream: audit.events is judged\n" in running.told("processor"), "the processor says so")


def test_what_runs_has_no_rights_and_writes_nowhere(running: Stack) -> None:
    for service in ("ingest", "processor"):
        container = running.container(service)
        assert inspected(container, ".Config.User") == "10001:10001"
        assert inspected(container, ".HostConfig.ReadonlyRootfs") is True
        assert inspected(container, ".HostConfig.CapDrop") == ["ALL"]


def test_no_volume_is_without_a_name(running: Stack) -> None:
    """Such a volume would be left by `down`, with nothing that says whose it was."""
    mounts = inspected(running.container("kafka"), ".Mounts")
    assert [mount["Name"] for mount in mounts if mount["Type"] == "volume"] == [f"{running.name}_kafka"]
    ours = [mount for service in ("ingest", "processor") for mount in inspected(running.container(service), ".Mounts")]
    assert {mount["Type"] for mount in ours} == {"bind"}
    assert not any(mount["RW"] for mount in ours)


def test_the_demo_says_what_it_did(shown: Shown) -> None:
    for ended in (shown.first, shown.again):
        assert ended.code == 0
        assert (
            "auditstream: 525 events, recorded from a real API server, were posted to http://ingest:8765/" in ended.err
        )


def test_alerts_of_the_demo_are_those_of_a_replay(shown: Shown, tmp_path_factory: pytest.TempPathFactory) -> None:
    expected = replayed(BODIES, "default", tmp_path_factory.mktemp("replayed"))
    assert shown.alerts == expected
    assert shown.from_this_machine == expected


def test_a_second_demo_gives_no_more(shown: Shown) -> None:
    assert shown.after_again == shown.alerts


def test_a_mistake_that_is_looked_for_stops_nobody(looked_at: tuple[Ended, bool]) -> None:
    ended, goes_on = looked_at
    assert (ended.code, goes_on) == (1, True)
    assert "ka.verbs" in ended.err


def test_rules_of_ones_own_and_disabled_ones_can_be_had(chosen: dict[str, Alert]) -> None:
    by_rule = {rule: [alert for alert in chosen.values() if alert["rule"] == rule] for rule in ("Mine", EVERY)}
    events = records_of([BODIES[1]], "chosen")
    assert len(by_rule[EVERY]) == len(events)
    created = [alert for alert in chosen.values() if alert["rule"] == "ConfigMap Created"]
    assert {alert["audit_id"] for alert in created} <= {alert["audit_id"] for alert in by_rule["Mine"]}
    assert created


def test_an_event_of_the_largest_size_passes_whole(running: Stack, chosen: dict[str, Alert]) -> None:
    assert chosen
    running.post(LARGE, "large")
    settle(running)
    (record,) = records_of([LARGE], "large")
    assert topics.events(running.kafka)[identity("large", record.value)] == 1
    assert topics.dead_letters(running.kafka) == []
    assert {alert["rule"] for alert in running.alerts_of("large").values()} >= {"Mine", "ConfigMap Created"}


def test_down_and_up_keep_what_is_remembered(kept: Kept) -> None:
    assert kept.containers == []
    assert kept.before
    assert kept.after == kept.before


def test_what_was_made_before_a_down_is_known_when_it_is_deleted_after_it(kept: Kept) -> None:
    expected = in_one_process({"kept": [CREATED, DELETED]}).alerts
    assert {id_: kept.alerts[id_] for id_ in expected} == {
        id_: {**alert, "ruleset": kept.destroyed["ruleset"]} for id_, alert in expected.items()
    }
    fields = kept.destroyed["output_fields"]
    assert fields["resource.created.user"] == "dave"
    assert fields["resource.lifetime_seconds"] == 4


def test_down_with_volumes_leaves_nothing(over: dict[str, list[str]]) -> None:
    assert over == {}
