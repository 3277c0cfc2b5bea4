"""The application's routes besides the webhook: life, readiness, metrics, and nothing else."""

from typing import TYPE_CHECKING

import pytest
from prometheus_client import Counter

if TYPE_CHECKING:
    from tests.ingest.conftest import Ingest, ServeIngest

BODY = b'{"kind":"EventList","items":[{"verb":"get"},5]}'


def test_it_says_that_it_lives(ingest: "Ingest") -> None:
    answer = ingest.request("GET", "/healthz")
    assert (answer.code, answer.text) == (200, "alive\n")


def test_it_says_that_it_is_ready(ingest: "Ingest") -> None:
    answer = ingest.request("GET", "/readyz")
    assert (answer.code, answer.text) == (200, "ready\n")


def test_it_says_why_it_is_not_ready_and_lives_all_the_same(serve: "ServeIngest") -> None:
    ingest = serve()
    ingest.loop.call_soon_threadsafe(ingest.topic.close, "it stops")
    ingest.wait_until(lambda: ingest.request("GET", "/readyz").code == 503)

    answer = ingest.request("GET", "/readyz")
    assert (answer.text, answer.headers["retry-after"]) == ("it stops\n", "2")
    assert ingest.request("GET", "/healthz").code == 200
    assert ingest.post(BODY).code == 503


def test_it_shows_all_that_is_on_the_registry(serve: "ServeIngest") -> None:
    ingest = serve()
    Counter("other", "Another part of the process.", registry=ingest.registry).inc()
    ingest.post(BODY)
    ingest.post(b"hello")
    answer = ingest.request("GET", "/metrics")

    assert answer.code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = answer.text.splitlines()
    assert "other_total 1.0" in lines
    assert 'auditstream_ingest_bodies_total{code="200"} 1.0' in lines
    assert 'auditstream_ingest_bodies_total{code="400"} 1.0' in lines
    assert "auditstream_ingest_events_total 1.0" in lines
    assert 'auditstream_ingest_rejected_total{reason="not_an_event"} 1.0' in lines
    assert 'auditstream_ingest_rejected_total{reason="not_json"} 1.0' in lines
    assert f"auditstream_ingest_body_bytes_total {len(BODY) + 5:.1f}" in lines
    assert "auditstream_ingest_in_flight_bytes 0.0" in lines
    assert "auditstream_ingest_publish_seconds_count 2.0" in lines


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", "/healthz/", "/metrics/", "/readyz/x", "*"])
def test_there_is_nothing_else_and_never_a_redirect(path: str, ingest: "Ingest") -> None:
    answer = ingest.request("GET", path)
    text = "no such path: audit events are posted to /k8s_audit or /k8s_audit/{cluster}\n"
    assert (answer.code, answer.text) == (404, text)
