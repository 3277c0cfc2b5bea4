"""What a pod spec asks for, wherever an event carries one: in a Pod, in a workload's template, in a patch of either.

`facts_of` reads an event's bodies: of a create or update the request and what the response made of it, of a patch the
union of what the patch says and what the response shows. Used by the `podspec.*` fields and by the inventory, so that
an exec sees the same facts of the pod that it enters. Says nothing about whether the request succeeded.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from rules.document import Value

WRITING_VERBS: Final = frozenset({"create", "update", "patch"})
"""Verbs whose bodies say what an object shall be."""

_POD: Final = ("spec",)
_TEMPLATE: Final = ("spec", "template", "spec")

POD_SPEC_PATHS: Final = {
    ("", "pods"): _POD,
    ("", "podtemplates"): ("template", "spec"),
    ("", "replicationcontrollers"): _TEMPLATE,
    ("apps", "deployments"): _TEMPLATE,
    ("apps", "replicasets"): _TEMPLATE,
    ("apps", "statefulsets"): _TEMPLATE,
    ("apps", "daemonsets"): _TEMPLATE,
    ("batch", "jobs"): _TEMPLATE,
    ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where the pod spec stands in each resource that has one, by (apiGroup, resource)."""

_SUBRESOURCES: Final = frozenset({"", "ephemeralcontainers", "resize"})
"""Subresources whose bodies say what a pod shall be; `status`, `scale` or `binding` do not."""

_MAX_PREFIX: Final = 255
_MAX_FOLDERS: Final = 32

_MAX_POINTER_PARTS: Final = 16
"""No fact of a pod spec lies deeper in any resource; a longer pointer of a JSON patch says nothing of one."""

_CONTAINER_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")


