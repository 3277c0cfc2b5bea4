"""The `ka.*` fields but for those of containers: who asked for what, and what its body says. Spec 4.2 and 4.3."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from rules.document import Value, until_nul
from rules.event import Event
from rules.fields import Argument, Field, FieldValue, Read, boolean
from rules.paths import elements, flattened, guarded, scalar, texts, walk, walked


def query_parameters(uri: str) -> list[tuple[str, str]]:
    """Return the query of a request URI as the API server reads it, decoded, in order.

    A `#` ends nothing there: requests have no fragments. What can be read is read: a broken escape or a `;` in one
    parameter does not hide the others (the reference gives up on all of them).
    """
    # A value ends at NUL as every text does; a name with one in it is another name, as to the API server.
    return [(_form_decoded(name), until_nul(_form_decoded(value))) for name, value in _parts(uri)]


def _parts(uri: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a query as they are spelt: those that the API server passes over come last."""
    path, _, query = uri.partition("?")
    parts = [] if "#" in path else sorted(filter(None, query.split("&")), key=_is_broken)
    for part in parts:
        name, _, value = part.partition("=")
        yield name, value


_BROKEN: Final = re.compile(r";|%(?![0-9a-fA-F]{2})")


def _is_broken(part: str) -> bool:
    """Tell whether the API server passes a parameter over: it must not stand before one of its name that counts."""
    return _BROKEN.search(part) is not None


def _form_decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace")


_NO_URL: Final = re.compile(r"(?![a-zA-Z][a-zA-Z0-9+.-]*:)[^/?]*:|[^?]*%(?![0-9a-fA-F]{2})|.*[\0-\x1f\x7f]", re.DOTALL)
"""No scheme before a colon, a broken escape in the path, a control character."""


def _uri_param(event: Event, key: str | None) -> FieldValue:
    """Read the first parameter of a name; what is no URL has none, as in the reference.

    No request hides by that: the API server refuses what is no URL, and spells the path of any other anew.
    """
    uri = event.string("requestURI") or event.text("requestURI") or ""
    if _NO_URL.match(uri.partition("#")[0]):
        return None
    # To the reference a `#` ends the query, to the API server it does not: it ends a value, and hides no other.
    value = next((value for name, value in _parts(uri) if _form_decoded(name) == key), None)
    return None if value is None else until_nul(_form_decoded(value.partition("#")[0]))


def _target_pod_name(event: Event, _argument: str | None) -> FieldValue:
    if event.string("objectRef", "resource") != "pods" or event.string("objectRef", "subresource"):
        return None
    return event.text("responseObject", "metadata", "name")


def _subjects(kind: str, shown: Callable[[Value, str], str | None]) -> Read:
    """Read what a binding's subjects of one kind show."""

    def read(event: Event, _argument: str | None) -> FieldValue:
        subjects = event.document.at("requestObject", "subjects")
        found = []
        for subject in (subjects and subjects.elements) or ():
            name = subject.member("name")
            its_kind = subject.member("kind")
            if name is not None and its_kind is not None and its_kind.text == kind:
                found.append(shown(subject, name.text))
        return tuple(text for text in found if text is not None) or None

    return read


def _namespaced_name(subject: Value, name: str) -> str | None:
    namespace = subject.member("namespace")
    return None if namespace is None else f"{namespace.text}:{name}"


def _volume_types(event: Event, index: str | None) -> FieldValue:
    """Read each volume's members but its name: a volume has one more, which says what it is.

    An object in place of the array is the one volume, whatever the index.
    """
    volumes = event.document.at(*_VOLUMES)
    if volumes is None:
        return None
    chosen = [volumes] if volumes.elements is None else _chosen(volumes.elements, index)
    return tuple(until_nul(name) for volume in chosen for name in volume.members or () if name != "name") or None


def _source_ips(event: Event, index: str | None) -> FieldValue:
    addresses = event.document.member("sourceIPs")
    chosen = _chosen((addresses and addresses.elements) or [], index)
    return tuple(address.text for address in chosen) or None


def _chosen(values: list[Value], index: str | None) -> list[Value]:
    """Return all values, or the one at an index."""
    return values if index is None else values[int(index) : int(index) + 1]


