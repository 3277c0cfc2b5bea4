"""What kubectl prints, made up: for the tests of imports."""

import json
from typing import Any


def an_object(kind: str, name: str, version: str = "v1", **metadata: object) -> dict[str, Any]:
    """Make an object; its uid is made of its kind and name."""
    known = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-{kind}-{name}",
        "resourceVersion": "42",
        "creationTimestamp": "2026-11-23T20:34:01Z",
    }
    return {"apiVersion": version, "kind": kind, "metadata": {**known, **metadata}}


def a_list(*items: object) -> bytes:
    """Make what `kubectl get -o json` prints of several objects."""
    document = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    return json.dumps(document, indent=4).encode() + b"\n"
