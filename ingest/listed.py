"""What `kubectl get -o json` prints, into the objects in it. PURE.

`auditstream resources import` calls `objects_in` with one JSON document after the other, and hands each object to
`ingest.imported`. A document may be hundreds of megabytes: its objects are found without decoding them, and copied one
at a time.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

_LIST: Final = "List"
_T = TypeVar("_T")


class NotJsonError(Exception):
    """A document is no JSON. The text says where it breaks."""


class Listed(msgspec.Struct, frozen=True):
    """One object, or what stands in its place."""

    value: bytes
    """Its JSON, not decoded yet."""
    number: int | None = None
    """Which item of its list it is, counted from 1; None where it is a document by itself."""
    api_version: str = ""
    """What its list says of it, empty where that says nothing: items of a `PodList` do not tell what they are."""
    kind: str = ""


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    """The members that tell a list from an object."""

    kind: object = None
    api_version: object = None
    items: msgspec.Raw = msgspec.Raw(b"")


_PAYLOAD: Final = msgspec.json.Decoder(_Payload)
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def objects_in(document: bytes | memoryview) -> Iterator[Listed]:
    """Yield the objects of a document: an object, a list of any kind, or an array of either (`jq .items`, `jq -s .`).

    What stands in a list and is no object is yielded too. Raises NotJsonError before anything is yielded.
    """
    if bytes(document[:1]) != b"[":
        yield from _objects_of(document)
        return
    elements = _decoded(_ARRAY, document)
    for number, element in enumerate(elements, start=1):
        for one in _objects_of(memoryview(element)):
            yield one if one.number is not None else msgspec.structs.replace(one, number=number)


def _objects_of(payload: bytes | memoryview) -> Iterator[Listed]:
    """Yield the items of a list, and what is no list as it is."""
    try:
        found = _decoded(_PAYLOAD, payload)
        items = _decoded(_ARRAY, found.items) if _is_list(found) else None
    except msgspec.ValidationError:
        found, items = _Payload(), None  # no object, or no array of items: whoever takes objects says so
    if items is None:
        yield Listed(bytes(payload))
        return
    kind = _text(found.kind).removesuffix(_LIST)
    version = _text(found.api_version) if kind else ""
    for number, item in enumerate(items, start=1):
        yield Listed(bytes(item), number, version, kind)


def _is_list(payload: _Payload) -> bool:
    return _text(payload.kind).endswith(_LIST) and len(memoryview(payload.items)) > 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _decoded(decoder: msgspec.json.Decoder[_T], document: bytes | memoryview | msgspec.Raw) -> _T:
    try:
        return decoder.decode(document)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJsonError(str(error)) from None
    except RecursionError:
        raise NotJsonError("it is nested too deeply") from None
