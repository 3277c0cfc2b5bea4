"""Redaction: nothing secret stays, and nothing else changes."""

import base64
import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelope import read_head
from ingest.redact import LAST_APPLIED, REDACTED, redact

FIXTURES = Path(__file__).parent / "fixtures"
RECORDED = (FIXTURES / "secrets.jsonl").read_bytes().splitlines()
JWT = re.compile(rb"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")


def redacted(value: bytes) -> bytes:
    return redact(value, read_head(msgspec.json.decode(value)))


def event(resource: str, request: str, *, subresource: str = "", group: str = "") -> bytes:
    target = f'{{"resource":"{resource}","apiGroup":"{group}","subresource":"{subresource}"}}'
    return f'{{"objectRef":{target},"requestObject":{request},"n":1.0}}'.encode()


def body_after(resource: str, request: str, *, subresource: str = "", group: str = "") -> str:
    before, after = event(resource, request, subresource=subresource, group=group).split(request.encode())
    value = redacted(event(resource, request, subresource=subresource, group=group))
    assert value.startswith(before)
    assert value.endswith(after)
    return value[len(before) : -len(after)].decode()


ANNOTATION = LAST_APPLIED.replace("/", "~1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"data":{"a":"c2VjcmV0","b":""}}', '{"data":{"a":"[redacted]","b":"[redacted]"}}'),
        ('{"stringData":{"a":"secret"},"type":"Opaque"}', '{"stringData":{"a":"[redacted]"},"type":"Opaque"}'),
        ('{"data":{"a":null}}', '{"data":{"a":null}}'),
        ('{"data":null}', '{"data":null}'),
        ('{"data":"secret"}', '{"data":"[redacted]"}'),
        ('{"data":["secret"]}', '{"data":"[redacted]"}'),
        ('{"data":{"a":{"b":"secret"},"c":1.50}}', '{"data":{"a":"[redacted]","c":"[redacted]"}}'),
        ('{"data":{"a":"1"},"data":{"b":"2"}}', '{"data":{"b":"[redacted]"}}'),
        ('{"data":{"a":"1"},"data":null}', '{"data":null}'),
        ('{"\\u0064ata":{"a":"secret"}}', '{"data":{"a":"[redacted]"}}'),
        ('{"data":{"$patch":"replace","a":"x"}}', '{"data":{"$patch":"[redacted]","a":"[redacted]"}}'),
        (
            f'{{"metadata":{{"annotations":{{"k":"v","{LAST_APPLIED}":"{{}}"}},"generation":1e0}}}}',
            f'{{"metadata":{{"annotations":{{"k":"v","{LAST_APPLIED}":"[redacted]"}},"generation":1e0}}}}',
        ),
        ('{"metadata":"secret"}', '{"metadata":"[redacted]"}'),
        ('{"metadata":{"annotations":null}}', '{"metadata":{"annotations":null}}'),
        ('{"items":[{"data":{"a":"1"}},{"data":{}}]}', '{"items":[{"data":{"a":"[redacted]"}},{"data":{}}]}'),
        ('{"items":["secret"]}', '{"items":["[redacted]"]}'),
        ('{"items":{"a":"secret"}}', '{"items":"[redacted]"}'),
        (
            '{"kind":"Table","rows":[{"cells":["n"],"object":{"data":{"a":"1"}}},{"object":null}]}',
            '{"kind":"Table","rows":[{"cells":["n"],"object":{"data":{"a":"[redacted]"}}},{"object":null}]}',
        ),
        ('{"kind":"Status","status":"Failure","code":403}', '{"kind":"Status","status":"Failure","code":403}'),
        ('"secret"', '"[redacted]"'),
        ("5", '"[redacted]"'),
        ("null", "null"),
    ],
)
def test_bodies_of_requests_for_secrets_show_keys_and_no_values(body: str, expected: str) -> None:
    assert body_after("secrets", body) == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ('"path":"/data/a","value":"s"', '"path":"/data/a","value":"[redacted]"'),
        ('"path":"/stringData/a","value":"s"', '"path":"/stringData/a","value":"[redacted]"'),
        ('"path":"/data/a","value":null', '"path":"/data/a","value":null'),
        ('"path":"/data","value":{"a":"s"}', '"path":"/data","value":{"a":"[redacted]"}'),
        ('"path":"/data","value":"s"', '"path":"/data","value":"[redacted]"'),
        ('"path":"","value":{"data":{"a":"s"}}', '"path":"","value":{"data":{"a":"[redacted]"}}'),
        ('"path":"/","value":{"data":{"a":"s"}}', '"path":"/","value":{"data":{"a":"[redacted]"}}'),
        ('"path":"","value":"s"', '"path":"","value":"[redacted]"'),
        ('"path":"/d~0ata","value":"s"', '"path":"/d~0ata","value":"[redacted]"'),
        ('"path":"/\\u0064ata/a","value":"s"', '"path":"/\\u0064ata/a","value":"[redacted]"'),
        ('"path":"x/data","value":{"a":"s"}', '"path":"x/data","value":{"a":"[redacted]"}'),
        ('"path":"data/a","value":"s"', '"path":"data/a","value":"[redacted]"'),
        ('"path":"//data","value":{"a":"s"}', '"path":"//data","value":"[redacted]"'),
        ('"path":"/metadata/labels/a","value":"v"', '"path":"/metadata/labels/a","value":"v"'),
        ('"path":"/type","value":"Opaque"', '"path":"/type","value":"Opaque"'),
        ('"path":"/immutable","value":true', '"path":"/immutable","value":true'),
        (f'"path":"/metadata/annotations/{ANNOTATION}","value":"s"', None),
        (f'"path":"/metadata/annotations/{ANNOTATION}/x","value":"s"', None),
        (
            f'"path":"/metadata/annotations","value":{{"k":"v","{LAST_APPLIED}":"s"}}',
            f'"path":"/metadata/annotations","value":{{"k":"v","{LAST_APPLIED}":"[redacted]"}}',
        ),
        (
            f'"path":"/metadata","value":{{"annotations":{{"{LAST_APPLIED}":"s"}}}}',
            f'"path":"/metadata","value":{{"annotations":{{"{LAST_APPLIED}":"[redacted]"}}}}',
        ),
        ('"from":"/data/a","path":"/data/b"', '"from":"/data/a","path":"/data/b"'),
        ('"path":5,"value":"s"', '"path":5,"value":"[redacted]"'),
        ('"value":"s"', '"value":"[redacted]"'),
        ('"path":"/data/a","values":"s"', '"path":"/data/a","values":"[redacted]"'),
    ],
)
@pytest.mark.parametrize("op", ["add", "replace", "test", "unknown"])
def test_json_patches_of_secrets_show_paths_and_no_values(op: str, operation: str, expected: str | None) -> None:
    expected = expected or operation.replace('"value":"s"', '"value":"[redacted]"')

    assert body_after("secrets", f'[{{"op":"{op}",{operation}}}]') == f'[{{"op":"{op}",{expected}}}]'


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ('{"stringdata":{"password":"hunter2"}}', '{"stringdata":"[redacted]"}'),
        ('{"Data":{"a":"hunter2"},"type":"Opaque"}', '{"Data":"[redacted]","type":"Opaque"}'),
        ('{"$patch":"replace","data":{"a":"hunter2"}}', '{"$patch":"replace","data":{"a":"[redacted]"}}'),
        ('{"metadata":{"labels":{"a":"b"}},"data":null}', '{"metadata":{"labels":{"a":"b"}},"data":null}'),
        ('[{"op":"add","path":"/type","foo":"hunter2"}]', '[{"op":"add","path":"/type","foo":"[redacted]"}]'),
        ('"hunter2"', '"[redacted]"'),
    ],
)
def test_a_misspelt_member_of_a_patch_shows_nothing(patch: str, expected: str) -> None:
    target = '{"verb":"patch","objectRef":{"resource":"secrets"},"requestObject":'
    assert redacted(f"{target}{patch}}}".encode()) == f"{target}{expected}}}".encode()


