"""Which rules of a pack an audit policy blinds, found without any event: `gaps`.

Of each request that there can be, a policy says what is told, and a rule's condition whether it may match: what the
condition asks of the request's verb, target and user is known, everything else may be so or not. Where it may match,
each field that is still open in it, or shown in the output, must be told. What a field reads of the bodies is observed:
it is read from an event that notes which of its members are asked for.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

import msgspec

from rules.conditions import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    FieldOperand,
    Leaf,
    Negation,
    OperandComparison,
    TextConstant,
    TextList,
    Transformed,
    leaves,
)
from rules.document import Value
from rules.event import Event
from rules.fields import Field
from rules.interpreter import evaluate
from rules.nodes import FieldRef
from rules.output import Placeholder
from rules.podspec import volume_paths
from rules.ruleset import Rule
from tests.deploy.audit_policy import Decision, Policy, Request, decide, rules_about
from tests.deploy.kubernetes_api import BODILESS, PERSON, User, as_event, requests, users
from wire.tracked import keyed

_SHOWN: Final = {
    "None": frozenset[str](),
    "Metadata": frozenset[str](),
    "Request": frozenset({"requestObject"}),
    "RequestResponse": frozenset({"requestObject", "responseObject"}),
}
BODIES: Final = _SHOWN["RequestResponse"]
_TOLD: Final = ("ResponseStarted", "ResponseComplete")
"""Stages in which rules alert. Facts of RequestReceived are those of the request; a Panic has no answer."""

_KNOWN: Final = frozenset(
    {
        *("ka.auditid", "ka.stage", "ka.verb"),
        *("ka.target.resource", "ka.target.subresource", "jevt.value[/objectRef/apiGroup]"),
    }
)
_KNOWN_OF_USERS: Final = frozenset({"ka.user.name", "ka.user.groups"})
_KNOWN_OF_PATHS: Final = frozenset({"ka.uri", "ka.target.name", "ka.target.namespace"})

Use = tuple[Field, str | None]
"""A field and its argument."""
Needs = dict[str, frozenset[str]]
"""Fields, and which bodies they read."""


class Gap(NamedTuple):
    """What a rule does not get to see of some requests."""

    rule: str
    missing: str
    """A field, a stage, or `the event` where nothing is told."""
    verb: str
    target: str
    """`resource/subresource`, or a path."""
    user: str
    level: str


class _Noting(Value):
    """A document that notes which members it was asked for."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.asked: set[str] = set()

    def member(self, name: str) -> Value | None:
        self.asked.add(name)
        return super().member(name)


class Question(NamedTuple):
    """A request in one of its stages, as conditions see it."""

    request: Request
    stage: str
    knows_user: bool


class _Scene:
    """The event of a question, and what has been found out about it."""

    def __init__(self, question: Question) -> None:
        self.event: Final = Event(_Noting(msgspec.json.encode(as_event(question.request, question.stage))), 0)
        self.verb: Final = self.event.string("verb") or ""
        self.verdicts: Final[dict[int, bool | None]] = {}
        """By the address of a condition: macros are asked again and again, by conditions and by rules."""
        self.reads: Final[dict[str, frozenset[str]]] = {}
        self.known: Final = _KNOWN.union(
            _KNOWN_OF_PATHS if question.request.target is None else (), _KNOWN_OF_USERS if question.knows_user else ()
        )


@cache
def _scene(question: Question) -> _Scene:
    return _Scene(question)


# --- conditions ------------------------------------------------------------------------------------------------------


@cache
def _spelt(name: str, argument: str | None) -> str:
    return str(FieldRef(name, argument, 0))


def _name(use: Use) -> str:
    field, argument = use
    return _spelt(field.name, argument)


def _is_known(use: Use, scene: _Scene) -> bool:
    return _name(use) in scene.known or _is_absent(use[0], scene)


def _is_absent(field: Field, scene: _Scene) -> bool:
    """Tell whether a field has no value in any event of such a request."""
    event = scene.event
    if field.name.startswith("podspec."):
        return event.pod_spec is None
    if field.name.startswith("persistentvolume."):
        return not volume_paths(event.target, scene.verb, (event.request_object, event.response_object))
    if field.name.startswith("resource."):
        return keyed(*event.target, scene.verb) is None
    return False


def _judge(condition: Condition, scene: _Scene) -> bool | None:
    """Return whether a condition holds for every such request, for none (False), or for some (None).

    The condition is of a rule, which lives as long as the scene: its address is its own.
    """
    place = id(condition)
    if place not in scene.verdicts:
        scene.verdicts[place] = _find_verdict(condition, scene)
    return scene.verdicts[place]


def _find_verdict(condition: Condition, scene: _Scene) -> bool | None:
    match condition:
        case Conjunction(children):
            return _first_of(children, scene, decisive=False)
        case Disjunction(children):
            return _first_of(children, scene, decisive=True)
        case Negation(child):
            verdict = _judge(child, scene)
            return None if verdict is None else not verdict
    is_known = all(_is_known(use, scene) for use in _uses(condition))
    return evaluate(condition, scene.event) if is_known else None


def _uses(condition: Leaf) -> Iterator[Use]:
    """Yield the fields that one comparison reads."""
    right = (condition.right,) if isinstance(condition, OperandComparison) else ()
    for operand in (condition.operand, *right):
        yield from _read_by(operand)


def _read_by(operand: FieldOperand | TextConstant | TextList | Transformed) -> Iterator[Use]:
    match operand:
        case FieldOperand(field, argument):
            yield field, argument
        case Transformed(arguments=inner) | TextList(inner):
            for one in inner:
                yield from _read_by(one)


