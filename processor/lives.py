"""Who created what, who asked for its deletion, whether it lives: derived from a history when it is asked for. PURE.

Called by `processor.inventory`, `processor.owners` and `processor.listing`. A life is one object of a name, from its
creation to its end. What is derived is as of a moment: what happened later, and is known already because events came
out of order, does not show in it. So a repeat of an event is told what its first copy was told.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from processor.history import MAX_REQUESTS, Ending, Generation, History, Incarnation, Mark, Metadata, Owner, sort_of
from processor.spec import SpecFacts, joined
from rules.times import NANOSECONDS

_DEFAULT_GRACE_SECONDS: Final = 30
_LINGER_SECONDS: Final = 60
"""So long after its grace a pod whose deletion was asked for counts as gone, though its end was not seen."""


@dataclass(slots=True)
class Life:
    """One object of a name."""

    start_ns: int
    """Its creation, where `is_begin_known`; else the first that was seen of it."""
    first_ns: int
    """The first that was seen of it, later than its creation where that was not seen."""
    is_begin_known: bool = False
    uid: str = ""
    """Empty where no event said it."""
    created: Mark | None = None
    maker: Owner | None = None
    """The owner that its creation gave it."""
    asked: Mark | None = None
    gone: Mark | None = None
    alive_ns: int = 0
    entered: Mark | None = None
    """The first way into it."""
    metadata: Metadata | None = None
    generations: tuple[Generation, ...] = ()
    changed_unseen: tuple[Mark, ...] = ()
    """The last changes of it that did not show what they changed, one of a user, in order."""
    facts: SpecFacts | None = None
    facts_version: int = 0
    """The version that showed them, 0 where none did."""
    facts_ns: int = 0
    are_facts_whole: bool = True
    """False where only patches said something, or something may be missing: what was not said is not known."""

    def end(self, ending: Ending) -> None:
        """Take in a deletion; they come in order."""
        if ending.is_asked:
            self.asked = _first(self.asked, ending.mark)
        # `finalize` may be called on a namespace that lives, too: one whose answer is not shown ends what was deleted.
        if ending.is_gone and (ending.is_asked or ending.uid or is_before(self.asked, ending.mark)):
            self.gone = _first(self.gone, ending.mark)

    @property
    def owner(self) -> Owner | None:
        """Return the controller that owns it, as it says last."""
        return self.maker if self.metadata is None else self.metadata.owner

    @property
    def is_end_presumed(self) -> bool:
        """Tell whether its end was not seen, but followed from what was."""
        return self.gone is not None and not self.gone.digest

    @property
    def begin_ns(self) -> int | None:
        """Return when it was created, None where that is not known."""
        return self.start_ns if self.is_begin_known else None


def life_of(lives: list[Life], mark: Mark, uid: str, *, took_effect: bool) -> Life | None:
    """Return the life that an event belongs to: by uid, by what it did, else the one of its time."""
    for life in lives:
        if (uid and life.uid == uid) or mark in (life.created, life.asked, life.gone):
            return life
    return None if uid else life_at(lives, mark.time_ns, took_effect=took_effect)


def life_at(lives: list[Life], time_ns: int, *, took_effect: bool = True) -> Life | None:
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


def lives_of(history: History, kind: str, sweeps: Iterable[Ending] = ()) -> list[Life]:
    """Return the lives of a name of a kind, in no order.

    `sweeps` are deletions of all that there was of the kind in the namespace, in order.
    """
    # Incarnations first, then what the events add that do not show the object.
    lives = [_incarnated(incarnation) for incarnation in history.incarnations]
    # The last first: of what was created within one second, the last is what is seen later.
    for create in reversed(history.creates):
        _add_create(lives, create)
    if history.first_ns is not None and life_at(lives, history.first_ns) is None:
        lives.append(Life(history.first_ns, history.first_ns))
    endings = [(ending, True) for ending in history.endings] + [(sweep, False) for sweep in sweeps]
    for ending, is_own in sorted(endings):
        if is_own:
            _holder(lives, ending).end(ending)
        else:
            for life in lives:
                _sweep(life, ending)
    if kind == "Pod":
        for life in lives:
            _end_of_grace(life, history.missed)
    _tell(lives, history)
    return lives


def _incarnated(incarnation: Incarnation) -> Life:
    created, spec = incarnation.created, incarnation.spec
    life = Life(
        start_ns=incarnation.born_s * NANOSECONDS if created is None else created.time_ns,
        first_ns=incarnation.first_ns,
        is_begin_known=True,
        uid=incarnation.uid,
        created=created,
        maker=incarnation.maker,
        asked=incarnation.asked,
        gone=incarnation.gone,
        alive_ns=incarnation.alive_ns,
        metadata=incarnation.metadata,
        generations=incarnation.generations,
    )
    if spec is not None:
        life.facts, life.facts_version, life.facts_ns = spec.facts, spec.version, spec.time_ns
    return life


def _add_create(lives: list[Life], create: Mark) -> None:
    """Give a creation that did not show its object to the one that came of it, if that was seen later."""
    came_of_it = [life for life in lives if _may_come_of(create, life)]
    if came_of_it:
        life = max(came_of_it, key=lambda life: life.first_ns)
        life.created, life.start_ns = create, create.time_ns
    else:
        lives.append(Life(create.time_ns, create.time_ns, is_begin_known=True, created=create))


def _may_come_of(create: Mark, life: Life) -> bool:
    if not life.uid or life.created is not None:
        return False
    # `creationTimestamp` is read from the clock that stamps the event too, while the request is served.
    served = range(create.received_ns // NANOSECONDS, create.time_ns // NANOSECONDS + 1)
    return life.start_ns // NANOSECONDS in served and life.first_ns > create.received_ns


def _holder(lives: list[Life], ending: Ending) -> Life:
    """Return the life that a deletion belongs to: by uid, else the one of its time, unless that is another's."""
    for life in lives:
        if ending.uid and life.uid == ending.uid:
            return life
    found = life_at(lives, ending.mark.time_ns)
    if found is None or (ending.uid and found.uid) or (ending.is_asked and is_before(found.gone, ending.mark)):
        # What is gone cannot be deleted: it is another object, whose creation was not seen.
        found = Life(ending.mark.time_ns, ending.mark.time_ns)
        lives.append(found)
    found.uid = found.uid or ending.uid
    return found


