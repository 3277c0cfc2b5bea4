"""Fields of the request and its body, beyond what the conformance data holds."""

from collections.abc import Callable

import pytest

from rules.audit_fields import query_parameters
from rules.catalogue import FIELDS
from rules.event import Event
from rules.fields import FieldValue

MakeEvent = Callable[..., Event]
Holds = Callable[[str, Event], bool]


def _read(event: Event, name: str, argument: str | None = None) -> FieldValue:
    field = FIELDS.get(name)
    assert field is not None
    return field.read(event, argument)


@pytest.mark.parametrize(
    ("uri", "pairs"),
    [
        ("/x?command=a%20b+c&k=%2Fp", [("command", "a b c"), ("k", "/p")]),
        ("/x?a;b=1&command=id", [("command", "id"), ("a;b", "1")]),
        ("/x?a=%zz&command=id", [("command", "id"), ("a", "%zz")]),
        ("/x?command=ls%zz&command=cat;&command=id", [("command", "id"), ("command", "ls%zz"), ("command", "cat;")]),
        ("/x?command%00=ls&command=id%00x", [("command\0", "ls"), ("command", "id")]),
        ("/x?k&k=", [("k", ""), ("k", "")]),
        ("/x?a=1#b?c=2&d=3", [("a", "1#b?c=2"), ("d", "3")]),
        ("/x?#&command=id", [("#", ""), ("command", "id")]),
        ("/x#?command=id", []),
        ("/x?&&", []),
        ("/x", []),
        ("/x?a=%ff", [("a", "�")]),
    ],
)
def test_what_can_be_read_of_a_query_is_read(uri: str, pairs: list[tuple[str, str]]) -> None:
    assert query_parameters(uri) == pairs


def test_a_parameter_is_the_first_of_its_name(make_event: MakeEvent) -> None:
    event = make_event(requestURI="/x?command=id&command=-u")
    assert _read(event, "ka.uri.param", "command") == "id"
    assert _read(event, "ka.uri.param", "Command") is None
    assert _read(make_event(requestURI=...), "ka.uri.param", "command") is None


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        ("http://h/x?command=id", "id"),
        ("x?command=id", "id"),
        ("/a:b%20/c?command=id", "id"),
        ("/x?command=id#\n%zz", "id"),
        ("/x?#&command=id", "id"),
        ("/x?a=b#c=d&e&command=id#&f", "id"),
        ("/x?command=id#&command=ls", "id"),
        ("/x#?command=id", None),
        ("/x#?a&command=id", None),
        ("://x?command=id", None),
        ("1a://x?command=id", None),
        ("a:b?command=id", "id"),
        ("/x%zz?command=id", None),
        ("/x%2?command=id", None),
        ("/x\n?command=id", None),
        ("/x?command=id&k=\x7f", None),
        ("/x?command=id&k=\0", None),
        ("/x?#&command=id&k=%zz", "id"),
        ({"a": "/x?command=id"}, None),
        (["/x?command=id"], 'id"]'),
    ],
)
def test_what_is_no_url_has_no_parameter(make_event: MakeEvent, uri: object, command: str | None) -> None:
    assert _read(make_event(requestURI=uri), "ka.uri.param", "command") == command


@pytest.mark.parametrize(
    ("query", "command", "is_dry"),
    [
        ("command%00=ls&command=bash", "bash", "false"),
        ("command=ls%zz&command=bash&dryRun%00=All", "bash", "false"),
        ("command=ls;&command=bash&dryRun=All;", "bash", "false"),
        ("command=ls%zz&dryRun=All", "ls%zz", "true"),
        ("command=ls%zz#&command=bash&dryRun=All", "bash", "true"),
        ("command#&command=bash&dryRun=None", "bash", "false"),
        ("command#=ls&command=bash#&dryRun=All", "bash", "true"),
        ("command=bash%23c#d&#dryRun=All", "bash#c", "false"),
    ],
)
def test_no_parameter_hides_what_the_api_server_reads(
    make_event: MakeEvent, query: str, command: str, is_dry: str
) -> None:
    event = make_event(requestURI=f"/x?{query}")
    assert _read(event, "ka.uri.param", "command") == command
    assert _read(event, "request.dry_run") == is_dry


