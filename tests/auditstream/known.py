"""What is known of resources, made up: for the tests of lists."""

import msgspec

from processor.listing import Resource

_BARE = Resource(
    cluster="prod",
    api_group="",
    resource="namespaces",
    kind="Namespace",
    namespace="",
    name="shop",
    uid=None,
    exists=True,
    created=None,
    deleted=None,
    lifetime_seconds=None,
    owner=None,
    root=None,
)


def a_resource(**members: object) -> Resource:
    """Make one of which nothing is known but that it is there; some of its members are others."""
    return msgspec.structs.replace(_BARE, **members)
