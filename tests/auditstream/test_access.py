"""Who may post: over real TLS, with tokens right and wrong, renewed under a service that runs; and what is refused."""

import http.client
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from auditstream.access import Access
from auditstream.screen import Screen
from auditstream.settings import ListenSettings
from auditstream.usage import UsageError
from tests.credentials import SECURED, trusting, write_certificate, write_tokens
from tests.waiting import until

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run, Serve, Serving

MakeBody = Callable[..., bytes]
Secured = Callable[..., "Serving"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secured(serve: "Serve", folder: Path, authority: trustme.CA) -> Secured:
    """Serve over TLS to two clusters."""

    def run(*arguments: str) -> "Serving":
        write_certificate(folder, authority)
        write_tokens(folder, east="east-token", west="west-token")
        service = serve(*SECURED, *arguments)
        service.trusts = trusting(authority)
        service.token = "east-token"
        return service

    return run


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_the_token_says_which_cluster_posts(secured: Secured, body: MakeBody) -> None:
    service = secured("--cluster", "of-nobody")
    assert service.address.startswith("https://127.0.0.1:")
    posts = (("/k8s_audit", "east-token"), ("/k8s_audit", "west-token"), ("/k8s-audit/east", "east-token"))
    for number, (path, token) in enumerate(posts):
        assert service.post(body({"auditID": str(number)}), path, token).code == 200
    assert [alert["cluster"] for alert in service.alerts()] == ["east", "west", "east"]


def test_no_token_and_a_wrong_one_are_answered_401_and_another_cluster_s_403(secured: Secured, body: MakeBody) -> None:
    service = secured()
    answers = [
        service.post(body({}), path, token)
        for path, token in (
            ("/k8s_audit", None),
            ("/k8s_audit", "east-tokem"),
            ("/k8s_audit/east", "west-token"),
            ("/k8s_audit/default", "west-token"),
            ("/k8s_audit/East", None),
        )
    ]
    assert [answer.code for answer in answers] == [401, 401, 403, 403, 401]
    assert {answer.headers["WWW-Authenticate"] for answer in answers if answer.code == 401} == {"Bearer"}
    assert {answer.headers["Connection"] for answer in answers} == {"close"}
    assert {answer.text for answer in answers} == {
        "a token that is known here is needed: Authorization: Bearer TOKEN\n",
        "this token is of the cluster west, and posts for no other\n",
    }
    assert service.alerts() == []
    assert not service.dead_letter.read_bytes()
    assert service.count("auditstream_ingest_bodies_total") == len(answers)


def test_two_tokens_at_once_are_none(secured: Secured) -> None:
    service = secured()
    connection = connect(service)
    connection.putrequest("POST", "/k8s_audit")
    for token in ("east-token", "west-token"):
        connection.putheader("Authorization", f"Bearer {token}")
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()


def test_a_stranger_is_answered_before_any_of_the_body_is_read(secured: Secured) -> None:
    service = secured()
    connection = connect(service)
    connection.putrequest("POST", "/k8s_audit")
    connection.putheader("Content-Length", str(60 * 1024 * 1024))
    connection.endheaders()
    # Nothing of the body is ever sent.
    assert connection.getresponse().status == 401
    connection.close()
    assert service.count("auditstream_ingest_body_bytes_total") == 0


def test_health_needs_no_token_and_metrics_do(secured: Secured) -> None:
    service = secured()
    assert [service.ask("GET", path).code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 401]


def connect(service: "Serving") -> http.client.HTTPSConnection:
    host, port = service.place
    return http.client.HTTPSConnection(host, port, timeout=30, context=service.trusts)


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_plain_http_with_the_right_token_gets_nowhere(secured: Secured, body: MakeBody) -> None:
    service = secured()
    host, port = service.place
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("POST", "/k8s_audit", body({}), {"Authorization": "Bearer east-token"})
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()
    assert service.post(body({}), token="east-token").code == 200
    assert len(service.alerts()) == 1


def test_a_token_to_a_plain_listener_is_no_credential(serve: "Serve", body: MakeBody) -> None:
    service = serve("--cluster", "prod")
    assert service.post(body({}), token="east-token").code == 200
    assert [alert["cluster"] for alert in service.alerts()] == ["prod"]


def test_tls_without_tokens_takes_the_cluster_from_the_path(
    serve: "Serve", folder: Path, authority: trustme.CA, body: MakeBody
) -> None:
    write_certificate(folder, authority)
    service = serve(*SECURED[:4])
    service.trusts = trusting(authority)
    assert service.post(body({}), "/k8s_audit/north").code == 200
    assert [alert["cluster"] for alert in service.alerts()] == ["north"]


def test_a_client_that_would_speak_http_2_is_told_of_http_1_1(secured: Secured) -> None:
    service = secured()
    host, port = service.place
    assert service.trusts is not None
    service.trusts.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host, port), timeout=30) as raw,
        service.trusts.wrap_socket(raw, server_hostname=host) as connection,
    ):
        assert (connection.version(), connection.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")


# --- while it runs ---------------------------------------------------------------------------------------------------


def test_tokens_are_added_and_withdrawn_while_it_runs(secured: Secured, folder: Path, body: MakeBody) -> None:
    service = secured()
    write_tokens(folder, west="west-token", north="north-token")
    until(lambda: service.post(body({}), token="north-token").code == 200, seconds=30)
    assert [service.post(b"", token=token).code for token in ("east-token", "west-token")] == [401, 400]
    assert "auditstream: the tokens were read anew: 2 tokens of 2 clusters\n" in service.told()


def test_broken_tokens_withdraw_nobody_s_and_are_told(secured: Secured, folder: Path, body: MakeBody) -> None:
    service = secured()
    (folder / "tokens").write_text("east-token\n")
    until(
        lambda: "auditstream: the tokens stay as they were: tokens, line 1: expected CLUSTER: HASH" in service.told(),
        seconds=30,
    )
    assert service.post(body({}), token="east-token").code == 200


def test_an_emptied_file_withdraws_everybody_s(secured: Secured, folder: Path) -> None:
    service = secured()
    (folder / "tokens").write_text("")
    until(lambda: service.post(b"", token="east-token").code == 401, seconds=30)
    assert "auditstream: the tokens were read anew: there is none, so that nobody can post\n" in service.told()


def test_a_certificate_is_renewed_while_it_runs(secured: Secured, folder: Path, body: MakeBody) -> None:
    service = secured()
    former = connect(service)
    former.request("GET", "/healthz")
    assert former.getresponse().read() == b"alive\n"
    other = trustme.CA()
    write_certificate(folder, other)
    until(lambda: "auditstream: the certificate and its key were read anew\n" in service.told(), seconds=30)
    with pytest.raises(ssl.SSLCertVerificationError):
        service.post(body({}), token="east-token")
    service.trusts = trusting(other)
    assert service.post(body({}), token="east-token").code == 200
    # A connection that is there goes on.
    former.request("GET", "/healthz")
    assert former.getresponse().read() == b"alive\n"
    former.close()


def test_a_key_of_another_certificate_changes_nothing(
    secured: Secured, folder: Path, authority: trustme.CA, body: MakeBody
) -> None:
    service = secured()
    (folder / "tls.key").write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    told = (
        "auditstream: the certificate and its key stay as they were: tls.key is not the key of tls.crt: "
        "give those that belong together\n"
    )
    until(lambda: told in service.told(), seconds=30)
    assert service.post(body({}), token="east-token").code == 200


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "ingest"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            SECURED[4:],
            (
                "--tokens needs --tls-certificate and --tls-key: an API server sends its token over TLS only, and "
                "others would show it to whoever listens in"
            ),
        ),
        (SECURED[:2], "--tls-certificate and --tls-key belong together: give both, or none for plain HTTP"),
        (SECURED[2:4], "--tls-certificate and --tls-key belong together: give both, or none for plain HTTP"),
        (SECURED[:4], "cannot read tls.crt: No such file or directory"),
        (
            ("--host", "0.0.0.0"),  # noqa: S104 - what is refused
            (
                "0.0.0.0 can be reached from elsewhere, and whoever reaches it could post events: give --tokens, "
                "--tls-certificate and --tls-key, or --allow-unauthenticated where something else keeps strangers out"
            ),
        ),
    ],
)
def test_settings_that_let_strangers_in_or_nobody_are_refused(
    run: "Run", command: str, arguments: tuple[str, ...], told: str
) -> None:
    ended = run(command, "--port", "0", *arguments)
    assert (ended.code, ended.err) == (2, f"auditstream: {told}\n")


