"""Secrets out of an event, everything else left byte for byte.

`split` calls `redact` with each event that decodes, before anything is published; what it cannot place inside the body
of a Secret or token it hides. An event is told by its head: the target says `secrets`, a token's subresource or a
token review, or a body says that it is a Secret. Only such an event is taken apart, level by level, and only the
levels on the way to a secret are joined anew; members that stand twice become one, the last, as the API server itself
reads them. The same event always gives the same bytes, and redacting twice changes nothing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from ingest import scan
from ingest.envelope import Head, elements, members, text

REDACTED: Final = "[redacted]"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_Edit = Callable[[bytes], bytes]

_HIDDEN: Final = msgspec.json.encode(REDACTED)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def redact(value: bytes, head: Head) -> bytes:
    """Return the event without secrets: the very same object when it holds none. `head` is that of `value`."""
    edit = _edit_of(head)
    if edit is None:
        return value
    is_patch = head.resource == "secrets" and head.verb == "patch"
    return _edit_members(value, {"requestObject": _edit_secret_patch if is_patch else edit, "responseObject": edit})


def _edit_of(head: Head) -> _Edit | None:
    """Return what is to be done to both bodies, None for the many that can be let through."""
    match head.resource:
        case "secrets":
            return _edit_secret_body
        case "serviceaccounts" if head.subresource == "token":
            return _edit_token_request
        case "tokenreviews" if head.api_group == "authentication.k8s.io":
            return _edit_token_review
    return _edit_body if _holds_secret(head.request) or _holds_secret(head.response) else None


# What tells a Secret by itself, in whatever body it lies.


def _holds_secret(body: object) -> bool:
    if isinstance(body, list):
        return any(_is_secret(members(operation).get("value")) for operation in body)
    if not isinstance(body, dict):
        return False
    return (
        _is_secret(body)
        or any(_is_secret(one) for one in elements(body.get("items")))
        or any(_is_secret(members(row).get("object")) for row in elements(body.get("rows")))
    )


def _is_secret(value: object) -> bool:
    known = members(value)
    return known.get("apiVersion") == "v1" and known.get("kind") in ("Secret", "SecretList")


def _edit_body(raw: bytes) -> bytes:
    """Edit the Secrets in a body of another target, and nothing else of it."""
    if raw.startswith(b"["):
        return _edit_elements(raw, partial(_edit_object, edits={"value": _edit_if_secret}))
    if _is_secret(msgspec.json.decode(raw)):
        return _edit_secret_body(raw)
    in_rows = partial(_edit_array, edit=partial(_edit_object, edits={"object": _edit_if_secret}))
    return _edit_object(raw, edits={"items": partial(_edit_array, edit=_edit_if_secret), "rows": in_rows})


def _edit_if_secret(raw: bytes) -> bytes:
    return _edit_secret_body(raw) if _is_secret(msgspec.json.decode(raw)) else raw


# What is secret, and where.


def _edit_secret_body(raw: bytes) -> bytes:
    """Edit a body of a request for Secrets: one, a list of them, a table, or a patch."""
    return _edit_elements(raw, _edit_operation) if raw.startswith(b"[") else _edit_members(raw, _IN_SECRET_BODY)


def _edit_secret_patch(raw: bytes) -> bytes:
    """Edit a patch as the client wrote it: a member that no Secret has may be a misspelt one that holds a secret."""
    if not raw.startswith(b"{"):
        return _edit_secret_body(raw)
    names = _OBJECT.decode(raw)
    return _edit_members(raw, {name: _IN_SECRET.get(name, _keep if _is_harmless(name) else _hide) for name in names})


def _is_harmless(name: str) -> bool:
    """Tell whether a member of a patch holds no secret; `$patch` and its like direct a strategic merge."""
    return name in _HARMLESS or name.startswith("$")


def _edit_operation(raw: bytes) -> bytes:
    """Edit one operation of a JSON patch: all but what says where it applies."""
    if not raw.startswith(b"{"):
        return _hide(raw)
    operation = _OBJECT.decode(raw)
    path = text(msgspec.json.decode(operation["path"])) if "path" in operation else None
    edit = _hide if path is None else _edit_at(path)
    edits = {name: edit if name == "value" else _hide for name in operation if name not in ("op", "path", "from")}
    return _edit_members(raw, edits)


def _edit_at(path: str) -> _Edit:
    """Return what is to be done to the value at a JSON pointer into a Secret."""
    # Like the API server's patch library, this ignores what stands before the first slash: `x/data` is `/data`.
    pointer = tuple(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])
    known = _AT_POINTER.get(pointer)
    if known is not None:
        return known
    # What is left lies inside the data, in a harmless member, or where no Secret has anything: a slip of the pen there
    # may well carry a password.
    is_harmless = pointer[0] in _HARMLESS and pointer[:3] != ("metadata", "annotations", LAST_APPLIED)
    return _keep if is_harmless else _hide


def _edit_data(raw: bytes) -> bytes:
    """Hide every value of an object and keep its keys; hide whole whatever is no object."""
    return _edit_members(raw, dict.fromkeys(_OBJECT.decode(raw), _hide)) if raw.startswith(b"{") else _hide(raw)


def _edit_annotations(raw: bytes) -> bytes:
    return _edit_members(raw, {LAST_APPLIED: _hide})


def _edit_metadata(raw: bytes) -> bytes:
    return _edit_members(raw, {"annotations": _edit_annotations})


def _edit_secret(raw: bytes) -> bytes:
    return _edit_members(raw, _IN_SECRET)


def _edit_row(raw: bytes) -> bytes:
    return _edit_members(raw, {"object": _edit_secret})


def _edit_token_request(raw: bytes) -> bytes:
    # `status` is no object in a `Status`, the answer to a refused request.
    return _edit_members(raw, {"status": partial(_edit_object, edits={"token": _hide})})


def _edit_token_review(raw: bytes) -> bytes:
    return _edit_members(raw, {"spec": partial(_edit_members, edits={"token": _hide})})


def _hide(raw: bytes) -> bytes:
    """Hide a value, unless it is null: that holds no secret, and in a merge patch it means `delete`."""
    return raw if raw == b"null" else _HIDDEN


def _keep(raw: bytes) -> bytes:
    return raw


_IN_SECRET: Final[Mapping[str, _Edit]] = {"data": _edit_data, "stringData": _edit_data, "metadata": _edit_metadata}


# How a level is taken apart and joined.


def _edit_members(raw: bytes, edits: Mapping[str, _Edit]) -> bytes:
    """Edit the named members of an object; hide whole whatever is no object where there should be one."""
    if not raw.startswith(b"{"):
        return _hide(raw)
    before = {name: bytes(member) for name, member in _OBJECT.decode(raw).items()}
    after = {name: edits[name](member) if name in edits else member for name, member in before.items()}
    joined = b"{" + b",".join(msgspec.json.encode(name) + b":" + member for name, member in after.items()) + b"}"
    # Where nothing was hidden the level stays as it came, blanks and escapes included, unless joining dropped a member:
    # what the last of two hides, the first may have shown.
    if joined == raw or (after == before and len(scan.members(raw) or ()) == len(before)):
        return raw
    return joined


def _edit_object(raw: bytes, edits: Mapping[str, _Edit]) -> bytes:
    """Edit the named members of an object; keep whatever is no object."""
    return _edit_members(raw, edits) if raw.startswith(b"{") else raw


def _edit_elements(raw: bytes, edit: _Edit) -> bytes:
    """Edit every element of an array; hide whole whatever is no array where there should be one."""
    if not raw.startswith(b"["):
        return _hide(raw)
    before = [bytes(element) for element in _ARRAY.decode(raw)]
    after = [edit(element) for element in before]
    return raw if after == before else b"[" + b",".join(after) + b"]"


def _edit_array(raw: bytes, edit: _Edit) -> bytes:
    """Edit every element of an array; keep whatever is no array."""
    return _edit_elements(raw, edit) if raw.startswith(b"[") else raw


_IN_SECRET_BODY: Final[Mapping[str, _Edit]] = {
    **_IN_SECRET,
    "items": partial(_edit_elements, edit=_edit_secret),
    "rows": partial(_edit_elements, edit=_edit_row),
}

_AT_POINTER: Final[Mapping[tuple[str, ...], _Edit]] = {
    (): _edit_secret_body,
    ("",): _edit_secret_body,
    ("data",): _edit_data,
    ("stringData",): _edit_data,
    ("metadata",): _edit_metadata,
    ("metadata", "annotations"): _edit_annotations,
}
_HARMLESS: Final = frozenset({"metadata", "kind", "apiVersion", "type", "immutable"})