def test_elements_of_a_json_patch_that_are_no_operations_are_hidden() -> None:
    assert body_after("secrets", '["secret",["secret"],null]') == '["[redacted]","[redacted]",null]'


SECRET = '{"apiVersion":"v1","kind":"Secret","data":{"a":"s"}}'
HIDDEN = '{"apiVersion":"v1","kind":"Secret","data":{"a":"[redacted]"}}'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (SECRET, HIDDEN),
        (SECRET.replace("Secret", "\\u0053ecret"), HIDDEN.replace("Secret", "\\u0053ecret")),
        (
            '{"kind":"SecretList","apiVersion":"v1","items":[{"data":{"a":"s"}}]}',
            '{"kind":"SecretList","apiVersion":"v1","items":[{"data":{"a":"[redacted]"}}]}',
        ),
        (
            f'{{"kind":"List","apiVersion":"v1","items":[{{"kind":"Pod","data":{{"a":1}}}},{SECRET},5]}}',
            f'{{"kind":"List","apiVersion":"v1","items":[{{"kind":"Pod","data":{{"a":1}}}},{HIDDEN},5]}}',
        ),
        (
            f'{{"kind":"Table","rows":[{{"cells":[1],"object":{SECRET}}},5],"items":5}}',
            f'{{"kind":"Table","rows":[{{"cells":[1],"object":{HIDDEN}}},5],"items":5}}',
        ),
        (f'[{{"op":"add","path":"/x","value":{SECRET}}},5]', f'[{{"op":"add","path":"/x","value":{HIDDEN}}},5]'),
        ('{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"s"}}', None),
        ('{"kind":"Secret","apiVersion":"example.com/v1","data":{"a":"s"}}', None),
        ('{"items":[{"kind":"Pod"}],"rows":[{"object":null}]}', None),
        ('[{"op":"add","path":"/data/a","value":"s"}]', None),
        ('"Secret"', None),
    ],
)
def test_a_secret_is_known_by_its_kind_whatever_the_target(body: str, expected: str | None) -> None:
    assert body_after("widgets", body, group="example.com") == (expected or body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"status":{"token":"s","expirationTimestamp":"t"}}',
            '{"status":{"token":"[redacted]","expirationTimestamp":"t"}}',
        ),
        ('{"status":{"token":null}}', '{"status":{"token":null}}'),
        ('{"kind":"Status","status":"Failure"}', '{"kind":"Status","status":"Failure"}'),
        ('{"status":null}', '{"status":null}'),
        ('"s"', '"[redacted]"'),
    ],
)
def test_the_token_of_a_token_request_is_hidden(body: str, expected: str) -> None:
    assert body_after("serviceaccounts", body, subresource="token") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"spec":{"token":"s","audiences":["a"]}}', '{"spec":{"token":"[redacted]","audiences":["a"]}}'),
        ('{"spec":"s"}', '{"spec":"[redacted]"}'),
        ('{"status":{"authenticated":true}}', '{"status":{"authenticated":true}}'),
    ],
)
def test_the_token_of_a_token_review_is_hidden(body: str, expected: str) -> None:
    assert body_after("tokenreviews", body, group="authentication.k8s.io") == expected


