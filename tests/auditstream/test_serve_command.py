"""`auditstream serve` as its users meet it: posts in, alerts out, and how it begins and ends."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditstream import demo
from auditstream.serve_command import greeting
from auditstream.settings import ServeSettings
from rules.ruleset import Ruleset
from tests.auditstream.conftest import COMMAND

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run, Serve

MakeBody = Callable[..., bytes]


# --- the walk of a body ----------------------------------------------------------------------------------------------


def test_a_body_is_answered_when_its_alerts_are_written(serve: "Serve", body: MakeBody) -> None:
    service = serve()
    answer = service.post(body({}, {"verb": "get"}, {"objectRef": {"resource": "pods", "name": "b"}}))
    assert (answer.code, answer.text) == (200, "")
    assert [(alert["rule"], alert["cluster"], alert["hostname"]) for alert in service.alerts()] == [
        ("Pod created", "default", "node-1")
    ] * 2


def test_the_path_names_the_cluster(serve: "Serve", body: MakeBody) -> None:
    service = serve("--cluster", "main")
    for path in ("/k8s_audit", "/k8s-audit/east", "/k8s_audit/west"):
        assert service.post(body({}), path).code == 200
    assert [alert["cluster"] for alert in service.alerts()] == ["main", "east", "west"]


def test_posted_bodies_give_the_alerts_of_a_replay(serve: "Serve", run: "Run", folder: Path) -> None:
    recorded = list(demo.bodies())
    (folder / "bodies.jsonl").write_bytes(b"\n".join(recorded))
    replayed = [json.loads(line) for line in run("replay", "bodies.jsonl").out.splitlines()]
    service = serve(rules=())
    assert {service.post(body).code for body in recorded} == {200}
    assert service.alerts() == replayed
    assert sum("Destroyed" in alert["rule"] for alert in replayed) > 10


def test_rejects_are_in_the_dead_letter_and_told_and_the_others_judged(serve: "Serve", body: MakeBody) -> None:
    service = serve()
    damaged = body({}, {"stageTimestamp": "yesterday"}).replace(b'"items": [', b'"items": [7, ')
    assert service.post(damaged).code == 200
    assert len(service.alerts()) == 1
    assert [(letter["reason"], letter["cluster"]) for letter in service.dead_letters()] == [
        ("not_an_event", "default"),
        ("bad_timestamp", "default"),
    ]
    assert service.dead_letters()[0]["value"] == "7"
    assert "rejected: default: not_an_event: item 1: expected an object, found a number\n" in service.told()


def test_only_the_first_rejects_are_told(serve: "Serve") -> None:
    service = serve()
    for number in (b"1", b"2", b"3"):
        assert service.post(b'{"kind":"EventList","items":[%s]}' % b",".join([number] * 15)).code == 200
    assert service.told().count("rejected: ") == 20
    assert service.told().count("further rejects are in auditstream-dead-letter.jsonl only") == 1
    assert "45 rejected (45 not_an_event)" in service.stop().err


def test_what_is_accepted_is_what_is_judged(serve: "Serve", body: MakeBody) -> None:
    service = serve()
    service.post(body({}, {}, {"verb": "get"}))
    service.post(b"[]")
    assert service.count("auditstream_ingest_events_total") == 3
    assert service.count("auditstream_processor_events_total") == 3
    assert service.count("auditstream_processor_alerts_total") == 2
    assert (service.ask("GET", "/healthz").code, service.ask("GET", "/readyz").code) == (200, 200)


def test_it_remembers_from_one_body_to_the_next(serve: "Serve", body: MakeBody) -> None:
    target = {"resource": "configmaps", "namespace": "shop", "name": "web"}
    service = serve(rules=())
    service.post(body({"objectRef": target, "user": {"username": "carol"}}))
    later = {"stageTimestamp": "2026-11-23T20:35:01.258117Z", "responseStatus": {"code": 200}, "verb": "delete"}
    service.post(body({"objectRef": target, **later}))
    shown = service.alerts()[-1]["output_fields"]
    assert (shown["resource.lifetime_seconds"], shown["resource.created.user"]) == (60, "carol")


# --- when something is full ------------------------------------------------------------------------------------------


def test_a_full_topic_is_answered_503_and_nothing_is_lost(serve: "Serve", body: MakeBody) -> None:
    service = serve(variables={"AUDITSTREAM_MAX_PENDING_EVENTS": "100"})
    posts = [body(*({"auditID": f"{number}-{event}"} for event in range(90))) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(service.post, posts))
    assert {answer.code for answer in answers} == {200, 503}
    assert {answer.headers.get("Retry-After") for answer in answers if answer.code == 503} == {"2"}
    for post, answer in zip(posts, answers, strict=True):
        while answer.code == 503:
            answer = service.post(post)  # noqa: PLW2901 - until it is taken
    assert len({alert["id"] for alert in service.alerts()}) == 12 * 90
    assert service.count("auditstream_ingest_events_total") == service.count("auditstream_processor_events_total")


def test_a_dead_letter_that_cannot_be_written_costs_only_bodies_with_rejects(serve: "Serve", body: MakeBody) -> None:
    service = serve("--dead-letter", "/dev/full")
    answer = service.post(b"[7]")
    assert (answer.code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.text == "the dead letter cannot be written: No space left on device\n"
    assert service.post(body({})).code == 200
    assert len(service.alerts()) == 1


def test_alerts_that_cannot_be_written_end_it_with_one_line(serve: "Serve", body: MakeBody) -> None:
    service = serve(out=Path("/dev/full"))
    assert service.post(body({"verb": "get"})).code == 200
    assert service.post(body({})).code == 503
    ended = service.ended()
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == (
        "auditstream: cannot write the output: No space left on device; make room and run it again"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_alert_that_fits_only_in_part_is_not_answered_200_and_leaves_no_half_line(
    folder: Path, body: MakeBody, unbuffered: str
) -> None:
    out = folder / "alerts.jsonl"
    command = f"ulimit -f 4; exec {COMMAND} serve --port 0 --no-pack --rules rules.yaml >> {out}"
    process = subprocess.Popen(  # noqa: S603 - our own command
        ["/bin/bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        with process.stderr as told:
            address = told.readline().decode().split()[3].rstrip(",")
            accepted = 0
            with suppress(demo.DemoError, OSError):
                for accepted in range(100):
                    demo.post(address, body({"auditID": f"{accepted}"}))
            assert b"cannot write the output" in told.read()
        assert process.wait(timeout=60) == 1
    finally:
        process.kill()
        process.wait()
    assert 0 < accepted == len([json.loads(line) for line in out.read_bytes().splitlines()])


def test_whoever_reads_the_alerts_may_go_and_it_ends_quietly(folder: Path, body: MakeBody, serve: "Serve") -> None:
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    service = serve(out=fifo)
    os.close(reader)
    assert service.post(body({})).code == 503
    assert service.process.wait(timeout=60) == 0
    assert "Traceback" not in service.told()


def test_a_log_that_nobody_reads_any_more_costs_nothing(body: MakeBody, folder: Path) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "serve", "--port", "0", "--no-pack", "--rules", "rules.yaml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        address = process.stderr.readline().decode().split()[3].rstrip(",")
        process.stderr.close()
        for number in range(3):
            # Posts until it is answered 200, and raises for anything but that and 503.
            demo.post(address, body({"auditID": f"{number}"}).replace(b'"items": [', b'"items": [7, '))
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert process.stdout is not None
        with process.stdout as alerts:
            assert len(alerts.readlines()) == 3
    finally:
        process.kill()
        process.wait()
    assert len((folder / "auditstream-dead-letter.jsonl").read_bytes().splitlines()) == 3


def test_a_batch_that_is_judged_after_its_sender_gave_up_is_not_judged_again(serve: "Serve", body: MakeBody) -> None:
    service = serve(variables={"AUDITSTREAM_INGEST_PUBLISH_TIMEOUT_SECONDS": "0.05"})
    late = body(*({"auditID": str(number)} for number in range(2_000)))
    assert service.post(late).code == 503
    while service.count("auditstream_processor_events_total") < 2_000:
        time.sleep(0.05)
    assert service.post(late).code == 200
    assert len(service.alerts()) == 2_000


# --- the beginning and the end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_finishes_what_it_took(serve: "Serve", body: MakeBody, number: signal.Signals, code: int) -> None:
    service = serve()
    posts = [body(*({"auditID": f"{post}-{event}"} for event in range(1500))) for post in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(service.post, post) for post in posts]
        while not service.count("auditstream_ingest_in_flight_bytes"):
            time.sleep(0.01)
        ended = service.stop(number)
    accepted = sum(answer.result().code == 200 for answer in answers if answer.exception() is None)
    assert accepted > 0
    assert ended.code == code
    assert len(ended.out.splitlines()) >= accepted * 1500
    assert f" events read, {len(ended.out.splitlines()):,} alerts, none rejected" in ended.err


def test_an_idle_connection_does_not_keep_it_up(serve: "Serve") -> None:
    service = serve()
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        assert service.stop().code == 0


def test_it_tells_where_it_listens_and_what_with(serve: "Serve") -> None:
    service = serve()
    assert service.told() == (
        f"auditstream: listening on {service.address}, webhook {service.address}/k8s_audit; 1 rule\n"
        "auditstream: rejected events go to auditstream-dead-letter.jsonl\n"
        "auditstream: what is known of resources is kept in memory, and forgotten when this ends\n"
    )
    assert service.address.startswith("http://127.0.0.1:")


def test_it_listens_on_ipv6_too(serve: "Serve", body: MakeBody) -> None:
    service = serve("--host", "::1")
    assert service.address.startswith("http://[::1]:")
    assert service.post(body({})).code == 200


def test_a_port_in_use_is_one_line(serve: "Serve", run: "Run") -> None:
    port = serve().address.rsplit(":", 1)[1]
    ended = run("serve", "--port", port)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"auditstream: cannot listen on port {port} of 127.0.0.1: it is in use; "
        "give another with --port, or 0 for any that is free\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--host", "192.0.2.1"),
            "cannot listen on port 8765 of 192.0.2.1: Cannot assign requested address; give an address of this machine",
        ),
        (
            ("--host", "127.0.0..1"),
            "cannot listen on 127.0.0..1: that is no name of a host; give an address of this machine with --host",
        ),
        (("--port", "65536"), "Invalid value for '--port': Input should be less than or equal to 65535; "),
        (
            ("--dead-letter", "missing/dead.jsonl"),
            "cannot write missing/dead.jsonl: No such file or directory; name another file for rejected events with",
        ),
        (("--enable-rule", "Evrything"), "cannot enable the unknown rule 'Evrything': did you mean 'Everything'?"),
        (("--cluster", "No/Such"), "--cluster=No/Such: string should match pattern"),
    ],
)
def test_what_cannot_be_served_so_is_one_line(run: "Run", arguments: tuple[str, ...], told: str) -> None:
    ended = run("serve", "--rules", "rules.yaml", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"auditstream: {told}")
    assert ended.err.count("\n") == 1


def test_a_dead_letter_that_is_a_pipe_nobody_reads_is_one_line(run: "Run", folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    ended = run("serve", "--rules", "rules.yaml", "--dead-letter", "fifo")
    assert ended.code == 2
    assert ended.err.startswith("auditstream: cannot write fifo: No such device or address; name another file")


def test_broken_rules_are_told_and_nothing_is_served(run: "Run", folder: Path) -> None:
    (folder / "broken.yaml").write_text("- rule: x\n")
    ended = run("serve", "--port", "0", "--rules", "broken.yaml")
    assert ended.code == 1
    assert ended.err.endswith(
        "auditstream: nothing is served: correct what is told above, see 'auditstream rules check --help'\n"
    )


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_do_no_harm(serve: "Serve") -> None:
    links = {"AUDITSTREAM_PORT": "tcp://10.0.0.1:8765", "AUDITSTREAM_INGEST_SERVICE_HOST": "10.0.0.2"}
    assert serve(variables=links).stop().code == 0


def test_rules_none_of_which_is_enabled_are_told(make_ruleset: Callable[..., Ruleset]) -> None:
    lines = greeting("http://x", make_ruleset("[]"), ServeSettings())
    assert any(line.startswith("auditstream: no rule is enabled") for line in lines)


def test_rules_that_wait_for_a_list_are_told_at_the_start(make_ruleset: Callable[..., Ruleset]) -> None:
    ruleset = make_ruleset(
        "- list: mine\n  items: []\n"
        "- {rule: A, desc: d, condition: ka.verb in (mine), output: o, priority: INFO, source: k8s_audit, "
        'enabled: false, tags: ["needs_list:mine"]}\n'
    )
    told = "auditstream: 1 rule is off and waits for a list of yours (docs/rules.md): 'A' (mine)"
    assert told in greeting("http://x", ruleset, ServeSettings())
