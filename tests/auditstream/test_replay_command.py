"""`auditstream replay` run for real: what it prints where, and what damage does to it."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.auditstream.conftest import Ended

if TYPE_CHECKING:
    from tests.auditstream.conftest import Line, Run

ONE_ALERT = """\
class       rule         priority  alerts
suspicious  Pod created  Warning        1

"""
TWO_ALERTS = ONE_ALERT.replace("1\n\n", "2\n\n")


def names(out: str) -> list[str]:
    return [json.loads(alert)["rule"] for alert in out.splitlines()]


def test_alerts_are_json_lines_and_the_summary_is_apart(replay: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line(userAgent="x\x1b\u202e"))
    ended = replay("a.log")
    assert (ended.code, ended.err) == (0, ONE_ALERT + "1 event read, 1 alert, none rejected, TIME\n")
    alert = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert {key: alert[key] for key in ("cluster", "hostname", "priority", "rule", "tags", "output")} == {
        "cluster": "default",
        "hostname": "node-1",
        "priority": "Warning",
        "rule": "Pod created",
        "tags": ["class_suspicious", "pods"],
        "output": "20:34:01.258117000: Warning pod web created by alice (agent=x\x1b\u202e)",
    }


def test_the_same_file_gives_the_same_alerts_as_lines_document_gzip_and_input(
    replay: "Run", line: "Line", folder: Path
) -> None:
    lines = line() + line(verb="get") + line()
    (folder / "a.log").write_bytes(lines)
    (folder / "a.gz").write_bytes(gzip.compress(lines))
    (folder / "gz.log").write_bytes(gzip.compress(lines))
    outs = {replay(name).out for name in ("a.log", "a.gz", "gz.log")}
    outs |= {replay("-", stdin=lines).out, replay("-", stdin=gzip.compress(lines)).out}
    assert len(outs) == 1
    assert names(outs.pop()) == ["Pod created", "Pod created"]


def test_options_and_variables_say_the_same(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line())
    options = ("--rules", "rules.yaml", "--no-pack", "--enable-rule", "Everything", "--cluster", "prod")
    variables = {
        "AUDITSTREAM_RULES": "rules.yaml",
        "AUDITSTREAM_NO_PACK": "1",
        "AUDITSTREAM_ENABLE_RULES": "Everything",
        "AUDITSTREAM_CLUSTER": "prod",
    }
    by_options = run("replay", *options, "a.log")
    assert by_options == run("replay", "a.log", variables=variables)
    assert names(by_options.out) == ["Pod created", "Everything"]
    variables["AUDITSTREAM_RULE_MATCHING"] = "first"
    assert names(run("replay", "a.log", variables=variables).out) == ["Pod created"]
    assert names(run("replay", "--rule-matching", "all", "a.log", variables=variables).out) == names(by_options.out)


def test_the_text_of_alerts_may_begin_with_the_date(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line(stageTimestamp="2026-11-23T01:02:03Z"))
    options = ("--rules", "rules.yaml", "--no-pack")
    variables = {"AUDITSTREAM_TIME_FORMAT_ISO_8601": "true"}
    by_date, by_time = (
        json.loads(run("replay", *options, "a.log", variables=chosen).out) for chosen in (variables, {})
    )
    assert by_date["output"].startswith("2026-11-23T01:02:03.000000000+0000: Warning ")
    assert by_time["output"].startswith("01:02:03.000000000: Warning ")
    assert by_date["output_fields"]["evt.time.iso8601"] == by_time["output_fields"]["evt.time"] == 1795395723000000000
    assert "evt.time" not in by_date["output_fields"]


def test_a_hostname_that_is_no_text_is_shown_as_far_as_it_is(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line())
    ended = run(
        "replay", "a.log", "--no-pack", "--rules", "rules.yaml", variables={"AUDITSTREAM_HOSTNAME": "node-\udcff"}
    )
    assert (ended.code, json.loads(ended.out)["hostname"]) == (0, "node-\ufffd")


def test_alerts_say_what_a_falco_yaml_adds(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line())
    (folder / "falco.yaml").write_text(
        "static_fields: {env: '${STAGE}'}\n"
        "append_output:\n"
        "  - {suggested_output: true, extra_fields: [evt.source, who: 'it was %ka.user.name']}\n"
    )
    command = ("replay", "a.log", "--no-pack", "--rules", "rules.yaml")
    plain = json.loads(run(*command).out)
    alert = json.loads(run(*command, "--falco-config", "falco.yaml", variables={"STAGE": "prod"}).out)
    assert alert["output"] == f"{plain['output']} static_env=prod"
    more = {"evt.source": "k8s_audit", "static.env": "prod", "who": f"it was {plain['output_fields']['ka.user.name']}"}
    assert alert["output_fields"] == {**plain["output_fields"], **more}
    assert alert["id"] == plain["id"]
    assert alert["ruleset"] != plain["ruleset"]


def test_files_are_read_in_the_order_of_their_first_events(replay: "Run", line: "Line", folder: Path) -> None:
    for name, hour in (("a.log", 3), ("b.log", 1), ("c.log", 2)):
        (folder / name).write_bytes(line(auditID=name, stageTimestamp=f"2026-11-23T0{hour}:00:00Z"))
    out = replay("a.log", "b.log", "c.log").out
    assert [json.loads(alert)["audit_id"] for alert in out.splitlines()] == ["b.log", "c.log", "a.log"]


def test_no_rules_at_all_is_told(run: "Run", line: "Line") -> None:
    ended = run("replay", "--no-pack", "-", stdin=line())
    assert ended == Ended(
        0,
        "",
        "auditstream: no rule is enabled, so that nothing can alert: see 'auditstream rules list'\n"
        "1 event read, 0 alerts, none rejected, TIME\n",
    )


def test_broken_rule_files_are_told_and_nothing_is_replayed(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "bad.yaml").write_text("- macro: \x7fm\n  condition: ka.verb =\n- list: l\n  items: []\n")
    ended = run("replay", "--no-pack", "--rules", "rules.yaml", "--rules", "bad.yaml", "-", stdin=line())
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert "warning: " not in ended.err
    assert ended.err.endswith(
        "\nauditstream: nothing was replayed: correct what is told above, see 'auditstream rules check --help'\n"
    )


def test_warnings_of_a_load_come_first_a_line_each(replay: "Run", line: "Line", folder: Path) -> None:
    (folder / "more.yaml").write_text("- list: spare\n  items: [a]\n- macro: unused\n  condition: ka.verb exists\n")
    ended = replay("--rules", "more.yaml", "-", stdin=line())
    assert (ended.code, ended.err) == (
        0,
        (
            "more.yaml:3:3: warning: no rule or macro uses the macro 'unused' [LOAD_UNUSED_MACRO]\n"
            "more.yaml:1:3: warning: no rule, macro or list uses the list 'spare' [LOAD_UNUSED_LIST]\n"
            f"{ONE_ALERT}1 event read, 1 alert, none rejected, TIME\n"
        ),
    )


def event_with_item(line: bytes, item: bytes) -> bytes:
    return b'{"kind":"EventList","items":[' + line.strip() + b"," + item + b"," + line.strip() + b"]}\n"


def deep_event(line: bytes) -> bytes:
    return line.replace(b'"verb"', b'"requestObject":' + b"[" * 100_000 + b"]" * 100_000 + b',"verb"')


Damaged = Callable[[bytes], bytes]
NO_JSON = "not_json: expected an EventList or an Event, found no JSON"


@pytest.mark.parametrize(
    ("damage", "complaint", "counts"),
    [
        pytest.param(
            lambda line: line + line[:200] + b"\n" + line,
            f"a.log:2: {NO_JSON}",
            "2 events read, 2 alerts, 1 rejected (1 not_json)",
            id="a broken line",
        ),
        pytest.param(
            lambda line: event_with_item(line, b"[]"),
            "a.log:1: not_an_event: item 2: expected an object, found an array",
            "2 events read, 2 alerts, 1 rejected (1 not_an_event)",
            id="a broken item",
        ),
        pytest.param(
            lambda line: line + line.replace(b'"alice"', b'"ali\xff"'),
            "a.log:2: not_utf8: event: invalid UTF-8 or a lone surrogate, read as U+FFFD (judged all the same)",
            "2 events read, 2 alerts, 1 rejected (1 not_utf8)",
            id="invalid UTF-8",
        ),
        pytest.param(
            lambda line: deep_event(line) + line,
            "a.log:1: too_deep: event: nested more than 500 deep (judged all the same)",
            "2 events read, 2 alerts, 1 rejected (1 too_deep)",
            id="deep nesting",
        ),
        pytest.param(
            lambda line: b"[" * 100_000 + b"}\n" + line + line,
            f"a.log:1: {NO_JSON}",
            "2 events read, 2 alerts, 1 rejected (1 not_json)",
            id="brackets only",
        ),
        pytest.param(
            lambda line: gzip.compress(line + line + os.urandom(9000).hex().encode())[:-2000],
            (
                "a.log:3: unreadable: Compressed file ended before the end-of-stream marker was reached; "
                "what follows in this file is lost"
            ),
            "2 events read, 2 alerts, 1 rejected (1 unreadable)",
            id="truncated gzip",
        ),
        pytest.param(
            lambda line: line + line + b"\x00\x01\x02\xfe\xff\x1b[31m\n",
            f"a.log:3: {NO_JSON}",
            "2 events read, 2 alerts, 1 rejected (1 not_json)",
            id="binary garbage",
        ),
    ],
)
def test_damage_is_told_and_costs_nothing_but_itself(
    damage: Damaged, complaint: str, counts: str, replay: "Run", line: "Line"
) -> None:
    Path("a.log").write_bytes(damage(line()))
    ended = replay("a.log")
    assert ended.code == 1
    assert ended.err == f"{complaint}\n{TWO_ALERTS}{counts}, TIME\n"
    assert names(ended.out) == ["Pod created", "Pod created"]


def test_a_large_event_is_no_damage(replay: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(line(requestObject={"data": "x" * 1_100_000}))
    assert replay("a.log").err == ONE_ALERT + "1 event read, 1 alert, none rejected, TIME\n"


def test_an_event_beyond_the_limit_is_judged_without_its_objects(replay: "Run", line: "Line", folder: Path) -> None:
    content = line(requestObject={"data": "x" * 9_000_000})
    (folder / "a.log").write_bytes(content)
    ended = replay("a.log")
    size = len(content.strip())
    assert (ended.code, ended.err) == (
        1,
        (
            f"a.log:1: too_large: event: {size} bytes, more than 8388608 (judged all the same)\n"
            f"{ONE_ALERT}1 event read, 1 alert, 1 rejected (1 too_large), TIME\n"
        ),
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_told(content: bytes, replay: "Run", folder: Path) -> None:
    (folder / "a.log").write_bytes(content)
    assert replay("a.log") == Ended(
        0,
        "",
        "0 events read, 0 alerts, none rejected, TIME\n"
        "auditstream: no audit events found: give lines of an API server's audit log, or EventLists\n",
    )


def test_what_is_rejected_is_told_one_by_one_up_to_a_bound(replay: "Run", line: "Line", folder: Path) -> None:
    (folder / "a.log").write_bytes(b"x\n" * 18 + event_with_item(line(), b"1,2,3") + b"x\n" * 5)
    ended = replay("a.log")
    told = [f"a.log:{number}: {NO_JSON}" for number in range(1, 19)]
    told += [f"a.log:19: not_an_event: item {number}: expected an object, found a number" for number in (2, 3)]
    told += ["and 6 more rejected, counted below"]
    counts = "2 events read, 2 alerts, 26 rejected (3 not_an_event, 23 not_json), TIME\n"
    assert ended.err == "\n".join([*told, TWO_ALERTS + counts])


def test_hostile_file_names_are_escaped(replay: "Run", folder: Path) -> None:
    (folder / "a\x1b[31m\n.log").write_bytes(b"x\n")
    first = replay("a\x1b[31m\n.log").err.splitlines()[0]
    assert first == f"a\\x1b[31m\\n.log:1: {NO_JSON}"


def test_a_broken_configuration_is_told_and_nothing_is_replayed(run: "Run", line: "Line", folder: Path) -> None:
    (folder / "falco.yaml").write_text("append_output: a\n")
    ended = run("replay", "-", "--falco-config", "falco.yaml", stdin=line())
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "error: 'append_output' must be a sequence of mappings [LOAD_ERR_YAML_VALIDATE]\n"
        "  --> falco.yaml:1:16\n"
        "    1 | append_output: a\n"
        "      |                ^\n"
        "  hint: begin each entry with '- ', such as '- extra_output: ...'\n"
        "auditstream: nothing was replayed: correct what is told above, see 'auditstream rules check --help'\n"
    )