def _hostpath_is(event: Event, pattern: str | None) -> FieldValue:
    """Tell whether some volume's host path equals the key or, where the key ends in `*`, begins with it."""
    found = walk(event.document, (*_VOLUMES, "hostPath", "path"), None)
    if walk(event.document, _VOLUMES, None) is None or pattern is None:
        return None
    paths = [path.text for path in found or () if path is not None]
    if pattern.endswith("*"):
        return boolean(any(path.startswith(pattern[:-1]) for path in paths))
    return boolean(pattern in paths)


def _has_name(_event: Event, _argument: str | None) -> FieldValue:
    return "true"


def _scalar(name: str, description: str, *path: str) -> Field:
    return Field(name, description, guarded(scalar(*path)))


def _annotation(name: str, description: str, annotation: str) -> Field:
    return _scalar(name, description, "annotations", annotation)


def _list(name: str, description: str, read: Read, argument: Argument = Argument.NONE) -> Field:
    return Field(name, description, guarded(read), is_list=True, argument=argument)


_SPEC: Final = ("requestObject", "spec")
_ROLE_RULES: Final = ("requestObject", "rules")
_VOLUMES: Final = (*_SPEC, "volumes")

REQUEST_FIELDS: Final = (
    _scalar("ka.auditid", "The request's ID. The client can choose it.", "auditID"),
    _scalar("ka.stage", "RequestReceived, ResponseStarted, ResponseComplete or Panic.", "stage"),
    _annotation("ka.auth.decision", "The authorizer's decision: allow or forbid.", "authorization.k8s.io/decision"),
    _annotation("ka.auth.reason", "Why: for RBAC, the binding and the role.", "authorization.k8s.io/reason"),
    _annotation(
        "ka.auth.openshift.decision", "OpenShift's authentication decision.", "authentication.openshift.io/decision"
    ),
    _annotation("ka.auth.openshift.username", "The user that OpenShift saw.", "authentication.openshift.io/username"),
    _annotation(
        "ka.validations.admission.policy.failure",
        "What a ValidatingAdmissionPolicy found wrong, as JSON.",
        "validation.policy.admission.k8s.io/validation_failure",
    ),
    _annotation(
        "ka.security.pod.violations",
        "Which rules of a Pod Security level the request breaks.",
        "pod-security.kubernetes.io/audit-violations",
    ),
    _annotation("ka.cluster.name", "The event's annotation cluster_name.", "cluster_name"),
    _scalar("ka.user.name", "The authenticated user, never an impersonated one.", "user", "username"),
    _list("ka.user.groups", "The authenticated user's groups.", elements("user", "groups")),
    _scalar("ka.impuser.name", "The user that is being impersonated.", "impersonatedUser", "username"),
    _scalar("ka.verb", "The verb: create, get, patch, deletecollection, ...", "verb"),
    _scalar("ka.uri", "The request's URI as the client sent it.", "requestURI"),
    Field(
        "ka.uri.param",
        "A parameter of the URI's query: the first of that name, decoded.",
        guarded(_uri_param),
        argument=Argument.KEY,
    ),
    _scalar("ka.useragent", "The client's own word for itself.", "userAgent"),
    _list(
        "ka.sourceips",
        "The addresses of the request: all but the last are the client's own word.",
        _source_ips,
        Argument.INDEX,
    ),
    _scalar("ka.target.name", "The object's name; absent where the server makes it up.", "objectRef", "name"),
    _scalar("ka.target.namespace", "The object's namespace.", "objectRef", "namespace"),
    _scalar("ka.target.resource", "The object's resource, such as pods.", "objectRef", "resource"),
    _scalar("ka.target.subresource", "The subresource, such as exec.", "objectRef", "subresource"),
    Field("ka.target.pod.name", "The name of a pod, from the response.", guarded(_target_pod_name)),
    _scalar("ka.resp.name", "The object's name in the response.", "responseObject", "metadata", "name"),
    _scalar("ka.response.code", "The HTTP status code.", "responseStatus", "code"),
    _scalar("ka.response.reason", "The reason of a failure, such as NotFound.", "responseStatus", "reason"),
)
"""The request: who, what, where, and how it ended."""

