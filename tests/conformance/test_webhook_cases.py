"""`webhook_cases.json`: requests to the webhook, over real HTTP: what is answered, and which events come of them."""

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from auditstream.local_topic import LocalTopic
from ingest.settings import IngestSettings
from processor.decode import decode
from rules.event import Event
from tests.conformance.deviations import idle, meant
from tests.conformance.reference import read_json, tell
from tests.conformance.shown import field
from tests.ingest.conftest import Ingest

_DATA = "webhook_cases.json"
_CASES = {case["name"]: case for case in read_json(_DATA)["cases"]}

Came = tuple[int, list[dict[str, str]], list[str]]
"""The status, the events, and why anything was kept in the dead letter."""

_VERB = {"evt.rawtime": "1704164645678901000", "ka.verb": "get"}
_KEPT: Came = (400, [], ["not_json"])
INSTEAD: dict[str, Came] = {
    "NaN": (200, [], ["not_json"]),
    "ct upper": (200, [{**_VERB, "ka.auditid": "bad-ctupper"}], []),
    "empty body": _KEPT,
    "invalid json": _KEPT,
    "two json lines": _KEPT,
    "bom": _KEPT,
    "unknown kind": (400, [], ["not_an_envelope"]),
    "no kind": (400, [], ["not_an_envelope"]),
    "body over batch size": (413, [], []),
    "array with one bad kind drops all": (
        200,
        [{**_VERB, "ka.auditid": "drop-1"}, {**_VERB, "ka.auditid": "drop-2"}],
        ["not_an_envelope"],
    ),
    "array nested": (200, [{**_VERB, "ka.auditid": "ok-n2"}], ["not_an_envelope"]),
    "event too large for maxEventSize": (200, [{**_VERB, "ka.auditid": "bad-big"}], []),
    "event size 2001": (200, [{**_VERB, "ka.auditid": "bad-2001"}], []),
    "deep nesting 400": (
        200,
        [{"evt.rawtime": "1704164645000000000", "ka.auditid": "bad-deep", "ka.verb": "<NA>"}],
        [],
    ),
    "ts pre-1970": (200, [], ["bad_timestamp"]),
    "ts year1": (200, [], ["bad_timestamp"]),
}
"""What comes of the requests that are answered, or read, otherwise."""

Post = Any
"""Posts the request of a case and returns what came of it."""


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    limit = read_json(_DATA)["config"]["webhookMaxBatchSize"]
    topic = LocalTopic()
    with Ingest(IngestSettings(max_body_bytes=limit, max_in_flight_bytes=10 * limit), topic, topic).running() as ingest:

        @cache
        def send(name: str) -> Came:
            case = _CASES[name]
            ingest.clear()
            headers = {**case["headers"], "Content-Type": case["content_type"]}
            answer = ingest.request(case["method"], case["path"], base64.b64decode(case["body_b64"]), headers)
            decoded = [decode(record) for record in ingest.records]
            events = [event for event in decoded if isinstance(event, Event)]
            kept = [*ingest.rejected, *(event for event in decoded if not isinstance(event, Event))]
            shown = [{name: field(name, event)[0] for name in (*_VERB, "ka.auditid")} for event in events]
            return answer.code, shown, [str(reject.reason) for reject in kept]

        yield send


def _differs(name: str, came: Came) -> bool:
    return came[:2] != (_CASES[name]["status"], _CASES[name]["events"])


@pytest.mark.parametrize("name", _CASES)
def test_a_request_is_answered_and_read_as_by_the_reference(
    name: str, post: Post, request: pytest.FixtureRequest
) -> None:
    came = post(name)
    deviates = _differs(name, came)
    assert not deviates or meant(_DATA, name) is not None
    tell(request, _DATA, 1, deviates)


@pytest.mark.parametrize("name", [name for name in _CASES if meant(_DATA, name) is not None])
def test_where_a_request_is_read_otherwise_what_comes_of_it_is_as_claimed(name: str, post: Post) -> None:
    assert post(name) == INSTEAD[name]


@pytest.mark.parametrize("name", [name for name in _CASES if name != "EventList empty"])
def test_nothing_that_is_answered_200_is_lost(name: str, post: Post) -> None:
    status, events, kept = post(name)
    assert events or kept or status != 200


def test_every_deviation_is_needed(post: Post) -> None:
    assert idle(_DATA, [(name, None) for name in _CASES if _differs(name, post(name))]) == []
