"""Who created what, who asked for its deletion, whether it lives: derived from a history when it is asked for. PURE.

Called by `processor.inventory` for one event at a time. A life is one object of a name, from its creation to its end.
Facts are told as of the event: what happened later, and is known already because events came out of order, does not
show in them. So a repeat of an event gets the facts of its first copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from processor.history import Ending, History, Incarnation, Mark
from rules.event import FactValue
from rules.fields import boolean
from rules.times import iso_time

_NANOSECONDS: Final = 1_000_000_000
_YES: Final = boolean(True)  # noqa: FBT003 - the claim is all there is
_NO: Final = boolean(False)  # noqa: FBT003 - the same


@dataclass(slots=True)
class _Life:
    """One object of a name."""

    start_ns: int
    """Its creation, where `is_begin_known`; else the first that was seen of it."""
    first_ns: int
    """The first that was seen of it, later than its creation where that was not seen."""
    is_begin_known: bool = False
    uid: str = ""
    """Empty where no event said it."""
    created: Mark | None = None
    asked: Mark | None = None
    gone: Mark | None = None

    def end(self, ending: Ending) -> None:
        """Take in a deletion; they come in order."""
        if ending.is_asked:
            self.asked = _first(self.asked, ending.mark)
        # `finalize` may be called on a namespace that lives, too: one whose answer is not shown ends what was deleted.
        if ending.is_gone and (ending.is_asked or ending.uid or _is_before(self.asked, ending.mark)):
            self.gone = _first(self.gone, ending.mark)


def facts(history: History, mark: Mark, uid: str, *, is_left: bool) -> Mapping[str, FactValue]:
    """Return the `resource.*` facts of the object that an event is about, as of that event.

    `uid` is what the event says of the object; empty where it does not. `is_left` says that the event is a write that
    succeeded and did not end the object: whatever else is known, it was there then.
    """
    lives = _lives(history)
    life = _life_of(lives, mark, uid, took_effect=is_left)
    if life is None:
        return {}
    is_over = _is_before(life.gone, mark)
    if is_left and is_over and not uid and life.created != mark:
        # Another object of the name, whose creation was not seen, or one whose end was no end. It is not known whose.
        return {"resource.before.exists": _YES, "resource.exists": _YES}
    gone = life.gone if not is_left and _is_until(life.gone, mark) else None
    asked = life.asked if life.created != mark and _is_until(life.asked, mark) else None
    begin_ns = life.start_ns if life.is_begin_known else None
    found: dict[str, FactValue | None] = {
        "resource.before.exists": _existed(lives, life, mark, is_over=is_over and not is_left),
        "resource.exists": _YES if gone is None else _NO,
        "resource.created.user": (life.created and life.created.user) or None,
        "resource.created.source_ip": None if life.created is None else life.created.source_ip,
        "resource.created.time": None if begin_ns is None else iso_time(begin_ns, "Z"),
        "resource.deleted.user": (asked and asked.user) or None,
    }
    if gone is not None and begin_ns is not None:
        # Clocks of several API servers may differ by more than a short life.
        found["resource.lifetime_seconds"] = max(0, gone.time_ns - begin_ns) // _NANOSECONDS
    return {name: value for name, value in found.items() if value is not None}


def _existed(lives: list[_Life], life: _Life, mark: Mark, *, is_over: bool) -> str | None:
    """Tell whether there was an object of the name before the event; None where none was ever seen."""
    if life.created == mark:
        # A creation succeeds only where nothing is: what had the name before is gone, whether or not that was seen.
        was_seen = any(other.start_ns < mark.time_ns for other in lives if other is not life)
        return _NO if was_seen else None
    if is_over:
        return _NO
    return _YES if life.created is not None or life.first_ns < mark.time_ns else None


def _life_of(lives: list[_Life], mark: Mark, uid: str, *, took_effect: bool) -> _Life | None:
    """Return the life that an event belongs to: by uid, by what it did, else the one of its time."""
    for life in lives:
        if (uid and life.uid == uid) or mark in (life.created, life.asked, life.gone):
            return life
    return None if uid else _at(lives, mark.time_ns, took_effect=took_effect)


def _at(lives: list[_Life], time_ns: int, *, took_effect: bool = True) -> _Life | None:
    """Return the life of a time: the last one begun by then, if any."""
    begun = [life for life in lives if life.start_ns <= time_ns]
    last = max(begun, key=lambda life: life.start_ns, default=None)
    if not took_effect or (last is not None and (last.gone is None or last.gone.time_ns >= time_ns)):
        return last
    # A creation is stamped when it has been answered. By then its object may have been changed, or even deleted.
    served = [
        life for life in lives if life.created is not None and 0 < life.created.received_ns < time_ns < life.start_ns
    ]
    return min(served, key=lambda life: life.start_ns, default=last)


# From a history to lives: incarnations first, then what the events add that do not show the object.


def _lives(history: History) -> list[_Life]:
    lives = [_incarnated(incarnation) for incarnation in history.incarnations]
    # The last first: of what was created within one second, the last is what is seen later.
    for create in reversed(history.creates):
        _add_create(lives, create)
    if history.first_ns is not None and _at(lives, history.first_ns) is None:
        lives.append(_Life(history.first_ns, history.first_ns))
    for ending in history.endings:
        _holder(lives, ending).end(ending)
    return lives


def _incarnated(incarnation: Incarnation) -> _Life:
    created = incarnation.created
    return _Life(
        start_ns=incarnation.born_s * _NANOSECONDS if created is None else created.time_ns,
        first_ns=incarnation.first_ns,
        is_begin_known=True,
        uid=incarnation.uid,
        created=created,
        asked=incarnation.asked,
        gone=incarnation.gone,
    )


def _add_create(lives: list[_Life], create: Mark) -> None:
    """Give a creation that did not show its object to the one that came of it, if that was seen later."""
    came_of_it = [life for life in lives if _may_come_of(create, life)]
    if came_of_it:
        life = max(came_of_it, key=lambda life: life.first_ns)
        life.created, life.start_ns = create, create.time_ns
    else:
        lives.append(_Life(create.time_ns, create.time_ns, is_begin_known=True, created=create))


def _may_come_of(create: Mark, life: _Life) -> bool:
    if not life.uid or life.created is not None:
        return False
    # `creationTimestamp` is read from the clock that stamps the event too, while the request is served.
    served = range(create.received_ns // _NANOSECONDS, create.time_ns // _NANOSECONDS + 1)
    return life.start_ns // _NANOSECONDS in served and life.first_ns > create.received_ns


def _holder(lives: list[_Life], ending: Ending) -> _Life:
    """Return the life that a deletion belongs to: by uid, else the one of its time, unless that is another's."""
    for life in lives:
        if ending.uid and life.uid == ending.uid:
            return life
    found = _at(lives, ending.mark.time_ns)
    if found is None or (ending.uid and found.uid) or (ending.is_asked and _is_before(found.gone, ending.mark)):
        # What is gone cannot be deleted: it is another object, whose creation was not seen.
        found = _Life(ending.mark.time_ns, ending.mark.time_ns)
        lives.append(found)
    found.uid = found.uid or ending.uid
    return found


def _is_before(mark: Mark | None, moment: Mark) -> bool:
    return mark is not None and mark < moment


def _is_until(mark: Mark | None, moment: Mark) -> bool:
    return mark is not None and mark <= moment


def _first(one: Mark | None, other: Mark) -> Mark:
    return other if one is None else min(one, other)
