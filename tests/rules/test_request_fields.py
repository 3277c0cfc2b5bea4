"""The `request.*` fields."""

from collections.abc import Callable

import pytest

from rules.catalogue import FIELDS
from rules.event import Event
from rules.fields import FieldValue

MakeEvent = Callable[..., Event]


def _read(event: Event, name: str) -> FieldValue:
    field = FIELDS.get(f"request.{name}")
    assert field is not None
    return field.read(event, None)


def test_the_source_is_the_last_address(make_event: MakeEvent) -> None:
    assert _read(make_event(), "source_ip") == "10.1.2.3"
    for odd in ([], ..., "10.0.0.1", [5]):
        assert _read(make_event(sourceIPs=odd), "source_ip") is None


def test_the_source_lies_in_networks_of_every_size(make_event: MakeEvent) -> None:
    networks = _read(make_event(), "source_networks")
    assert isinstance(networks, tuple)
    assert len(networks) == 33
    assert {"10.1.2.3/32", "10.1.2.0/24", "10.0.0.0/8", "0.0.0.0/0"} < set(networks)
    six = _read(make_event(sourceIPs=["2001:db8::1"]), "source_networks")
    assert isinstance(six, tuple)
    assert "2001:db8::/32" in six
    assert _read(make_event(sourceIPs=["nowhere"]), "source_networks") is None
    assert _read(make_event(sourceIPs=...), "source_networks") is None


def test_membership_of_a_network_is_an_intersection(make_event: MakeEvent, holds: Callable[[str, Event], bool]) -> None:
    assert holds("request.source_networks intersects (10.0.0.0/8)", make_event())
    assert not holds("request.source_networks intersects (10.2.0.0/16)", make_event())


def test_all_words_of_an_exec_are_told(make_event: MakeEvent) -> None:
    uri = "/api/v1/namespaces/x/pods/y/exec?command=sh&command=-c&command=id%3Buname&container=c"
    assert _read(make_event(requestURI=uri), "commands") == ("sh", "-c", "id;uname")
    assert _read(make_event(), "commands") is None
    assert _read(make_event(requestURI=...), "commands") is None


def test_the_words_of_an_exec_are_one_text_however_they_are_spelt(make_event: MakeEvent) -> None:
    uri = "/api/v1/namespaces/x/pods/y/exec?command=c%61t&command=%2Frun%2f%73ecrets+x&container=c&c%6fmmand=-n"
    assert _read(make_event(requestURI=uri), "command") == "cat /run/secrets x -n"
    assert _read(make_event(requestURI="/x?command="), "command") == ""
    assert _read(make_event(), "command") is None
    assert _read(make_event(requestURI=...), "command") is None


EVICTION = {"resource": "pods", "subresource": "eviction"}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"requestURI": "/x?dryRun=All"}, "true"),
        ({"requestURI": "/x?dryRun=Al%6c"}, "true"),
        ({"requestURI": "/x?dryRun=None"}, "false"),
        ({}, "false"),
        ({"requestURI": ...}, "false"),
        ({"verb": "get", "requestURI": "/x?dryRun=All"}, "false"),
        ({"objectRef": {"resource": "pods", "subresource": "exec"}, "requestURI": "/x?dryRun=All"}, "false"),
        (
            {"objectRef": {"resource": "serviceaccounts", "subresource": "token"}, "requestURI": "/x?dryRun=All"},
            "false",
        ),
        ({"verb": "delete", "requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}}, "true"),
        ({"verb": "delete", "requestObject": {"kind": "DeleteOptions"}, "requestURI": "/x?dryRun=All"}, "false"),
        ({"verb": "delete", "requestObject": None, "level": "Request", "requestURI": "/x?dryRun=All"}, "true"),
        ({"verb": "delete", "level": "RequestResponse", "requestURI": "/x?dryRun=All"}, "true"),
        ({"verb": "delete", "level": "Metadata", "requestURI": "/x?dryRun=All"}, "false"),
        ({"verb": "delete", "level": "Request", "stage": "RequestReceived", "requestURI": "/x?dryRun=All"}, "false"),
        (
            {
                "verb": "delete",
                "level": "Request",
                "annotations": {"audit.k8s.io/truncated": "true"},
                "requestURI": "/x?dryRun=All",
            },
            "false",
        ),
        ({"verb": "delete", "requestObject": {"kind": "DeleteOptions", "dryRun": "All"}}, "false"),
        ({"verb": "delete", "requestObject": {"kind": "DeleteOptions"}}, "false"),
        ({"requestObject": {"kind": "Pod", "dryRun": ["All"]}}, "false"),
        ({"objectRef": EVICTION, "requestObject": {"deleteOptions": {"dryRun": ["All"]}}}, "true"),
        ({"objectRef": EVICTION, "requestObject": {"deleteOptions": {}}}, "false"),
        ({"objectRef": EVICTION, "requestURI": "/x?dryRun=All"}, "true"),
        ({"objectRef": EVICTION}, "false"),
    ],
)
def test_a_dry_run_is_told_where_it_takes_effect(
    make_event: MakeEvent, members: dict[str, object], expected: str
) -> None:
    assert _read(make_event(**members), "dry_run") == expected
