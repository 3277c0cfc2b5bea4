"""Facts derived from a history: of which object, and as of when."""

from collections.abc import Mapping

import pytest

from processor.facts import Scene, TargetFacts
from processor.history import NOTHING, Ending, History, Incarnation, Mark, merge
from processor.lives import lives_of
from processor.request import ObjectName
from rules.event import FactValue

_SECOND = 1_000_000_000

_OF_A_LIFE = (
    "resource.before.exists",
    "resource.exists",
    "resource.created.user",
    "resource.created.source_ip",
    "resource.created.time",
    "resource.deleted.user",
    "resource.lifetime_seconds",
)


def facts(history: History, mark: Mark, uid: str, *, is_left: bool) -> Mapping[str, FactValue]:
    """Return what an event is told of its object's life."""
    target = ObjectName("", "configmaps", "shop", "web")
    told = TargetFacts(Scene(target, mark, uid, is_left, 0, NOTHING, history, (), lambda _: []))
    return {name: told[name] for name in _OF_A_LIFE if name in told}


def _mark(seconds: float, user: str = "alice", source_ip: str | None = None) -> Mark:
    time_ns = int(seconds * _SECOND)
    return Mark(time_ns, time_ns - 1, str(seconds).encode(), user, source_ip, "")


def _told(*pieces: History) -> History:
    whole = NOTHING
    for piece in pieces:
        whole = merge(whole, piece)
    return whole


def _create(mark: Mark) -> History:
    return History(creates=(mark,), first_ns=mark.time_ns)


def _ending(mark: Mark, uid: str = "", *, is_asked: bool = True, is_gone: bool = True) -> History:
    return History(endings=(Ending(mark, uid, is_asked, is_gone),), first_ns=mark.time_ns)


def test_nothing_is_known_of_a_name_that_was_never_seen() -> None:
    assert facts(NOTHING, _mark(1), "", is_left=False) == {}
    assert facts(NOTHING, _mark(1), "a", is_left=False) == {}


def test_the_facts_of_a_target_are_a_mapping_like_any_other() -> None:
    target = ObjectName("", "configmaps", "shop", "web")
    made = _mark(1)
    known = TargetFacts(Scene(target, made, "", True, 0, NOTHING, _create(made), (), lambda _: []))  # noqa: FBT003 - that it is left
    assert dict(known) == {name: known[name] for name in known}
    assert len(known) == len(dict(known)) > 5
    assert (known.get("resource.exists"), known.get("resource.uid", "none")) == ("true", "none")
    assert "resource.uid" not in known


def test_what_happened_later_does_not_show() -> None:
    history = _told(_create(_mark(10)), _ending(_mark(30, "bob")))
    assert facts(history, _mark(5), "", is_left=False) == {}
    assert facts(history, _mark(20), "", is_left=False)["resource.exists"] == "true"
    assert "resource.deleted.user" not in facts(history, _mark(20), "", is_left=False)
    assert facts(history, _mark(40), "", is_left=False)["resource.deleted.user"] == "bob"


def test_an_event_without_a_uid_is_about_the_last_object_created_by_then() -> None:
    history = _told(_create(_mark(10, "alice")), _ending(_mark(20)), _create(_mark(30, "bob")), _ending(_mark(40)))
    assert facts(history, _mark(15), "", is_left=False)["resource.created.user"] == "alice"
    assert facts(history, _mark(25), "", is_left=False) == {
        "resource.before.exists": "false",
        "resource.exists": "false",
        "resource.created.user": "alice",
        "resource.created.time": "1970-01-01T00:00:10.000000000Z",
        "resource.deleted.user": "alice",
        "resource.lifetime_seconds": 10,
    }
    assert facts(history, _mark(35), "", is_left=False)["resource.created.user"] == "bob"


def test_a_deletion_by_uid_ends_that_object_whatever_the_clocks_say() -> None:
    made = Incarnation(100, "a", 100, 100 * _SECOND, created=_mark(100.5))
    history = _told(History((made,)), _ending(_mark(99, "bob"), "a"))
    told = facts(history, _mark(99, "bob"), "a", is_left=False)
    assert (told["resource.exists"], told["resource.lifetime_seconds"]) == ("false", 0)


def test_a_deletion_of_another_uid_is_of_an_object_that_is_older() -> None:
    made = Incarnation(100, "b", 100, 100 * _SECOND, created=_mark(100.5, "carol"))
    history = _told(History((made,)), _ending(_mark(101), "a"))
    assert facts(history, _mark(101), "a", is_left=False) == {
        "resource.exists": "false",
        "resource.deleted.user": "alice",
    }
    assert facts(history, _mark(100.7), "b", is_left=False)["resource.exists"] == "true"