def refusal(folder: Path) -> str:
    settings = ListenSettings(tls_certificate=folder / "tls.crt", tls_key=folder / "tls.key", tokens=folder / "tokens")
    with pytest.raises(UsageError) as error:
        Access(settings, Screen())
    return str(error.value).replace(f"{folder}/", "")


def test_files_that_cannot_be_used_are_told_one_by_one(folder: Path, authority: trustme.CA) -> None:
    write_certificate(folder, authority)
    assert refusal(folder) == "cannot read tokens: No such file or directory"
    (folder / "tokens").write_bytes(b"\xff")
    assert refusal(folder) == "tokens is no text: expected lines of CLUSTER: HASH"
    (folder / "tokens").write_text("# none yet\n")
    assert refusal(folder) == (
        "tokens holds no token, so that nobody could post: add one with 'auditstream tokens add CLUSTER --file tokens'"
    )
    (folder / "tls.crt").write_text("x")
    assert refusal(folder) == (
        "tls.crt and tls.key are no certificate and key in PEM: see whether each begins with -----BEGIN"
    )


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(folder: Path, authority: trustme.CA) -> None:
    write_certificate(folder, authority)
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", "tls.key", "-out", "locked.key"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 - nothing of it is given
    (folder / "locked.key").replace(folder / "tls.key")
    assert refusal(folder) == "tls.key has a passphrase: write it without one, by 'openssl pkey -in tls.key -out FILE'"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "::1%lo"])
