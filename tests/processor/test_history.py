"""Histories merge as sets do: no order, no repeat and no moment of cutting matters."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.history import (
    MAX_CREATES,
    MAX_ENDINGS,
    MAX_INCARNATIONS,
    NOTHING,
    Ending,
    History,
    Incarnation,
    Mark,
    UnknownSchemaError,
    decode,
    encode,
    merge,
)


def _mark(time: int) -> Mark:
    return Mark(time, time - 1, bytes([time % 256]), f"user-{time}", None, f"audit-{time}")


_MARKS = st.integers(1, 40).map(_mark)
_MAYBE = st.none() | _MARKS
_INCARNATIONS = st.builds(
    Incarnation,
    born_s=st.integers(1, 6),
    uid=st.sampled_from("ab"),
    first_ns=st.integers(1, 40),
    created=_MAYBE,
    asked=_MAYBE,
    gone=_MAYBE,
    changed=_MAYBE,
)
_ENDINGS = st.builds(Ending, _MARKS, st.sampled_from(["", "a"]), st.booleans(), st.booleans())
_PIECES = st.one_of(
    _INCARNATIONS.map(lambda incarnation: History(incarnations=(incarnation,))),
    _MARKS.map(lambda mark: History(creates=(mark,), first_ns=mark.time_ns)),
    _ENDINGS.map(lambda ending: History(endings=(ending,), first_ns=ending.mark.time_ns)),
    _MARKS.map(lambda mark: History(first_ns=mark.time_ns, changed=mark)),
)


def _union(pieces: list[History]) -> History:
    whole = NOTHING
    for piece in pieces:
        whole = merge(whole, piece)
    return whole


@given(st.lists(_PIECES, max_size=40), st.randoms(use_true_random=False))
def test_any_order_and_any_repeats_end_in_the_same_history(pieces: list[History], chance: st.DataObject) -> None:
    shuffled = pieces + chance.sample(pieces, len(pieces) // 2)  # type: ignore[attr-defined]  # a random.Random
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _union(shuffled) == _union(pieces)


@given(st.lists(_PIECES, max_size=20), st.lists(_PIECES, max_size=20), st.lists(_PIECES, max_size=20))
def test_histories_merge_in_any_grouping(one: list[History], two: list[History], three: list[History]) -> None:
    first, second, third = _union(one), _union(two), _union(three)
    assert merge(merge(first, second), third) == merge(first, merge(second, third))
    assert merge(first, second) == merge(second, first)
    assert merge(first, first) == first


@given(st.lists(_PIECES, max_size=20))
def test_what_is_stored_comes_back(pieces: list[History]) -> None:
    history = _union(pieces)
    assert decode(encode(history)) == history


def test_only_the_newest_are_kept() -> None:
    history = _union(
        [
            History((Incarnation(time, f"uid-{time}", time),), (_mark(time),), (Ending(_mark(time), "", True, True),))  # noqa: FBT003 - a row
            for time in range(1, 30)
        ]
    )
    assert [incarnation.born_s for incarnation in history.incarnations] == list(range(30 - MAX_INCARNATIONS, 30))
    assert [mark.time_ns for mark in history.creates] == list(range(30 - MAX_CREATES, 30))
    assert [ending.mark.time_ns for ending in history.endings] == list(range(30 - MAX_ENDINGS, 30))


def test_of_one_object_the_first_ends_and_the_last_change_stand() -> None:
    early, late = _mark(10), _mark(20)
    seen_early = Incarnation(1, "a", first_ns=10, created=early, asked=early, gone=early, changed=early)
    seen_late = Incarnation(1, "a", first_ns=20, created=late, asked=late, gone=late, changed=late)
    merged = merge(History((seen_late,)), History((seen_early,)))
    assert merged == History((Incarnation(1, "a", 10, created=early, asked=early, gone=early, changed=late),))


def test_of_a_name_the_first_sight_and_the_last_change_stand() -> None:
    early, late = _mark(10), _mark(20)
    merged = merge(History(first_ns=20, changed=late), History(first_ns=10, changed=early))
    assert merged == History(first_ns=10, changed=late)


def test_a_history_of_a_newer_version_is_refused_with_what_to_do() -> None:
    stored = b"\x07" + encode(NOTHING)[1:]
    message = "the state holds version 7, this auditstream knows 1: run the version that wrote it"
    with pytest.raises(UnknownSchemaError, match=f"^{re.escape(message)}$"):
        decode(stored)


def test_a_full_history_is_small() -> None:
    mark = Mark(2**62, 2**62, bytes(16), "u" * 40, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "a" * 36)
    incarnation = Incarnation(2**31, "u" * 36, 2**62, mark, mark, mark, mark)
    endings = tuple(Ending(mark, "u" * 36, is_asked=True, is_gone=True) for _ in range(MAX_ENDINGS))
    history = History((incarnation,) * MAX_INCARNATIONS, (mark,) * MAX_CREATES, endings, 2**62, mark)
    assert len(encode(History((incarnation,)))) < 700
    assert len(encode(history)) < 6_000
