"""What fields that mean something else than in the reference have to show instead: read by Python's own JSON.

Written from the language's description alone, for deviations to be held against; it knows nothing of `rules`.
"""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

_CONTAINER_FIELD = re.compile(r"ka\.req\.pod\.(\w+)\.(\w+)(?:\[(\d+)\])?")
_MEMBERS = {"eff_run_as_user": "runAsUser", "eff_run_as_group": "runAsGroup"}


def claim(expression: str, event: Any) -> str | list[str] | None:
    """Return what a field has to show of an event, None for nothing. Equal members of the event are one by now."""
    if "auditID" not in event:
        return None
    if expression.startswith("ka.uri.param["):
        return _parameter(event, expression[len("ka.uri.param[") : -1])
    if expression.startswith("ka.sourceips"):
        addresses = at(event, "sourceIPs")
        found = [text(address) for address in addresses] if isinstance(addresses, list) else []
        index = re.search(r"\[(\d+)\]", expression)
        return (found if index is None else found[int(index[1]) : int(index[1]) + 1]) or None
    match = _CONTAINER_FIELD.fullmatch(expression)
    assert match is not None, f"nothing is claimed of {expression}"
    containers, name, index_text = match.groups()
    chosen = _containers(event, containers, None if index_text is None else int(index_text))
    if name == "add_capabilities":
        lists = [at(container, "securityContext", "capabilities", "add") for container in chosen]
        return [text(each) for added in lists if isinstance(added, list) for each in added] or None
    own = [at(container, "securityContext", _MEMBERS[name]) for container in chosen]
    if index_text is not None:
        return [text(value) for value in own if value is not ...] or None
    of_pod = at(event, "requestObject", "spec", "securityContext", _MEMBERS[name])
    default = "0" if of_pod is ... else text(of_pod)
    return [default if value is ... else text(value) for value in own] or None


def since_request(event: Any) -> int:
    """Return the nanoseconds from an event's request to the event, both told in microseconds."""
    ended, received = (datetime.fromisoformat(event[name]) for name in ("stageTimestamp", "requestReceivedTimestamp"))
    return round((ended - received).total_seconds() * 1_000_000) * 1000


def _parameter(event: Any, key: str) -> str | None:
    uri = at(event, "requestURI")
    path, _, query = ("" if uri is ... else text(uri)).partition("#")[0].partition("?")
    if path.startswith(":") or re.search("%(?![0-9A-Fa-f]{2})", path) or re.search("[\0-\x1f\x7f]", path + query):
        return None  # no URL
    return next((value for name, value in parse_qsl(query, keep_blank_values=True) if name == key), None)


def _containers(event: Any, name: str, index: int | None) -> list[Any]:
    found = at(event, "requestObject", "spec", name)
    if found is ...:
        return []
    if not isinstance(found, list):
        return [found]
    return found if index is None else found[index : index + 1]


def at(value: Any, *path: str) -> Any:
    """Return what stands at a path of members, `...` for nothing."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return ...
        value = value[name]
    return value


def text(value: Any) -> str:
    """Return a value as fields show it: a string as it is, anything else as JSON; up to the first NUL."""
    shown = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return shown.partition("\0")[0]
