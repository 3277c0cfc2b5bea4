"""`auditstream tokens add`: a new token for a cluster's API servers. Called by `auditstream.cli`.

The token goes to standard output, once; its hash goes into the file that `--tokens` names, which a service that runs
reads anew by itself.
"""

import re
import secrets
from pathlib import Path
from typing import Final

from auditstream.exit_codes import OK
from auditstream.file_value import BrokenFileError, read_file
from auditstream.screen import Screen
from auditstream.terminal import counted
from auditstream.usage import UsageError
from ingest.tokens import BrokenTokensError, Tokens, read_tokens, token_line
from rules.text import escape
from wire.record import CLUSTER_NAME

_TOKEN_BYTES: Final = 32


def add_token(cluster: str, path: Path, screen: Screen) -> int:
    """Make a token, add its hash to a file that need not be there, print the token and return the exit code."""
    if not re.fullmatch(CLUSTER_NAME, cluster):
        raise UsageError(
            f"{cluster} cannot name a cluster: up to 63 of a-z, 0-9, '.' and '-' can, the first one of a-z, 0-9"
        )
    text, tokens = _read(path)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    # Whoever edits the file by hand may have left its last line open.
    separator = "" if not text or text.endswith("\n") else "\n"
    try:
        with path.open("a") as file:
            file.write(separator + token_line(cluster, token))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another file with --file") from None
    screen.show([token])
    of_cluster = 1 + sum(name == cluster for _, name in tokens.hashes)
    told = (
        f"{escape(str(path))} has {counted(of_cluster, 'token')} of {cluster} now, by hash only: the token itself is "
        "shown this once, and goes into the webhook kubeconfig of the cluster's API servers"
    )
    screen.note([f"auditstream: {told}"])
    return OK


def _read(path: Path) -> tuple[str, Tokens]:
    if not path.exists():
        return "", Tokens(())
    try:
        text = read_file(path).decode()
        return text, read_tokens(text)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text: name another file with --file") from None
    except (BrokenFileError, BrokenTokensError) as error:
        raise UsageError(f"{path}: {error}") from None
