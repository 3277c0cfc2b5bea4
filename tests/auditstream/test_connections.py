"""Strangers at the port: those who never say what they want are let go, and cost neither others' posts nor the disk."""

import asyncio
import errno
import logging
import resource
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from auditstream import connections
from auditstream.connections import HEAD_SECONDS, BoundedLoop
from tests.waiting import until

if TYPE_CHECKING:
    from tests.auditstream.conftest import Serve, Serving


def connect(service: "Serving", *sent: bytes) -> socket.socket:
    raw = socket.create_connection(service.place, timeout=HEAD_SECONDS * 2)
    for part in sent:
        raw.sendall(part)
    return raw


def seconds_until_closed(raw: socket.socket) -> float:
    begun = time.monotonic()
    try:
        while raw.recv(1000):
            pass
    except ConnectionResetError:
        pass
    finally:
        raw.close()
    return time.monotonic() - begun


def is_sent(raw: socket.socket, data: bytes) -> bool:
    try:
        raw.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def is_answered(raw: socket.socket) -> bool:
    answer = b""
    while not answer.endswith(b"alive\n"):
        piece = raw.recv(1000)
        if not piece:
            return False
        answer += piece
    return True


REQUEST = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


def test_whoever_sends_no_whole_head_is_let_go_and_others_are_not(serve: "Serve") -> None:
    service = serve()
    resting = connect(service, REQUEST + b"\r\n")
    silent = [connect(service), connect(service, REQUEST), connect(service, REQUEST + b"\r\n", REQUEST)]
    trickling = connect(service, REQUEST)
    begun = time.monotonic()
    while is_sent(trickling, b"a: b\r\n"):
        assert time.monotonic() - begun < HEAD_SECONDS * 2
        time.sleep(0.2)
    trickling.close()
    assert HEAD_SECONDS - 1 < time.monotonic() - begun < HEAD_SECONDS + 5
    for raw in silent:
        assert seconds_until_closed(raw) < 5
    # Between two requests a connection may rest.
    assert is_answered(resting)
    resting.sendall(REQUEST + b"\r\n")
    assert is_answered(resting)
    resting.close()


def test_a_stop_does_not_wait_for_those_who_say_nothing(serve: "Serve") -> None:
    service = serve()
    with connect(service), connect(service, REQUEST):
        begun = time.monotonic()
        assert service.stop().code == 0
    assert time.monotonic() - begun < 5


def test_servers_of_tls_bound_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.5)

    async def story(client: socket.socket) -> float:
        server = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, "127.0.0.1", 0, ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        )
        client.connect(server.sockets[0].getsockname())
        begun = time.monotonic()
        assert await asyncio.to_thread(client.recv, 1) == b""
        server.close()
        return time.monotonic() - begun

    with socket.socket() as client, asyncio.Runner(loop_factory=BoundedLoop) as runner:
        client.settimeout(30)
        assert 0.4 < runner.run(story(client)) < 10


def test_that_no_connection_can_be_taken_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    full = {
        "message": "socket.accept() out of system resource",
        "exception": OSError(errno.EMFILE, "Too many open files"),
    }
    loop = BoundedLoop()
    with caplog.at_level(logging.ERROR):
        for _ in range(1000):
            loop.call_exception_handler(full)
        loop.call_exception_handler({"message": "something else", "exception": OSError(errno.EMFILE, "Too many")})
    loop.close()
    assert [record.getMessage().splitlines()[0] for record in caplog.records] == [
        (
            "no further connection can be taken (Too many open files): see who has so many, "
            "and raise the limit of open files"
        ),
        "something else",
    ]


def test_strangers_do_not_fill_the_log_nor_keep_others_out(serve: "Serve") -> None:
    service = serve()
    # Fewer files than the strangers have connections.
    used = resource.prlimit(service.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    assert used[0] == used[1], "as many as the system lets it"
    strangers = [connect(service) for _ in range(80)]
    until(lambda: "no further connection can be taken" in service.told(), seconds=30)
    until(lambda: is_alive(service), seconds=HEAD_SECONDS * 4)
    assert service.told().count("no further connection") <= 3
    for raw in strangers:
        raw.close()


def is_alive(service: "Serving") -> bool:
    try:
        with connect(service, REQUEST + b"\r\n") as raw:
            raw.settimeout(2)
            return is_answered(raw)
    except OSError:
        return False


def test_as_many_files_may_be_open_as_the_system_lets() -> None:
    told = (
        "import resource; from auditstream.connections import allow_open_files; allow_open_files();"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    command = ["sh", "-c", 'ulimit -S -n 64; exec "$0" -c "$1"', sys.executable, told]
    shown = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - nothing of it is given
    soft, hard = shown.stdout.split()
    assert soft == hard
