"""`auditstream tokens add`: the token on standard output, its hash in the file."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.tokens import read_tokens

if TYPE_CHECKING:
    from tests.auditstream.conftest import Run


def test_a_token_is_printed_and_its_hash_is_in_the_file(run: "Run", folder: Path) -> None:
    ended = run("tokens", "add", "east", "--file", "tokens")
    token = ended.out.removesuffix("\n")
    assert len(token) == 43
    assert token not in (folder / "tokens").read_text()
    assert read_tokens((folder / "tokens").read_text()).cluster_of(f"Bearer {token}") == "east"
    assert (ended.code, ended.err) == (
        0,
        (
            "auditstream: tokens has 1 token of east now, by hash only: the token itself is shown this once, and goes "
            "into the webhook kubeconfig of the cluster's API servers\n"
        ),
    )


def test_tokens_are_added_to_those_that_are_there(run: "Run", folder: Path) -> None:
    (folder / "tokens").write_text(f"# by hand\nwest: {'0' * 64}")
    given = [run("tokens", "add", cluster, "--file", "tokens") for cluster in ("east", "west", "east")]
    text = (folder / "tokens").read_text()
    assert text.startswith(f"# by hand\nwest: {'0' * 64}\neast: ")
    tokens = read_tokens(text)
    assert [tokens.cluster_of(f"Bearer {ended.out.strip()}") for ended in given] == ["east", "west", "east"]
    assert [ended.err.partition(" now")[0] for ended in given] == [
        "auditstream: tokens has 1 token of east",
        "auditstream: tokens has 2 tokens of west",
        "auditstream: tokens has 2 tokens of east",
    ]


@pytest.mark.parametrize(
    ("cluster", "content", "told"),
    [
        ("East", b"", "East cannot name a cluster: up to 63 of a-z, 0-9, '.' and '-' can, the first one of a-z, 0-9"),
        (
            "east\n",
            b"",
            "east\\n cannot name a cluster: up to 63 of a-z, 0-9, '.' and '-' can, the first one of a-z, 0-9",
        ),
        ("east", b"\xff", "tokens is no text: name another file with --file"),
        (
            "east",
            b"a token\n",
            (
                "tokens: line 1: expected CLUSTER: HASH, a cluster's name (up to 63 of a-z, 0-9, '.' and '-') and the "
                "SHA-256 of a token (64 of 0-9, a-f), as 'auditstream tokens add' writes them"
            ),
        ),
    ],
)
def test_what_cannot_be_is_told_and_the_file_is_left(
    run: "Run", folder: Path, cluster: str, content: bytes, told: str
) -> None:
    (folder / "tokens").write_bytes(content)
    ended = run("tokens", "add", cluster, "--file", "tokens")
    assert (ended.code, ended.out, ended.err) == (2, "", f"auditstream: {told}\n")
    assert (folder / "tokens").read_bytes() == content


def test_a_file_that_cannot_be_written_is_told(run: "Run") -> None:
    assert run("tokens", "add", "east", "--file", "no/tokens").err == (
        "auditstream: cannot write no/tokens: No such file or directory; name another file with --file\n"
    )
    assert run("tokens", "add", "east", "--file", ".").err == (
        "auditstream: .: . is no file: give one that can be read again when it changes\n"
    )


def test_without_a_command_the_help_is_shown(run: "Run") -> None:
    assert "add" in run("tokens").out