def _first_of(children: Iterable[Condition], scene: _Scene, *, decisive: bool) -> bool | None:
    """Return the verdict that decides as soon as a child gives it; else None if some child is open."""
    is_open = False
    for child in children:
        verdict = _judge(child, scene)
        if verdict is decisive:
            return decisive
        is_open = is_open or verdict is None
    return None if is_open else not decisive


def _open_uses(condition: Condition, scene: _Scene) -> Iterator[Use]:
    """Yield the fields on which a condition still hangs."""
    if _judge(condition, scene) is not None:
        return
    match condition:
        case Conjunction(children) | Disjunction(children):
            for child in children:
                yield from _open_uses(child, scene)
        case Negation(child):
            yield from _open_uses(child, scene)
        case _:
            yield from _uses(condition)


def _reads(use: Use, scene: _Scene) -> frozenset[str]:
    """Return which bodies a field reads of such a request."""
    name = _name(use)
    if name not in scene.reads:
        scene.reads[name] = _find_reads(use, scene)
    return scene.reads[name]


def _find_reads(use: Use, scene: _Scene) -> frozenset[str]:
    field, argument = use
    if _is_absent(field, scene):
        return frozenset()
    if field.name.startswith("resource."):
        # The inventory reads both, to know names, uids and whether an object is gone.
        return frozenset() if scene.event.target[2] in BODILESS else BODIES
    document = _Noting(scene.event.document.raw)
    field.read(Event(document, 0), argument)
    return BODIES & document.asked


# --- policies --------------------------------------------------------------------------------------------------------


class _Asked:
    """A rule, and what it needs of each request that it was asked about."""

    def __init__(self, rule: Rule) -> None:
        self.name: Final = rule.name
        self._condition: Final = rule.condition
        self._shown: Final = {
            (operand.field, operand.argument)
            for piece in rule.output
            if isinstance(piece, Placeholder)
            for operand in piece.fields
        }
        self._known: Final[dict[Question, Needs | None]] = {}

    def missing(self, request: Request, decision: Decision, *, knows_user: bool) -> set[str]:
        """Return what the rule misses of a request of which this is told."""
        found: set[str] = set()
        for stage in _TOLD:
            needs = self._needs(Question(request, stage, knows_user))
            if needs is None:
                continue
            if decision.level == "None":
                return {"the event"}
            if stage in decision.omitted_stages:
                found.add(stage)
            found |= {name for name, bodies in needs.items() if not bodies <= _SHOWN[decision.level]}
        return found

    def _needs(self, question: Question) -> Needs | None:
        if question not in self._known:
            self._known[question] = self._find_needs(question)
        return self._known[question]

    def _find_needs(self, question: Question) -> Needs | None:
        """Return the fields that the rule hangs on and shows, with the bodies they read; None where it cannot match."""
        scene = _scene(question)
        if _judge(self._condition, scene) is False:
            return None
        uses = [*self._shown, *_open_uses(self._condition, scene)]
        return {_name(use): _reads(use, scene) for use in uses}


@cache
def _asked(rule: Rule) -> _Asked:
    """Return one for each rule: what it needs of a request is the same under every policy."""
    return _Asked(rule)


def gaps(policy: Policy, rules: Iterable[Rule]) -> set[Gap]:
    """Return everything that a policy keeps from rules."""
    rules = list(rules)
    # Whoever is called so, and whose name begins so, may decide a condition.
    names, groups = (
        {str(said) for rule in rules for one in comparisons(rule.condition, field) for said in one.constants}
        for field in ("ka.user.name", "ka.user.groups")
    )
    told: dict[tuple[Request, Decision], list[User]] = {}
    for alike in _alike(policy, users(policy, names, groups)):
        for asked in _decided(policy, alike[0]):
            told.setdefault(asked, []).extend(alike)
    return {
        Gap(rule.name, missing, anybodys.verb, _target(anybodys), user.name or "", decision.level)
        for rule in map(_asked, rules)
        for (anybodys, decision), askers in told.items()
        if rule.missing(anybodys, decision, knows_user=False)  # asked of any user first, which mostly answers it
        for user in askers
        for missing in rule.missing(anybodys._replace(user=user.name, groups=user.groups), decision, knows_user=True)
    }


def _alike(policy: Policy, everybody: Iterable[User]) -> Iterable[list[User]]:
    """Return users, those together of whose requests a policy says the same."""
    found: dict[tuple[int, ...], list[User]] = {}
    for user in everybody:
        found.setdefault(tuple(map(id, rules_about(policy, user.name, user.groups))), []).append(user)
    return found.values()


def _decided(policy: Policy, user: User) -> set[tuple[Request, Decision]]:
    """Return the requests of a user, as conditions see them if anybody makes them, with what a policy says."""
    about = {**policy, "rules": rules_about(policy, user.name, user.groups)}
    return {
        (_as_conditions_see(request)._replace(user=PERSON.name, groups=PERSON.groups), decide(about, request))
        for request in requests(policy, user)
    }


def comparisons(condition: Condition, *fields: str) -> Iterator[Comparison]:
    """Yield what compares some fields in a condition."""
    for leaf in leaves(condition):
        if (
            isinstance(leaf, Comparison)
            and isinstance(leaf.operand, FieldOperand)
            and leaf.operand.field.name in fields
        ):
            yield leaf


def _as_conditions_see(request: Request) -> Request:
    """Return a request without what is left open here: its namespace and name."""
    target = request.target
    return request if target is None else request._replace(target=target._replace(namespace="", name=""))


def _target(request: Request) -> str:
    target = request.target
    if target is None:
        return request.path
    return f"{target.resource}/{target.subresource}" if target.subresource else target.resource
