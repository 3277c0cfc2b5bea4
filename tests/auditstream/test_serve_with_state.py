"""`auditstream serve --state`: ends of every kind forget nothing, and what was not answered 200 is not remembered."""

import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream import demo
from auditstream.state_directory import opened_state, read_state

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run, Serve, Serving

MakeBody = Callable[..., bytes]

_TARGET = {"resource": "configmaps", "namespace": "shop", "name": "web"}
_CREATE = {"objectRef": _TARGET, "user": {"username": "carol"}}
_DELETE = {
    "objectRef": _TARGET,
    "verb": "delete",
    "stageTimestamp": "2026-11-23T20:35:01.258117Z",
    "responseStatus": {"code": 200},
}

_MANY = [{**_CREATE, "objectRef": {**_TARGET, "name": f"web-{number}"}} for number in range(400)]


def _shown(service: "Serving") -> tuple[str, object, object]:
    """Return what the last alert says."""
    alert = service.alerts()[-1]
    fields = alert["output_fields"]
    return alert["rule"], fields.get("resource.created.user"), fields.get("resource.lifetime_seconds")


def _kept(directory: Path) -> dict[bytes, bytes]:
    """Return what is remembered of objects."""
    with read_state(directory) as state:
        return {key: value for key, value in state.pairs() if not key.startswith(b"\0")}


def _files_may_grow_to(service: "Serving", limit: int) -> None:
    hard = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (limit, hard))


def test_a_kill_and_a_start_forget_nothing(serve: "Serve", body: MakeBody) -> None:
    service = serve("--state", "known", rules=())
    assert service.post(body(_CREATE)).code == 200
    service.process.kill()
    service.process.wait()
    again = serve("--state", "known", rules=())
    assert again.post(body(_DELETE)).code == 200
    assert _shown(again) == ("ConfigMap Destroyed", "carol", 60)


def test_an_end_and_a_start_forget_nothing(serve: "Serve", body: MakeBody, folder: Path) -> None:
    service = serve(rules=(), variables={"AUDITSTREAM_STATE": "known"})
    assert "auditstream: what is known of resources is kept in known\n" in service.told()
    assert service.post(body(_CREATE)).code == 200
    assert service.stop().code == 0
    assert sorted(path.name for path in (folder / "known").iterdir()) == ["lock", "state.db"]
    again = serve(rules=(), variables={"AUDITSTREAM_STATE": "known"})
    assert again.post(body(_DELETE)).code == 200
    assert _shown(again) == ("ConfigMap Destroyed", "carol", 60)


def test_what_comes_again_after_a_kill_gives_the_same_alerts_and_the_same_state(serve: "Serve", folder: Path) -> None:
    recorded = list(demo.bodies())[:6]
    service = serve("--state", "known", rules=())
    assert {service.post(post).code for post in recorded} == {200}
    alerts, known = service.alerts(), _kept(folder / "known")
    service.process.kill()
    service.process.wait()
    again = serve("--state", "known", rules=())
    assert {again.post(post).code for post in recorded} == {200}
    assert [alert["id"] for alert in again.alerts()] == [alert["id"] for alert in alerts]
    assert len(alerts) > 10
    assert _kept(folder / "known") == known != {}


def test_a_state_that_does_not_fit_is_undone_and_the_body_comes_again(
    serve: "Serve", body: MakeBody, folder: Path
) -> None:
    service = serve("--state", "known")
    many = body(*_MANY)
    _files_may_grow_to(service, 64 * 1024)
    answer = service.post(many)
    told = "the state in known/state.db cannot be used now: disk I/O error"
    assert (answer.code, answer.headers["Retry-After"], answer.text) == (503, "2", f"{told}\n")
    assert service.told().splitlines()[3:] == [
        f"auditstream: {told}; bodies that change it are answered 503 until it can"
    ]
    assert _kept(folder / "known") == {}
    assert service.post(body({"verb": "get"})).code == 200
    _files_may_grow_to(service, resource.RLIM_INFINITY)
    assert service.post(many).code == 200
    assert len(_kept(folder / "known")) == 400


def test_a_kill_between_alerts_and_state_gives_the_same_alerts_again(
    serve: "Serve", body: MakeBody, folder: Path
) -> None:
    rules = ("--disable-rule", "*", "--enable-rule", "ConfigMap Destroyed")
    service = serve("--state", "known", rules=rules)
    assert service.post(body(_CREATE)).code == 200
    _files_may_grow_to(service, 64 * 1024)
    # The alerts are out when the state is to be committed, and it is not.
    assert service.post(body(_DELETE, *_MANY)).code == 503
    alerts = service.alerts()
    service.process.kill()
    service.process.wait()
    assert len(_kept(folder / "known")) == 1
    again = serve("--state", "known", rules=rules)
    assert again.post(body(_DELETE, *_MANY)).code == 200
    assert again.alerts() == alerts
    assert _shown(again) == ("ConfigMap Destroyed", "carol", 60)


@pytest.mark.parametrize("what", ["dead letter", "alerts"])
def test_what_is_not_answered_200_is_not_remembered(serve: "Serve", body: MakeBody, folder: Path, what: str) -> None:
    broken = body(_CREATE, {"objectRef": {"resource": "pods", "name": "b"}}).replace(b'"items": [', b'"items": [7, ')
    if what == "dead letter":
        service = serve("--state", "known", "--dead-letter", "/dev/full")
        assert service.post(broken).code == 503
        assert service.post(body({"verb": "get"})).code == 200
    else:
        service = serve("--state", "known", out=Path("/dev/full"))
        assert service.post(broken).code == 503
        assert service.ended().code == 1
    assert _kept(folder / "known") == {}


def test_one_service_has_a_folder(serve: "Serve", run: "Run") -> None:
    first = serve("--state", "known")
    ended = run("serve", "--port", "0", "--no-pack", "--rules", "rules.yaml", "--state", "known")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "auditstream: the state in known is in use by another process; end that one, or name another folder with "
        "--state\n"
    )
    first.process.kill()
    first.process.wait()
    assert serve("--state", "known").stop().code == 0


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_a_state_that_cannot_be_used_is_one_line(run: "Run", folder: Path, content: bytes) -> None:
    (folder / "known").mkdir()
    (folder / "known" / "state.db").write_bytes(content)
    ended = run("serve", "--port", "0", "--no-pack", "--rules", "rules.yaml", "--state", "known")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "auditstream: the state in known/state.db cannot be used: file is not a database; move its folder away to "
        "begin with nothing known, or name another with --state\n"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            b"\xff\0\0\0\0\0",
            r"known/state\.db: the state holds version 255, this auditstream knows \d+: run the version that wrote it",
        ),
        (
            None,
            r"the state in known/state\.db cannot be used: database disk image is malformed; move its folder away .*",
        ),
    ],
    ids=["newer", "damaged"],
)
def test_what_cannot_be_read_when_it_is_needed_ends_it_with_one_line(
    serve: "Serve", body: MakeBody, folder: Path, value: bytes | None, told: str
) -> None:
    service = serve("--state", "known")
    assert service.post(body(_CREATE)).code == 200
    assert service.stop().code == 0
    file = folder / "known" / "state.db"
    if value is None:
        whole = file.read_bytes()
        file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    else:
        with opened_state(folder / "known") as state:
            for key in list(state):
                state[key] = value
            state.commit()
    again = serve("--state", "known")
    assert again.post(body(_DELETE)).code == 503
    ended = again.ended()
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(f"auditstream: {told}", ended.err.splitlines()[-1])
    assert len(ended.err.splitlines()) == 4
