r"""Condition text into nodes. A function a production; its EBNF stands in its docstring.

The grammar is the reference's to the letter, its oddities included, since rule files rely on them: after `or(...)`
the parser is back among the `or`s, operators need no blank before them, and a bare string runs up to a blank or one
of `( ) " ' = ,`. Knows no fields and no macros: whether those exist is the checker's and resolver's to say.
Called by `rules.resolver` and, for fields, by `rules.output`. Spec sections 1.2 and 1.3.
"""

import re
from difflib import get_close_matches
from typing import Final, NoReturn

from rules.nodes import And, Check, FieldRef, Literal, MacroRef, Node, Not, Or
from rules.operators import EXISTS, FUTURE_OPERATORS, OPERATORS
from rules.text import Text
from rules.tokenizer import ConditionError, Token, Tokenizer

# The reference counts productions and stops at 1,000; a parenthesis costs five of them, a `not(` four.
_MAX_DEPTH: Final = 1000
_PARENTHESIS_DEPTH: Final = 5
_NOT_DEPTH: Final = 4

_OPERATOR = re.compile("|".join(re.escape(name) for name in sorted([*OPERATORS, EXISTS], key=len, reverse=True)))
_FUTURE_OPERATOR = re.compile("|".join(re.escape(name) for name in sorted(FUTURE_OPERATORS, key=len, reverse=True)))
_OPERATOR_WORD = re.compile(r"[a-zA-Z]+|[^\s\w(\"']+")
_LIST_HINT: Final = 'values with blanks go between double quotes: "a b"'
_LIST_AHEAD = re.compile(r"[ \t\b\r\n]+\(")
_MODIFIERS: Final = frozenset({"oneof", "anyof", "allof"})
_LIST_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


def parse(text: Text) -> Node:
    """Return the tree of a condition.

    Raises ConditionError at the first place that no production fits.

        Condition := blank* Or blank* end
    """
    tokenizer = Tokenizer(text)
    tokenizer.skip_blank()
    node = _or(tokenizer, 0)
    tokenizer.skip_blank()
    if not tokenizer.is_at_end():
        tokenizer.fail(
            f"expected 'and', 'or' or the end of the condition, found {tokenizer.here()}", _tail_hint(tokenizer)
        )
    return node


def _tail_hint(tokenizer: Tokenizer) -> str:
    if tokenizer.check(")"):
        return "there is one ')' too many, or a '(' is missing"
    return "put text with blanks, quotes, commas or parentheses between double quotes"


def _or(tokenizer: Tokenizer, depth: int) -> Node:
    """Read alternatives.

    Or := And { "or" ( blank And | "(" Or ")" ) }
    """
    children = [_and(tokenizer, depth)]
    tokenizer.skip_blank()
    while tokenizer.read("or"):
        if tokenizer.skip_blank():
            children.append(_and(tokenizer, depth))
        else:
            children.append(_parenthesised(tokenizer, depth, "a blank or '(' after 'or'"))
        tokenizer.skip_blank()
    return children[0] if len(children) == 1 else Or(tuple(children))


def _and(tokenizer: Tokenizer, depth: int) -> Node:
    """Read what must hold together.

    And := Not { "and" ( blank Not | "(" Or ")" ) }
    """
    children = [_not(tokenizer, depth)]
    tokenizer.skip_blank()
    while tokenizer.read("and"):
        if tokenizer.skip_blank():
            children.append(_not(tokenizer, depth))
        else:
            children.append(_parenthesised(tokenizer, depth, "a blank or '(' after 'and'"))
        tokenizer.skip_blank()
    return children[0] if len(children) == 1 else And(tuple(children))


