"""The `resource.*` facts of one event: what is known of its target after it, and before it. PURE.

Made by `processor.inventory`; read by the fields of `rules.resource_fields` and by alerts. They are worked out when the
first of them is asked for, and only then: most events meet no rule that does.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from processor.history import Ending, History, Mark
from processor.lives import Life, is_before, is_until, life_of, lives_of
from processor.owners import Find, Happened, root_of
from processor.request import ObjectName
from processor.spec import SpecFacts
from rules.event import FactValue
from rules.fields import boolean
from rules.podspec import FLAGS, LISTS, PodSpecFacts, distinct
from rules.times import NANOSECONDS, iso_time

_PREFIX: Final = "resource."
_BEFORE: Final = "resource.before."
_YES: Final = boolean(True)  # noqa: FBT003 - the claim is all there is
_NO: Final = boolean(False)  # noqa: FBT003 - the same

_Found = dict[str, FactValue | None]
"""Facts by what stands behind the prefix; None for what is not known."""


class Scene(NamedTuple):
    """An event, and what is remembered of its target."""

    target: ObjectName
    mark: Mark
    uid: str
    """What the event says of the object; empty where it does not."""
    is_left: bool
    """That the event shows that there was an object after it: whatever else is known, it was there then."""
    version: int
    """`resourceVersion` of the whole object that the event shows, 0 where it shows none."""
    known: History
    """Before the event was taken in."""
    history: History
    """After it."""
    sweeps: tuple[Ending, ...]
    """Deletions of all that there was of the resource in the namespace."""
    find: Find


class TargetFacts(Mapping[str, FactValue]):
    """The facts of a scene, by field name."""

    def __init__(self, scene: Scene) -> None:
        self._scene: Final = scene
        self._found: Mapping[str, FactValue] | None = None

    def _facts(self) -> Mapping[str, FactValue]:
        if self._found is None:
            # Before the event and after it owners are the same: they are looked up once.
            self._found = _facts_of(self._scene._replace(find=cache(self._scene.find)))
        return self._found

    def __getitem__(self, name: str) -> FactValue:
        return self._facts()[name]

    # Most facts are absent in most events: a Mapping's own way to find that out is to raise and catch.

    def get(self, name: str, otherwise: Any = None, /) -> Any:  # noqa: ANN401 - as of a Mapping
        """Return a fact, or something else where it is absent."""
        return self._facts().get(name, otherwise)

    def __contains__(self, name: object) -> bool:
        return name in self._facts()

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts())

    def __len__(self) -> int:
        return len(self._facts())


def bulk_facts(names: tuple[str, ...], count: int) -> Mapping[str, FactValue]:
    """Return the facts of an event that deleted many objects."""
    found: dict[str, FactValue] = {"resource.count": count}
    if names:
        found["resource.names"] = names
    return found


def _facts_of(scene: Scene) -> Mapping[str, FactValue]:
    kind, mark = scene.target.kind, scene.mark
    lives = lives_of(scene.history, kind, scene.sweeps)
    life = life_of(lives, mark, scene.uid, took_effect=scene.is_left)
    if life is None:
        return {}
    # What was only presumed to be gone, and is there, was not.
    is_over = is_before(life.gone, mark) and not (scene.is_left and life.is_end_presumed)
    if scene.is_left and is_over and not scene.uid and life.created != mark:
        # Another object of the name, whose creation was not seen, or one whose end was no end. It is not known whose.
        return {"resource.before.exists": _YES, "resource.exists": _YES}
    after = _told_by(scene, life, is_until)
    if scene.is_left:
        after |= {"exists": _YES, "lifetime_seconds": None}
    if life.created == mark:
        after |= {"deleted.user": None, "deleted.time": None}  # asked for while the creation was answered
    told = {_PREFIX + name: value for name, value in after.items()}
    existed = _existed(lives, life, mark, is_over=is_over and not scene.is_left)
    if existed is not None:
        told |= {_BEFORE + name: value for name, value in _before(scene, lives, life).items()}
        told[_BEFORE + "exists"] = existed
    return {name: value for name, value in told.items() if value is not None}


def _before(scene: Scene, lives: list[Life], life: Life) -> _Found:
    """Return what was known before the event: of the object, or of the one that had its name last."""
    if life.created != scene.mark:
        return _told_by(scene, life, is_before) | _spec_before(scene)
    former = (other for other in lives if other is not life and other.start_ns < life.start_ns)
    last = max(former, key=lambda other: other.start_ns, default=None)
    return {} if last is None else _told_by(scene, last, is_before) | {"age_seconds": None}


def _existed(lives: list[Life], life: Life, mark: Mark, *, is_over: bool) -> str | None:
    """Tell whether there was an object of the name before the event; None where none was ever seen."""
    if life.created == mark:
        # A creation succeeds only where nothing is: what had the name before is gone, whether or not that was seen.
        was_seen = any(other.start_ns < mark.time_ns for other in lives if other is not life)
        return _NO if was_seen else None
    if is_over:
        return _NO
    return _YES if life.created is not None or life.first_ns < mark.time_ns else None


def _told_by(scene: Scene, life: Life, compare: Callable[[Mark | None, Mark], bool]) -> _Found:
    """Return what is known of a life as of an event: what had happened by it, or before it."""
    had_happened: Happened = lambda mark: compare(mark, scene.mark)  # noqa: E731 - named for who reads the next line
    return Told(scene.target, life, scene.find, scene.mark.time_ns, had_happened).facts()


class Told:
    """What is known of one life as of a moment."""

    def __init__(self, target: ObjectName, life: Life, find: Find, time_ns: int, had_happened: Happened) -> None:
        self._target: Final = target
        self._life: Final = life
        self._find: Final = find
        self._time_ns: Final = time_ns
        self._had_happened: Final = had_happened

    def facts(self) -> _Found:
        """Return all facts, by what stands behind `resource.`; None for what is not known."""
        life = self._life
        begin_ns = life.begin_ns
        gone, asked, entered = self._happened(life.gone), self._happened(life.asked), self._happened(life.entered)
        found: _Found = {
            "exists": _YES if gone is None else _NO,
            "uid": life.uid or None,
            "created.time": None if begin_ns is None else iso_time(begin_ns, "Z"),
            "created.user": _user(life.created),
            "created.source_ip": _place(life.created),
            "deleted.user": _user(asked),
            "deleted.time": _time(asked),
            "entered.user": _user(entered),
            "entered.time": _time(entered),
            **self._owners(),
            **spec_facts(life.facts, is_whole=life.are_facts_whole),
        }
        if begin_ns is not None:
            # Clocks of several API servers may differ by more than a short life.
            end_ns = self._time_ns if gone is None else gone.time_ns
            found["age_seconds"] = max(0, self._time_ns - begin_ns) // NANOSECONDS
            found["lifetime_seconds"] = None if gone is None else max(0, end_ns - begin_ns) // NANOSECONDS
        return found

    def _happened(self, what: Mark | None) -> Mark | None:
        return what if what is not None and self._had_happened(what) else None

    def _owners(self) -> _Found:
        owner = self._life.owner
        root = root_of(self._target, self._life, self._find, self._had_happened)
        person = None if root is None else root.author
        return {
            "owner.kind": (owner and owner.kind) or None,
            "owner.name": (owner and owner.name) or None,
            "root.kind": root and root.kind,
            "root.name": root and root.name,
            "root.user": _user(person),
            "root.source_ip": _place(person),
        }


def _user(mark: Mark | None) -> str | None:
    return None if mark is None else mark.user or None


def _place(mark: Mark | None) -> str | None:
    return None if mark is None else mark.source_ip


def _time(mark: Mark | None) -> str | None:
    return None if mark is None else iso_time(mark.time_ns, "Z")


def _spec_before(scene: Scene) -> _Found:
    """Return what the object asked for before the event: what was known of it then, unless that is newer."""
    lives = lives_of(scene.known, scene.target.kind)
    known = life_of(lives, scene.mark, scene.uid, took_effect=True)
    if known is None or (scene.version and known.facts_version >= scene.version):
        return spec_facts(None, is_whole=True)
    return spec_facts(known.facts, is_whole=known.are_facts_whole)


_NOTHING_OF_A_SPEC: Final[Mapping[str, None]] = dict.fromkeys(
    (*FLAGS, *LISTS, "service_account", "role", "role_kind", "subjects")
)


def spec_facts(facts: SpecFacts | None, *, is_whole: bool) -> _Found:
    """Return what a spec asks for; of what only patches said, only what they ask for."""
    found: _Found = dict(_NOTHING_OF_A_SPEC)
    if facts is None:
        return found
    if not isinstance(facts, PodSpecFacts):
        return found | {
            "role": facts.role,
            "role_kind": facts.role_kind,
            "subjects": facts.subjects or None,
        }
    flags = {name: show(facts) for name, show in FLAGS.items()}
    return found | {
        **{name: boolean(flag) for name, flag in flags.items() if flag or is_whole},
        **{name: distinct(show(facts)) or None for name, show in LISTS.items()},
        "service_account": facts.service_account,
    }
