"""Where the parts of an event stand."""

from collections.abc import Callable

from rules.document import Value
from rules.event import NO_FACTS, Event

MakeEvent = Callable[..., Event]


def test_an_event_knows_its_time_and_cluster(make_event: MakeEvent) -> None:
    event = make_event("east")
    assert (event.time_ns, event.cluster, event.facts) == (1795466041258117000, "east", NO_FACTS)


def test_an_events_identity_is_asked_for_once_and_when_needed(document: Callable[[object], Value]) -> None:
    asked = []

    def identify() -> str:
        asked.append(1)
        return "ab"

    event = Event(document({}), 0, hostname="node-1", identify=identify)
    assert asked == []
    told = event.with_facts({"resource.exists": "true"})
    assert (event.identity, told.identity, told.hostname, len(asked)) == ("ab", "ab", "node-1", 1)
    assert (event.facts, told.facts) == (NO_FACTS, {"resource.exists": "true"})


def test_text_and_string_differ_on_what_is_no_string(make_event: MakeEvent) -> None:
    event = make_event()
    assert event.text("responseStatus", "code") == "201"
    assert event.string("responseStatus", "code") is None
    assert event.text("nosuch") is None
    assert event.string("nosuch") is None


def test_bodies_are_absent_where_the_event_carries_none(make_event: MakeEvent) -> None:
    assert make_event().request_object is None
    assert make_event().response_object is None
    body = make_event(requestObject={"a": 1}).request_object
    assert body is not None
    assert body.text == '{"a":1}'


def test_a_null_audit_id_is_there_and_a_missing_one_is_not(make_event: MakeEvent) -> None:
    assert make_event(auditID=None).has_audit_id
    assert not make_event(auditID=...).has_audit_id


def test_the_target_is_group_resource_and_subresource(make_event: MakeEvent) -> None:
    reference = {"apiGroup": "apps", "resource": "deployments", "subresource": "scale"}
    assert make_event(objectRef=reference).target == ("apps", "deployments", "scale")
    assert make_event(objectRef={"resource": 5}).target == ("", "", "")
    assert make_event(objectRef=...).target == ("", "", "")


def test_an_event_without_a_pod_has_no_pod_spec(make_event: MakeEvent) -> None:
    assert make_event(objectRef={"resource": "secrets"}).pod_spec is None
