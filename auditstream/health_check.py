"""`python -m auditstream.health_check URL`: what a container's health check runs. Ends with 0 if the answer is 200.

It prints what is answered, or why nothing is: the engine keeps that for `docker inspect`. It is no subcommand, since it
runs for ever: the start of one takes several times as long as the asking.
"""

import http.client
import ssl
import sys
from typing import Final
from urllib.parse import urlsplit

from auditstream.exit_codes import FINDINGS, OK

_TIMEOUT_SECONDS: Final = 5


def check(url: str) -> tuple[int, str]:
    """Ask, and return the exit code and what is to be printed."""
    target = urlsplit(url)
    host, port = target.hostname or "", target.port
    connection = _secure(host, port) if target.scheme == "https" else http.client.HTTPConnection(host, port)
    connection.timeout = _TIMEOUT_SECONDS
    try:
        connection.request("GET", target.path)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return FINDINGS, f"{url} does not answer: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    return OK if answer.status == http.client.OK else FINDINGS, text


def _secure(host: str, port: int | None) -> http.client.HTTPConnection:
    """Return a connection that takes any certificate: what is asked is the container itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, context=context)


if __name__ == "__main__":
    code, text = check(sys.argv[1])
    print(text)  # noqa: T201 - whoever reads it is no terminal
    sys.exit(code)
