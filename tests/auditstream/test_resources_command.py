"""The listing: order, form, and what is said where there is nothing or something is wrong."""

import json
from collections.abc import Callable, Mapping

import pytest

from auditstream.resource_choice import Choice
from auditstream.resources_command import NoInventoryError, Read, Take, list_resources
from auditstream.screen import Screen
from processor.engine import Engine
from processor.state import MemoryState
from rules.ruleset import Matching, Ruleset
from tests.conftest import MakeRecord
from wire.record import Record

Seen = Callable[..., Mapping[bytes, bytes]]


@pytest.fixture
def seen(make_record: MakeRecord) -> Seen:
    """Make the state that knows of some pods, each by namespace, name and who created it."""

    def make(*pods: tuple[str, str, str], cluster: str = "default") -> Mapping[bytes, bytes]:
        state = MemoryState()
        for namespace, name, user in pods:
            target = {"resource": "pods", "namespace": namespace, "name": name, "apiVersion": "v1"}
            value = make_record(objectRef=target, user={"username": user}).value
            record = Record(value, f"{cluster}/{namespace}".encode(), cluster, 0)
            Engine(Ruleset((), Matching.ALL, ""), "").process([record], state)
        return state

    return make


def in_parts(*states: Mapping[bytes, bytes]) -> Read:
    def read(take: Take) -> None:
        for state in states:
            take(state.items(), state.get)

    return read


def test_json_has_a_line_for_each_in_order(seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    read = in_parts(
        seen(("shop", "b", "alice"), ("data", "c", "alice")),
        seen(("shop", "a", "alice")),
        seen(("x", "x", "alice"), cluster="a-cluster"),
    )
    assert list_resources(read, Choice(), Screen(), is_json=True) == 0
    found = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(each["cluster"], each["namespace"], each["name"]) for each in found] == [
        ("a-cluster", "x", "x"),
        ("default", "data", "c"),
        ("default", "shop", "a"),
        ("default", "shop", "b"),
    ]
    assert found[2] == {
        "cluster": "default",
        "api_group": "",
        "resource": "pods",
        "kind": "Pod",
        "namespace": "shop",
        "name": "a",
        "uid": None,
        "exists": True,
        "created": {"user": "alice", "source_ip": "10.1.2.3", "time": "2026-11-23T20:34:01.258117000Z"},
        "deleted": None,
        "lifetime_seconds": None,
        "owner": None,
        "root": {"kind": "Pod", "name": "a", "user": "alice"},
    }


def test_people_get_a_table_in_which_nothing_of_an_attackers_acts(
    seen: Seen, capfd: pytest.CaptureFixture[str]
) -> None:
    read = in_parts(seen(("shop", "web", "alice"), ("shop", "\x1b[2J[red]", "mallory\u202e\n")))
    assert list_resources(read, Choice(), Screen(), is_json=False) == 0
    assert capfd.readouterr().out.splitlines() == [
        "CLUSTER  NAMESPACE  KIND  NAME          CREATED               BY               ROOT",
        "default  shop       Pod   \\x1b[2J[red]  2026-11-23T20:34:01Z  mallory\\u202e\\n  -",
        "default  shop       Pod   web           2026-11-23T20:34:01Z  alice            -",
    ]


def test_json_of_an_attackers_is_printable(seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    assert list_resources(in_parts(seen(("shop", "\x9b2J", "a"))), Choice(), Screen(), is_json=True) == 0
    out = capfd.readouterr().out
    assert (json.loads(out)["name"], out.strip().isprintable()) == ("\x9b2J", True)


def test_only_what_is_asked_for_is_shown(seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    read = in_parts(seen(("shop", "a", "alice"), ("shop", "b", "bob")))
    assert list_resources(read, Choice(created_by="bob"), Screen(), is_json=True) == 0
    assert json.loads(capfd.readouterr().out)["name"] == "b"


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (
            Choice(),
            "auditstream: nothing of what you ask for is known, or is gone: what is remembered of that is shown with",
        ),
        (Choice(with_gone=True), "auditstream: nothing of what you ask for is known\n"),
    ],
)
def test_that_nothing_is_found_is_told_apart(choice: Choice, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert list_resources(in_parts({}), choice, Screen(), is_json=True) == 0
    told = capfd.readouterr()
    assert (told.out, told.err.count("\n"), told.err.startswith(text)) == ("", 1, True)


def test_much_is_shown_whole(seen: Seen, capfd: pytest.CaptureFixture[str]) -> None:
    (key, value), *_ = seen(("shop", "web", "alice")).items()
    state = {key + b"%05d" % number: value for number in range(2_500)}
    for is_json, lines in ((True, 2_500), (False, 2_501)):
        assert list_resources(in_parts(state), Choice(), Screen(), is_json=is_json) == 0
        assert capfd.readouterr().out.count("\n") == lines


def _refuse(_take: object) -> None:
    raise NoInventoryError("it is \x1baway")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (_refuse, "it is \\x1baway"),
        (
            in_parts({b"c/n\0\0pods\0n\0p": b"\x63" + bytes(5)}),
            "the state holds version 99, this auditstream knows 2: run the version that wrote it",
        ),
        (
            in_parts({b"c/n\0\0pods\0n\0p": b"\x02\0\0\0\0\0\xc1"}),
            "the state holds what no version of auditstream wrote: MessagePack data is malformed: invalid opcode",
        ),
    ],
)
def test_a_state_that_cannot_be_read_is_told_in_a_line(
    read: Read, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert list_resources(read, Choice(), Screen(), is_json=False) == 1
    told = capfd.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith(f"auditstream: {text}")
