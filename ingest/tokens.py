"""Who may post: the bearer tokens, and the cluster that each one speaks for. Text in, a cluster's name out; pure.

The text is a file of lines `CLUSTER: HASH`, as `auditstream tokens add` writes them; `auditstream.access` reads it. The
webhook asks for the cluster of each post before it reads the body.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from wire.record import CLUSTER_NAME

_LINE: Final = re.compile(rf"(?P<cluster>{CLUSTER_NAME})\s*:\s*(?P<hash>[0-9a-f]{{64}})")

_BEARER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


class BrokenTokensError(Exception):
    """The text is no list of tokens. Says the line and what is expected there, and never repeats it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that are valid at one time."""

    hashes: tuple[tuple[bytes, str], ...]
    """The SHA-256 of each token, and its cluster. A cluster may have several: the next one and the last."""

    def cluster_of(self, authorization: str) -> str | None:
        """Return the cluster that the value of an Authorization header speaks for, None if it speaks for none.

        It takes the same time whichever token comes near, if any: hashes are compared, each to its end, and all.
        """
        bearer = _BEARER.fullmatch(authorization)
        if bearer is None:
            return None
        presented = _hash(bearer[1])
        found = None
        for known, cluster in self.hashes:
            if hmac.compare_digest(known, presented):
                found = cluster
        return found


def read_tokens(text: str) -> Tokens:
    """Return the tokens of a file: empty lines and comments (`#`) are passed over. Raise BrokenTokensError."""
    hashes: dict[bytes, str] = {}
    # Some editors put a mark before the first line.
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise BrokenTokensError(
                f"line {number}: expected CLUSTER: HASH, a cluster's name (up to 63 of a-z, 0-9, '.' and '-') and the "
                "SHA-256 of a token (64 of 0-9, a-f), as 'auditstream tokens add' writes them"
            )
        known = hashes.setdefault(bytes.fromhex(match["hash"]), match["cluster"])
        if known != match["cluster"]:
            raise BrokenTokensError(
                f"line {number}: this token is {known}'s already: a token says which cluster posts, so that each has "
                "its own"
            )
    return Tokens(tuple(hashes.items()))


def token_line(cluster: str, token: str) -> str:
    """Return the line of a token."""
    return f"{cluster}: {_hash(token).hex()}\n"


def _hash(token: str) -> bytes:
    # Quick on purpose: a token is random and long, so that there is nothing to guess from its hash. What stands in a
    # header is Latin-1; a token has no other characters.
    return hashlib.sha256(token.encode("latin-1")).digest()
