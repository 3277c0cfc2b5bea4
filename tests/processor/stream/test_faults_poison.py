"""Records made to measure by someone who may post to the webhook: none of them stops a partition."""

import base64
import json
import random
from typing import Any

import pytest

from tests.processor.stream.workers import Installation, event, until
from wire.record import Record

pytestmark = pytest.mark.partitions(1)

# More than the changelog takes in one record.
LENGTH = 3 * 1024 * 1024


def _noise() -> str:
    return base64.b64encode(random.Random(2).randbytes(LENGTH)).decode()[:LENGTH]  # noqa: S311 - not a secret


def _shown(uid: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "a", "uid": uid, "creationTimestamp": "2026-11-25T01:00:00Z"}}


def _made_to_measure() -> list[Record]:
    text = _noise()
    status = {"kind": "Status", "details": {"uid": text, "name": "a"}}
    members: list[tuple[str, dict[str, Any]]] = [
        ("create", {"objectRef": {"resource": "configmaps", "namespace": "shop", "name": text}}),
        ("create", {"objectRef": {"resource": "configmaps", "namespace": text, "name": "a"}}),
        ("create", {"responseObject": _shown(text)}),
        ("delete", {"responseObject": status}),
        ("create", {"sourceIPs": [text]}),
        ("create", {"user": {"username": text}}),
        ("create", {"auditID": text}),
    ]
    plain = event("create", "a", 3600)
    bodies = [{**json.loads(event(verb, "a", 3600).value), **others} for verb, others in members]
    values = [json.dumps(body).encode() for body in bodies]
    return [
        *(Record(value, plain.key, plain.cluster, plain.received_ms) for value in values),
        Record(plain.value, b"c/" + text.encode(), plain.cluster, plain.received_ms),
    ]


def test_what_is_too_large_to_be_remembered_is_judged_all_the_same(installation: Installation) -> None:
    installation.send([event("create", "first", 3600)])
    installation.send(_made_to_measure())
    installation.send([event("create", "last", 3600)])
    worker = installation.start()
    done = {0: len(installation.sent)}
    until(lambda: worker.process.poll() is not None or installation.committed() == done, "the end of the events")
    assert worker.stop() == 0, worker.told()
    installation.check()