BODY_FIELDS: Final = (
    _list("ka.req.binding.subjects", "A binding's subjects, each as JSON.", elements("requestObject", "subjects")),
    _list(
        "ka.req.binding.subjects.user_names",
        "Names of a binding's subjects of kind User.",
        _subjects("User", lambda _, name: name),
    ),
    _list(
        "ka.req.binding.subjects.serviceaccount_names",
        "Names of a binding's subjects of kind ServiceAccount.",
        _subjects("ServiceAccount", lambda _, name: name),
    ),
    _list(
        "ka.req.binding.subjects.serviceaccount_ns_names",
        "A binding's service accounts as namespace:name.",
        _subjects("ServiceAccount", _namespaced_name),
    ),
    _list(
        "ka.req.binding.subjects.group_names",
        "Names of a binding's subjects of kind Group.",
        _subjects("Group", lambda _, name: name),
    ),
    _scalar("ka.req.binding.role", "The role that a binding grants.", "requestObject", "roleRef", "name"),
    Field(
        "ka.req.binding.subject.has_name",
        "Always true, as in the reference: use ka.req.binding.subjects.*_names.",
        guarded(_has_name),
        argument=Argument.KEY,
    ),
    _scalar("ka.req.configmap.name", "The object's name, whatever its resource.", "objectRef", "name"),
    _scalar("ka.req.configmap.obj", "A ConfigMap's data, as JSON.", "requestObject", "data"),
    _list("ka.req.role.rules", "A role's rules, each as JSON.", elements(*_ROLE_RULES)),
    *(
        _list(
            f"ka.req.role.rules.{member}",
            f"The {member} of all of a role's rules together, or of one.",
            walked((*_ROLE_RULES, member), flattened),
            Argument.INDEX,
        )
        for member in ("apiGroups", "nonResourceURLs", "verbs", "resources")
    ),
    _scalar("ka.req.service.type", "A Service's type.", *_SPEC, "type"),
    _list(
        "ka.req.service.ports",
        "A Service's ports, all as one JSON text.",
        walked((*_SPEC, "ports"), texts),
        Argument.INDEX,
    ),
    _scalar("ka.req.pod.host_ipc", "A Pod's hostIPC; absent where it says nothing.", *_SPEC, "hostIPC"),
    _scalar("ka.req.pod.host_network", "A Pod's hostNetwork; absent where it says nothing.", *_SPEC, "hostNetwork"),
    _scalar("ka.req.container.host_network", "Old name of ka.req.pod.host_network.", *_SPEC, "hostNetwork"),
    _scalar("ka.req.pod.host_pid", "A Pod's hostPID; absent where it says nothing.", *_SPEC, "hostPID"),
    _scalar("ka.req.pod.run_as_user", "A Pod's own runAsUser.", *_SPEC, "securityContext", "runAsUser"),
    _scalar("ka.req.pod.run_as_group", "A Pod's own runAsGroup.", *_SPEC, "securityContext", "runAsGroup"),
    _scalar("ka.req.pod.fs_group", "A Pod's fsGroup.", *_SPEC, "securityContext", "fsGroup"),
    _list(
        "ka.req.pod.supplemental_groups",
        "A Pod's supplemental groups.",
        elements(*_SPEC, "securityContext", "supplementalGroups"),
    ),
    _list(
        "ka.req.pod.volumes.hostpath",
        "The host paths of a Pod's volumes.",
        walked((*_VOLUMES, "hostPath", "path"), texts),
        Argument.INDEX,
    ),
    _list(
        "ka.req.pod.volumes.flexvolume_driver",
        "The drivers of a Pod's flex volumes.",
        walked((*_VOLUMES, "flexVolume", "driver"), texts),
        Argument.INDEX,
    ),
    _list(
        "ka.req.pod.volumes.volume_type",
        "The kinds of a Pod's volumes, such as hostPath.",
        _volume_types,
        Argument.INDEX,
    ),
    Field(
        "ka.req.volume.hostpath",
        "Whether a Pod mounts this host path, or one that begins with it where it ends in *.",
        guarded(_hostpath_is),
        argument=Argument.NONEMPTY_KEY,
    ),
)
"""What the request's body says of a binding, ConfigMap, role, Service or Pod."""
