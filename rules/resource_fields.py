"""The `resource.*` fields: what the inventory knows of an event's target.

The facts themselves come with the event (`processor.inventory`); here they get names and descriptions. They are there
only for events that carry an affinity key, and each only where it is known.
"""

from collections.abc import Iterator
from typing import Final

from rules.event import Event
from rules.fields import Field, FieldValue, Type

_PREFIX: Final = "resource."
_BEFORE: Final = "resource.before."


def _fact(name: str, description: str, *, type_: Type = Type.STRING, is_list: bool = False) -> Field:
    def read(event: Event, _argument: str | None) -> FieldValue:
        return event.facts.get(name)

    return Field(name, description, read, type=type_, is_list=is_list)


def _both(name: str, description: str, *, type_: Type = Type.STRING, is_list: bool = False) -> Iterator[Field]:
    """Yield a fact as it is after the event and as it was before it."""
    yield _fact(_PREFIX + name, description, type_=type_, is_list=is_list)
    yield _fact(
        _BEFORE + name, f"Before the event: {description[0].lower()}{description[1:]}", type_=type_, is_list=is_list
    )


_TEXTS: Final = (
    ("uid", "The object's uid."),
    ("created.user", "Who created the object; absent if that was not seen."),
    ("created.source_ip", "Where its creation came from: the address that the API server saw."),
    ("created.time", "When it was created, such as 2026-11-23T20:34:01.258117000Z."),
    ("deleted.user", "Who was the first to ask for its deletion."),
    ("deleted.time", "When its deletion was first asked for."),
    ("owner.kind", "The kind of the controller that owns it, as the object says."),
    ("owner.name", "The name of the controller that owns it, as the object says."),
    ("root.kind", "The kind at the top of its owners, such as Deployment for a pod of one; its own where it has none."),
    ("root.name", "The name of the object at the top of its owners."),
    ("root.user", "Who created the object at the top of its owners, or last changed its spec: the person behind it."),
    ("root.source_ip", "Where that person's request came from."),
    ("entered.user", "Who first went into the pod: by exec, attach or an ephemeral container."),
    ("entered.time", "When someone first went into the pod."),
    ("role", "The name of the role that a binding gives."),
    ("role_kind", "The kind of the role that a binding gives: Role or ClusterRole."),
    ("service_account", "The service account that the pod or template runs as."),
    (
        "privileged",
        "Whether any container of the pod or template is privileged, or a HostProcess container of Windows.",
    ),
    ("host_network", "Whether the pod or template is in the host's network."),
    ("host_pid", "Whether the pod or template sees the host's processes."),
    ("host_ipc", "Whether the pod or template is in the host's IPC."),
)

_LISTS: Final = (
    ("subjects", "Whom a binding gives its role: each as User:alice, Group:dev or ServiceAccount:shop/default."),
    ("host_paths", "The host paths that the pod or template mounts, normalised."),
    ("host_path_prefixes", "Each of these and every folder above it, 32 deep at most."),
    ("host_ports", "The ports of the host that the pod or template takes."),
    ("capabilities_added", "The capabilities that containers of the pod or template add, in capitals."),
    ("images", "The images of all containers of the pod or template."),
    ("image_repositories", "These images without tag and digest; a registry's port stays."),
    ("image_registries", "The registries of these images; docker.io where an image names none."),
    ("run_as_user", "The user IDs that the pod, the template or containers set."),
)


def _all() -> Iterator[Field]:
    yield _fact("resource.exists", "Whether the object exists after the event: true or false; absent if never seen.")
    yield _fact(
        "resource.before.exists", "The same before the event; of a creation, false if the name was in use earlier."
    )
    for name, description in _TEXTS:
        yield from _both(name, description)
    for name, description in _LISTS:
        yield from _both(name, description, is_list=True)
    yield from _both(
        "age_seconds", "How long the object had existed at the event, in whole seconds.", type_=Type.NUMBER
    )
    yield from _both(
        "lifetime_seconds", "How long it existed, in whole seconds; absent while it does.", type_=Type.NUMBER
    )
    yield _fact("resource.names", "Of a deletecollection: the names of what it deleted, 50 at most.", is_list=True)
    yield _fact("resource.count", "Of a deletecollection: how many objects it deleted.", type_=Type.NUMBER)


RESOURCE_FIELDS: Final = tuple(_all())
"""What is known of the target: as of the event, whatever is known of later ones. Of a creation, `resource.before.*` is
what is known of the object that had the name last."""

MAIN_FACTS: Final = (
    "resource.exists",
    "resource.uid",
    "resource.created.user",
    "resource.created.time",
    "resource.owner.kind",
    "resource.owner.name",
    "resource.root.kind",
    "resource.root.name",
    "resource.root.user",
    "resource.root.source_ip",
)
"""What every alert on a keyed event says of its target in `output_fields`, as far as it is known."""
