"""Output formats: what they show and what is said of those that cannot be."""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.checker import CHECKER
from rules.event import Event
from rules.fields import FieldValue
from rules.output import alert_fields, compile_format, joined, read_format, read_output, render, values
from rules.tokenizer import ConditionError
from tests.evaluators import as_text
from tests.rules.condition_texts import FORMATS
from tests.rules.strategies import AUDIT_EVENTS

MakeEvent = Callable[..., Event]

_TIME_NS = 1795466041258117000


_SURROGATE = re.compile("[\ud800-\udfff]")


def _rendered(event: Event, text: str) -> tuple[str, dict[str, FieldValue]]:
    pieces = compile_format(as_text(text))
    shown = values(pieces, event)
    return render(pieces, shown), alert_fields(pieces, event, shown)


@pytest.mark.parametrize(
    ("text", "shown", "fields"),
    [
        ("plain", "plain", {}),
        ("*%ka.verb", "create", {"ka.verb": "create"}),
        ("u=%ka.user.name v=%ka.verb.", "u=alice v=create.", {"ka.user.name": "alice", "ka.verb": "create"}),
        ("%ka.verbal", "createal", {"ka.verb": "create"}),
        ("%ka.verb[x]", "create[x]", {"ka.verb": "create"}),
        ("%ka.target.subresource|", "<NA>|", {"ka.target.subresource": None}),
        ("%ka.user.groups", "(dev,system:authenticated)", {"ka.user.groups": ("dev", "system:authenticated")}),
        ("%10ka.verb|%3ka.verb|", "create    |cre|", {"ka.verb": "create"}),
        ("%ka.sourceips[1]", "(10.1.2.3)", {"ka.sourceips[1]": ("10.1.2.3",)}),
        ("%jevt.value[/user/username])", "alice)", {"jevt.value[/user/username]": "alice"}),
        ('%ka.uri.param["a"]', "<NA>", {"ka.uri.param[a]": None}),
        ('%ka.uri.param["a=b"]', "<NA>", {'ka.uri.param["a=b"]': None}),
        (r'%ka.uri.param["a\"\\\b"]', "<NA>", {r'ka.uri.param["a\"\\\b"]': None}),
        ('%ka.uri.param[""]', "<NA>", {'ka.uri.param[""]': None}),
        ("%ka.sourceips[01]", "(203.0.113.7,10.1.2.3)[01]", {"ka.sourceips": ("203.0.113.7", "10.1.2.3")}),
        ("%ka.sourceips[0", "(203.0.113.7,10.1.2.3)[0", {"ka.sourceips": ("203.0.113.7", "10.1.2.3")}),
        ("%evt.time.s %evt.time.s", "20:34:01 20:34:01", {"evt.time.s": _TIME_NS}),
        (
            "%evt.datetime %evt.datetime.s",
            "2026-11-23 20:34:01.258117000 2026-11-23 20:34:01",
            {"evt.datetime": _TIME_NS, "evt.datetime.s": _TIME_NS},
        ),
        ("%evt.rawtime.ns %evt.reltime", "258117000 000000000", {"evt.rawtime.ns": 258117000, "evt.reltime": 0}),
        ("%evt.is_async %3evt.is_async", "false fal", {"evt.is_async": False}),
        ("%evt.asynctype", "<NA>", {"evt.asynctype": None}),
        ("%2evt.asynctype|%6evt.asynctype|", "<N|<NA>  |", {"evt.asynctype": None}),
        ("%2jevt.value[/nosuch]%ka.verb", "<Ncreate", {"jevt.value[/nosuch]": None, "ka.verb": "create"}),
        ("%ka.uri.param", "/api/v1/namespaces/shop/pods.param", {"ka.uri": "/api/v1/namespaces/shop/pods"}),
    ],
)
def test_a_format_shows_an_event(make_event: MakeEvent, text: str, shown: str, fields: dict[str, FieldValue]) -> None:
    assert _rendered(make_event(), text) == (shown, fields)


