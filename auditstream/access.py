"""Who may reach the webhook and over what: its certificate and tokens, and the addresses that need them.

Made by `serve_command` and `ingest_command`, and looked after by `auditstream.server` while that serves.
"""

import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from auditstream.file_value import BrokenFileError, FileValue, read_file
from auditstream.screen import Screen
from auditstream.settings import ListenSettings
from auditstream.terminal import counted
from auditstream.usage import UsageError
from ingest.tokens import BrokenTokensError, Tokens, read_tokens
from ingest.webhook import Callers
from rules.text import escape


class Access:
    """What the settings say of who may post, kept up to date with their files."""

    def __init__(self, settings: ListenSettings, screen: Screen) -> None:
        """Read the files. Raises UsageError for what cannot be used, of the settings among themselves too."""
        _refuse_contradictions(settings)
        self._settings: Final = settings
        self._screen: Final = screen
        self._certificate: FileValue[ssl.SSLContext] | None = None
        self._tokens: FileValue[Tokens] | None = None
        certificate, key, tokens = settings.tls_certificate, settings.tls_key, settings.tokens
        try:
            if certificate is not None and key is not None:
                self._certificate = FileValue(
                    "the certificate and its key", (certificate, key), lambda: _read_certificate(certificate, key)
                )
            if tokens is not None:
                self._tokens = FileValue("the tokens", (tokens,), lambda: _read_tokens(tokens), _described)
        except BrokenFileError as error:
            raise UsageError(str(error)) from None
        if self._tokens is not None and not self._tokens.value.hashes:
            raise UsageError(
                f"{tokens} holds no token, so that nobody could post: add one with 'auditstream tokens add CLUSTER "
                f"--file {tokens}'"
            )

    @property
    def callers(self) -> Callers:
        """Who may post, for the webhook."""
        tokens = self._tokens
        return Callers(self._settings.cluster, None if tokens is None else lambda: tokens.value)

    @property
    def scheme(self) -> str:
        """How an address of the webhook begins."""
        return "http" if self._certificate is None else "https"

    def tls(self) -> ssl.SSLContext | None:
        """Return what the server speaks, None for plain HTTP; who connects meets the certificate of that moment."""
        certificate = self._certificate
        if certificate is None:
            return None

        def take_newest(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = certificate.value

        context = _context()
        context.sni_callback = take_newest
        return context

    def look(self) -> None:
        """Read the files anew that have changed since the last look, and tell what came of it."""
        for value in (self._certificate, self._tokens):
            line = None if value is None else value.look()
            if line is not None:
                self._screen.note([f"auditstream: {escape(line)}"])

    def refuse_strangers(self, host: str) -> list[str]:
        """Return what is to be said of an address, by number, to listen on; raise UsageError if it is not allowed."""
        host = self._settings.published_host or host
        if self._tokens is not None or _is_loopback(host):
            return []
        if not self._settings.allow_unauthenticated:
            raise UsageError(
                f"{host} can be reached from elsewhere, and whoever reaches it could post events: give --tokens, "
                "--tls-certificate and --tls-key, or --allow-unauthenticated where something else keeps strangers out"
            )
        return [
            (
                "auditstream: warning: this address can be reached from elsewhere, and whoever reaches it can post "
                "events: let a firewall or a network policy pass only your API servers"
            )
        ]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        # A name may lead anywhere, tomorrow if not today.
        return host == "localhost"


def _refuse_contradictions(settings: ListenSettings) -> None:
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise UsageError("--tls-certificate and --tls-key belong together: give both, or none for plain HTTP")
    if settings.tokens is not None and settings.tls_certificate is None:
        raise UsageError(
            "--tokens needs --tls-certificate and --tls-key: an API server sends its token over TLS only, and others "
            "would show it to whoever listens in"
        )


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Said, so that a client that would rather speak HTTP/2 knows at once.
    context.set_alpn_protocols(["http/1.1"])
    return context


def _read_certificate(certificate: Path, key: Path) -> ssl.SSLContext:
    for path in (certificate, key):
        read_file(path)

    def refuse() -> str:
        # Without this, OpenSSL would ask for it on the terminal and wait.
        raise BrokenFileError(f"{key} has a passphrase: write it without one, by 'openssl pkey -in {key} -out FILE'")

    context = _context()
    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except OSError as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise BrokenFileError(f"{key} is not the key of {certificate}: give those that belong together") from None
        raise BrokenFileError(
            f"{certificate} and {key} are no certificate and key in PEM: see whether each begins with -----BEGIN"
        ) from None
    return context


def _described(tokens: Tokens) -> str:
    if not tokens.hashes:
        return "there is none, so that nobody can post"
    clusters = {cluster for _, cluster in tokens.hashes}
    return f"{counted(len(tokens.hashes), 'token')} of {counted(len(clusters), 'cluster')}"


def _read_tokens(path: Path) -> Tokens:
    try:
        return read_tokens(read_file(path).decode())
    except UnicodeDecodeError:
        raise BrokenFileError(f"{path} is no text: expected lines of CLUSTER: HASH") from None
    except BrokenTokensError as error:
        raise BrokenFileError(f"{path}, {error}") from None
