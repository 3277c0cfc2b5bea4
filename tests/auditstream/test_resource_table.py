"""Resources as rows."""

import msgspec

from auditstream.resource_table import rows
from processor.listing import Created, Deleted, Owner, Root
from tests.auditstream.known import a_resource

BARE = a_resource()
WHOLE = a_resource(
    kind="Pod",
    namespace="shop",
    name="web-1",
    exists=False,
    created=Created("rs", "192.0.2.7", "2026-11-23T20:34:01.258117000Z"),
    deleted=Deleted("bob", "2026-11-23T20:35:01.258117000Z"),
    lifetime_seconds=60,
    owner=Owner("ReplicaSet", "web"),
    root=Root("Deployment", "web", "alice"),
)


def test_a_row_says_who_and_when_and_a_dash_what_is_not_known() -> None:
    assert rows([WHOLE, BARE], with_gone=False) == [
        ("CLUSTER", "NAMESPACE", "KIND", "NAME", "CREATED", "BY", "ROOT"),
        ("prod", "shop", "Pod", "web-1", "2026-11-23T20:34:01Z", "rs", "Deployment/web of alice"),
        ("prod", "-", "Namespace", "shop", "-", "-", "-"),
    ]


def test_where_what_is_gone_is_shown_rows_say_how_it_ended() -> None:
    deleting = msgspec.structs.replace(BARE, deleted=Deleted("bob", None))
    assert [row[7:] for row in rows([WHOLE, BARE, deleting], with_gone=True)] == [
        ("STATE", "DELETED", "BY", "LIVED"),
        ("gone", "2026-11-23T20:35:01Z", "bob", "60 s"),
        ("there", "-", "-", "-"),
        ("deleting", "-", "bob", "-"),
    ]


def test_without_a_root_the_owner_is_shown_and_without_a_person_nobody() -> None:
    owned = msgspec.structs.replace(WHOLE, root=None)
    nobodys = msgspec.structs.replace(WHOLE, root=Root("Widget", "w", None))
    assert [row[6] for row in rows([owned, nobodys], with_gone=False)[1:]] == ["ReplicaSet/web", "Widget/w"]
