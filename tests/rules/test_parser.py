"""The grammar: what conditions parse to, and what is said of those that do not.

Every accepted text is parsed again with its blanks turned into other blanks: the tree has to be the same.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.nodes import And, Check, FieldRef, Group, Literal, MacroRef, Node, Not, Operand, Or, Transform
from rules.parser import parse
from rules.tokenizer import ConditionError
from tests.evaluators import as_text
from tests.rules.condition_texts import ANY_TEXT
from tests.rules.strategies import CONDITIONS


def _shown(node: Node) -> str:
    """Return a tree as text with all parentheses."""
    match node:
        case And(children):
            return "(" + " and ".join(map(_shown, children)) + ")"
        case Or(children):
            return "(" + " or ".join(map(_shown, children)) + ")"
        case Not(child):
            return f"not {_shown(child)}"
        case MacroRef(name):
            return name
        case Check(left, operator, right, _, modifier):
            shown = ",".join(literal.value for literal in right) if isinstance(right, tuple) else _operand(right)
            return " ".join(filter(None, [_operand(left), operator, modifier, shown]))


def _operand(node: Operand | Literal | Group) -> str:
    match node:
        case Transform(name, arguments, selector):
            return f"{name}({','.join(map(_operand, arguments))})" + (f"[{selector}]" if selector is not None else "")
        case Group(elements):
            return f"({','.join(map(_operand, elements))})"
        case Literal(value):
            return f"'{value}'"
    return f"<{node}>"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", "a"),
        (" a ", "a"),
        ("not a", "not a"),
        ("not not a", "a"),
        ("not not not a", "not a"),
        ("a and b or c", "((a and b) or c)"),
        ("a or b and c", "(a or (b and c))"),
        ("not a and b", "(not a and b)"),
        ("a and (b or c)", "(a and (b or c))"),
        ("a and(b) or c", "((a and b) or c)"),
        ("a or(b or c)", "(a or (b or c))"),
        ("not(a and b)", "not (a and b)"),
        ("not not(a)", "not not a"),
        ("notx", "notx"),
        ("( ( a ) )", "a"),
        ("x.y exists", "<x.y> exists"),
        ("x.y existsand c", "(<x.y> exists and c)"),
        ("x.y=1or", "<x.y> = 1or"),
        ("x.y = 'a b'", "<x.y> = a b"),
        ("x.y==a", "<x.y> == a"),
        ("x.y !=a", "<x.y> != a"),
        ("x.y contains a", "<x.y> contains a"),
        ("x.y startswith /api", "<x.y> startswith /api"),
        ("x.y icontains A", "<x.y> icontains A"),
        ("x.y endswith '.'", "<x.y> endswith ."),
        ("x.y in ()", "<x.y> in"),
        ("x.y in(a, 'b c' ,d)", "<x.y> in a,b c,d"),
        ("x.y in a", "<x.y> in a"),
        ("x.y inx", "<x.y> in x"),
        ("x.y intersects (a)", "<x.y> intersects a"),
        ("x.y[arg] = a", "<x.y[arg]> = a"),
        ("x.y['a'] = b", "<x.y[a]> = b"),
        ('x.y[""] = b', "<x.y[]> = b"),
        ("x.y[/a/b~1c] = d", "<x.y[/a/b~1c]> = d"),
        ("x.y < 5", "<x.y> < 5"),
        ("x.y<=0x1F", "<x.y> <= 0x1F"),
        ("x.y > -1.5e+3and b", "(<x.y> > -1.5e+3 and b)"),
        ("x.y >=1.", "<x.y> >= 1."),
        ("x.y glob a*", "<x.y> glob a*"),
        ("x.y pmatch (/etc, /x/*)", "<x.y> pmatch /etc,/x/*"),
        ("tolower(x.y) = a", "tolower(<x.y>) = a"),
        ("len( x.y )>3", "len(<x.y>) > 3"),
        ("x.y = val( x.z )", "<x.y> = <x.z>"),
        ("x.y in val(x.z[a])", "<x.y> in <x.z[a]>"),
        ("x.y < toupper(x.z)", "<x.y> < toupper(<x.z>)"),
        ("x.y in tolower(x.z)", "<x.y> in tolower(<x.z>)"),
        ('join(",", (x.y, "a", 5, b64(x.z))) = a', "join(',',(<x.y>,'a','5',b64(<x.z>))) = a"),
        ('join(",",())=x', "join(',',()) = x"),
        ('concat(x.y, 0x1f,"-") exists', "concat(<x.y>,'0x1f','-') exists"),
        ('getopt(x.y, "ab:")[a] = c', "getopt(<x.y>,'ab:')[a] = c"),
        ("x.y = anyof (a, b)", "<x.y> = anyof a,b"),
        ("x.y startswith oneof a", "<x.y> startswith oneof a"),
        ("x.y != allof order", "<x.y> != allof order"),
        ("x.y = anyof", "<x.y> = anyof"),
        ("x.y = anyof and b", "(<x.y> = anyof and b)"),
        ("x.y =anyof or b", "(<x.y> = anyof or b)"),
        ("x.y in anyof", "<x.y> in anyof"),
        ("x.y = a\u00a0b", "<x.y> = a\u00a0b"),
        ("x.y in (\u3000,é)", "<x.y> in \u3000,é"),
    ],
)
def test_a_condition_parses(text: str, tree: str) -> None:
    assert _shown(parse(as_text(text))) == tree
    if "'" not in text:
        for blank in ("\n", "\t", "  ", " \r\n"):
            assert _shown(parse(as_text(text.replace(" ", blank)))) == tree


def test_nodes_know_where_they_stand() -> None:
    node = parse(as_text("a.b = c and m"))
    check = Check(FieldRef("a.b", None, 0), "=", (Literal("c", 6),), 4)
    assert node == And((check, MacroRef("m", 12)), 8)
    m = MacroRef("m", 0)
    either = parse(as_text("not not not(m) or not m or m"))
    assert either == Or((Not(replace(m, at=12), 8), Not(replace(m, at=22), 18), replace(m, at=27)), 15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\tb"', "a\tb"),
        (r'"a\b\f\n\r"', "a\b\f\n\r"),
        (r'"a\/b\\c"', "a/b\\c"),
        (r'"x\ "', "x\\"),
        (r'"\x41"', "A"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        (r"'it\'s'", "it's"),
        ("'say \"hi\"'", 'say "hi"'),
        ('"it\'s"', "it's"),
        ('""', ""),
        ('"é\n"', "é\n"),
    ],
)
def test_escapes_are_undone(text: str, value: str) -> None:
    node = parse(as_text(f"a.b = {text}"))
    assert isinstance(node, Check)
    assert node.right == (Literal(value, 6),)


_OPERATORS = (
    "=, ==, !=, <, <=, >, >=, contains, icontains, startswith, endswith, glob, iglob, regex, bcontains, bstartswith, "
    "in, intersects, pmatch, exists"
)


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("", 0, "expected a field, a macro, 'not' or '(', found the end of the condition", ""),
        ("a and", 5, "expected a blank or '(' after 'and', found the end of the condition", ""),
        ("a and ", 6, "expected a field, a macro, 'not' or '(', found the end of the condition", ""),
        ("a orb", 4, "expected a blank or '(' after 'or', found 'b'", ""),
        ("a b", 2, "expected 'and', 'or' or the end of the condition, found 'b'",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("a)", 1, "expected 'and', 'or' or the end of the condition, found ')'",
         "there is one ')' too many, or a '(' is missing"),
        ("a or(b) and c", 8, "expected 'and', 'or' or the end of the condition, found 'and'",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("(a", 2, "expected 'and', 'or' or ')', found the end of the condition", "every '(' needs its ')'"),
        ("(a b)", 3, "expected 'and', 'or' or ')', found 'b'", ""),
        ("(a AND b)", 3, "expected 'and', 'or' or ')', found 'AND'", "write 'and'"),
        ("(a ||b)", 3, "expected 'and', 'or' or ')', found '|'", "write 'or'"),
        ("a And(b)", 2, "expected 'and', 'or' or the end of the condition, found 'And'", "write 'and'"),
        ("x.y exists&&b", 10, "expected 'and', 'or' or the end of the condition, found '&'", "write 'and'"),
        ("x.y = a OR b", 8, "expected 'and', 'or' or the end of the condition, found 'OR'", "write 'or'"),
        ("a || b", 2, "expected 'and', 'or' or the end of the condition, found '|'", "write 'or'"),
        ("a ORDER", 2, "expected 'and', 'or' or the end of the condition, found 'ORDER'",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("x.y", 3, "expected an operator after x.y, found the end of the condition", f"operators are {_OPERATORS}"),
        ("x.y equals a", 4, "expected an operator after x.y, found 'equals'", f"operators are {_OPERATORS}"),
        ("x.y contians a", 4, "expected an operator after x.y, found 'contians'", "did you mean 'contains'?"),
        ("x.y not in (a)", 4, "expected an operator after x.y, found 'not'", "write not x.y in (...)"),
        ("x.y[a] not  startswith a", 7, "expected an operator after x.y[a], found 'not'",
         "write not x.y[a] startswith ..."),
        ("len(x.y) not = 1", 9, "expected an operator after len(...), found 'not'", "write not len(...) = ..."),
        ("x.y not exists", 4, "expected an operator after x.y, found 'not'", "write not x.y exists"),
        ("x.y not a", 4, "expected an operator after x.y, found 'not'", f"operators are {_OPERATORS}"),
        ("x.y contains'a'", 4, "'contains' needs a blank after it, found '''", ""),
        ("x.y contains=a", 4, "'contains' needs a blank after it, found '='", ""),
        ("x.y glob", 4, "'glob' needs a blank after it, found the end of the condition", ""),
        ("x.y = ", 6, "expected a value after '=', found the end of the condition", 'an empty value is written ""'),
        ("x.y = (a, b)", 6, "expected a value after '=', found '('", "write in (...)"),
        ("x.y ==(a)", 6, "expected a value after '==', found '('", "write in (...)"),
        ("x.y != (a)", 7, "expected a value after '!=', found '('", "write not ... in (...)"),
        ("x.y startswith (a, b)", 15, "expected a value after 'startswith', found '('",
         "write startswith anyof (...)"),
        ("x.y glob (a)", 9, "expected a value after 'glob', found '('", "write glob anyof (...)"),
        ("x.y = lower(x.z)", 11, "found '(' after 'lower', which is no transformer", "did you mean 'tolower('?"),
        ("frob(x.z) = a", 0, "there is no transformer 'frob'",
         "transformers are b64, basename, concat, getopt, join, len, tolower, toupper"),
        ("val(x.z) = a", 0, "val() stands only right after an operator", "write the field without it"),
        ("x.y = tolower(val(x.z))", 14, "val() stands only right after an operator", "write the field without it"),
        ("x.y = val(tolower(x.z))", 10, "val() takes a field, not a transformer", "leave val() out"),
        ("x.y = val(x.z", 13, "expected ')' after the field of val, found the end of the condition", ""),
        ("x.y = tolower (x.z)", 14, "expected 'and', 'or' or the end of the condition, found '('",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("tolower(x.z", 11, "expected ',' or ')' after an argument of tolower, found the end of the condition", ""),
        ("tolower() = a", 8, "expected an argument of tolower, found ')'",
         "text goes between double quotes, a field has a dot"),
        ("join(',', ('a' x.y)) = a", 15, "expected ',' or ')' in the list of join, found 'x.y'", ""),
        ("tolower(x.z)[a b] = c", 14, "expected ']' after the argument of tolower, found a blank", ""),
        ("x.y < z", 6, "expected a number after '<', found 'z'",
         "texts are compared by =, in, contains and their like"),
        ("x.y > 1e5", 7, "expected 'and', 'or' or the end of the condition, found 'e5'",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("x.y = anyof(a)", 11, "expected a blank after 'anyof', found '('", "write = anyof (first, second)"),
        ("x.y startswith oneof('a')", 20, "expected a blank after 'oneof', found '('",
         "write startswith oneof (first, second)"),
        ("x.y !=allof(a)", 11, "expected a blank after 'allof', found '('", "write != allof (first, second)"),
        ("x.y =anyof (a)", 5, "expected a blank after '=', found 'anyof'", "write = anyof (first, second)"),
        ("x.y ==oneof names", 6, "expected a blank after '==', found 'oneof'", "write == oneof (first, second)"),
        ("x.y = noneof(a)", 12, "found '(' after 'noneof', which is no transformer",
         "transformers are b64, basename, concat, getopt, join, len, tolower, toupper"),
        ("x.y in anyof (a)", 13, "expected 'and', 'or' or the end of the condition, found '('",
         "put text with blanks, quotes, commas or parentheses between double quotes"),
        ("x.y = 'a", 6, "expected the closing ''' of this text",
         "the closing quote is missing: write it where the text ends"),
        (r"x.y in ('a\b\"c)", 8, "expected the closing ''' of this text",
         "the closing quote is missing: write it where the text ends"),
        (r"x.y = 'a\' and b", 6, "expected the closing ''' of this text",
         r"a backslash right before the closing quote keeps it open: write '\ ' for a backslash at the end"),
        (r'x.y = "éa\q"', 12, r"the text that ends here holds '\q', which is no escape",
         r"a backslash itself is written \\"),
        (r"""x.y = "it\'s" """, 13, r"the text that ends here holds '\'', which is no escape",
         r"a backslash itself is written \\"),
        (r'x.y in ("a", "\x4\q", b)', 20, r"the text that ends here holds '\x', which is no escape",
         r"a backslash itself is written \\"),
        ("x.y in 'a'", 7, "expected '(' after 'in', found '''", "write in (first, second)"),
        ("x.y in (a b)", 10, "expected ',' or ')' in the list, found 'b'",
         'values with blanks go between double quotes: "a b"'),
        ("x.y in (a,)", 10, "expected a value in the list, found ')'", "a list has no empty places"),
        ("x.y in (,a)", 8, "expected a value in the list, found ','", "a list has no empty places"),
        ("x.y[] = a", 4, "expected an argument of x.y, found ']'", "such as ka.uri.param[command]"),
        (r"x.y['\xff'] = a", 4, "the argument of x.y is not text", "write characters, not bytes"),
        (r"x.y['a\x00'] = a", 4, "the argument of x.y is not text", "write characters, not bytes"),
        ("x.y[a b] = c", 5, "expected ']' after the argument of x.y, found a blank", ""),
        ("x.y [a] = c", 4, "expected an operator after x.y, found '['", f"operators are {_OPERATORS}"),
    ],
)  # fmt: skip
def test_what_does_not_parse_is_told_with_its_place(text: str, at: int, message: str, hint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(as_text(text))
    assert (caught.value.message, caught.value.at, caught.value.hint) == (message, at, hint)


@pytest.mark.parametrize(("opening", "depth"), [("(", 199), ("not(", 249)])
def test_nesting_has_a_limit(opening: str, depth: int) -> None:
    parse(as_text(opening * depth + "a" + ")" * depth))
    with pytest.raises(ConditionError) as caught:
        parse(as_text(opening * (depth + 1) + "a" + ")" * (depth + 1)))
    assert caught.value.message == "the condition is nested too deeply"
    assert caught.value.hint == "move its inner parts into macros"


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT)
def test_any_text_ends_in_a_tree_or_a_condition_error(text: str) -> None:
    try:
        assert _shown(parse(as_text(text)))
    except ConditionError as error:
        assert 0 <= error.at <= len(text)
        assert error.message


@settings(max_examples=200, deadline=None)
@given(CONDITIONS, st.data())
def test_a_condition_with_something_put_in_or_left_out_ends_so_too(condition: str, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(condition))] * 2)))
    end = data.draw(st.sampled_from([start, end]))
    text = condition[:start] + data.draw(ANY_TEXT) + condition[end:]
    try:
        assert _shown(parse(as_text(text)))
    except ConditionError as error:
        assert 0 <= error.at <= len(text)
        assert error.message


@pytest.mark.parametrize("text", ["a.b = '\ud800'", "a.b = '\udfff\\q'", "a.b['\ud800'] exists", "len('\ud800') > 1"])
def test_half_a_character_ends_so_too(text: str) -> None:
    try:
        assert _shown(parse(as_text(text)))
    except ConditionError as error:
        assert 0 <= error.at <= len(text)