def test_a_deletion_by_uid_is_of_the_object_whose_creation_did_not_show_one() -> None:
    history = _told(_create(_mark(10, "alice")), _ending(_mark(20, "bob"), "a"))
    told = facts(history, _mark(20, "bob"), "a", is_left=False)
    assert (told["resource.created.user"], told["resource.lifetime_seconds"]) == ("alice", 10)


def test_of_two_creations_within_a_second_each_made_what_was_seen_after_it() -> None:
    for first, second in (("a", "b"), ("b", "a")):
        history = _told(
            History((Incarnation(100, first, 100, int(100.3 * _SECOND)),)),
            History((Incarnation(100, second, 100, 101 * _SECOND),)),
            _create(_mark(100.2, "alice")),
            _create(_mark(100.4, "bob")),
        )
        creators = [facts(history, _mark(200), uid, is_left=False)["resource.created.user"] for uid in (first, second)]
        assert creators == ["alice", "bob"]


def test_what_is_seen_later_is_the_last_of_two_creations_within_a_second() -> None:
    history = _told(
        _create(_mark(100.2, "alice")),
        _ending(_mark(100.3)),
        _create(_mark(100.4, "bob")),
        History((Incarnation(100, "a", 100, 101 * _SECOND),)),
    )
    told = facts(history, _mark(200), "a", is_left=False)
    assert (told["resource.exists"], told["resource.created.user"]) == ("true", "bob")


@pytest.mark.parametrize("seconds", [90, 250])
def test_a_creation_at_another_time_is_not_that_of_the_object_seen_later(seconds: float) -> None:
    history = _told(History((Incarnation(100, "a", 100, 300 * _SECOND),)), _create(_mark(seconds)))
    assert "resource.created.user" not in facts(history, _mark(400), "a", is_left=False)


def test_an_event_of_an_object_that_was_forgotten_has_no_facts() -> None:
    newer = [History((Incarnation(time, f"uid-{time}", time, time),)) for time in range(10, 20)]
    assert facts(_told(*newer), _mark(10), "uid-10", is_left=False) == {}


def test_a_finalize_ends_only_what_is_being_deleted() -> None:
    finalized = _ending(_mark(20), is_asked=False)
    made = _create(_mark(10))
    assert facts(_told(made, finalized), _mark(30), "", is_left=False)["resource.exists"] == "true"
    asked = _ending(_mark(15), is_gone=False)
    assert facts(_told(made, asked, finalized), _mark(30), "", is_left=False)["resource.exists"] == "false"
    late = _ending(_mark(25), is_gone=False)
    assert facts(_told(made, late, finalized), _mark(30), "", is_left=False)["resource.exists"] == "true"


def test_users_and_addresses_that_an_event_did_not_say_are_absent() -> None:
    history = _told(_create(_mark(10, "")), _ending(_mark(20, "")))
    told = facts(history, _mark(30), "", is_left=False)
    assert not {"resource.created.user", "resource.created.source_ip", "resource.deleted.user"} & told.keys()


def test_the_first_to_ask_for_a_deletion_is_told() -> None:
    asked = Incarnation(10, "a", 10, 10 * _SECOND, created=_mark(10.5), asked=_mark(20, "bob"))
    history = _told(History((asked,)), _ending(_mark(15, "carol"), "a", is_gone=False))
    assert facts(history, _mark(30), "a", is_left=False)["resource.deleted.user"] == "carol"
    assert facts(history, _mark(17), "a", is_left=False)["resource.deleted.user"] == "carol"


def test_what_is_deleted_while_its_creation_is_answered_was_that_creation_s() -> None:
    slow = Mark(20 * _SECOND, 10 * _SECOND, b"slow", "alice", None, "")
    deleted = _mark(15, "bob")
    history = _told(_create(slow), _ending(deleted))
    assert facts(history, deleted, "", is_left=False)["resource.created.user"] == "alice"
    assert facts(history, slow, "", is_left=True) == {
        "resource.exists": "true",
        "resource.created.user": "alice",
        "resource.created.time": "1970-01-01T00:00:20.000000000Z",
    }
    # A request that failed in that time tells nothing of it.
    assert facts(_told(_create(slow)), _mark(15), "", is_left=False) == {}
    assert facts(_told(_create(slow)), _mark(15), "", is_left=True)["resource.exists"] == "true"


def test_what_happened_to_no_object_that_is_known_is_nobodys() -> None:
    history = History((Incarnation(100, "a", 1, 100 * _SECOND),), changed=(_mark(50),), entries=(_mark(50),))
    (life,) = lives_of(history, "Pod")
    assert (life.entered, life.changed_unseen) == (None, ())
