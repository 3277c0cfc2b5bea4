"""Records that no event comes of, or one of any size: each is where it belongs, and its partition goes on."""

import json
import random

import msgspec
import pytest

from tests.kafka.client import Stored
from tests.processor.stream.workers import Installation, Worker, event, late_creations
from wire.record import MAX_EVENT_BYTES, VERSION, Record
from wire.topics import MAX_RECORD_BYTES

pytestmark = pytest.mark.partitions(1)

# What the protocol, and key and headers of a record, take of the largest that the topic holds.
OVERHEAD = 256
FIELDS = 200


def _noise(count: int) -> bytes:
    """Return bytes that do not compress and are no JSON."""
    return b"\xff" + random.Random(1).randbytes(count - 1)  # noqa: S311 - not a secret


def _dead_letters(installation: Installation) -> list[Stored]:
    return installation.read(installation.kafka.topics.dead_letter.name)


def _await_end(installation: Installation, worker: Worker) -> None:
    installation.await_committed()
    assert worker.stop() == 0
    installation.check_alerts(installation.reference()[0])


def test_what_cannot_be_judged_goes_to_the_dead_letter_whatever_its_size(installation: Installation) -> None:
    whole, larger = _noise(MAX_EVENT_BYTES), _noise(MAX_RECORD_BYTES - OVERHEAD)
    good = event("create", "a", 3600)
    headers = good.headers()
    strange = [
        (good.key, whole, headers),
        (None, larger, headers),
        (good.key, good.value, []),
        (good.key, None, headers),
        (good.key, good.value, [*headers[:2], ("v", b"2")]),
        (good.key, b"", headers),
    ]
    installation.send([good])
    installation.append(installation.kafka.topics.events.name, [(0, *each) for each in strange])
    installation.send([event("patch", "a", 7200)])
    worker = installation.start()
    _await_end(installation, worker)

    found = sorted(_dead_letters(installation), key=lambda each: len(each.value or b""))
    told = [(len(each.value or b""), each.headers["reason"].decode(), each.headers.get("cut")) for each in found]
    assert sorted(told[:2]) == [(0, "not_a_record", None), (0, "not_json", None)]
    assert told[2:4] == [(len(good.value), "not_a_record", None)] * 2
    assert told[4:] == [
        (MAX_EVENT_BYTES, "not_json", None),
        (MAX_EVENT_BYTES, "not_json", str(len(larger)).encode()),
    ]
    assert [each.value for each in found[4:]] == [whole, larger[:MAX_EVENT_BYTES]]
    assert {each.headers["origin"] for each in found} == {b"processor"}
    assert {each.headers["v"].decode() for each in found} == {VERSION}


def test_an_alert_that_shows_much_more_than_a_record_holds_is_sent(installation: Installation) -> None:
    fields = " ".join(f"%jevt.value[/requestObject/data/k{number}]" for number in range(FIELDS))
    installation.rules.write_text(
        installation.rules.read_text()
        + f"""
- rule: All of it
  desc: Shows everything.
  condition: ka.verb = create
  output: "{fields} %jevt.value[/requestObject/data] %ka.auditid %ka.user.name"
  priority: INFO
  source: k8s_audit
"""
    )
    chance = random.Random(1)  # noqa: S311 - not a secret
    plain = json.loads(event("create", "a", 3600).value)
    text = "".join(chr(chance.randrange(1, 32)) for _ in range(6_800))
    plain["requestObject"] = {"data": {f"k{number}": text[number:] + text[:number] for number in range(FIELDS)}}
    plain["auditID"] = plain["user"]["username"] = "\x01" * 50_000
    value = msgspec.json.encode(plain)
    assert MAX_EVENT_BYTES * 0.9 < len(value) < MAX_EVENT_BYTES
    ordinary = event("create", "a", 3600)
    installation.send([Record(value, ordinary.key, ordinary.cluster, ordinary.received_ms)])
    installation.send(late_creations(["b"], 7200))
    worker = installation.start()
    _await_end(installation, worker)
    assert {alert["rule"] for alert in installation.alerts()} == {"Seen", "All of it"}
