"""Histories merge as sets do: no order, no repeat and no moment of cutting matters."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.history import (
    MAX_CHANGERS,
    MAX_CREATES,
    MAX_ENDINGS,
    MAX_ENTRIES,
    MAX_GENERATIONS,
    MAX_INCARNATIONS,
    MAX_REQUESTS,
    NOTHING,
    Ending,
    Generation,
    History,
    Incarnation,
    Mark,
    Metadata,
    Owner,
    Request,
    Spec,
    UnknownSchemaError,
    cut,
    decode,
    encode,
    merge,
)
from processor.request import MAX_ADDRESS, MAX_AUDIT_ID, MAX_USER
from processor.spec import MAX_LIST_BYTES, MAX_NAME
from processor.state import NEVER, expiry_of
from rules.podspec import PodSpecFacts


def _mark(time: int, user: str = "") -> Mark:
    return Mark(time, time - 1, bytes([time % 256]), user or f"user-{time % 5}", None, f"audit-{time}")


_MARKS = st.integers(1, 40).map(_mark)
_MAYBE = st.none() | _MARKS
_OWNERS = st.builds(Owner, st.just("apps"), st.just("ReplicaSet"), st.sampled_from("ab"), st.just("u"))


def _facts(number: int) -> PodSpecFacts:
    return PodSpecFacts(
        number > 4, False, False, False, (), (), (), (f"image-{number}",), None, ()  # noqa: FBT003 - a row
    )  # fmt: skip


# What a version shows is the same whoever shows it: the digest tells events apart, and facts go with it.
_METADATA = st.integers(1, 8).map(
    lambda n: Metadata(n // 2, n % 2 == 0, bytes([n]), n > 4, n > 6, None, Owner("", "Job", str(n), "u"))
)
_SPECS = st.integers(1, 8).map(lambda n: Spec(n // 2, bytes([n]), n, _facts(n)))
_REQUESTS = st.integers(1, 24).map(lambda n: Request(n // 2, bytes([n]), "", n % 3 == 0, _facts(n % 8)))
_GENERATIONS = st.builds(
    Generation, st.integers(1, 6), st.integers(1, 3), _MAYBE, st.sampled_from([b"", b"one", b"two"])
).map(lambda generation: (generation,))
_INCARNATIONS = st.builds(
    Incarnation,
    born_s=st.just(1),
    uid=st.sampled_from("abcdef"),
    version=st.just(0),
    first_ns=st.integers(1, 40),
    created=_MAYBE,
    maker=st.none() | _OWNERS,
    asked=_MAYBE,
    gone=_MAYBE,
    changed=_MAYBE,
    alive_ns=st.integers(0, 9),
    metadata=st.none() | _METADATA,
    spec=st.none() | _SPECS,
    generations=st.just(()) | _GENERATIONS,
).flatmap(lambda seen: st.integers(0, 5).map(lambda more: _versioned(seen, more)))


def _versioned(seen: Incarnation, more: int) -> Incarnation:
    """Give an incarnation a version: those of two objects of one name never overlap."""
    return msgspec.structs.replace(seen, version=10 * "abcdef".index(seen.uid) + more)


_ENDINGS = st.builds(Ending, _MARKS, st.sampled_from(["", "a"]), st.booleans(), st.booleans())
_PIECES = st.one_of(
    _INCARNATIONS.map(lambda incarnation: History(incarnations=(incarnation,))),
    _MARKS.map(lambda mark: History(creates=(mark,), first_ns=mark.time_ns)),
    _ENDINGS.map(lambda ending: History(endings=(ending,), first_ns=ending.mark.time_ns)),
    _MARKS.map(lambda mark: History(first_ns=mark.time_ns, changed=(mark,), unread_ns=mark.time_ns)),
    _MARKS.map(lambda mark: History(entries=(mark,))),
    _MARKS.map(lambda mark: History(missed=mark)),
    _REQUESTS.map(lambda request: History(requests=(request,))),
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
            History(
                (Incarnation(time, f"uid-{time}", time, time),),
                (_mark(time),),
                (Ending(_mark(time), "", is_asked=True, is_gone=True),),
            )
            for time in range(1, 30)
        ]
    )
    assert [incarnation.born_s for incarnation in history.incarnations] == list(range(30 - MAX_INCARNATIONS, 30))
    assert [mark.time_ns for mark in history.creates] == list(range(30 - MAX_CREATES, 30))
    assert [ending.mark.time_ns for ending in history.endings] == list(range(30 - MAX_ENDINGS, 30))


def test_of_one_object_the_first_ends_and_the_last_change_stand() -> None:
    early, late = _mark(10), _mark(20)
    seen_early = Incarnation(1, "a", 1, first_ns=10, created=early, asked=early, gone=early, changed=early)
    seen_late = Incarnation(1, "a", 1, first_ns=20, created=late, asked=late, gone=late, changed=late)
    merged = merge(History((seen_late,)), History((seen_early,)))
    assert merged == History((Incarnation(1, "a", 1, 10, created=early, asked=early, gone=early, changed=late),))


def test_of_a_name_the_first_sight_and_the_last_change_stand() -> None:
    early, late = _mark(10), _mark(20)
    merged = merge(
        History(first_ns=20, changed=(late,), unread_ns=20), History(first_ns=10, changed=(early,), unread_ns=10)
    )
    assert merged == History(first_ns=10, changed=(late,), unread_ns=20)


def test_of_changes_the_last_of_each_of_the_two_last_users_stand() -> None:
    marks = [_mark(1, "mallory"), _mark(2, "alice"), _mark(3, "bob"), _mark(4, "bob"), _mark(5, "bob")]
    for order in (marks, marks[::-1]):
        assert _union([History(changed=(mark,)) for mark in order]).changed == (marks[1], marks[4])


def test_a_history_of_a_newer_version_is_refused_with_what_to_do() -> None:
    stored = b"\x07" + encode(NOTHING)[1:]
    message = "the state holds version 7, this auditstream knows 2: run the version that wrote it"
    with pytest.raises(UnknownSchemaError, match=f"^{re.escape(message)}$"):
        decode(stored)


def test_a_full_history_is_small() -> None:
    mark = Mark(2**62, 2**62, bytes(16), "u" * 40, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "a" * 36)
    owner = Owner("apps", "ReplicaSet", "web-5d4f8b7c9d", "u" * 36)
    asked = PodSpecFacts(
        privileged=True,
        host_network=True,
        host_pid=True,
        host_ipc=True,
        host_paths=("/var/run/docker.sock",),
        host_ports=("8080",),
        capabilities_added=("SYS_ADMIN",),
        images=("registry.example.com/team/web:1.2.3",) * 2,
        service_account="web",
        run_as_user=("0",),
    )
    generations = tuple(Generation(number, 2**40, mark, bytes(8)) for number in range(MAX_GENERATIONS))
    incarnation = Incarnation(
        2**31,
        "u" * 36,
        2**40,
        2**62,
        mark,
        owner,
        mark,
        mark,
        mark,
        2**62,
        Metadata(2**40, True, bytes(16), True, False, 30, owner),  # noqa: FBT003 - a row
        Spec(2**40, bytes(16), 2**62, asked),
        generations,
    )
    endings = tuple(Ending(mark, "u" * 36, is_asked=True, is_gone=True) for _ in range(MAX_ENDINGS))
    requests = tuple(Request(time, bytes(16), "u" * 36, True, asked) for time in range(3 * MAX_REQUESTS))  # noqa: FBT003 - the same
    history = History(
        (incarnation,) * MAX_INCARNATIONS,
        (mark,) * MAX_CREATES,
        endings,
        2**62,
        (mark,) * MAX_CHANGERS,
        2**62,
        requests,
        (mark,) * 2 * MAX_ENTRIES,
        mark,
    )
    assert len(encode(History((incarnation,)))) < 2_000
    assert len(encode(history)) < 14_000


def test_the_largest_history_fits_a_record_of_the_changelog() -> None:
    def text(limit: int) -> str:
        return "\U0001f600" * limit

    def mark(time: int) -> Mark:
        return Mark(2**62 + time, 2**62, bytes(16), text(MAX_USER), text(MAX_ADDRESS), text(MAX_AUDIT_ID))

    name, elements = text(MAX_NAME), tuple(f"{number:05}" for number in range(MAX_LIST_BYTES // 8))
    asked = PodSpecFacts(True, True, True, True, elements, elements, elements, elements, name, elements)  # noqa: FBT003 - a row
    owner = Owner(name, name, name, name)
    generations = tuple(Generation(2**60, 2**62, mark(number), bytes(8)) for number in range(MAX_GENERATIONS))
    told = Metadata(2**62, True, bytes(16), True, True, 2**60, owner)  # noqa: FBT003 - a row
    spec = Spec(2**62, bytes(16), 2**62, asked)
    incarnation = Incarnation(
        2**40, name, 2**62, 2**62, mark(1), owner, mark(2), mark(3), mark(4), 2**62, told, spec, generations
    )
    history = History(
        (incarnation,) * MAX_INCARNATIONS,
        (mark(1),) * MAX_CREATES,
        (Ending(mark(1), name, is_asked=True, is_gone=True),) * MAX_ENDINGS,
        2**62,
        (mark(1),) * MAX_CHANGERS,
        2**62,
        (Request(2**62, bytes(16), name, True, asked),) * 3 * MAX_REQUESTS,  # noqa: FBT003 - a row
        (mark(1),) * 2 * MAX_ENTRIES,
        mark(1),
    )
    assert len(encode(history)) < 512 * 1024


def test_it_is_told_how_much_was_cut() -> None:
    pieces = [
        History((Incarnation(time, f"uid-{time}", time, time),), (_mark(time),), entries=(_mark(time),))
        for time in range(1, 20)
    ]
    whole = _union(pieces[:-1])
    merged = merge(whole, pieces[-1])
    assert cut(whole, pieces[-1], merged) == 3  # an object, a creation, a way in
    assert cut(whole, pieces[-2], merge(whole, pieces[-2])) == 0
    assert cut(NOTHING, pieces[0], pieces[0]) == 0


def test_of_ways_in_the_first_and_the_last_are_kept() -> None:
    entries = _union([History(entries=(_mark(time),)) for time in range(1, 30)]).entries
    assert [mark.time_ns for mark in entries] == [1, 2, 3, 4, 26, 27, 28, 29]


def test_of_a_generation_the_first_sight_stands_and_the_template_of_any() -> None:
    early, late = _mark(10), _mark(20)
    seen = [
        Generation(2, 7, late, b"t"),
        Generation(2, 5, None, b""),
        Generation(2, 5, early, b""),
        Generation(1, 9, late, b""),
    ]
    whole = _union([History((Incarnation(1, "a", 1, 1, generations=(one,)),)) for one in seen])
    assert whole.incarnations[0].generations == (Generation(1, 9, late, b""), Generation(2, 5, early, b"t"))


def test_of_facts_those_of_the_highest_version_stand() -> None:
    seen = [Incarnation(1, "a", 1, 1, spec=Spec(n, bytes([n]), 9 - n, _facts(n))) for n in (3, 5, 4)]
    whole = _union([History((one,)) for one in seen])
    assert whole.incarnations[0].spec == Spec(5, b"\x05", 4, _facts(5))


def test_no_request_pushes_one_of_another_sort_out() -> None:
    def asked(time: int, number: int, *, is_whole: bool) -> Request:
        return Request(time, bytes([time]), "", is_whole, _facts(number))

    whole = asked(1, 9, is_whole=True)
    dangerous = [asked(time, 9, is_whole=False) for time in range(2, 2 + MAX_REQUESTS)]
    harmless = [asked(time, 0, is_whole=False) for time in range(20, 40)]
    for order in ([whole, *dangerous, *harmless], [*harmless, *dangerous, whole]):
        assert _union([History(requests=(one,)) for one in order]).requests == (
            whole,
            *dangerous,
            *harmless[-MAX_REQUESTS:],
        )


def test_metadata_of_one_version_are_those_of_the_whole_object() -> None:
    partial, whole = (Metadata(4, is_whole, b"", False, False, None, None) for is_whole in (False, True))  # noqa: FBT003 - rows
    merged = _union([History((Incarnation(1, "a", 1, 1, metadata=one),)) for one in (whole, partial)])
    assert merged.incarnations[0].metadata == whole


def test_a_stored_history_says_when_it_may_be_forgotten() -> None:
    assert (expiry_of(encode(NOTHING)), expiry_of(encode(NOTHING, 7))) == (NEVER, 7)
