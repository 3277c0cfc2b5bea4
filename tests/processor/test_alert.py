"""The alert: Falco's object and ours."""

import json
from collections.abc import Callable

import pytest

from processor.alert import MAX_CHARACTERS, MAX_VALUE_CHARACTERS, Alert, Prefix, make_alert
from rules.event import Event
from rules.loader import load
from rules.reader import RuleFile
from rules.ruleset import Ruleset
from wire.topics import MAX_RECORD_BYTES

MakeEvent = Callable[..., Event]
MakeRuleset = Callable[..., Ruleset]

_RULE = """\
- rule: Pod "made" é
  desc: d
  condition: ka.verb exists
  output: Pod made (user=%ka.user.name groups=%ka.user.groups sub=%ka.target.subresource at=%evt.time.s)
  priority: WARNING
  source: k8s_audit
  tags: [zeta, alpha]
"""


@pytest.fixture
def make(make_ruleset: MakeRuleset) -> Callable[[Event], Alert]:
    (rule,) = make_ruleset(_RULE).rules
    return lambda event: make_alert(event, rule, ruleset="0123456789ab")


def test_an_alert_is_falcos_object_and_ours(make: Callable[[Event], Alert], make_event: MakeEvent) -> None:
    sent = make(make_event("east")).to_json()
    assert json.loads(sent) == {
        "audit_id": "6c1f2f0e-0000-0000-0000-000000000001",
        "cluster": "east",
        "hostname": "node-1",
        "id": make(make_event("east")).id,
        "output": "20:34:01.258117000: Warning Pod made (user=alice groups=(dev,system:authenticated) sub=<NA>"
        " at=20:34:01)",
        "output_fields": {
            "evt.time": 1795466041258117000,
            "evt.time.s": 1795466041258117000,
            "ka.target.subresource": None,
            "ka.user.groups": ["dev", "system:authenticated"],
            "ka.user.name": "alice",
        },
        "priority": "Warning",
        "rule": 'Pod "made" é',
        "ruleset": "0123456789ab",
        "source": "k8s_audit",
        "tags": ["alpha", "zeta"],
        "time": "2026-11-23T20:34:01.258117000Z",
    }
    assert list(json.loads(sent)) == sorted(json.loads(sent))
    assert list(json.loads(sent)["output_fields"]) == sorted(json.loads(sent)["output_fields"])
    assert "é".encode() in sent
    assert b'": ' not in sent.replace(b"000: Warning", b"")


def test_the_id_is_of_event_and_rule(make: Callable[[Event], Alert], make_event: MakeEvent) -> None:
    alert = make(make_event())
    assert len(alert.id) == 32
    assert alert.id == make(make_event()).id
    assert alert.id != make(make_event(verb="get")).id
    assert alert.id != make(make_event("east")).id