@pytest.mark.parametrize(
    ("resource", "subresource", "group"),
    [("serviceaccounts", "", ""), ("tokenreviews", "", "example.com"), ("pods", "token", ""), ("configmaps", "", "")],
)
def test_other_targets_are_let_through(resource: str, subresource: str, group: str) -> None:
    body = '{"spec":{"token":"t"},"status":{"token":"t"},"data":{"a":"b"}}'

    assert body_after(resource, body, subresource=subresource, group=group) == body


@pytest.mark.parametrize(
    "body", ["{}", '{"metadata":{"name":"x"}}', '{ "type" : "Opaque" }', '{"\\u0061":1}', "[]", "null"]
)
def test_an_event_with_nothing_to_redact_comes_back_as_the_same_object(body: str) -> None:
    value = event("secrets", body)

    assert redacted(value) is value


def test_a_member_that_stands_twice_does_not_show_what_the_other_hides() -> None:
    value = b'{"objectRef":{"resource":"secrets"},"requestObject":{"data":{"a":"s"}},"requestObject":null}'

    assert redacted(value) == b'{"objectRef":{"resource":"secrets"},"requestObject":null}'


def secrets_in(body: object) -> set[str]:
    """Return every value under data and stringData, as it stands and decoded, and every last-applied annotation."""
    if isinstance(body, list):
        return set().union(*map(secrets_in, body))
    if not isinstance(body, dict):
        return set()
    found = set().union(*map(secrets_in, body.values()))
    found |= {body[LAST_APPLIED]} if LAST_APPLIED in body else set()
    for member in ("data", "stringData"):
        for value in (body.get(member) or {}).values():
            found |= {value, base64.b64decode(value + "==").decode(errors="replace")} - {""}
    return found


