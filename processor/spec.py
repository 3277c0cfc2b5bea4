"""What an object asks for, as far as it is remembered: of pods and templates, and of bindings. PURE.

Called by `processor.sighting` with the bodies of events, and by `processor.facts` with what became of them. Contents of
Secrets and ConfigMaps and the values of environments are never looked at. Every list is bounded, since a client may
write as many and as long elements as a body holds, and what is remembered has to stay small.
"""

from collections.abc import Iterable
from hashlib import blake2b
from itertools import accumulate
from typing import Final

import msgspec

from rules.document import Value
from rules.podspec import POD_SPEC_PATHS, PodSpecFacts, distinct, facts_in, patch_facts

MAX_LIST_BYTES: Final = 4_096
"""Of the elements of one list together, each with what it takes to store it. The shortest are remembered: what is worth
hiding (`/`, `0`, `SYS_ADMIN`) is short, and long ones are how a list would be filled to hide it."""

_ELEMENT_BYTES: Final = 3
"""So much it takes to store an element besides its characters."""

MAX_NAME: Final = 512
"""Characters of a name: the longest that an API server takes has 253."""

_RBAC: Final = "rbac.authorization.k8s.io"
_BINDINGS: Final = frozenset({(_RBAC, "rolebindings"), (_RBAC, "clusterrolebindings")})
_DIGEST_BYTES: Final = 8
_CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")


class BindingFacts(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Which role a binding gives, and whom."""

    role_kind: str | None
    role: str | None
    subjects: tuple[str, ...]
    """Each as `User:alice`, `Group:dev` or `ServiceAccount:shop/default`."""


SpecFacts = PodSpecFacts | BindingFacts


def spec_of(api_group: str, resource: str, body: Value) -> SpecFacts | None:
    """Return what a whole object of a resource asks for, None where nothing of it is remembered."""
    if (api_group, resource) in _BINDINGS:
        return _binding(body)
    facts = facts_in(api_group, resource, body)
    return None if facts is None else _bounded(facts)


def patch_of(api_group: str, resource: str, body: Value) -> SpecFacts | None:
    """Return what a patch of any form asks for, None where it asks for nothing that is remembered."""
    if (api_group, resource) in _BINDINGS:
        return None  # its role cannot be changed, and subjects that are not shown are told at the patch itself
    facts = patch_facts(api_group, resource, body)
    return None if facts is None else _bounded(facts)


def joined(known: SpecFacts | None, patch: SpecFacts) -> SpecFacts:
    """Return what is asked for after a patch whose result was not shown: all that is known to be."""
    if not isinstance(known, PodSpecFacts) or not isinstance(patch, PodSpecFacts):
        return patch
    return PodSpecFacts(
        privileged=known.privileged or patch.privileged,
        host_network=known.host_network or patch.host_network,
        host_pid=known.host_pid or patch.host_pid,
        host_ipc=known.host_ipc or patch.host_ipc,
        host_paths=distinct((*known.host_paths, *patch.host_paths)),
        host_ports=distinct((*known.host_ports, *patch.host_ports)),
        capabilities_added=distinct((*known.capabilities_added, *patch.capabilities_added)),
        images=distinct((*known.images, *patch.images)),
        service_account=patch.service_account or known.service_account,
        run_as_user=distinct((*known.run_as_user, *patch.run_as_user)),
    )


def is_dangerous(facts: SpecFacts) -> bool:
    """Tell whether what is asked for reaches beyond the pod: what nobody may push out of what is remembered."""
    return isinstance(facts, PodSpecFacts) and bool(
        facts.privileged
        or facts.host_network
        or facts.host_pid
        or facts.host_ipc
        or facts.host_paths
        or facts.capabilities_added
    )


def template_digest(api_group: str, resource: str, body: Value) -> bytes:
    """Return a digest of what an object's spec asks for but how often; empty where it has no spec.

    Of a pod that is its containers alone: which node it came to is no change by whom it is shown. Of a CronJob it is
    all of it: when it runs is for nobody but persons to say.
    """
    spec = body.member("spec")
    if spec is None:
        return b""
    path = POD_SPEC_PATHS.get((api_group, resource), ())
    if path == ("spec",):
        parts = [spec.member(name) for name in _CONTAINER_LISTS]
    else:
        parts = [spec.member(path[1]) if path[1:2] == ("template",) else spec]
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        digest.update(b"-" if part is None else part.compact)
    return digest.digest()


def _binding(body: Value) -> BindingFacts:
    subjects = body.member("subjects")
    shown = (_subject(subject) for subject in (subjects and subjects.elements) or ())
    return BindingFacts(_name(body.at("roleRef", "kind")), _name(body.at("roleRef", "name")), _cut(filter(None, shown)))


def _subject(subject: Value) -> str | None:
    kind, name = _name(subject.member("kind")), _name(subject.member("name"))
    if kind is None or name is None:
        return None
    namespace = _name(subject.member("namespace"))
    return f"{kind}:{namespace}/{name}" if kind == "ServiceAccount" and namespace else f"{kind}:{name}"


def _name(value: Value | None) -> str | None:
    text = None if value is None else value.string
    return text[:MAX_NAME] if text else None


def _bounded(facts: PodSpecFacts) -> PodSpecFacts:
    return PodSpecFacts(
        privileged=facts.privileged,
        host_network=facts.host_network,
        host_pid=facts.host_pid,
        host_ipc=facts.host_ipc,
        host_paths=_cut(facts.host_paths),
        host_ports=_cut(facts.host_ports),
        capabilities_added=_cut(facts.capabilities_added),
        images=_cut(facts.images),
        service_account=facts.service_account[:MAX_NAME] if facts.service_account else None,
        run_as_user=_cut(facts.run_as_user),
    )


def _cut(elements: Iterable[str]) -> tuple[str, ...]:
    ordered = list(elements)
    sizes = [len(element.encode(errors="replace")) + _ELEMENT_BYTES for element in ordered]
    if sum(sizes) <= MAX_LIST_BYTES:
        return tuple(ordered)
    shortest = sorted(range(len(ordered)), key=sizes.__getitem__)
    filled = accumulate(sizes[place] for place in shortest)
    kept = sorted(place for place, size in zip(shortest, filled, strict=True) if size <= MAX_LIST_BYTES)
    return tuple(ordered[place] for place in kept)