def test_source_addresses_are_the_events_own(make_event: MakeEvent) -> None:
    assert _read(make_event(), "ka.sourceips") == ("203.0.113.7", "10.1.2.3")
    assert _read(make_event(), "ka.sourceips", "1") == ("10.1.2.3",)
    assert _read(make_event(), "ka.sourceips", "2") is None
    assert _read(make_event(sourceIPs=...), "ka.sourceips") is None


def test_the_pod_of_a_subresource_is_not_the_target_pod(make_event: MakeEvent) -> None:
    response = {"metadata": {"name": "web-1"}}
    assert _read(make_event(responseObject=response), "ka.target.pod.name") == "web-1"
    for reference in ({"resource": "pods", "subresource": "exec"}, {"resource": "secrets"}):
        assert _read(make_event(responseObject=response, objectRef=reference), "ka.target.pod.name") is None
    odd = {"resource": "pods", "subresource": 5}
    assert _read(make_event(responseObject=response, objectRef=odd), "ka.target.pod.name") == "web-1"


def test_a_host_path_key_with_a_star_is_a_prefix(make_event: MakeEvent) -> None:
    event = make_event(requestObject={"spec": {"volumes": [{"hostPath": {"path": "/etc/kubernetes"}}, {"name": "x"}]}})
    assert _read(event, "ka.req.volume.hostpath", "/etc*") == "true"
    assert _read(event, "ka.req.volume.hostpath", "/etc") == "false"
    assert _read(make_event(), "ka.req.volume.hostpath", "/etc") is None


def test_volume_types_are_what_a_volume_says_besides_its_name(make_event: MakeEvent) -> None:
    volumes = [{"name": "a", "hostPath": {}}, 5, {"name": "b", "secret": {}}]
    event = make_event(requestObject={"spec": {"volumes": volumes}})
    assert _read(event, "ka.req.pod.volumes.volume_type") == ("hostPath", "secret")
    assert _read(event, "ka.req.pod.volumes.volume_type", "2") == ("secret",)
    assert _read(make_event(), "ka.req.pod.volumes.volume_type") is None
    single = make_event(requestObject={"spec": {"volumes": {"name": "a", "secret": {}}}})
    for index in (None, "0", "1"):
        assert _read(single, "ka.req.pod.volumes.volume_type", index) == ("secret",)


def test_subjects_are_told_apart_by_kind(make_event: MakeEvent) -> None:
    subjects = [
        {"kind": "User", "name": "bob"},
        {"kind": "ServiceAccount", "name": "ci", "namespace": "build"},
        {"kind": "ServiceAccount", "name": "nowhere"},
        {"kind": "Group", "name": "dev"},
        {"name": "kindless"},
        {"kind": "User"},
    ]
    event = make_event(requestObject={"subjects": subjects})
    assert _read(event, "ka.req.binding.subjects.user_names") == ("bob",)
    assert _read(event, "ka.req.binding.subjects.serviceaccount_names") == ("ci", "nowhere")
    assert _read(event, "ka.req.binding.subjects.serviceaccount_ns_names") == ("build:ci",)
    assert _read(event, "ka.req.binding.subjects.group_names") == ("dev",)
    assert _read(make_event(), "ka.req.binding.subjects.group_names") is None
    assert _read(event, "ka.req.binding.subject.has_name", "x") == "true"


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ("ka.uri.param[command] = sh", {"requestURI": "/api?command=sh%00x"}),
        ("request.commands in (sh)", {"requestURI": "/api?command=sh%00x"}),
        ("ka.req.pod.containers.args in ('-c id')",
         {"requestObject": {"spec": {"containers": [{"args": ["-c\0", "id\0x"]}]}}}),
        ("ka.req.pod.volumes.volume_type in (hostPath)",
         {"requestObject": {"spec": {"volumes": [{"hostPath\0x": {}}]}}}),
        ("ka.useragent = curl", {"userAgent": "curl\0x"}),
    ],
)  # fmt: skip
def test_a_value_ends_at_its_first_nul_which_no_constant_can_hold(
    make_event: MakeEvent, holds: Holds, condition: str, members: dict[str, object]
) -> None:
    assert holds(condition, make_event(**members))
