"""The pack against the list of what it has to tell: a table, each row an event and the rule that alerts of it, or not.

The table and its events are in `fixtures/library_table.*`; rules that wait for a list are on, their lists filled.
"""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.pack_samples import samples
from tests.rules.pack_rules import RULES, names_of

FIXTURES = Path(__file__).parent / "fixtures"
WRITING = ("create", "update", "patch")
WORKLOADS = ("deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs")
MADE = "made"


class Row(NamedTuple):
    """One line of the table."""

    bullet: int
    form: str
    origin: str
    event: str
    outcome: str
    rule: str


def _rows() -> list[Row]:
    found = []
    for line in (FIXTURES / "library_table.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        # The form alone may hold a blank.
        bullet, rest = line.split(maxsplit=1)
        form, origin, rest = next(
            (rest[: rest.index(f" {word} ")].strip(), word, rest[rest.index(f" {word} ") + len(word) + 2 :])
            for word in ("recorded", MADE)
            if f" {word} " in rest
        )
        found.append(Row(int(bullet), form, origin, *rest.split(maxsplit=2)))
    return found


@cache
def _events() -> dict[str, str]:
    lines = (FIXTURES / "library_table.jsonl").read_text(encoding="utf-8").splitlines()
    return {json.loads(line)["auditID"][:8]: line for line in lines}


TABLE = _rows()


def _in_form(creation: dict[str, Any], form: str) -> dict[str, Any]:
    """Return the event of a request that comes to the same as a recorded creation, in another form."""
    assert (creation["verb"], creation["responseStatus"]["code"]) == ("create", 201)
    body = creation["requestObject"]
    verb, code = ("update", 200) if form == "update" else ("patch", 201 if form == "server-side" else 200)
    parts = {name: value for name, value in body.items() if name not in {"kind", "apiVersion", "metadata", "status"}}
    if form == "patch":
        body = parts
    elif form == "JSON patch":
        body = [{"op": "add", "path": f"/{name}", "value": value} for name, value in parts.items()]
    else:
        assert form in {"update", "server-side"}, form
    response = {**creation["requestObject"], **creation["responseObject"]}
    return {
        **creation,
        "verb": verb,
        "requestObject": body,
        "responseObject": response,
        "responseStatus": {"metadata": {}, "code": code},
    }


def _event_of(row: Row) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(_events()[row.event])
    is_derived = row.origin == MADE and not row.event.startswith(MADE)
    return _in_form(event, row.form) if is_derived else event


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.bullet}-{row.form}-{row.event}-{row.rule}-{row.outcome}")
def test_an_event_of_the_table_alerts_or_not_as_it_says(row: Row) -> None:
    assert row.outcome in {"alerts", "silent"}
    assert row.rule in {rule.name for rule in RULES}
    assert (row.rule in names_of(_event_of(row))) is (row.outcome == "alerts")


@pytest.mark.parametrize("row", [row for row in TABLE if row.origin == "recorded"], ids=lambda row: row.event)
def test_a_recorded_event_is_in_the_form_that_the_table_says(row: Row) -> None:
    event = _event_of(row)
    session = {"exec": "exec", "attach": "attach", "forward": "portforward"}.get(row.form.split()[0])
    if session is not None:
        assert (event["objectRef"]["subresource"], event["verb"]) == (session, row.form.split()[1])
    elif row.form in {*WRITING, "delete"}:
        assert event["verb"] == row.form
    elif row.form == "dry run":
        assert "dryRun=All" in event["requestURI"]
    elif row.form == "refused":
        assert event["responseStatus"]["code"] in {401, 403}
    else:
        assert row.form in {"request", "health"}


def test_each_bullet_has_a_recorded_alert_and_a_near_miss() -> None:
    outcomes = defaultdict(set)
    for row in TABLE:
        outcomes[row.bullet].add((row.origin, row.outcome))
    assert sorted(outcomes) == list(range(1, 14))
    for bullet, found in outcomes.items():
        assert ("recorded", "alerts") in found, bullet
        assert {outcome for _, outcome in found} == {"alerts", "silent"}, bullet


@pytest.mark.parametrize("bullet", [2, 3, 4, 5, 10, 11, 12])
def test_what_can_be_written_alerts_in_every_way_of_writing(bullet: int) -> None:
    forms = {row.form for row in TABLE if row.bullet == bullet and row.outcome == "alerts"}
    assert {*WRITING, "JSON patch"} <= forms


@pytest.mark.parametrize("bullet", [7, 8])
def test_what_can_only_be_made_alerts_when_it_is_applied_too(bullet: int) -> None:
    assert {"create", "server-side"} <= {row.form for row in TABLE if row.bullet == bullet and row.outcome == "alerts"}


def test_pods_and_every_template_alert() -> None:
    resources = {
        json.loads(_events()[row.event])["objectRef"]["resource"]
        for row in TABLE
        if row.bullet == 3 and row.origin == "recorded" and row.outcome == "alerts"
    }
    assert resources == {"pods", *WORKLOADS}


def test_every_way_into_a_pod_alerts_by_both_verbs() -> None:
    forms = {row.form for row in TABLE if row.rule.startswith(("Exec Or", "Port Forward")) and row.outcome == "alerts"}
    assert forms == {f"{way} {verb}" for way in ("exec", "attach", "forward") for verb in ("get", "create")}


# Nobody was recorded deleting one of these by itself.
DESTROYED_AS_MADE = {f"{kind} Destroyed" for kind in ("DaemonSet", "StatefulSet", "CronJob", "Secret", "Role")}


def test_the_other_classes_have_recorded_events_that_alert() -> None:
    others = [rule for rule in RULES if {"class_lifecycle", "class_every_event"} & set(rule.tags)]
    only_made = set()
    for rule in others:
        alerting = [sample for sample in samples(rule) if sample.alert]
        assert all(rule.name in names_of(sample.event, before=sample.before) for sample in alerting)
        if all(sample.event["auditID"].startswith("00000000-") for sample in alerting):
            only_made.add(rule.name)
    assert only_made == DESTROYED_AS_MADE
