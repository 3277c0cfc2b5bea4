"""The head of a stored value; what a state does with it is in tests/contracts/test_state.py."""

from processor.state import HEAD_BYTES, NEVER, cluster_of, expiry_of, stored


def test_a_value_begins_with_its_schema_and_expiry() -> None:
    value = stored(3, 1_800_000_000, b"body")
    assert (value[0], expiry_of(value), value[HEAD_BYTES:]) == (3, 1_800_000_000, b"body")
    assert expiry_of(stored(1, NEVER, b"")) == NEVER


def test_a_key_belongs_to_the_cluster_that_it_begins_with() -> None:
    assert cluster_of(b"prod/shop\0apps\0deployments\0shop\0web") == b"prod"
    assert cluster_of(b"prod/") == b"prod"
    assert cluster_of(b"\0clock\0prod") == b""
