"""Events made up by hypothesis: right ones with everything that the fields read, then parts of them damaged.

What is made up from nothing hardly ever has the shape that a field looks for, so that most fields would be absent.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

from rules.document import Value
from rules.event import Event, FactValue
from rules.fields import Field, Type
from rules.resource_fields import RESOURCE_FIELDS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON."""

Choose = Callable[[Sequence[Any]], Any]

_TARGETS = (
    ("", "pods", ""),
    ("apps", "deployments", ""),
    ("", "pods", "exec"),
    ("", "persistentvolumes", ""),
    ("batch", "cronjobs", "status"),
)
_NAMES = ("web", "a b", "B", "é\n", "-ab")
_FLAGS = (True, False, None, "true")
_IDS = (0, 1000, 65534)
_PATHS = ("/etc", "/", "/a/b", "/var/../etc/x")
_WORDS = (["sh", "-c"], ["-b", "a"], ["YQ=="])


def _container(choose: Choose) -> dict[str, Any]:
    return {
        "name": choose(_NAMES),
        "image": choose(("nginx", "nginx:1.25", "localhost:5000/team/app:v1", "a/b@sha256:00")),
        "command": choose(_WORDS),
        "args": choose(_WORDS),
        "ports": choose(([{"hostPort": 80}], [{"containerPort": 8080}, {"hostPort": 443}])),
        "securityContext": {
            "privileged": choose(_FLAGS),
            "allowPrivilegeEscalation": choose(_FLAGS),
            "readOnlyRootFilesystem": choose(_FLAGS),
            "runAsUser": choose(_IDS),
            "runAsGroup": choose(_IDS),
            "procMount": choose(("Default", "Unmasked")),
            "capabilities": {"add": choose((["SYS_ADMIN"], ["ALL", "BPF"]))},
        },
    }


def _pod_spec(choose: Choose) -> dict[str, Any]:
    return {
        **{
            name: [_container(choose) for _ in range(choose((1, 2)))]
            for name in ("containers", "initContainers", "ephemeralContainers")
        },
        "hostIPC": choose(_FLAGS),
        "hostNetwork": choose(_FLAGS),
        "hostPID": choose(_FLAGS),
        "serviceAccountName": choose(_NAMES),
        "securityContext": {
            "runAsUser": choose(_IDS),
            "runAsGroup": choose(_IDS),
            "fsGroup": choose(_IDS),
            "supplementalGroups": choose(([0], [1, 1000])),
        },
        "volumes": [
            {"name": "v", "hostPath": {"path": choose(_PATHS)}},
            {"name": "w", "flexVolume": {"driver": choose(("x/y", "z"))}},
        ],
    }


def _body(choose: Choose) -> dict[str, Any]:
    """Return an object of every kind at once: pod, workload, volume, Service, role, binding, ConfigMap."""
    spec = _pod_spec(choose)
    return {
        "metadata": {"name": choose(_NAMES)},
        "spec": {
            **spec,
            "template": {"spec": _pod_spec(choose)},
            "type": choose(("NodePort", "ClusterIP")),
            "ports": [{"port": choose((80, 443))}],
            "hostPath": {"path": choose(_PATHS)},
            "local": {"path": choose(_PATHS)},
        },
        "rules": [
            {
                "apiGroups": choose(([""], ["*"], ["apps", "batch"])),
                "verbs": choose((["get", "list"], ["*"])),
                "resources": choose((["pods"], ["pods/exec", "secrets"])),
                "nonResourceURLs": choose((["/healthz"], ["/a/b", "*"])),
            }
        ],
        "subjects": [
            {"kind": kind, "name": choose(_NAMES), "namespace": choose(("shop", "a"))}
            for kind in ("User", "Group", "ServiceAccount")
        ],
        "roleRef": {"name": choose(("cluster-admin", "view"))},
        "data": {"k": choose(_NAMES)},
    }


