"""Audit policies as kube-apiserver v1.34 reads them: what is wrong with one, and what it leaves of an event.

`problems` is stricter than the API server, which takes unknown and repeated keys with a warning. `decide` finds the
rule of a request; `cut` makes of a recorded event what an API server under this policy would have told. Both are held
against recordings in `test_evaluator.py`.
"""

import re
from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

import yaml

LEVELS: Final = ("None", "Metadata", "Request", "RequestResponse")
STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")

_POLICY_KEYS: Final = {"apiVersion", "kind", "metadata", "omitManagedFields", "omitStages", "rules"}
_TEXT_LISTS: Final = ("users", "userGroups", "verbs", "namespaces", "nonResourceURLs")
_RULE_KEYS: Final = {"level", "resources", "omitManagedFields", "omitStages", *_TEXT_LISTS}
_GROUP_KEYS: Final = {"group", "resources", "resourceNames"}
_GROUP: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

Event = Mapping[str, Any]
Policy = Mapping[str, Any]


class Target(NamedTuple):
    """What a request is about."""

    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Request(NamedTuple):
    """What a policy can ask of a request."""

    verb: str
    user: str | None
    """None where nobody logged in."""
    groups: tuple[str, ...] = ()
    target: Target | None = None
    """None for a path that is no resource."""
    path: str = ""


class Decision(NamedTuple):
    """What a policy says of a request."""

    level: str
    omitted_stages: frozenset[str]
    omits_managed_fields: bool