def _sweep(life: Life, sweep: Ending) -> None:
    """Take in a deletion of everything, if the object was there then, and was not seen alive after it."""
    time_ns = sweep.mark.time_ns
    if life.first_ns > time_ns or is_before(life.gone, sweep.mark) or life.alive_ns > time_ns:
        return
    # What was made while it was served came after it: a controller makes at once again what it misses.
    made_ns = life.created.received_ns if life.created is not None else life.begin_ns
    if made_ns is not None and sweep.mark.received_ns and made_ns > sweep.mark.received_ns:
        return
    life.asked = _first(life.asked, sweep.mark)
    if sweep.is_gone and (life.metadata is None or not life.metadata.has_finalizers):
        life.gone = _first(life.gone, sweep.mark)


def _end_of_grace(life: Life, missed: Mark | None) -> None:
    """End a pod whose deletion was asked for, when a later one found nothing, or its grace is long over."""
    if life.asked is None or life.gone is not None:
        return
    told = life.metadata
    if told is not None and told.has_finalizers:
        return
    grace = None if told is None or not told.is_deleting else told.grace_seconds
    seconds = (_DEFAULT_GRACE_SECONDS if grace is None else grace) + _LINGER_SECONDS
    over = Mark(life.asked.time_ns + seconds * NANOSECONDS, 0, b"", "", None, "")
    life.gone = min(over, missed) if missed is not None and missed > life.asked else over


def _tell(lives: list[Life], history: History) -> None:
    """Give each life what was asked for and done without showing it."""
    if history.requests or history.unread_ns:
        _tell_requests(lives, history)
    for entry in reversed(history.entries):
        life = life_at(lives, entry.time_ns)
        if life is not None:
            life.entered = entry
    for change in history.changed:
        life = life_at(lives, change.time_ns)
        if life is not None:
            life.changed_unseen = (*life.changed_unseen, change)


def _tell_requests(lives: list[Life], history: History) -> None:
    for request in history.requests:
        life = next((life for life in lives if request.uid and life.uid == request.uid), None)
        life = life or (None if request.uid else life_at(lives, request.time_ns))
        if life is None or request.time_ns <= life.facts_ns:
            continue
        if request.is_whole or life.facts is None:
            life.facts, life.are_facts_whole = request.facts, request.is_whole
        else:
            life.facts = joined(life.facts, request.facts)
        if request.is_whole:
            life.facts_ns = request.time_ns
    # Where all places are taken, older patches may have been cut.
    patches = Counter(sort_of(request) for request in history.requests if not request.is_whole)
    oldest = {sort_of(request): request.time_ns for request in reversed(history.requests)}
    missing = [oldest[sort] for sort, count in patches.items() if count == MAX_REQUESTS]
    for life in lives:
        if any(
            life.facts_ns < time_ns and life_at(lives, time_ns) is life for time_ns in (*missing, history.unread_ns)
        ):
            life.are_facts_whole = False


def is_before(mark: Mark | None, moment: Mark) -> bool:
    """Tell whether something had happened before a moment."""
    return mark is not None and mark < moment


def is_until(mark: Mark | None, moment: Mark) -> bool:
    """Tell whether something had happened by a moment, or at it."""
    return mark is not None and mark <= moment


def _first(one: Mark | None, other: Mark) -> Mark:
    return other if one is None else min(one, other)
