"""The pack against the list of what it has to tell: a table, each row an event and the rule that alerts of it, or not.

The table and its events are in `fixtures/library_table.*`. All rules are on, the lists filled that some wait for, but
where the table says `default`.
"""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.rules.pack_rules import RULES, alarms, alerts_of, names_of

FIXTURES = Path(__file__).parent / "fixtures"
WRITING = ("create", "update", "patch")
WORKLOADS = ("deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs")
MADE = "made"
BULLETS = [str(number) for number in range(1, 14)]


class Row(NamedTuple):
    """One line of the table."""

    bullet: str
    """A number of class 1; of the others a word."""
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
        found.append(Row(bullet, form, origin, *rest.split(maxsplit=2)))
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


def _after(event: dict[str, Any]) -> str:
    """Return the time a minute after an event."""
    later = datetime.fromisoformat(event["stageTimestamp"]) + timedelta(minutes=1)
    return later.isoformat().replace("+00:00", "Z")


def _refused(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as if its request had been refused."""
    return {**event, "responseStatus": {"metadata": {}, "status": "Failure", "code": 403}, "responseObject": None}


def _deletion(creation: dict[str, Any], form: str = "delete") -> dict[str, Any]:
    """Return the event of a deletion, later, of what was created."""
    made = creation["responseObject"]["metadata"]
    details = {"name": made["name"], "uid": made["uid"]}
    options: dict[str, Any] = {"kind": "DeleteOptions"} | ({"dryRun": ["All"]} if form == "dry run" else {})
    event = {
        **creation,
        "auditID": f"{MADE}-deletion",
        "verb": "delete",
        "objectRef": {**creation["objectRef"], "name": made["name"]},
        "responseStatus": {"metadata": {}, "status": "Success", "details": details, "code": 200},
        "requestObject": options,
        "responseObject": {"kind": "Status", "status": "Success", "details": details},
        "stageTimestamp": _after(creation),
    }
    return _refused(event) if form == "refused" else event


def _creation_anew(creation: dict[str, Any], last: dict[str, Any], form: str) -> dict[str, Any]:
    """Return the event of a creation after the last one, under the same name or another."""
    made = creation["responseObject"]["metadata"]
    name = "of-another-name" if form == "other name" else made["name"]
    metadata = {**made, "name": name, "uid": "00000000-0000-4000-8000-000000000000", "resourceVersion": "1000000"}
    return {
        **creation,
        "auditID": f"{MADE}-creation",
        "objectRef": {**creation["objectRef"], "name": name},
        "responseObject": {**creation["responseObject"], "metadata": metadata},
        "stageTimestamp": _after(last),
    }


def _story_of(row: Row) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what comes before an event of the table, and the event."""
    *before, event = (json.loads(_events()[name]) for name in row.event.split("+"))
    if row.origin != MADE or row.event.startswith(MADE):
        return before, event
    if row.bullet == "destroyed":
        return [event], _deletion(event, row.form)
    if row.bullet == "recreated":
        known = [*before, event] if before else [event, _deletion(event)]
        return known, _creation_anew(known[0], known[-1], row.form)
    if row.form == "refused":
        return before, _refused(event)
    if row.form == "dry run":
        return before, {**event, "requestURI": event["requestURI"].partition("?")[0] + "?dryRun=All"}
    return before, _in_form(event, row.form)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.bullet}-{row.form}-{row.event}-{row.rule}-{row.outcome}")
def test_an_event_of_the_table_alerts_or_not_as_it_says(row: Row) -> None:
    assert row.outcome in {"alerts", "again", "silent"}
    assert row.rule in {rule.name for rule in RULES}
    before, event = _story_of(row)
    told = [
        alert
        for alert in alerts_of(event, alarms() if row.bullet == "default" else None, before)
        if alert.rule == row.rule
    ]
    assert len(told) == (row.outcome != "silent")
    if row.bullet in {"created", "recreated"}:
        # Of a former object of that name it is told whose it was and who deleted it, or nothing at all.
        former = {"resource.before.created.user", "resource.before.deleted.user", "resource.before.deleted.time"}
        for fields in (alert.output_fields for alert in told):
            assert (fields["resource.before.exists"] == "false") is (row.outcome == "again")
            assert {name for name in former if fields[name]} == (former if row.outcome == "again" else set())