def test_a_width_counts_bytes_and_half_a_character_shows_as_one_that_is_none(make_event: MakeEvent) -> None:
    event = make_event(user={"username": "é€x"})
    shown = [_rendered(event, f"%{width}ka.user.name|")[0] for width in (1, 2, 3, 5, 6, 8)]
    assert shown == ["\ufffd|", "é|", "é\ufffd|", "é€|", "é€x|", "é€x  |"]


@pytest.mark.parametrize(
    ("text", "shown", "fields"),
    [
        ("%toupper(ka.verb)", "CREATE", {"ka.verb": "create"}),
        ("%toupper(ka.verb)%ka.verb%toupper(ka.verb)", "CREATEcreateCREATE", {"ka.verb": "create"}),
        ("%4toupper(ka.verb)|%8toupper( ka.verb )|", "CREA|CREATE  |", {"ka.verb": "create"}),
        ("%tolower(ka.target.subresource)", "<NA>", {"ka.target.subresource": None}),
        ("%len(ka.user.groups)", "2", {"ka.user.groups": ("dev", "system:authenticated")}),
        ("%toupper(ka.user.groups)", "(DEV,SYSTEM:AUTHENTICATED)", {"ka.user.groups": ("dev", "system:authenticated")}),
        ('%concat(ka.verb, " ", toupper(ka.uri.param["a"]))', "<NA>", {"ka.verb": "create", "ka.uri.param[a]": None}),
        ('%join("-", (ka.verb, "x", ka.stage))', "create-x-ResponseComplete",
         {"ka.verb": "create", "ka.stage": "ResponseComplete"}),
        ('%concat(evt.time, "Z")', "20:34:01.258117000Z", {"evt.time": _TIME_NS}),
        (r'%concat("\xc3", ka.verb)', "\ufffdcreate", {"ka.verb": "create"}),
        (r'%concat("\xc3", "\xa9", ka.verb)', "écreate", {"ka.verb": "create"}),
    ],
)  # fmt: skip
def test_a_transformer_shows_what_it_makes_and_the_fields_it_reads(
    make_event: MakeEvent, text: str, shown: str, fields: dict[str, FieldValue]
) -> None:
    assert _rendered(make_event(), text) == (shown, fields)


def test_bytes_that_are_no_text_show_as_such(make_event: MakeEvent) -> None:
    event = make_event(user={"username": "/2E=", "groups": ["/w==", "YQ=="]})
    assert _rendered(event, "%b64(ka.user.name)")[0] == "\ufffda"
    assert _rendered(event, "%3b64(ka.user.name)|")[0] == "\ufffda |"
    assert _rendered(event, "%b64(ka.user.groups)")[0] == "(\ufffd,a)"


