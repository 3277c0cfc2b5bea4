"""Where this project differs from the reference on purpose: all of it, each with the language's paragraph that says so.

Each deviation stands on a row of the table of the reference's quirks, which says what is done about them. Only where a
row asks for something else than to do the same may one stand: `test_deviations.py` holds that. Whoever compares, asks
`meant` about each difference and then `idle` whether an entry hid nothing: such an entry fails the runner of its data
file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_QUIRKS = Path(__file__).with_name("quirks.tsv")
ROWS = {
    int(row): (paragraph, done)
    for row, paragraph, done in (line.split("\t") for line in _QUIRKS.read_text().splitlines()[1:])
}
"""The table of the reference's quirks: of each row its paragraph, and with which words it says what is done."""


def asks_for_more(done: str) -> bool:
    """Tell whether a row asks for anything but to do the same: something else, or the same with a warning."""
    return not done.startswith("Compat") or "warn" in done


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is done otherwise, and where in a data file it shows."""

    data: str
    """The data file."""
    paragraph: str
    """The paragraph of the language's description."""
    row: int
    """The row of the table of quirks."""
    reason: str
    """What the reference does and what is done here, in a sentence."""
    cases: str = ""
    """What the case has in it, be it field, condition, format or name: a regular expression. Empty also where nothing
    is excused: the runner puts the reference's reading back, by row (`tests.conformance.there`)."""
    events: frozenset[int] | None = None
    """The lines of the events concerned; None for all."""

    def covers(self, case: str, event: int | None) -> bool:
        """Tell whether a difference is this one's."""
        return (self.events is None or event in self.events) and re.search(self.cases, case) is not None


_EQUAL_MEMBERS = "The first of equal members counts there; here it is the last, as for the API server."
_URI_PARAMETERS = "A `;` or a broken escape hides the whole query there; here what can be read of it is read."
_SOURCE_IPS = "ka.sourceips reads a role's rules there; here it reads the event's source addresses."
_EFFECTIVE = "eff_run_as_* read beside the securityContext there; here they read it, the container's, then the Pod's."
_CAPABILITIES = "add_capabilities is each container's array as one text there; here each capability is an element."

_NUMBER = "evt.num counts a process's events there; here it is a number of the event's own, the same for each repeat."
_SINCE = "evt.reltime counts from a process's first event there; here from when the event's request was received."

_TRANSFORMED = "A list that a transformer has made is never in, nor intersects, anything there; here it is and does."

_ITEM = "`some items not audit events, too big, or broken: 200, those items to the dead letter with a reason`"
"""The answer to an API server for what is wrong with single events. What is quoted on row 32 is from the two documents
that the row names."""

_NOT_JSON = "What a strict parser of JSON refuses is read there; here it goes to the dead letter."

EQUAL_MEMBERS = 40
"""The line of the event with equal members."""

_BROKEN_QUERIES = frozenset({19, 20})

