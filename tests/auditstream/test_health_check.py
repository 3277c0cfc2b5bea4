"""The health check of a container: asked as the engine asks it, of a service and of what is none."""

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.auditstream.conftest import Serve

Check = Callable[[str], tuple[int, str]]


@pytest.fixture
def check() -> Check:
    """Run the check of an address; nothing but the address is told to it."""

    def run(url: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "auditstream.health_check", url]
        ended = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603 - our own module
        assert ended.stderr == b""
        return ended.returncode, ended.stdout.decode()

    return run


class _Answering(BaseHTTPRequestHandler):
    """Is well at one path."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()
        self.wfile.write(b"asked for %s\n" % self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _serve(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def plain() -> Iterator[str]:
    """Serve HTTP."""
    yield from _serve(HTTPServer(("127.0.0.1", 0), _Answering))


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[str]:
    """Serve HTTPS, with a certificate that nobody signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl here to make a certificate with")
    files = "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=elsewhere.example", *files]
    subprocess.run(command, capture_output=True, timeout=60, check=True)  # noqa: S603 - the system's own
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    server = HTTPServer(("127.0.0.1", 0), _Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from _serve(server)


def test_a_service_that_is_well_is_healthy(serve: "Serve", check: Check) -> None:
    service = serve()
    assert check(f"{service.address}/readyz") == (0, service.ask("GET", "/readyz").text)


def test_what_is_answered_is_printed_and_decides(plain: str, check: Check) -> None:
    assert check(f"http://{plain}/readyz") == (0, "asked for /readyz\n")
    assert check(f"http://{plain}/other") == (1, "asked for /other\n")


def test_a_certificate_is_taken_whoever_signed_it(encrypted: str, check: Check) -> None:
    assert check(f"https://{encrypted}/readyz") == (0, "asked for /readyz\n")
    assert check(f"https://{encrypted}/other") == (1, "asked for /other\n")


def test_where_nothing_answers_it_says_so_in_one_line(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/readyz"
    assert check(url) == (1, f"{url} does not answer: [Errno 111] Connection refused\n")


def test_a_service_that_hangs_is_unhealthy_in_time(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/readyz"
        assert check(url) == (1, f"{url} does not answer: timed out\n")
