"""Records made to measure by who may send to the webhook: none of them stops a partition."""

import base64
import json
import random

import pytest

from tests.processor.stream.workers import Installation, event
from wire.record import Record

pytestmark = pytest.mark.partitions(1)
MIB = 1024 * 1024


def noise(count: int) -> str:
    return base64.b64encode(random.Random(2).randbytes(count)).decode()[:count]


def _with(what: str) -> Record:
    plain = event("create", "a", 3600)
    body = json.loads(plain.value)
    key = plain.key
    cluster = plain.cluster
    text = noise(3 * MIB)
    if what == "key":
        key = b"c/" + text.encode()
    elif what == "name":
        body["objectRef"]["name"] = text
    elif what == "namespace":
        body["objectRef"]["namespace"] = text
    elif what == "uid":
        body["responseObject"] = {
            "kind": "ConfigMap",
            "metadata": {"uid": text, "name": "a", "creationTimestamp": "2026-11-25T01:00:00Z"},
        }
    elif what == "status uid":
        body["verb"] = "delete"
        body["responseStatus"]["code"] = 200
        body["responseObject"] = {"kind": "Status", "details": {"uid": text, "name": "a"}}
    elif what == "ip":
        body["sourceIPs"] = [text]
    elif what == "user":
        body["user"]["username"] = text
    elif what == "group":
        body["objectRef"]["apiGroup"] = text
    return Record(json.dumps(body).encode(), key, cluster, 0)


@pytest.mark.parametrize("what", ["key", "name", "namespace", "uid", "status uid", "ip", "user", "group", "cluster"])
def test_what(installation: Installation, what: str) -> None:
    installation.send([event("create", "first", 3600)])
    if what == "cluster":
        text = noise(3 * MIB).encode()
        body = b"\xff" + random.Random(1).randbytes(6 * MIB - 3000)
        installation.append(
            installation.kafka.topics.events.name,
            [(0, b"k", body, [("cluster", text), ("received", b"1"), ("v", b"1")])],
        )
    else:
        installation.send([_with(what)])
    installation.send([event("create", "last", 3600)])
    worker = installation.start()
    from tests.processor.stream.workers import until

    until(lambda: worker.process.poll() is not None or installation.committed().get(0, 0) == 3, "it to end or go on")
    print(worker.told())
    assert worker.process.poll() is None
    assert worker.stop() == 0
    installation.check()