DEVIATIONS = (
    Deviation(
        "field_values_edge.json",
        "4.1",
        31,
        _EQUAL_MEMBERS,
        r"^(ka\.(verb|req\.service\.type)|jevt\.value\[/(verb|requestObject/kind)\])$",
        frozenset({EQUAL_MEMBERS}),
    ),
    Deviation("field_values_edge.json", "4.5", 30, _URI_PARAMETERS, r"^ka\.uri\.param\[", _BROKEN_QUERIES),
    Deviation("field_values_edge.json", "4.3", 22, _SOURCE_IPS, r"^ka\.sourceips"),
    Deviation("field_values_edge.json", "4.4", 23, _EFFECTIVE, r"\.eff_run_as_(user|group)"),
    Deviation("field_values_edge.json", "4.4", 24, _CAPABILITIES, r"\.add_capabilities"),
    Deviation("random/values.jsonl", "4.5", 30, _URI_PARAMETERS, r"^ka\.uri\.param\["),
    Deviation("random/values.jsonl", "4.3", 22, _SOURCE_IPS, r"^ka\.sourceips"),
    Deviation("random/values.jsonl", "4.4", 23, _EFFECTIVE, r"\.eff_run_as_(user|group)"),
    Deviation("random/values.jsonl", "4.4", 24, _CAPABILITIES, r"\.add_capabilities"),
    Deviation("conditions_edge.json", "4.1", 31, _EQUAL_MEMBERS, "", frozenset({EQUAL_MEMBERS})),
    Deviation("conditions_edge.json", "4.5", 30, _URI_PARAMETERS, r"ka\.uri\.param\[", _BROKEN_QUERIES),
    Deviation("conditions_edge.json", "4.3", 22, _SOURCE_IPS, r"ka\.sourceips"),
    Deviation("conditions_edge.json", "4.4", 24, _CAPABILITIES, r"\.add_capabilities"),
    Deviation("conditions_edge.json", "4.6", 33, _NUMBER, r"^evt\.num = 1$"),
    Deviation("conditions_edge.json", "1.9", 6, _TRANSFORMED, r"^to(lower|upper)\(ka\.user\.groups\) in|in tolower\("),
    Deviation("string_ops.json", "1.9", 6, _TRANSFORMED, r"^ka\.verb in tolower\("),
    Deviation("random/conditions.json", "4.3", 22, _SOURCE_IPS),
    Deviation("random/conditions.json", "4.4", 23, _EFFECTIVE),
    Deviation("random/conditions.json", "4.4", 24, _CAPABILITIES),
    Deviation("random/conditions.json", "4.5", 30, _URI_PARAMETERS),
    Deviation("random/conditions.json", "4.6", 33, _NUMBER),
    Deviation("format_edge.json", "4.6", 33, _NUMBER, r"^\*%evt\.num$"),
    Deviation("format_edge.json", "4.6", 33, _SINCE, r"^\*%evt\.reltime$"),
    Deviation("format_edge.json", "4.1", 31, _EQUAL_MEMBERS, "", frozenset({EQUAL_MEMBERS})),
    Deviation("format_edge.json", "4.5", 30, _URI_PARAMETERS, r"%ka\.uri\.param\[", _BROKEN_QUERIES),
    Deviation(
        "json_lenience.json",
        "4.1",
        31,
        _NOT_JSON,
        r"^(unknown escape|truncated|bad hex|raw 0x01|number (01|\.5|\+1|1e)$|NaN|nan|inf)",
    ),
    Deviation(
        "json_lenience.json",
        "4.1",
        31,
        "A lone surrogate, which strict parsers refuse, keeps its spelling there; here U+FFFD stands in its place, and "
        "the line is kept in the dead letter.",
        "^lone low surrogate$",
    ),
    Deviation("json_lenience.json", "4.1", 31, _EQUAL_MEMBERS, "^duplicate (verb|kind)$"),
    Deviation(
        "json_lenience.json",
        "5.3",
        32,
        f"A zone of 25 hours is one there, by a leniency not to be relied on; here the event is broken: {_ITEM}.",
        r"\+25:00$",
    ),
    Deviation("webhook_cases.json", "4.1", 31, _NOT_JSON, "^NaN$"),
    Deviation(
        "webhook_cases.json",
        "5.2",
        32,
        "Content-Type has to be spelt so there; here a body is answered by what it holds: `batch taken: 200`.",
        "^ct upper$",
    ),
    Deviation(
        "webhook_cases.json",
        "5.2",
        32,
        "A body that holds no event is answered 200 there, and gone; here `neither an EventList nor an Event, or not "
        "JSON: to the dead letter, then 400`.",
        "^(empty body|invalid json|unknown kind|no kind|two json lines|bom)$",
    ),
    Deviation(
        "webhook_cases.json",
        "5.2",
        32,
        "Too large a body is answered 400 there; here `body over the limit: 413`.",
        "^body over batch",
    ),
    Deviation(
        "webhook_cases.json",
        "5.3",
        32,
        f"One bad element costs its whole array there; here nothing but itself: {_ITEM}.",
        "^array with one bad kind",
    ),
    Deviation(
        "webhook_cases.json",
        "5.3",
        32,
        f"Arrays within arrays, which no API server sends, are opened there; here an array is no audit event: {_ITEM}.",
        "^array nested$",
    ),
    Deviation(
        "webhook_cases.json",
        "5.3",
        32,
        "Events of some size or depth are dropped without a word there; here `every event of a valid envelope reaches "
        "the rules, however large`.",
        "^(event too large|event size 2001$|deep nesting 400$)",
    ),
    Deviation(
        "webhook_cases.json",
        "5.3",
        32,
        "Times before 1970 become others there, the year 1 the time of day; here `time is the event's own`, and one "
        f"whose time cannot be told is broken: {_ITEM}.",
        "^ts (pre-1970|year1)$",
    ),
    Deviation(
        "rule_files.json",
        "2.9.1",
        9,
        "Lists nested three deep stay words there, and count as unused; here they are resolved at any depth.",
        "^list nested (2 levels in order|reverse order|mixed): (items of list [ab]|compiled condition of r)$"
        "|^list nested mixed: (warnings|use of list c)$",
    ),
    Deviation(
        "rule_files.json",
        "2.9.1",
        9,
        "Lists that hold each other become words in the order of definition there; here where a list is met again.",
        "^list loop: (items of list a|compiled condition of r)$",
    ),
    Deviation(
        "rule_files.json",
        "2.9.1",
        8,
        "A list's name put in where no list stands is taken without a word there; here it is, and warned of.",
        "^list name (inside quoted string with spaces|equals field): warnings$",
    ),
)


def meant(data: str, case: str, event: int | None = None) -> Deviation | None:
    """Return the deviation that explains a difference, None where none does."""
    return next((one for one in DEVIATIONS if one.data == data and one.covers(case, event)), None)


def rows(data: str) -> frozenset[int]:
    """Return the rows on which the deviations of a data file stand."""
    return frozenset(one.row for one in DEVIATIONS if one.data == data)


def idle(data: str, differences: Iterable[tuple[str, int | None]]) -> list[Deviation]:
    """Return the deviations of a data file that explain none of all its differences."""
    needed = {meant(data, case, event) for case, event in differences}
    return [one for one in DEVIATIONS if one.data == data and one not in needed]
