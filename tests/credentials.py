"""Certificates and tokens for tests, as the files that the webhook takes."""

import hashlib
import ssl
from pathlib import Path
from typing import Final

import trustme

SECURED: Final = ("--tls-certificate", "tls.crt", "--tls-key", "tls.key", "--tokens", "tokens")
"""The options of a command that takes them from its own folder."""


def write_certificate(folder: Path, authority: trustme.CA) -> None:
    """Write a certificate of loopback and its key."""
    made = authority.issue_cert("127.0.0.1")
    (folder / "tls.key").write_bytes(made.private_key_pem.bytes())
    (folder / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))


def write_tokens(folder: Path, **clusters: str) -> None:
    """Write the file of tokens, one a cluster."""
    lines = [f"{cluster}: {hashlib.sha256(token.encode()).hexdigest()}\n" for cluster, token in clusters.items()]
    (folder / "tokens").write_text("".join(lines))


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a client has that trusts an authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