def test_loopback_needs_no_credentials(host: str) -> None:
    assert Access(ListenSettings(), Screen()).refuse_strangers(host) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "fe80::1%eth0"])  # noqa: S104 - what is warned of
def test_beyond_it_what_is_allowed_is_warned_of(host: str) -> None:
    [warning] = Access(ListenSettings(allow_unauthenticated=True), Screen()).refuse_strangers(host)
    assert warning.startswith("auditstream: warning: this address can be reached from elsewhere")


def test_an_address_that_others_reach_is_warned_of_at_the_start(serve: "Serve") -> None:
    service = serve("--host", "0.0.0.0", "--allow-unauthenticated")  # noqa: S104 - what is warned of
    assert re.search(r"warning: this address can be reached .*: let a firewall .*\n", service.told())


def test_with_tokens_any_address_is_taken_and_they_are_asked_for_whatever_is_allowed(secured: Secured) -> None:
    service = secured("--host", "0.0.0.0", "--allow-unauthenticated")  # noqa: S104 - nobody without a token can post
    assert "warning" not in service.told()
    service.address = service.address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - where it is reached
    assert service.post(b"").code == 401


ANYWHERE = "0.0.0.0"  # noqa: S104 - where a container listens


@pytest.mark.parametrize("published", ["127.0.0.1", "localhost", "::1"])
def test_a_container_that_is_published_on_loopback_needs_no_credentials(published: str) -> None:
    assert Access(ListenSettings(published_host=published), Screen()).refuse_strangers(ANYWHERE) == []


@pytest.mark.parametrize("published", [ANYWHERE, "192.0.2.1", "audit.example.com"])
def test_a_container_that_is_published_elsewhere_does(published: str) -> None:
    with pytest.raises(UsageError) as error:
        Access(ListenSettings(published_host=published), Screen()).refuse_strangers(ANYWHERE)
    assert str(error.value).startswith(f"{published} can be reached from elsewhere")
