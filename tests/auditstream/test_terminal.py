"""Lines for a terminal: nothing from outside acts in them."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from auditstream.terminal import alert_line, aligned, counted, escape_json, escape_lines
from processor.alert import Alert
from rules.text import escape


def make_alert(**members: str) -> Alert:
    given = {
        "audit_id": "a",
        "cluster": "default",
        "hostname": "h",
        "id": "i",
        "output": "20:34:01.258117000: Warning pod web created: by alice",
        "priority": "Warning",
        "rule": "Pod created",
        "ruleset": "r",
        "source": "k8s_audit",
        "time": "2026-11-23T20:34:01.258117000Z",
    } | members
    return Alert(output_fields={}, tags=(), **given)


def printed(text: Text) -> str:
    out = StringIO()
    Console(file=out, force_terminal=True, color_system="standard", width=40, soft_wrap=True).print(text)
    return out.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain [red] :smile: é 漢字 \\x1b", "plain [red] :smile: é 漢字 \\x1b"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x00\x07\x7f", r"\x00\x07\x7f"),
        ("\x85\x9b", r"\x85\x9b"),
        ("\u200b\u200f", r"\u200b\u200f"),
        ("\u202a\u202e", r"\u202a\u202e"),
        ("\u2060\u2066\u2069", r"\u2060\u2066\u2069"),
        ("\u061c\ufeff", r"\u061c\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_does_not_show_as_itself_is_spelt_out(text: str, expected: str) -> None:
    assert escape(text) == expected


@given(st.text())
def test_escaped_text_is_printable_and_stays_so(text: str) -> None:
    assert escape(text).isprintable()
    assert escape(escape(text)) == escape(text)


def test_line_breaks_between_lines_are_kept() -> None:
    assert escape_lines("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_escaped_json_means_the_same(value: object) -> None:
    escaped = escape_json(json.dumps(value, ensure_ascii=False))
    assert escaped.isprintable()
    assert json.loads(escaped) == value


def test_an_alert_is_time_priority_rule_and_text_without_its_prefix() -> None:
    expected = "2026-11-23T20:34:01.258Z  Warning        Pod created  pod web created: by alice"
    assert alert_line(make_alert()).plain == expected


def test_a_prefix_with_the_date_is_left_out_too() -> None:
    dated = make_alert(output="2026-11-23T20:34:01.258117000+0000: Warning pod web created: by alice")
    assert alert_line(dated).plain == alert_line(make_alert()).plain


def test_a_cluster_that_is_not_the_default_is_shown() -> None:
    expected = "2026-11-23T20:34:01.258Z  Warning        Pod created  prod  pod web created: by alice"
    assert alert_line(make_alert(cluster="prod")).plain == expected


def test_the_priority_has_a_colour() -> None:
    assert "\x1b[33mWarning" in printed(alert_line(make_alert()))


def test_long_lines_are_neither_cut_nor_wrapped() -> None:
    assert printed(alert_line(make_alert(output="t: Warning " + "x" * 500))).count("\n") == 1
    assert "x" * 500 in printed(alert_line(make_alert(output="t: Warning " + "x" * 500)))


def test_hostile_values_are_shown_and_do_nothing() -> None:
    hostile = "\x1b[2J[red]x[/red] :bomb:\n2026 Critical \u202e"
    shown = alert_line(make_alert(rule=hostile, cluster=hostile, output=f"t: Warning {hostile}")).plain
    assert shown.count(r"\x1b[2J[red]x[/red] :bomb:\n2026 Critical \u202e") == 3


def test_columns_stand_one_below_the_other_and_numbers_at_the_right() -> None:
    rows = [("rule", "alerts"), ("A\x1b", "1,234"), ("漢字漢字", "7")]
    lines = [line.plain for line in aligned(rows, last_is_number=True)]
    assert lines == ["rule      alerts", "A\\x1b      1,234", "漢字漢字       7"]


def test_rows_without_numbers_have_no_blanks_at_the_end() -> None:
    assert [line.plain for line in aligned([("a", "long heading"), ("b", "c")])] == ["a  long heading", "b  c"]


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(count, "event") for count in (0, 1, 2000)] == ["0 events", "1 event", "2,000 events"]
