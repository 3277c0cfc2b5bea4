"""Tokens: what a line of the file may be, and which header speaks for which cluster."""

import hashlib
import hmac

import pytest

from ingest.tokens import BrokenTokensError, Tokens, read_tokens, token_line

EAST = hashlib.sha256(b"east-token").hexdigest()
WEST = hashlib.sha256(b"west-token").hexdigest()
FILE = (
    f"# of our clusters\n\neast: {EAST}\n  west :{WEST}  \r\neast: {EAST}\neast: {hashlib.sha256(b'next').hexdigest()}"
)


def refusal(text: str) -> str:
    with pytest.raises(BrokenTokensError) as error:
        read_tokens(text)
    return str(error.value)


@pytest.mark.parametrize(
    ("authorization", "cluster"),
    [
        ("Bearer east-token", "east"),
        ("Bearer next", "east"),
        ("bearer  west-token ", "west"),
        ("Bearer west-tokeN", None),
        ("Bearer east-token west-token", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic east-token", None),
        ("east-token", None),
        (f"Bearer {EAST}", None),
        ("Bearer \xe9\xff", None),
        ("Bearer east-token\n", None),
        ("", None),
    ],
)
def test_a_header_speaks_for_the_cluster_of_its_token(authorization: str, cluster: str | None) -> None:
    assert read_tokens(FILE).cluster_of(authorization) == cluster


def test_a_file_may_hold_none() -> None:
    assert read_tokens("# none\n\n") == Tokens(())
    assert Tokens(()).cluster_of("Bearer east-token") is None


def test_a_mark_before_the_first_line_is_passed_over() -> None:
    assert read_tokens(f"\ufeffeast: {EAST}").cluster_of("Bearer east-token") == "east"


def test_a_line_that_is_written_is_read() -> None:
    assert token_line("east", "east-token") == f"east: {EAST}\n"
    assert read_tokens(token_line("east", "east-token")).cluster_of("Bearer east-token") == "east"


@pytest.mark.parametrize(
    "line",
    [
        "east",
        f"{EAST}",
        f"East: {EAST}",
        f"east: {EAST[:-1]}",
        f"east: {EAST.upper()}",
        f"east: {EAST} # the first",
        "east: east-token",
        f"../x: {EAST}",
        f"{'a' * 64}: {EAST}",
    ],
)
def test_a_line_that_is_none_is_told_by_its_number_and_not_repeated(line: str) -> None:
    assert refusal(f"# one\n{line}\nwest: {WEST}") == (
        "line 2: expected CLUSTER: HASH, a cluster's name (up to 63 of a-z, 0-9, '.' and '-') and the SHA-256 of a "
        "token (64 of 0-9, a-f), as 'auditstream tokens add' writes them"
    )


def test_a_token_of_two_clusters_is_refused() -> None:
    assert refusal(f"east: {EAST}\nwest: {EAST}") == (
        "line 2: this token is east's already: a token says which cluster posts, so that each has its own"
    )


def test_every_hash_is_compared_whichever_token_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = read_tokens(FILE)
    compared: list[tuple[bytes, bytes]] = []

    def compare(known: bytes, presented: bytes) -> bool:
        compared.append((known, presented))
        return known == presented

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token in ("east-token", "west-token", "next", "none"):
        compared.clear()
        tokens.cluster_of(f"Bearer {token}")
        presented = hashlib.sha256(token.encode()).digest()
        assert compared == [(known, presented) for known, _ in tokens.hashes]