@pytest.mark.parametrize("row", [row for row in TABLE if row.origin == "recorded"], ids=lambda row: row.event)
def test_a_recorded_event_is_in_the_form_that_the_table_says(row: Row) -> None:
    _, event = _story_of(row)
    session = {"exec": "exec", "attach": "attach", "forward": "portforward"}.get(row.form.split()[0])
    if session is not None:
        assert (event["objectRef"]["subresource"], event["verb"]) == (session, row.form.split()[1])
    elif row.form in {*WRITING, "delete"}:
        assert event["verb"] == row.form
    elif row.form == "dry run":
        assert "dryRun=All" in event["requestURI"]
    elif row.form == "server-side":
        assert (event["verb"], event["responseStatus"]["code"]) == ("patch", 201)
    elif row.form == "bulk":
        assert (event["verb"], event["responseStatus"]["code"]) == ("deletecollection", 200)
    elif row.form in {"status", "token", "finalize"}:
        assert (event["objectRef"]["subresource"], event["responseStatus"]["code"]) in {
            (row.form, 200),
            (row.form, 201),
        }
    elif row.form == "failed":
        assert event["responseStatus"]["code"] == 409
    elif row.form == "refused":
        assert event["responseStatus"]["code"] in {401, 403}
    else:
        assert row.form in {"request", "health"}


def test_each_bullet_has_a_recorded_alert_and_a_near_miss() -> None:
    outcomes = defaultdict(set)
    for row in TABLE:
        outcomes[row.bullet].add((row.origin, row.outcome))
    assert {bullet for bullet in outcomes if bullet.isdecimal()} == set(BULLETS)
    for bullet in BULLETS:
        assert ("recorded", "alerts") in outcomes[bullet], bullet
        assert {outcome for _, outcome in outcomes[bullet]} == {"alerts", "silent"}, bullet


@pytest.mark.parametrize("bullet", ["2", "3", "4", "5", "10", "11", "12"])
def test_what_can_be_written_alerts_in_every_way_of_writing(bullet: str) -> None:
    forms = {row.form for row in TABLE if row.bullet == bullet and row.outcome == "alerts"}
    assert {*WRITING, "JSON patch"} <= forms


@pytest.mark.parametrize("bullet", ["7", "8"])
def test_what_can_only_be_made_alerts_when_it_is_applied_too(bullet: str) -> None:
    assert {"create", "server-side"} <= {row.form for row in TABLE if row.bullet == bullet and row.outcome == "alerts"}


def test_pods_and_every_template_alert() -> None:
    resources = {
        json.loads(_events()[row.event])["objectRef"]["resource"]
        for row in TABLE
        if row.bullet == "3" and row.origin == "recorded" and row.outcome == "alerts"
    }
    assert resources == {"pods", *WORKLOADS}


def test_every_way_into_a_pod_alerts_by_both_verbs() -> None:
    forms = {row.form for row in TABLE if row.rule.startswith(("Exec Or", "Port Forward")) and row.outcome == "alerts"}
    assert forms == {f"{way} {verb}" for way in ("exec", "attach", "forward") for verb in ("get", "create")}


# Nobody was recorded deleting one of these by itself.
DESTROYED_AS_MADE = {f"{kind} Destroyed" for kind in ("DaemonSet", "StatefulSet", "CronJob", "Secret", "Role")}
OTHER_CLASSES = [rule.name for rule in RULES if {"class_lifecycle", "class_every_event"} & set(rule.tags)]


def _forms(rule: str, *outcomes: str, origin: str = "") -> set[str]:
    """Return the forms in which a rule has rows of some outcome."""
    rows = [row for row in TABLE if row.rule == rule and row.outcome in outcomes and origin in row.origin]
    return {row.bullet if row.bullet == "recreated" else row.form for row in rows}


@pytest.mark.parametrize("rule", OTHER_CLASSES)
def test_a_rule_of_the_other_classes_has_alerts_and_near_misses(rule: str) -> None:
    assert bool(_forms(rule, "alerts", origin="recorded")) is (rule not in DESTROYED_AS_MADE)
    silent = _forms(rule, "silent")
    if rule.endswith(" Created"):
        assert "recreated" in _forms(rule, "again")
        assert "dry run" in silent
        assert silent & {"patch", "update", "status", "token", "failed", "refused"}
    elif rule.endswith(" Destroyed"):
        assert {"dry run", "refused"} <= silent
    else:
        assert len(silent) > 1


@pytest.mark.parametrize("stage", ["RequestReceived", "ResponseStarted", "ResponseComplete"])
def test_every_event_of_the_table_is_told_by_the_rule_of_class_3_and_by_default_none(stage: str) -> None:
    for line in _events().values():
        event = {**json.loads(line), "stage": stage}
        assert "Every Audit Event" in names_of(event)
        assert "Every Audit Event" not in names_of(event, alarms())
