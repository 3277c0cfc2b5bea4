"""The source that conditions become, and that it holds nothing of a rule's text but constants."""

import linecache
import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.codegen import CodeGenerator, Values
from rules.conditions import Comparison, FieldOperand, Present
from rules.event import Event
from rules.fields import Field
from rules.operators import OPERATORS
from tests.evaluators import Judge, condition_of

MakeEvent = Callable[..., Event]


def _source(text: str) -> str:
    return CodeGenerator().generate(condition_of(text), "r").source


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("ka.verb = create", "values[ka_verb] == 'create'"),
        ("ka.verb != create", "(v := values[ka_verb]) is not None and v != 'create'"),
        ("not ka.verb = create", "not (values[ka_verb] == 'create')"),
        ("not not(ka.verb = create)", "not not (values[ka_verb] == 'create')"),
        ("ka.verb exists", "values[ka_verb] is not None"),
        ("ka.verb in (get, create, get)", "values[ka_verb] in {'create', 'get'}"),
        ("evt.is_async = false", "values[evt_is_async] == False"),
        ("evt.num > 5", "(v := values[evt_num]) is not None and v > 5"),
        ("ka.verb contains \"it's\\n\"", "(v := values[ka_verb]) is not None and \"it's\\n\" in v"),
        ("ka.verb icontains AB", "(v := values[ka_verb]) is not None and 'ab' in lower(v)"),
        ("ka.verb startswith a", "(v := values[ka_verb]) is not None and v.startswith('a')"),
        ("ka.verb = anyof (a)", "(v := values[ka_verb]) is not None and anyof((v == 'a',))"),
        ("ka.verb = oneof ()", "(v := values[ka_verb]) is not None and oneof(())"),
        ("ka.verb = val(ka.uri)",
         "(v := values[ka_verb]) is not None and (w := values[ka_uri]) is not None and v == w"),
        ("ka.verb in val(ka.uri)",
         "(v := values[ka_verb]) is not None and (w := values[ka_uri]) is not None and v in bound_1(w)"),
        (r'ka.verb endswith "\xc3\xa9"', "(v := values[ka_verb]) is not None and v.endswith('é')"),
        ("ka.verb contains val(ka.uri)",
         "(v := values[ka_verb]) is not None and (w := values[ka_uri]) is not None and w in v"),
    ],
)  # fmt: skip
def test_a_comparison_is_spelt(text: str, expression: str) -> None:
    assert _source(text) == f"def matches(values):\n    return (\n        {expression}\n    )\n"


def test_a_whole_condition_reads_as_its_author_wrote_it() -> None:
    assert _source(
        "ka.verb = create and (ka.user.groups intersects (b, a) or not ka.uri.param['x.1'] glob 'a*') "
        "and not (tolower(ka.uri) in (a) or join(',', (ka.verb, 'q'))=z)"
    ) == (
        """\
# intersects_1: intersects 'b', 'a'
# ka_uri_param_1: ka.uri.param['x.1']
# glob_1: glob 'a*'
# tolower_1: tolower(ka.uri)
# join_1: join(',', (ka.verb, 'q'))


def matches(values):
    return (
        values[ka_verb] == 'create'
        and (
            (v := values[ka_user_groups]) is not None and not intersects_1.isdisjoint(v)
            or not ((v := values[ka_uri_param_1]) is not None and glob_1.matches(v))
        )
        and not (
            values[tolower_1] in {'a'}
            or values[join_1] == 'z'
        )
    )
"""
    )


def test_what_may_hold_a_part_of_a_character_is_compared_byte_by_byte() -> None:
    assert _source(
        r'ka.verb startswith anyof (a, "\xc3") or ka.verb < basename(ka.uri) or len(ka.uri) < len(ka.verb)'
    ) == (
        """\
# compare_1: startswith, byte by byte
# basename_1: basename(ka.uri)
# compare_2: <, byte by byte
# len_1: len(ka.uri)
# len_2: len(ka.verb)


def matches(values):
    return (
        (v := values[ka_verb]) is not None and anyof((v.startswith('a'), compare_1(v, '\\udcc3'),))
        or (v := values[ka_verb]) is not None and (w := values[basename_1]) is not None and compare_2(v, w)
        or (v := values[len_1]) is not None and (w := values[len_2]) is not None and v < w
    )
"""
    )


def test_a_large_set_is_given_by_name() -> None:
    several = ", ".join(f"v{number}" for number in range(17))
    assert "# set_1: in 17 constants\n" in _source(f"ka.verb in ({several})")
    assert "values[ka_verb] in set_1" in _source(f"ka.verb in ({several})")
    assert "getopt_1: getopt(ka.user.groups, 'a')['b']" in _source("getopt(ka.user.groups, 'a')[b] = c")


def test_deep_conditions_become_several_functions(make_event: MakeEvent) -> None:
    text = "ka.verb = create"
    for _ in range(60):
        text = f"(ka.verb = get or (ka.verb exists and {text}))"
    judge = Judge(condition_of(text))
    assert judge.source.count("def part_") > 5
    assert judge.holds(make_event())
    assert not judge.holds(make_event(verb="list"))


def test_the_source_is_shown_in_tracebacks(make_event: MakeEvent) -> None:
    def fail(_event: Event, _argument: str | None) -> str:
        raise ZeroDivisionError

    compiled = CodeGenerator().generate(Present(FieldOperand(Field("x.y", "", fail), None)), "my\nrule\0")
    with pytest.raises(ZeroDivisionError) as caught:
        compiled.matches(Values(make_event()))
    shown = "".join(traceback.format_exception(caught.value))
    assert 'File "<rule my\\nrule\\x00>", line 3, in matches' in shown
    assert "values[x_y] is not None" in shown
    assert linecache.getline("<rule my\\nrule\\x00>", 1) == "def matches(values):\n"


def test_rules_of_a_load_read_an_operand_once(make_event: MakeEvent) -> None:
    asked = []

    def read(_event: Event, argument: str | None) -> str:
        asked.append(argument)
        return "a"

    generator = CodeGenerator()
    field = Field("x.y", "", read)
    values = Values(make_event())
    for argument in ("p", "p", "q"):
        condition = Comparison(FieldOperand(field, argument), OPERATORS["="], ("a",), "a")
        assert generator.generate(condition, "r").matches(values)
    assert asked == ["p", "q"]


@given(st.text(alphabet="'\"\\\n\r\t #{}()_abc\u202e\u2028é;", min_size=1, max_size=20))
def test_no_constant_gets_out_of_its_quotes(constant: str) -> None:
    """Whatever a constant holds, the source has the tokens that it has for a plain one."""
    quoted = '"' + "".join(f"\\x{byte:02x}" for byte in constant.encode()) + '"'
    plain, hostile = (
        compile(
            _source(f"ka.verb = {value} and ka.uri.param[a] startswith {value} and ka.verb in ({value})"), "s", "exec"
        )
        for value in ("plain", quoted)
    )
    names = [code.co_consts[0].co_names for code in (plain, hostile)]
    assert names[0] == names[1]
    assert plain.co_consts[0].co_code == hostile.co_consts[0].co_code
