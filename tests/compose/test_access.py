"""Certificate and tokens as `tls/README.md` and `.env.example` say: the webhook is healthy, and takes whom it knows."""

import http.client
import os
import ssl
from typing import Final, NamedTuple

import pytest
import trustme

from tests.compose.stack import IMAGE, Stack, docker, inspected, succeed, until
from tests.credentials import trusting, write_certificate
from tests.deploy.test_compose import examples
from tests.e2e import topics
from tests.e2e.recorded import BODIES, in_one_process

pytestmark = pytest.mark.e2e

CHOSEN: Final = {
    name: value for name, value in examples().items() if name.startswith(("AUDITSTREAM_TLS_", "AUDITSTREAM_TOKENS"))
}


class Secured(NamedTuple):
    """A project that speaks TLS, and the token of its one cluster."""

    stack: Stack
    token: str
    trusts: ssl.SSLContext

    def post(self, token: str | None) -> int:
        """Post a body and return the code of the answer."""
        connection = http.client.HTTPSConnection(*self.stack.webhook, timeout=60, context=self.trusts)
        try:
            connection.request(
                "POST", "/k8s_audit", BODIES[1], {} if token is None else {"Authorization": f"Bearer {token}"}
            )
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture(scope="module")
def secured(stack: Stack) -> Secured:
    folder, authority = stack.tls, trustme.CA()
    (folder / "tls.key").touch(0o600)
    write_certificate(folder, authority)
    user = f"{os.getuid()}:{os.getgid()}"
    command = ("run", "--rm", "--user", user, "--volume", f"{folder}:/tls", IMAGE)
    token = succeed(docker(*command, "tokens", "add", "prod-1", "--file", "/tls/tokens")).strip()
    stack.choose({**CHOSEN, "DEPLOY_USER": user})
    stack.up()
    return Secured(stack, token, trusting(authority))


def test_the_lines_of_the_example_are_all_it_takes(secured: Secured) -> None:
    assert len(CHOSEN) == 3
    assert secured.stack.is_healthy("ingest")
    container = secured.stack.container("ingest")
    assert inspected(container, ".State.Health.Log")[-1]["Output"] == "ready\n"
    assert "auditstream: listening on https://" in secured.stack.told("ingest")
    assert "warning" not in secured.stack.told("ingest")


def test_the_token_posts_for_its_cluster_and_nobody_else_does(secured: Secured) -> None:
    assert [secured.post(token) for token in (None, secured.token[:-1], secured.token)] == [401, 401, 200]
    until(lambda: topics.is_all_committed(secured.stack.kafka), "everything is judged and committed")
    expected = in_one_process({"prod-1": [BODIES[1]]}).alerts
    assert expected
    assert secured.stack.printed_alerts() == expected
