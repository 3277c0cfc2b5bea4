"""The `podspec.*` fields: what the pod spec in an event asks for, in a Pod or in any workload's template.

And the `persistentvolume.*` fields, by which a pod gets at its host without asking for it.
"""

from collections.abc import Callable
from typing import Final

from rules.event import Event
from rules.fields import Argument, Field, FieldValue, boolean
from rules.podspec import FLAGS, LISTS, PodSpecFacts, distinct, image_origins, path_prefixes, volume_paths


def _read(show: Callable[[PodSpecFacts], FieldValue]) -> Callable[[Event, str | None], FieldValue]:
    def read(event: Event, _argument: str | None) -> FieldValue:
        facts = event.pod_spec
        return None if facts is None else show(facts)

    return read


def _flag(name: str, description: str) -> Field:
    show = FLAGS[name]
    return Field(f"podspec.{name}", description, _read(lambda facts: boolean(show(facts))))


def _list(name: str, description: str) -> Field:
    show = LISTS[name]
    return Field(f"podspec.{name}", description, _read(lambda facts: show(facts) or None), is_list=True)


def _image_origins(event: Event, argument: str | None) -> tuple[str, ...] | None:
    facts = event.pod_spec
    if facts is None:
        return None
    images = facts.images if argument is None else facts.images[int(argument) : int(argument) + 1]
    return distinct(origin for image in images for origin in image_origins(image)) or None


def _volume_paths(event: Event, _argument: str | None) -> tuple[str, ...] | None:
    bodies = (event.request_object, event.response_object)
    return volume_paths(event.target, event.string("verb"), bodies) or None


def _volume_path_prefixes(event: Event, argument: str | None) -> tuple[str, ...] | None:
    paths = _volume_paths(event, argument)
    return None if paths is None else path_prefixes(paths)


PODSPEC_FIELDS: Final = (
    _flag("privileged", "Whether any container is privileged, or a HostProcess container of Windows."),
    _flag("host_network", "Whether it asks for the host's network."),
    _flag("host_pid", "Whether it asks for the host's processes."),
    _flag("host_ipc", "Whether it asks for the host's IPC."),
    _list("host_paths", "The host paths that it mounts, normalised."),
    _list(
        "host_path_prefixes",
        "Each mounted host path and every folder above it, 32 deep at most: `intersects (/etc)` is anything in /etc.",
    ),
    _list("host_ports", "The ports of the host that it takes."),
    _list("capabilities_added", "The capabilities that containers add, in capitals."),
    _list("images", "The images of all containers."),
    _list("image_repositories", "The images without tag and digest; a registry's port stays."),
    _list("image_registries", "The images' registries; docker.io where an image names none."),
    Field(
        "podspec.image_origins",
        "All that images can be listed by: repositories as written and in full (docker.io/library/nginx), registries, "
        "folders (quay.io/team/). Of one image with an index: `podspec.image_origins[0] intersects (quay.io)`.",
        _image_origins,
        is_list=True,
        argument=Argument.INDEX,
    ),
    Field(
        "podspec.service_account",
        "The service account it runs as; absent where it names none.",
        _read(lambda facts: facts.service_account),
    ),
    _list("run_as_user", "The user IDs that the pod or its containers set."),
    Field(
        "persistentvolume.host_paths",
        "The host paths to which a PersistentVolume leads, normalised.",
        _volume_paths,
        is_list=True,
    ),
    Field(
        "persistentvolume.host_path_prefixes",
        "Each of these and every folder above it, 32 deep at most.",
        _volume_path_prefixes,
        is_list=True,
    ),
)