def test_a_long_list_is_cut_and_leading_empty_elements_go_unseen(make_event: MakeEvent) -> None:
    event = make_event(user={"groups": ["", "", "é" * 600]})
    shown, _ = _rendered(event, "%ka.user.groups")
    assert shown == "(" + "é" * 511
    assert len(shown.encode()) == 1023


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("", 0, "the output is empty", "say what the alert tells"),
        ("100% sure", 3, "no field follows this '%'", "a '%' always begins a field; write 'percent' for the word"),
        ("%%", 0, "no field follows this '%'", "a '%' always begins a field; write 'percent' for the word"),
        ("x %", 2, "no field follows this '%'", "a '%' always begins a field; write 'percent' for the word"),
        ("x %ka.usr.name.", 2, "there is no field 'ka.usr.name.'", "did you mean '%ka.user.name'?"),
        ("%proc.name", 0, "there is no field 'proc.name'", "`auditstream rules fields` lists all fields"),
        ("%jevt.value x", 0, "jevt.value needs an argument: jevt.value[...]",
         "What a JSON pointer leads to in the event."),
        ("%1025ka.verb", 0, "a width is at most 1024", "leave the number after '%' out, or make it smaller"),
        ("%" + "9" * 5000 + "ka.verb", 0, "a width is at most 1024",
         "leave the number after '%' out, or make it smaller"),
        (r'%jevt.value["\xff"]', 0, "jevt.value needs an argument: jevt.value[...]",
         "What a JSON pointer leads to in the event."),
        ('%ka.req.volume.hostpath[""]', 0, "the argument of ka.req.volume.hostpath cannot be empty",
         "Whether a Pod mounts this host path, or one that begins with it where it ends in *."),
        ('%jevt.value["/a b"]', 0, "the argument of jevt.value cannot hold a blank",
         "What a JSON pointer leads to in the event."),
        ('%jevt.value["/a]b"]', 0, "the argument of jevt.value cannot hold ']'",
         "What a JSON pointer leads to in the event."),
        ("%upper(ka.verb)", 1, "there is no transformer 'upper'", "did you mean 'toupper('?"),
        ("x %toupper(ka.vrb)", 11, "there is no field 'ka.vrb'", "did you mean 'ka.verb'?"),
        ("%toupper(evt.num)", 1, "toupper takes a text or a list of texts, not a number",
         "toupper takes a text or a list of texts"),
        ("%toupper(ka.verb", 16, "expected ',' or ')' after an argument of toupper, found the end of the output", ""),
        ("%val(ka.verb)", 1, "val() stands only right after an operator", "write the field without it"),
    ],
)  # fmt: skip
def test_a_format_that_shows_nothing_is_refused(text: str, at: int, message: str, hint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_format(as_text(text))
    assert (caught.value.message, caught.value.at, caught.value.hint) == (message, at, hint)


def test_all_that_is_wrong_with_a_format_is_told_and_nothing_of_one_that_is_right() -> None:
    errors = read_format(as_text("100% of %ka.verb by %proc.name with %toupper(evt.num) %"), CHECKER)[1]
    assert [(error.at, error.message) for error in errors] == [
        (3, "no field follows this '%'"),
        (20, "there is no field 'proc.name'"),
        (37, "toupper takes a text or a list of texts, not a number"),
        (54, "no field follows this '%'"),
    ]
    assert read_format(as_text("*%ka.verb"), CHECKER)[1] == []
    assert [error.message for error in read_format(as_text(""), CHECKER)[1]] == ["the output is empty"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=FORMATS, event=AUDIT_EVENTS)
def test_any_text_is_a_format_that_shows_any_event_or_told(text: str, event: Event) -> None:
    errors = read_format(as_text(text), CHECKER)[1]
    assert all(0 <= error.at <= len(text) and error.message for error in errors)
    if errors:
        with pytest.raises(ConditionError):
            compile_format(as_text(text))
        return
    shown, fields = _rendered(event, text)
    shown.encode(errors="surrogatepass" if _SURROGATE.search(text) else "strict")  # it does not raise
    assert all(f"%{name.partition('[')[0]}" in text or "(" in text for name in fields)
    if "%" not in text:
        assert shown == text.removeprefix("*")


@pytest.mark.parametrize("text", ["%ka.uri.param['\ud800']", "%tolower('\ud800')"])
def test_half_a_character_is_told(text: str) -> None:
    assert [error.at <= len(text) for error in read_format(as_text(text), CHECKER)[1]] in ([], [True])


_PARTS = st.lists(st.sampled_from(["a", "b%ka.verb", "%ka.verb", "%ka.verb%ka.stage", "%ka.stage c", ""]), max_size=5)


@given(_PARTS)
def test_formats_one_after_another_are_what_their_texts_are(texts: list[str]) -> None:
    formats = [read_output(as_text(text), CHECKER, is_whole=False).pieces for text in texts]
    whole = "".join(texts)
    assert joined(formats) == (compile_format(as_text(whole)) if whole else ())


def test_of_an_output_all_that_is_to_be_told_is_read_at_once() -> None:
    reading = read_output(as_text("a%container.info evt.dir %proc.name"), CHECKER)
    assert reading.pieces == ("a evt.dir ", "proc.name")
    assert reading.container_info == (1,)
    assert reading.old_fields == (("evt.dir", 17),)
    assert [(error.at, error.message) for error in reading.errors] == [(25, "there is no field 'proc.name'")]
    assert [error.message for error in read_output(as_text(""), CHECKER).errors] == ["the output is empty"]
    assert read_output(as_text(""), CHECKER, is_whole=False).errors == ()