def recorded_secrets() -> set[str]:
    events = map(json.loads, RECORDED)
    of_secrets = [event for event in events if event["objectRef"]["resource"] == "secrets"]
    return set().union(
        *(secrets_in(event.get(body)) for event in of_secrets for body in ("requestObject", "responseObject"))
    )


def texts_in(value: object) -> set[str]:
    """Return every string of a decoded value but those that only name things: keys, and what stands in objectRef."""
    if isinstance(value, list):
        return set().union(*map(texts_in, value))
    if isinstance(value, dict):
        return set().union(*(texts_in(member) for member in value.values()))
    return {value} if isinstance(value, str) else set()


def test_the_recorded_events_hold_secrets_and_tokens() -> None:
    assert len(recorded_secrets()) > 10
    assert len({token for line in RECORDED for token in JWT.findall(line)}) == 4


def test_no_secret_value_of_a_recorded_event_is_left_in_a_body() -> None:
    left = set()
    for line in RECORDED:
        after = json.loads(redacted(line))
        left |= texts_in([after.get("requestObject"), after.get("responseObject")])
    # Two keys of a token Secret hold what is public anyway: its namespace.
    assert recorded_secrets() & left - {"shop", "kube-system"} == set()


def test_no_long_secret_value_of_a_recorded_event_is_left_anywhere() -> None:
    after = b"\n".join(redacted(line) for line in RECORDED)
    spelled = {json.dumps(secret)[1:-1] for secret in recorded_secrets() if len(secret) > 3}

    assert {secret for secret in spelled if secret.encode() in after} <= {"shop", "kube-system"}


def test_no_token_of_a_recorded_event_is_left_anywhere() -> None:
    assert [token for line in RECORDED for token in JWT.findall(redacted(line))] == []


@pytest.mark.parametrize("line", RECORDED)
def test_a_recorded_event_differs_only_in_what_was_hidden(line: bytes) -> None:
    def merged(before: object, after: object) -> object:
        if after == REDACTED:
            return before
        if isinstance(before, dict) and isinstance(after, dict):
            assert before.keys() == after.keys()
            return {key: merged(before[key], after[key]) for key in before}
        if isinstance(before, list) and isinstance(after, list):
            return [merged(*pair) for pair in zip(before, after, strict=True)]
        return after

    before = json.loads(line)

    assert merged(before, json.loads(redacted(line))) == before


LEAF = st.none() | st.booleans() | st.text(max_size=4) | st.integers()
NAME = st.sampled_from(
    [
        *("data", "stringData", "metadata", "annotations", LAST_APPLIED, "items", "rows", "object", "kind"),
        *("apiVersion", "path", "op", "value", "status", "spec", "token"),
    ],
)
KNOWN = LEAF | st.sampled_from(["Secret", "SecretList", "v1", "/data", "/data/a", "", "/metadata"])
BODY = st.recursive(
    KNOWN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=4),
    max_leaves=12,
)
EVENT = st.fixed_dictionaries(
    {
        "objectRef": st.sampled_from(
            [
                {"resource": "secrets"},
                {"resource": "serviceaccounts", "subresource": "token"},
                {"resource": "tokenreviews", "apiGroup": "authentication.k8s.io"},
                {"resource": "pods"},
                None,
            ],
        ),
        "requestObject": BODY,
        "responseObject": BODY,
    },
)


@given(EVENT)
def test_redacting_twice_changes_nothing(generated: dict[str, object]) -> None:
    once = redacted(json.dumps(generated).encode())

    assert redacted(once) is once


@given(EVENT)
def test_the_same_event_always_gives_the_same_bytes_and_they_decode(generated: dict[str, object]) -> None:
    value = json.dumps(generated).encode()
    first, second = redacted(value), redacted(bytes(bytearray(value)))

    assert first == second
    assert isinstance(msgspec.json.decode(first), dict)


@given(
    st.dictionaries(st.text(), st.text(min_size=8).filter(lambda text: text not in REDACTED), min_size=1), st.booleans()
)
def test_no_value_of_any_secret_survives(data: dict[str, str], is_listed: bool) -> None:  # noqa: FBT001
    secret = {"kind": "Secret", "apiVersion": "v1", "data": data}
    body = {"kind": "List", "items": [secret]} if is_listed else secret
    after = json.loads(redacted(json.dumps({"requestObject": body}).encode()))

    assert texts_in(after) <= {"Secret", "v1", "List", REDACTED}
