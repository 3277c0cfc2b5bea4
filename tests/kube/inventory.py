"""What there is, as kubectl says it and as `auditstream resources` does, in one form to compare them in."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from wire.tracked import TRACKED

KINDS: Final = ",".join(sorted(f"{resource}.{group}".rstrip(".") for group, resource in TRACKED))
"""All tracked resources, as an argument of `kubectl get`."""

_RESOURCES: Final = {(group, tracked.kind): resource for (group, resource), tracked in TRACKED.items()}


class Thing(NamedTuple):
    """An object's name."""

    api_group: str
    resource: str
    namespace: str
    name: str


Inventory = dict[Thing, str | None]
"""The uid of each object that exists; None where it is not known."""

Known = Mapping[Thing, str | None]


def of_kubectl(text: str) -> Inventory:
    """Return what `kubectl get -A -o json` shows."""
    found: Inventory = {}
    for item in json.loads(text)["items"]:
        group = item["apiVersion"].rpartition("/")[0]
        metadata = item["metadata"]
        thing = Thing(group, _RESOURCES[group, item["kind"]], metadata.get("namespace", ""), metadata["name"])
        found[thing] = metadata["uid"]
    return found


def of_auditstream(lines: str, cluster: str) -> Inventory:
    """Return what `auditstream resources --json` lists: of that cluster only, each object once, all that exist."""
    found: Inventory = {}
    for line in lines.splitlines():
        item: Mapping[str, Any] = json.loads(line)
        assert (item["cluster"], item["exists"]) == (cluster, True)
        thing = Thing(item["api_group"], item["resource"], item["namespace"], item["name"])
        assert thing not in found
        found[thing] = item["uid"]
    return found


def differences(actual: Known, told: Known, without_uid: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Say in which objects two inventories differ, an object a line; nothing when they are the same.

    Of resources `without_uid`, by group and plural name, a uid that is not known is none of the differences.
    """
    lenient = frozenset(without_uid)
    lines = []
    for thing in sorted(actual.keys() | told.keys()):
        where = "/".join(filter(None, thing))
        if thing not in told:
            lines.append(f"{where}: exists, but is not told")
        elif thing not in actual:
            lines.append(f"{where}: is told, but does not exist")
        elif told[thing] != actual[thing] and not (told[thing] is None and thing[:2] in lenient):
            lines.append(f"{where}: is {actual[thing]}, told as {told[thing]}")
    return lines