def _whole(choose: Choose) -> dict[str, Any]:
    """Return an event that has all that a field reads."""
    group, resource, subresource = choose(_TARGETS)
    query = choose(("?command=sh&command=-c", "?dryRun=All", "?command=a%2Fb;x&a=%zz", ""))
    return {
        "auditID": choose(("1", "", None)),
        "level": choose(("RequestResponse", "Metadata")),
        "stage": choose(("ResponseComplete", "ResponseStarted", "a")),
        "verb": choose(("create", "patch", "update", "get", "delete")),
        "requestURI": choose(("/a/b", "/api/v1/pods")) + query,
        "requestReceivedTimestamp": choose(("2026-11-23T20:34:00.000000Z", "2026-11-23T20:33:58.5Z", "soon")),
        "user": {"username": choose(_NAMES), "groups": choose((["dev", "system:masters"], ["a", "-b"], ["B"]))},
        "impersonatedUser": {"username": choose(_NAMES)},
        "sourceIPs": choose((["10.0.0.1"], ["203.0.113.7", "10.1.2.3"], ["::1"])),
        "userAgent": choose(("kubectl/v1.29", "a b")),
        "objectRef": {
            "apiGroup": group,
            "resource": resource,
            **({"subresource": subresource} if subresource else {}),
            "namespace": choose(("shop", "kube-system")),
            "name": choose(_NAMES),
        },
        "responseStatus": {"code": choose((201, 403, 404, 200)), "reason": choose(("Forbidden", "NotFound"))},
        "annotations": {
            name: choose(("allow", "forbid", "a b"))
            for name in (
                "authorization.k8s.io/decision",
                "authorization.k8s.io/reason",
                "authentication.openshift.io/decision",
                "authentication.openshift.io/username",
                "validation.policy.admission.k8s.io/validation_failure",
                "pod-security.kubernetes.io/audit-violations",
                "cluster_name",
            )
        },
        "requestObject": _body(choose),
        "responseObject": _body(choose),
    }


def _facts(choose: Choose) -> dict[str, FactValue]:
    return {field.name: _fact(field, choose) for field in RESOURCE_FIELDS}


def _fact(field: Field, choose: Choose) -> FactValue:
    """Return a value such as a fact may have, by what kind of a fact it is."""
    values: Sequence[FactValue] = _NAMES
    if field.type is Type.NUMBER:
        values = (0, 5, 300)
    elif field.is_list:
        values = (_PATHS[:1], _PATHS, _NAMES)
    elif field.name.endswith(("exists", "privileged", "network", "pid", "ipc")):
        values = ("true", "false")
    elif field.name.endswith("source_ip"):
        values = ("10.0.0.1", "::1")
    elif field.name.endswith("time"):
        values = ("2026-11-23T20:34:01.258117000Z", "2026-11-23T00:00:00.000000000Z")
    return choose(values)  # type: ignore[no-any-return]  # one of them


_TIMES = (1_795_466_041_258_117_000, 1_795_466_040_000_000_000, 0)


def event_of(data: Mapping[str, object], facts: Mapping[str, FactValue], time_ns: int) -> Event:
    """Return the event of a document, with what is known of its target."""
    identity = format(len(data), "032x")
    event = Event(Value(json.dumps(data).encode()), time_ns, "c", hostname="node-1", identify=lambda: identity)
    return event.with_facts(facts)


def _at(place: int) -> Choose:
    return lambda words: words[place % len(words)]


WHOLE_EVENTS = tuple(
    event_of(_whole(choose), _facts(choose), choose(_TIMES)) for choose in map(_at, range(len(_TARGETS)))
)
"""Events with nothing missing, which have between them most of what made-up ones are made of."""

_Place = tuple[Any, Any]


def _places(data: Any) -> list[_Place]:
    """Return each place in a document as what holds it and its name or index there."""
    found: list[_Place] = []
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, child in inner:
        found.append((data, name))
        found += _places(child)
    return found


@st.composite
def _damaged(draw: st.DrawFn) -> dict[str, Any]:
    choose = Random(draw(st.integers(0, 2**20))).choice  # noqa: S311 - nothing secret, and it draws faster
    data: dict[str, Any] = copy.deepcopy(_whole(choose))
    for name in draw(st.lists(st.sampled_from(sorted(data)), max_size=2)):
        data.pop(name, None)
    for _ in range(draw(st.integers(0, 4))):
        places = _places(data)
        if not places:
            break
        holder, name = draw(st.sampled_from(places))
        match draw(st.sampled_from(["remove", "replace", "wrap"])):
            case "remove":
                del holder[name]
            case "replace":
                holder[name] = draw(JSON)
            case _:
                holder[name] = [holder[name]]
    return data


EVENTS = _damaged()
"""The members of an audit event, most of them right."""


@st.composite
def _with_facts(draw: st.DrawFn) -> Event:
    choose = Random(draw(st.integers(0, 2**20))).choice  # noqa: S311 - as above
    facts = {name: fact for name, fact in _facts(choose).items() if choose((True, True, False))}
    return event_of(draw(EVENTS), facts, choose(_TIMES))


AUDIT_EVENTS = _with_facts()
"""Such events with what the inventory knows of their targets."""