def _not(tokenizer: Tokenizer, depth: int) -> Node:
    """Read one check with the negations before it.

    Not   := { "not" space+ } ( "not(" Or ")" | Check )
    Check := "(" Or ")" | Field Comparison | Identifier
    """
    is_negated = False
    while tokenizer.read("not"):
        is_negated = not is_negated
    node: Node
    if tokenizer.read("not ("):
        tokenizer.skip_blank()
        node = Not(_or(tokenizer, _deeper(tokenizer, depth, _NOT_DEPTH)))
        _close(tokenizer)
    elif tokenizer.check("("):
        node = _parenthesised(tokenizer, depth, "'('")
    elif tokenizer.check("field"):
        node = _comparison(tokenizer, read_field(tokenizer))
    else:
        name = tokenizer.expect("identifier", "a field, a macro, 'not' or '('")
        if tokenizer.check("("):
            tokenizer.fail(
                f"transformers are not supported yet: '{name.text}('",
                "compare the field as it is",
                at=name.at,
            )
        node = MacroRef(name.text, name.at)
    return Not(node) if is_negated else node


def _parenthesised(tokenizer: Tokenizer, depth: int, expected: str) -> Node:
    """Read a condition between parentheses.

    "(" Or ")"
    """
    tokenizer.expect("(", expected)
    tokenizer.skip_blank()
    node = _or(tokenizer, _deeper(tokenizer, depth, _PARENTHESIS_DEPTH))
    _close(tokenizer)
    return node


def _deeper(tokenizer: Tokenizer, depth: int, by: int) -> int:
    if depth + by >= _MAX_DEPTH:
        tokenizer.fail("the condition is nested too deeply", "move its inner parts into macros")
    return depth + by


def _close(tokenizer: Tokenizer) -> None:
    tokenizer.skip_blank()
    tokenizer.expect(")", "'and', 'or' or ')'", "every '(' needs its ')'" if tokenizer.is_at_end() else "")


def read_field(tokenizer: Tokenizer) -> FieldRef:
    """Read a field and its argument; no blank between them.

    Field := FieldName [ "[" ( QuotedString | Argument ) "]" ]
    """
    name = tokenizer.expect("field", "a field")
    if not tokenizer.read("["):
        return FieldRef(name.text, None, name.at)
    if tokenizer.check("quote"):
        literal = _unquote(tokenizer)
        argument = literal.value
        if "\0" in argument or (
            not argument.isascii() and any("\udc80" <= character <= "\udcff" for character in argument)
        ):
            tokenizer.fail(f"the argument of {name.text} is not text", "write characters, not bytes", at=literal.at)
    else:
        argument = tokenizer.expect("argument", f"an argument of {name.text}", "such as ka.uri.param[command]").text
    tokenizer.expect("]", f"']' after the argument of {name.text}")
    return FieldRef(name.text, argument, name.at)


def _comparison(tokenizer: Tokenizer, left: FieldRef) -> Check:
    """Read what a field is compared with.

    Comparison := "exists"
                | ( "=" | "==" | "!=" ) Value
                | ( "contains" | "icontains" | "startswith" | "endswith" ) blank Value
                | ( "in" | "intersects" ) List
    """
    tokenizer.skip_blank()
    token = tokenizer.read_pattern("operator", _OPERATOR)
    if token is None:
        _fail_operator(tokenizer, left)
    if token.text == EXISTS:
        return Check(left, EXISTS, (), token.at)
    operator = OPERATORS[token.text]
    if not tokenizer.skip_blank() and operator.needs_blank:
        tokenizer.fail(f"expected a blank after '{operator.name}', found {tokenizer.here()}")
    values = _list(tokenizer, operator.name) if operator.takes_list else (_value(tokenizer, operator.name),)
    return Check(left, operator.name, values, token.at)


def _fail_operator(tokenizer: Tokenizer, left: FieldRef) -> NoReturn:
    future = tokenizer.read_pattern("operator", _FUTURE_OPERATOR)
    if future is not None:
        tokenizer.fail(
            f"the operator '{future.text}' is not supported yet",
            f"this version knows {', '.join([*OPERATORS, EXISTS])}",
            at=future.at,
        )
    word = _OPERATOR_WORD.match(tokenizer.text.value, tokenizer.index)
    close = get_close_matches(word.group(), [*OPERATORS, EXISTS], n=1) if word else []
    tokenizer.fail(
        f"expected an operator after {left}, found {tokenizer.here()}",
        f"did you mean '{close[0]}'?" if close else f"operators are {', '.join([*OPERATORS, EXISTS])}",
    )


