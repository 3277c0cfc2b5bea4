"""The `ka.req.pod.<containers>.*` fields: one reading for each thing a container says, three lists of containers.

Which of them skip a container that does not say it, and which give up on all, is the reference's: spec section 4.4.
"""

from collections.abc import Iterator
from typing import Final

from rules.document import Value, until_nul
from rules.event import Event
from rules.fields import Argument, Field, FieldValue, Read, boolean
from rules.paths import guarded, texts, walk, walked

_SPEC: Final = ("requestObject", "spec")


def _all_or_nothing(found: list[Value | None]) -> FieldValue:
    """One container that does not say it makes the whole field absent."""
    return None if None in found else tuple(value.text for value in found if value is not None)


def repository(image: str) -> str:
    """Return an image up to its first `:` and its first `@`: a registry's port ends it too, as in the reference."""
    return image.partition(":")[0].partition("@")[0]


def _repositories(found: list[Value | None]) -> FieldValue:
    images = _all_or_nothing(found)
    return tuple(repository(image) for image in images) if isinstance(images, tuple) else None


def _words(found: list[Value | None]) -> FieldValue:
    """Join each container's words with blanks; anything but an array of strings makes the whole field absent."""
    joined = []
    for value in found:
        if value is None:
            continue
        words = None if value.elements is None else [element.string for element in value.elements]
        if words is None or None in words:
            return None
        joined.append(" ".join(until_nul(word) for word in words if word is not None))
    return tuple(joined) or None


def _host_ports(found: list[Value | None]) -> FieldValue:
    """Per port its hostPort, else its containerPort; ports that are no array make the whole field absent."""
    ports = []
    for value in found:
        if value is None:
            continue
        if value.elements is None:
            return None
        for port in value.elements:
            shown = port.member("hostPort") or port.member("containerPort")
            if shown is not None:
                ports.append(shown.text)
    return tuple(ports) or None


def _capabilities(found: list[Value | None]) -> FieldValue:
    """One element a capability, so that `intersects` works (the reference gives each container's array as text)."""
    return tuple(_flat(found)) or None


def _flat(found: list[Value | None]) -> Iterator[str]:
    for value in found:
        for element in (value.elements if value is not None else None) or ():
            yield element.text


def _chosen(containers: Value | None, index: str | None) -> list[Value]:
    """Return all containers or the one at an index; a container that stands in no array is the only one."""
    if containers is None:
        return []
    if containers.elements is None:
        return [containers]
    return containers.elements if index is None else containers.elements[int(index) : int(index) + 1]


def _effective(containers: str, member: str) -> Read:
    """Read what each container runs as: its own word, else the pod's, else 0."""

    def read(event: Event, argument: str | None) -> FieldValue:
        found = event.document.at(*_SPEC, containers)
        own = [container.at("securityContext", member) for container in _chosen(found, argument)]
        if argument is not None:  # of one container: its own word only
            return texts(own)
        default = event.text(*_SPEC, "securityContext", member) or "0"
        return tuple(default if value is None else value.text for value in own) or None

    return read


_READINGS: Final = (
    ("name", "names", ("name",), _all_or_nothing),
    ("image", "images", ("image",), _all_or_nothing),
    ("image.repository", "images without tag and digest", ("image",), _repositories),
    ("command", "commands, each joined with blanks", ("command",), _words),
    ("args", "arguments, each joined with blanks", ("args",), _words),
    ("host_port", "ports on the host, else of the container", ("ports",), _host_ports),
    ("privileged", "privileged flags, of those that set it", ("securityContext", "privileged"), texts),
    (
        "allow_privilege_escalation",
        "allowPrivilegeEscalation flags, of those that set it",
        ("securityContext", "allowPrivilegeEscalation"),
        texts,
    ),
    (
        "read_only_fs",
        "readOnlyRootFilesystem flags, of those that set it",
        ("securityContext", "readOnlyRootFilesystem"),
        texts,
    ),
    ("run_as_user", "runAsUser, of those that set it", ("securityContext", "runAsUser"), texts),
    ("run_as_group", "runAsGroup, of those that set it", ("securityContext", "runAsGroup"), texts),
    ("proc_mount", "procMount, of those that set it", ("securityContext", "procMount"), texts),
    ("add_capabilities", "added capabilities", ("securityContext", "capabilities", "add"), _capabilities),
)

_EFFECTIVE: Final = (("eff_run_as_user", "runAsUser"), ("eff_run_as_group", "runAsGroup"))


def _fields_of(containers: str) -> Iterator[Field]:
    for name, what, path, collect in _READINGS:
        if name == "host_port" and containers == "ephemeralContainers":
            continue  # an ephemeral container has no ports
        yield Field(
            f"ka.req.pod.{containers}.{name}",
            f"The {what}, of a Pod's {containers} or of one of them.",
            guarded(walked((*_SPEC, containers, *path), collect)),
            is_list=True,
            argument=Argument.INDEX,
        )
    for name, member in _EFFECTIVE:
        yield Field(
            f"ka.req.pod.{containers}.{name}",
            f"The {member} in force for each of a Pod's {containers}: its own, else the Pod's, else 0.",
            guarded(_effective(containers, member)),
            is_list=True,
            argument=Argument.INDEX,
        )


def _first_image(event: Event, _argument: str | None) -> FieldValue:
    found = walk(event.document, (*_SPEC, "containers", "image"), 0)
    image = found[0] if found else None
    return None if image is None else image.text


def _first_repository(event: Event, argument: str | None) -> FieldValue:
    image = _first_image(event, argument)
    return repository(image) if isinstance(image, str) else None


def _any_privileged(event: Event, _argument: str | None) -> FieldValue:
    path = (*_SPEC, "containers")
    if walk(event.document, path, None) is None:
        return None
    flags = walk(event.document, (*path, "securityContext", "privileged"), None) or ()
    return boolean(any(flag is not None and flag.is_true() for flag in flags))


CONTAINER_FIELDS: Final = (
    *(
        field
        for containers in ("containers", "initContainers", "ephemeralContainers")
        for field in _fields_of(containers)
    ),
    Field("ka.req.container.image", "The first container's image.", guarded(_first_image)),
    Field(
        "ka.req.container.image.repository",
        "The first container's image without tag and digest.",
        guarded(_first_repository),
    ),
    Field("ka.req.container.privileged", "Whether any container is privileged.", guarded(_any_privileged)),
)
