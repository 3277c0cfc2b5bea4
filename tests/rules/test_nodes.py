"""Nodes are values."""

import dataclasses

import pytest

from rules.nodes import FieldRef, MacroRef, Not


def test_a_field_shows_as_it_is_written() -> None:
    assert str(FieldRef("a.b", None, 0)) == "a.b"
    assert str(FieldRef("a.b", "x", 0)) == "a.b[x]"


def test_nodes_cannot_be_changed() -> None:
    node = Not(MacroRef("m", 0), 0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.child = MacroRef("n", 0)  # type: ignore[misc]