def _value(tokenizer: Tokenizer, operator: str) -> Literal:
    """Read one constant.

    Value := QuotedString | BareString
    """
    if tokenizer.check("quote"):
        return _unquote(tokenizer)
    token = tokenizer.expect("bare string", f"a value after '{operator}'", _value_hint(tokenizer, operator))
    _refuse_future(tokenizer, token)
    return Literal(token.text, token.at)


def _refuse_future(tokenizer: Tokenizer, token: Token) -> None:
    """Say of a transformer, `val()` or a modifier that it is not there yet, rather than that it is misspelt."""
    if tokenizer.check("("):
        hint = "a value with parentheses goes between double quotes"
        tokenizer.fail(f"transformers are not supported yet: '{token.text}('", hint, at=token.at)
    if token.text in _MODIFIERS and _LIST_AHEAD.match(tokenizer.text.value, tokenizer.index):
        hint = "write one comparison for each value, joined by 'or' or 'and'"
        tokenizer.fail(f"the modifier '{token.text}' is not supported yet", hint, at=token.at)


def _value_hint(tokenizer: Tokenizer, operator: str) -> str:
    if tokenizer.check("(") and operator in {"=", "=="}:
        return "compare with several values by 'in (...)'"
    return 'an empty value is written ""'


def _list(tokenizer: Tokenizer, operator: str) -> tuple[Literal, ...]:
    """Read a list of constants; a lone name is a list of that one word (names of lists are gone by now).

    List := "(" [ Value { "," Value } ] ")" | Identifier
    """
    if not tokenizer.read("("):
        name = tokenizer.read_pattern("list", _LIST_NAME)
        if name is None:
            tokenizer.fail(
                f"expected '(' after '{operator}', found {tokenizer.here()}",
                f"write {operator} (first, second)",
            )
        _refuse_future(tokenizer, name)
        return (Literal(name.text, name.at),)
    values: list[Literal] = []
    tokenizer.skip_blank()
    while not tokenizer.read(")"):
        if values:
            hint = "close the list with ')'" if tokenizer.is_at_end() else _LIST_HINT
            tokenizer.expect(",", "',' or ')' in the list", hint)
            tokenizer.skip_blank()
        values.append(_list_value(tokenizer))
        tokenizer.skip_blank()
    return tuple(values)


def _list_value(tokenizer: Tokenizer) -> Literal:
    if tokenizer.check("quote"):
        return _unquote(tokenizer)
    token = tokenizer.expect("bare string", "a value in the list", "a list has no empty places")
    return Literal(token.text, token.at)


_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
_ESCAPED: Final = {
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"\\": b"\\",
    b"/": b"/",
    b" ": b"\\",
}


def _unquote(tokenizer: Tokenizer) -> Literal:
    r"""Read a quoted string and undo its escapes.

    QuotedString := "'" ... "'" | '"' ... '"'

    The closing quote is the first one without a backslash right before it, even if that backslash is itself escaped.
    Escapes are \b \f \n \r \t \\ \/ \xHH, the quote itself, and backslash-blank for one backslash.
    """
    token = tokenizer.read("quoted string")
    if token is None:
        tokenizer.fail(
            f"expected the closing {tokenizer.here()} of this text",
            r"a backslash right before the closing quote keeps it open: write '\ ' for a backslash at the end",
        )
    quote, inside = token.text[0], token.text[1:-1].encode()

    def undo(match: re.Match[bytes]) -> bytes:
        code, character = match.groups()
        if code is not None:
            return bytes([int(code, 16)])
        if character == quote.encode():
            return bytes(character)
        if character not in _ESCAPED:
            shown = (character or b"").decode(errors="replace")
            raise ConditionError(
                f"'\\{shown}' is no escape",
                _origin(tokenizer, token, match.start(), inside),
                r"a backslash itself is written \\",
            )
        return _ESCAPED[character]

    # A byte of \xHH may be no character by itself; it then equals nothing that an event can hold.
    return Literal(_ESCAPE.sub(undo, inside).decode(errors="surrogateescape"), token.at)


def _origin(tokenizer: Tokenizer, token: Token, byte: int, inside: bytes) -> int:
    start = tokenizer.index - len(token.text) + 1
    return tokenizer.text.origins[start + len(inside[:byte].decode(errors="replace"))]