class PodSpecFacts(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """What one or several versions of a pod spec ask for, taken together."""

    privileged: bool
    """Or a HostProcess container of Windows."""
    host_network: bool
    host_pid: bool
    host_ipc: bool
    host_paths: tuple[str, ...]
    host_ports: tuple[str, ...]
    capabilities_added: tuple[str, ...]
    """In capitals."""
    images: tuple[str, ...]
    service_account: str | None
    run_as_user: tuple[str, ...]


def facts_of(target: tuple[str, str, str], verb: str | None, bodies: Iterable[Value | None]) -> PodSpecFacts | None:
    """Return what the pod specs in an event's bodies (request, then response) ask for, None where there are none.

    `target` is (apiGroup, resource, subresource).
    """
    group, resource, subresource = target
    path = POD_SPEC_PATHS.get((group, resource))
    if path is None or subresource not in _SUBRESOURCES or verb not in WRITING_VERBS:
        return None
    specs = [spec for body in bodies if body is not None for spec in _specs(body, path)]
    return _facts(specs) if specs else None


def facts_in(api_group: str, resource: str, body: Value) -> PodSpecFacts | None:
    """Return what the pod spec of a whole object asks for, None where it has none."""
    return _facts_at(POD_SPEC_PATHS.get((api_group, resource)), body if body.elements is None else None)


def patch_facts(api_group: str, resource: str, patch: Value) -> PodSpecFacts | None:
    """Return what a patch of any form asks a pod spec to have, None where it says nothing of one."""
    return _facts_at(POD_SPEC_PATHS.get((api_group, resource)), patch)


def _facts_at(path: tuple[str, ...] | None, body: Value | None) -> PodSpecFacts | None:
    specs = [] if path is None or body is None else list(_specs(body, path))
    return _facts(specs) if specs else None


def volume_paths(target: tuple[str, str, str], verb: str | None, bodies: Iterable[Value | None]) -> tuple[str, ...]:
    """Return the host paths, normalised, to which a PersistentVolume in an event's bodies leads."""
    if target != ("", "persistentvolumes", "") or verb not in WRITING_VERBS:
        return ()
    specs = (spec for body in bodies if body is not None for spec in _specs(body, ("spec",)))
    found = ((_object(spec, kind) or {}).get("path") for spec in specs for kind in ("hostPath", "local"))
    return distinct(normalised(path) for path in found if isinstance(path, str))


def _specs(body: Value, path: tuple[str, ...]) -> Iterator[dict[str, object]]:
    """Yield the pod specs, whole or partial, that a body holds."""
    if body.elements is None:
        spec = body.at(*path)
        whole = None if spec is None else spec.decode()
        if isinstance(whole, dict):
            yield whole
        return
    for document in _patched(body.elements):
        at: object = document
        for name in path:
            at = at.get(name) if isinstance(at, dict) else None
        if isinstance(at, dict):
            yield at


def _patched(operations: Iterable[Value]) -> Iterator[object]:
    """Yield what each operation of a JSON patch (an array) writes, wrapped in its path."""
    for operation in operations:
        path, value = operation.member("path"), operation.member("value")
        kind = operation.member("op")
        if kind is not None and kind.string == "test":
            continue  # asks for nothing: it says what must be so already
        if path is None or path.string is None or value is None:
            continue
        if path.string.count("/") <= _MAX_POINTER_PARTS:
            yield _wrapped(path.string, value.decode())


def _wrapped(path: str, value: object) -> object:
    """Return the smallest document in which a value stands at a JSON pointer."""
    for part in reversed(path.split("/")[1:]):
        is_position = part == "-" or part.isdecimal()
        value = [value] if is_position else {part.replace("~1", "/").replace("~0", "~"): value}
    return value


def _facts(specs: list[dict[str, object]]) -> PodSpecFacts:
    containers = [container for spec in specs for container in _containers(spec)]
    contexts = [context for context in (_object(container, "securityContext") for container in containers) if context]
    pod_contexts = [context for context in (_object(spec, "securityContext") for spec in specs) if context]
    return PodSpecFacts(
        privileged=any(map(_is_privileged, [*contexts, *pod_contexts])),
        host_network=any(spec.get("hostNetwork") is True for spec in specs),
        host_pid=any(spec.get("hostPID") is True for spec in specs),
        host_ipc=any(spec.get("hostIPC") is True for spec in specs),
        host_paths=distinct(
            normalised(path)
            for spec in specs
            for volume in _objects(spec, "volumes")
            if isinstance(path := (_object(volume, "hostPath") or {}).get("path"), str)
        ),
        host_ports=distinct(
            str(port["hostPort"])
            for container in containers
            for port in _objects(container, "ports")
            if isinstance(port.get("hostPort"), int) and port["hostPort"]
        ),
        capabilities_added=distinct(
            capability.upper()  # runtimes take them in any letter case
            for context in contexts
            for capability in _array(_object(context, "capabilities") or {}, "add")
            if isinstance(capability, str)
        ),
        images=distinct(
            image for container in containers if isinstance(image := container.get("image"), str) and image
        ),
        service_account=_service_account(specs),
        run_as_user=distinct(
            str(user)
            for context in [*contexts, *pod_contexts]
            if isinstance(user := context.get("runAsUser"), int | str)
        ),
    )


def _is_privileged(context: dict[str, object]) -> bool:
    """Tell whether a security context, of a container or of the pod, gives the host away.

    On Windows that is a HostProcess container: it runs on the node itself, as one of its users.
    """
    windows = _object(context, "windowsOptions") or {}
    return context.get("privileged") is True or windows.get("hostProcess") is True


def _service_account(specs: list[dict[str, object]]) -> str | None:
    """Return the account that is asked for; the last spec is the response's, which is what became of it."""
    for spec in reversed(specs):
        for name in ("serviceAccountName", "serviceAccount"):
            account = spec.get(name)
            if isinstance(account, str) and account:
                return account
    return None


def _containers(spec: dict[str, object]) -> Iterator[dict[str, object]]:
    for name in _CONTAINER_LISTS:
        yield from _objects(spec, name)


def _object(parent: dict[str, object], name: str) -> dict[str, object] | None:
    child = parent.get(name)
    return child if isinstance(child, dict) else None


def _array(parent: dict[str, object], name: str) -> list[object]:
    child = parent.get(name)
    return child if isinstance(child, list) else []


def _objects(parent: dict[str, object], name: str) -> Iterator[dict[str, object]]:
    return (element for element in _array(parent, name) if isinstance(element, dict))


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """Return values in their order, each once."""
    return tuple(dict.fromkeys(values))


def normalised(path: str) -> str:
    """Return an absolute path without `.`, `..` and doubled slashes, so that spelling does not hide where it leads."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)


def prefixes(path: str) -> Iterator[str]:
    """Yield a normalised path and all the folders above it, from the root down.

    Not beyond what a condition's constant can hold or a file system sensibly has: the path is a client's to choose,
    and all prefixes of a long one together are as long as its square.
    """
    yield "/"
    end = 0
    for _ in range(_MAX_FOLDERS):
        end = path.find("/", end + 1)
        prefix = path if end < 0 else path[:end]
        if prefix == "/" or len(prefix) > _MAX_PREFIX:
            return
        yield prefix
        if end < 0:
            return


def registry(image: str) -> str:
    """Return an image's registry; an image that names none comes from docker.io."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def image_repository(image: str) -> str:
    """Return an image without tag and digest; a registry's port stays."""
    image = image.partition("@")[0]
    folder, slash, name = image.rpartition("/")
    return folder + slash + name.partition(":")[0]


def image_origins(image: str) -> tuple[str, ...]:
    """Return all that an image can be listed by: repository, registry, and the folders between, with a `/` behind.

    An image of docker.io also by what it is called in full: `docker.io/library/nginx` where it says `nginx`.
    """
    repository = image_repository(image)
    host = registry(image)
    path = repository.removeprefix(f"{host}/")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    folders = (f"{host}{folder}/" for folder in prefixes(f"/{path}") if folder not in {"/", f"/{path}"})
    return distinct([repository, f"{host}/{path}", host, *folders])


def path_prefixes(paths: Iterable[str]) -> tuple[str, ...]:
    """Return normalised paths and all the folders above them, each once."""
    return distinct(prefix for path in paths for prefix in prefixes(path))


FLAGS: Final[Mapping[str, Callable[[PodSpecFacts], bool]]] = {
    "privileged": lambda facts: facts.privileged,
    "host_network": lambda facts: facts.host_network,
    "host_pid": lambda facts: facts.host_pid,
    "host_ipc": lambda facts: facts.host_ipc,
}
"""What a pod spec does or does not ask for, as fields call it behind `podspec.` and `resource.`."""

LISTS: Final[Mapping[str, Callable[[PodSpecFacts], tuple[str, ...]]]] = {
    "host_paths": lambda facts: facts.host_paths,
    "host_path_prefixes": lambda facts: path_prefixes(facts.host_paths),
    "host_ports": lambda facts: facts.host_ports,
    "capabilities_added": lambda facts: facts.capabilities_added,
    "images": lambda facts: facts.images,
    "image_repositories": lambda facts: tuple(map(image_repository, facts.images)),
    "image_registries": lambda facts: tuple(map(registry, facts.images)),
    "run_as_user": lambda facts: facts.run_as_user,
}
"""What it asks for more than one of, called so too; for each image its repository and registry."""