# --- reading ---------------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML in which a mapping has each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        keys = [key.value for key, _ in node.value]
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.MarkedYAMLError(problem=f"repeated key {min(repeated)!r}", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read(text: str) -> Any:
    """Return a YAML document. Raises yaml.YAMLError, for repeated keys too."""
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def problems(policy: Any) -> list[str]:
    """Return all that is wrong with a policy, each with the place where it stands."""
    if not isinstance(policy, dict):
        return ["policy: expected a mapping"]
    found = [f"{key}: no such key" for key in sorted(policy.keys() - _POLICY_KEYS)]
    if policy.get("apiVersion") != "audit.k8s.io/v1":
        found.append("apiVersion: expected audit.k8s.io/v1")
    if policy.get("kind") != "Policy":
        found.append("kind: expected Policy")
    found += _wrong_flag(policy, "omitManagedFields")
    found += _wrong_stages(policy.get("omitStages", []), "omitStages")
    rules = policy.get("rules")
    if not isinstance(rules, list) or not rules:
        return [*found, "rules: at least one is needed"]
    for index, rule in enumerate(rules):
        found += [f"rules[{index}]{problem}" for problem in _rule_problems(rule)]
    return found


def _rule_problems(rule: Any) -> Iterator[str]:
    if not isinstance(rule, dict):
        yield ": expected a mapping"
        return
    for key in sorted(rule.keys() - _RULE_KEYS):
        yield f".{key}: no such key"
    if rule.get("level") not in LEVELS:
        yield f".level: expected one of {', '.join(LEVELS)}"
    for key in _TEXT_LISTS:
        if not _is_texts(rule.get(key, [])):
            yield f".{key}: expected a list of texts"
    for problem in (*_wrong_flag(rule, "omitManagedFields"), *_wrong_stages(rule.get("omitStages", []), "omitStages")):
        yield f".{problem}"
    urls = rule.get("nonResourceURLs", [])
    for url in urls if _is_texts(urls) else ():
        if url != "*" and (not url.startswith("/") or "*" in url[:-1]):
            yield f".nonResourceURLs: {url} does not begin with / or has a * before its end"
    if urls and (rule.get("resources") or rule.get("namespaces")):
        yield ".nonResourceURLs: cannot stand beside resources or namespaces"
    yield from _resource_problems(rule.get("resources", []))


def _resource_problems(groups: Any) -> Iterator[str]:
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        yield ".resources: expected a list of mappings"
        return
    for group in groups:
        for key in sorted(group.keys() - _GROUP_KEYS):
            yield f".resources.{key}: no such key"
        name = group.get("group", "")
        if not isinstance(name, str) or (name and not _GROUP.fullmatch(name)):
            yield f".resources.group: {name} is no API group"
        if not _is_texts(group.get("resources", [])) or not _is_texts(group.get("resourceNames", [])):
            yield ".resources: expected lists of texts"
        if group.get("resourceNames") and not group.get("resources"):
            yield ".resources.resourceNames: need resources"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _wrong_flag(mapping: Mapping[str, Any], key: str) -> list[str]:
    return [] if isinstance(mapping.get(key, False), bool) else [f"{key}: expected true or false"]


def _wrong_stages(stages: Any, where: str) -> list[str]:
    if not _is_texts(stages):
        return [f"{where}: expected a list of texts"]
    return [f"{where}: {stage} is no stage" for stage in stages if stage not in STAGES]


# --- deciding --------------------------------------------------------------------------------------------------------


def decide(policy: Policy, request: Request) -> Decision:
    """Return what the first rule that fits a request says; no rule is level None."""
    stages = frozenset(policy.get("omitStages", ()))
    omits = policy.get("omitManagedFields", False)
    for rule in policy["rules"]:
        if _fits(rule, request):
            return Decision(
                rule["level"], stages | frozenset(rule.get("omitStages", ())), rule.get("omitManagedFields", omits)
            )
    return Decision("None", stages, omits)


def rules_about(policy: Policy, user: str | None, groups: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the rules that can fit a user's requests at all: the others decide none of them."""
    return [rule for rule in policy["rules"] if _fits_user(rule, user, groups)]


def _fits_user(rule: Mapping[str, Any], user: str | None, groups: Collection[str]) -> bool:
    if rule.get("users") and user not in rule["users"]:
        return False
    return not rule.get("userGroups") or (user is not None and not set(rule["userGroups"]).isdisjoint(groups))


def _fits(rule: Mapping[str, Any], request: Request) -> bool:
    if not _fits_user(rule, request.user, request.groups):
        return False
    if rule.get("verbs") and request.verb not in rule["verbs"]:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return request.target is not None and _fits_target(rule, request.target)
    if rule.get("nonResourceURLs"):
        return request.target is None and any(_fits_path(url, request.path) for url in rule["nonResourceURLs"])
    return True


def _fits_path(url: str, path: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url.rstrip("*")))


def _fits_target(rule: Mapping[str, Any], target: Target) -> bool:
    if rule.get("namespaces") and target.namespace not in rule["namespaces"]:
        return False
    groups = rule.get("resources", [])
    return not groups or any(
        group.get("group", "") == target.group and (not group.get("resources") or _fits_resource(group, target))
        for group in groups
    )


def _fits_resource(group: Mapping[str, Any], target: Target) -> bool:
    if group.get("resourceNames") and target.name not in group["resourceNames"]:
        return False
    whole = f"{target.resource}/{target.subresource}" if target.subresource else target.resource
    # `pods/*` fits pods themselves as well: so says the API server's code.
    fitting = {whole, "*", f"{target.resource}/*"} | ({f"*/{target.subresource}"} if target.subresource else set())
    return not fitting.isdisjoint(group["resources"])


# --- recorded events -------------------------------------------------------------------------------------------------


def request_of(event: Event) -> Request:
    """Return what a policy was asked when an event was made."""
    user = event.get("user") or {}
    return Request(
        event["verb"],
        user.get("username"),
        tuple(user.get("groups", ())),
        _target_of(event),
        unquote(urlsplit(event["requestURI"]).path),
    )


def _target_of(event: Event) -> Target | None:
    reference = event.get("objectRef")
    if reference is None:
        return None
    subresource = reference.get("subresource", "")
    # The name of what is created is filled in from its body, after the policy was asked.
    name = "" if event["verb"] == "create" and not subresource else reference.get("name", "")
    return Target(
        reference.get("apiGroup", ""), reference["resource"], subresource, reference.get("namespace", ""), name
    )


def cut(policy: Policy, event: Event) -> dict[str, Any] | None:
    """Return what of an event, recorded at any level, is told under a policy; None where nothing is."""
    decision = decide(policy, request_of(event))
    level = min(event["level"], decision.level, key=LEVELS.index)
    if level == "None" or event["stage"] in decision.omitted_stages:
        return None
    hidden = {"Metadata": ("requestObject", "responseObject"), "Request": ("responseObject",)}.get(level, ())
    kept = {name: value for name, value in event.items() if name not in hidden} | {"level": level}
    if decision.omits_managed_fields:
        # A patch is told as it was sent.
        bodies = ("responseObject",) if event["verb"] == "patch" else ("requestObject", "responseObject")
        kept |= {name: _without_managed_fields(kept[name]) for name in bodies if name in kept}
    return kept


def _without_managed_fields(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    kept = dict(body)
    if isinstance(body.get("metadata"), dict):
        kept["metadata"] = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    for name, inner in (("items", None), ("rows", "object")):
        if isinstance(body.get(name), list):
            kept[name] = [_without_managed_fields(one) if inner is None else _row(one, inner) for one in body[name]]
    return kept


def _row(row: Any, inner: str) -> Any:
    return {**row, inner: _without_managed_fields(row[inner])} if isinstance(row, dict) and inner in row else row