def test_an_event_without_an_audit_id_still_alerts(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    (rule,) = make_ruleset(_RULE).rules
    alert = make_alert(make_event(auditID=...), rule, ruleset="")
    assert alert.audit_id == ""


def test_the_prefix_may_have_the_date_and_is_then_among_the_fields(
    make_ruleset: MakeRuleset, make_event: MakeEvent
) -> None:
    (rule,) = make_ruleset(_RULE.replace(" at=%evt.time.s", "")).rules
    alert = make_alert(make_event(), rule, ruleset="", prefix=Prefix.ISO_8601)
    assert alert.output.startswith("2026-11-23T20:34:01.258117000+0000: Warning Pod made (user=alice ")
    times = {name: value for name, value in alert.output_fields.items() if name.startswith("evt.")}
    assert times == {"evt.time.iso8601": 1795466041258117000}


def test_text_and_fields_are_two_views_of_a_value(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    """Fields that the text pads show whole among the fields, and each once."""
    (rule,) = make_ruleset(_RULE.replace("%evt.time.s", "%evt.time %3ka.verb %evt.is_async %evt.rawtime.ns")).rules
    alert = make_alert(make_event(), rule, ruleset="")
    assert alert.output.endswith(" at=20:34:01.258117000 cre false 258117000)")
    fields = {name: alert.output_fields[name] for name in ("evt.time", "ka.verb", "evt.is_async", "evt.rawtime.ns")}
    assert fields == {
        "evt.time": 1795466041258117000,
        "ka.verb": "create",
        "evt.is_async": False,
        "evt.rawtime.ns": 258117000,
    }
    assert b'"evt.is_async":false' in alert.to_json()


def test_fields_within_transformers_are_among_the_fields_and_cut_too(
    make_ruleset: MakeRuleset, make_event: MakeEvent
) -> None:
    (rule,) = make_ruleset(_RULE.replace("%evt.time.s", "%toupper(ka.useragent) %b64(ka.impuser.name)")).rules
    event = make_event(userAgent="x" * 20_000, impersonatedUser={"username": "//8="})
    alert = make_alert(event, rule, ruleset="")
    assert alert.output_fields["ka.useragent"] == "x" * MAX_VALUE_CHARACTERS + "…"
    assert "X" * MAX_VALUE_CHARACTERS + "… \ufffd\ufffd)" in alert.output
    assert json.loads(alert.to_json())["output_fields"]["ka.impuser.name"] == "//8="


def test_a_long_value_is_cut(make: Callable[[Event], Alert], make_event: MakeEvent) -> None:
    alert = make(make_event(user={"username": "x" * 20_000, "groups": ["a" * 5_000, "b" * 5_000, "c"]}))
    assert alert.output_fields["ka.user.name"] == "x" * MAX_VALUE_CHARACTERS + "…"
    assert alert.output_fields["ka.user.groups"] == ("a" * 5_000, "b" * (MAX_VALUE_CHARACTERS - 5_001) + "…")
    assert len(alert.to_json()) < 40_000


def test_a_list_of_many_short_elements_is_cut(make: Callable[[Event], Alert], make_event: MakeEvent) -> None:
    alert = make(make_event(user={"groups": [""] * 100_000}))
    groups = alert.output_fields["ka.user.groups"]
    assert isinstance(groups, tuple)
    assert len(groups) == MAX_VALUE_CHARACTERS + 1
    assert groups[-1] == "…"


def test_an_alert_fits_a_record_whatever_its_rule_shows(make_ruleset: MakeRuleset, make_event: MakeEvent) -> None:
    """Some characters take six bytes in JSON, and a rule may show any number of fields, any number of times."""
    fields = " ".join(f"%jevt.value[/requestObject/f{number}]" for number in range(60))
    rule = _RULE.replace("%ka.user.name", f"%ka.user.groups {fields} {fields}")
    worst = "\x01" * 20_000
    event = make_event(
        auditID=worst,
        user={"username": worst, "groups": [worst, *[""] * 20_000]},
        requestObject={f"f{number}": worst for number in range(60)},
    )
    alert = make_alert(event, make_ruleset(rule).rules[0], ruleset="")
    assert len(alert.to_json()) < 1024 * 1024 < MAX_RECORD_BYTES
    assert len(alert.output) == MAX_CHARACTERS + 1
    assert alert.audit_id == worst[:MAX_VALUE_CHARACTERS] + "…"
    shown = list(alert.output_fields.values())
    assert worst[:MAX_VALUE_CHARACTERS] + "…" in shown
    assert shown.count("…") > 40, "what is beyond the limit of all together is cut too"


_EXTRA = """\
append_output:
  - extra_fields:
      - evt.time.s
      - ka.user.groups
      - ka.target.subresource
      - ka.verb: shown %ka.verb by %toupper(ka.user.name) %ka.target.subresource
      - long: "%ka.useragent%ka.useragent"
"""


def test_extra_fields_are_beside_those_of_the_output_and_over_them(make_event: MakeEvent) -> None:
    output = _RULE.replace("output: Pod made", "output: Verb %ka.verb Pod made")
    files = [RuleFile("0.yaml", output.encode())]
    ruleset = load(files, falco_config=RuleFile("falco.yaml", _EXTRA.encode())).ruleset
    assert ruleset is not None
    alert = make_alert(make_event(userAgent="x" * 70_000), ruleset.rules[0], ruleset="")
    assert alert.output_fields.pop("long") == "x" * MAX_VALUE_CHARACTERS + "…"
    assert alert.output_fields == {
        "evt.time": 1795466041258117000,
        "evt.time.s": 1795466041258117000,
        "ka.target.subresource": None,
        "ka.user.groups": ("dev", "system:authenticated"),
        "ka.user.name": "alice",
        "ka.verb": "shown create by ALICE <NA>",
    }
    assert list(alert.output_fields) == sorted(alert.output_fields)
    assert alert.output.startswith("20:34:01.258117000: Warning Verb create Pod made (user=alice")
    assert len(alert.to_json()) < MAX_RECORD_BYTES


def test_all_values_within_an_extra_field_have_a_limit_together(make_event: MakeEvent) -> None:
    names = [f"f{number}" for number in range(8)]
    shown = "".join(f"%1jevt.value[/requestObject/{name}]" for name in names)
    configuration = f"append_output: [{{extra_fields: [all: '{shown}%ka.verb']}}]\n"
    files = [RuleFile("0.yaml", _RULE.encode())]
    ruleset = load(files, falco_config=RuleFile("falco.yaml", configuration.encode())).ruleset
    assert ruleset is not None
    event = make_event(requestObject=dict.fromkeys(names, "x" * MAX_VALUE_CHARACTERS))
    assert make_alert(event, ruleset.rules[0], ruleset="").output_fields["all"] == "xxxxxxxx…"
