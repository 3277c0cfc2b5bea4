r"""What stands on the two sides of a comparison, as text, into nodes: fields, transformers, constants, lists.

A function a production; its EBNF stands in its docstring. The grammar is the reference's to the letter. Called by
`rules.parser` and, for what stands after a `%`, by `rules.output`. Spec sections 1.2 and 1.3.
"""

import re
from difflib import get_close_matches
from typing import Final, NoReturn

from rules.nodes import FieldRef, Group, Literal, Operand, Transform
from rules.operators import MODIFIERS
from rules.text import holds_bytes
from rules.tokenizer import Token, Tokenizer
from rules.transformers import TRANSFORMERS

VAL: Final = "val"
"""What marks a field on the right-hand side: without it the name is text."""

# The reference counts productions and stops at 1,000. What a call costs there is not known; this many may be nested.
MAX_DEPTH: Final = 1000
_CALL_DEPTH: Final = 10

_LIST_HINT: Final = 'values with blanks go between double quotes: "a b"'


def is_call(tokenizer: Tokenizer) -> bool:
    """Tell whether a transformer stands here, or what could be meant as one: a name with `(` right after it."""
    return tokenizer.check("call")


def read_field(tokenizer: Tokenizer) -> FieldRef:
    """Read a field and its argument; no blank between them.

    Field := FieldName [ "[" ( QuotedString | Argument ) "]" ]
    """
    name = tokenizer.expect("field", "a field")
    return FieldRef(name.text, _argument(tokenizer, name.text), name.at)


def _argument(tokenizer: Tokenizer, of: str) -> str | None:
    if not tokenizer.read("["):
        return None
    if tokenizer.check("quote"):
        literal = read_quoted(tokenizer)
        argument = literal.value
        if "\0" in argument or holds_bytes(argument):
            tokenizer.fail(f"the argument of {of} is not text", "write characters, not bytes", at=literal.at)
    else:
        argument = tokenizer.expect("argument", f"an argument of {of}", "such as ka.uri.param[command]").text
    tokenizer.expect("]", f"']' after the argument of {of}")
    return argument


def read_operand(tokenizer: Tokenizer, depth: int = 0) -> Operand:
    """Read what a comparison or a placeholder begins with.

    Operand := Transformer | Field
    """
    return read_transformer(tokenizer, depth) if is_call(tokenizer) else read_field(tokenizer)


def read_transformer(tokenizer: Tokenizer, depth: int) -> Transform:
    """Read a transformer's call.

    Transformer := Name "(" TransformerArgument { "," TransformerArgument } ")" [ "[" Argument "]" ]
    """
    if depth + _CALL_DEPTH >= MAX_DEPTH:
        tokenizer.fail("transformers are nested too deeply", "use fewer of them")
    name = tokenizer.expect("identifier", "a transformer")
    if name.text not in TRANSFORMERS:
        _fail_name(tokenizer, name)
    tokenizer.expect("(", "'('")
    arguments = []
    while True:
        tokenizer.skip_blank()
        arguments.append(_transformer_argument(tokenizer, name.text, depth + _CALL_DEPTH))
        tokenizer.skip_blank()
        if not tokenizer.read(","):
            break
    tokenizer.expect(")", f"',' or ')' after an argument of {name.text}")
    return Transform(name.text, tuple(arguments), _argument(tokenizer, name.text), name.at)


def _fail_name(tokenizer: Tokenizer, name: Token) -> NoReturn:
    if name.text == VAL:
        tokenizer.fail("val() stands only right after an operator", "write the field without it", at=name.at)
    tokenizer.fail(f"there is no transformer '{name.text}'", _transformer_hint(name.text), at=name.at)


def _transformer_hint(name: str) -> str:
    close = get_close_matches(name, TRANSFORMERS, n=1)
    return f"did you mean '{close[0]}('?" if close else f"transformers are {', '.join(sorted(TRANSFORMERS))}"


def _transformer_argument(tokenizer: Tokenizer, name: str, depth: int) -> Literal | FieldRef | Group | Transform:
    """Read one argument of a transformer.

    TransformerArgument := "(" [ Element { "," Element } ] ")" | Element
    Element             := Number | QuotedString | Transformer | Field
    """
    opening = tokenizer.read("(")
    if opening is None:
        return _element(tokenizer, name, depth)
    elements: list[Literal | FieldRef | Transform] = []
    tokenizer.skip_blank()
    while not tokenizer.read(")"):
        if elements:
            tokenizer.expect(",", f"',' or ')' in the list of {name}")
            tokenizer.skip_blank()
        elements.append(_element(tokenizer, name, depth))
        tokenizer.skip_blank()
    return Group(tuple(elements), opening.at)


def _element(tokenizer: Tokenizer, name: str, depth: int) -> Literal | FieldRef | Transform:
    number = tokenizer.read("hexadecimal") or tokenizer.read("number")
    if number is not None:
        return Literal(number.text, number.at)
    if tokenizer.check("quote"):
        return read_quoted(tokenizer)
    if is_call(tokenizer):
        return read_transformer(tokenizer, depth)
    if not tokenizer.check("field"):
        tokenizer.fail(
            f"expected an argument of {name}, found {tokenizer.here()}",
            "text goes between double quotes, a field has a dot",
        )
    return read_field(tokenizer)


def read_right_operand(tokenizer: Tokenizer, depth: int) -> Operand:
    """Read a field or a transformer on the right-hand side.

    RightOperand := "val(" Field ")" | Transformer
    """
    call = TRANSFORMERS_AHEAD.match(tokenizer.text.value, tokenizer.index)
    if call is None or call.group(1) != VAL:
        return read_transformer(tokenizer, depth)
    tokenizer.expect("identifier", "val")
    tokenizer.expect("(", "'('")
    tokenizer.skip_blank()
    if is_call(tokenizer):
        tokenizer.fail("val() takes a field, not a transformer", "leave val() out")
    field = read_field(tokenizer)
    tokenizer.skip_blank()
    tokenizer.expect(")", "')' after the field of val")
    return field


TRANSFORMERS_AHEAD: Final = re.compile(rf"({'|'.join([*TRANSFORMERS, VAL])})\(")
"""A transformer, or `val`, on the right-hand side: nothing else may have a `(` there."""


def is_right_operand(tokenizer: Tokenizer) -> bool:
    """Tell whether a field or a transformer stands here, on the right-hand side."""
    return TRANSFORMERS_AHEAD.match(tokenizer.text.value, tokenizer.index) is not None


def read_number(tokenizer: Tokenizer, operator: str) -> Literal:
    """Read a number.

    Number := "0x" digits | [ sign ] digits [ "." [ digits ] ] [ "e" sign digits ]
    """
    token = tokenizer.read("hexadecimal") or tokenizer.expect(
        "number", f"a number after '{operator}'", "texts are compared by =, in, contains and their like"
    )
    return Literal(token.text, token.at)


def read_value(tokenizer: Tokenizer, operator: str) -> Literal:
    """Read one constant.

    Value := QuotedString | BareString
    """
    if tokenizer.check("quote"):
        return read_quoted(tokenizer)
    call = tokenizer.check("call")
    token = tokenizer.expect("bare string", f"a value after '{operator}'", _value_hint(tokenizer, operator))
    if call and tokenizer.check("("):
        if token.text in MODIFIERS:
            hint = modifier_hint(operator, token.text)
            tokenizer.fail(f"expected a blank after '{token.text}', found '('", hint)
        tokenizer.fail(f"found '(' after '{token.text}', which is no transformer", _transformer_hint(token.text))
    return Literal(token.text, token.at)


def modifier_hint(operator: str, modifier: str) -> str:
    """Return how an operator and its modifier are written."""
    return f"write {operator} {modifier} (first, second)"


def _value_hint(tokenizer: Tokenizer, operator: str) -> str:
    if not tokenizer.check("("):
        return 'an empty value is written ""'
    if operator == "!=":
        return "write not ... in (...)"
    return "write in (...)" if operator in {"=", "=="} else f"write {operator} anyof (...)"


def read_list(tokenizer: Tokenizer, operator: str) -> tuple[Literal, ...]:
    """Read a list of constants; a lone name is a list of that one word (names of lists are gone by now).

    List := "(" [ Value { "," Value } ] ")" | Identifier
    """
    if not tokenizer.read("("):
        name = tokenizer.read("identifier")
        if name is None:
            tokenizer.fail(
                f"expected '(' after '{operator}', found {tokenizer.here()}",
                f"write {operator} (first, second)",
            )
        return (Literal(name.text, name.at),)
    tokenizer.skip_blank()
    values = _plain_values(tokenizer)
    is_first = True
    while not tokenizer.read(")"):
        if not is_first:
            hint = "close the list with ')'" if tokenizer.is_at_end() else _LIST_HINT
            tokenizer.expect(",", "',' or ')' in the list", hint)
            tokenizer.skip_blank()
        values.append(_list_value(tokenizer))
        is_first = False
        tokenizer.skip_blank()
    return tuple(values)


_PLAIN_VALUE: Final = re.compile(r"([^()\"'\s=,]+)[ \t\b\r\n]*,[ \t\b\r\n]*(?![),]|\Z)", re.ASCII)
"""A bare string in a list, and all that stands before the value after it."""


def _plain_values(tokenizer: Tokenizer) -> list[Literal]:
    """Take the bare strings that a list begins with, as long as another value follows: long lists are mostly these."""
    text, values = tokenizer.text, []
    while (match := _PLAIN_VALUE.match(text.value, tokenizer.index)) is not None:
        values.append(Literal(match.group(1), text.origins[match.start()]))
        tokenizer.index = match.end()
    return values


def _list_value(tokenizer: Tokenizer) -> Literal:
    if tokenizer.check("quote"):
        return read_quoted(tokenizer)
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


def read_quoted(tokenizer: Tokenizer) -> Literal:
    r"""Read a quoted string and undo its escapes.

    QuotedString := "'" ... "'" | '"' ... '"'

    The closing quote is the first one without a backslash right before it, even if that backslash is itself escaped.
    Escapes are \b \f \n \r \t \\ \/ \xHH, the quote itself, and backslash-blank for one backslash.
    """
    token = tokenizer.read("quoted string")
    if token is None:
        tokenizer.fail(f"expected the closing {tokenizer.here()} of this text", _quote_hint(tokenizer))
    quote, inside = token.text[0], token.text[1:-1].encode(errors="surrogatepass")

    def undo(match: re.Match[bytes]) -> bytes:
        code, character = match.groups()
        if code is not None:
            return bytes([int(code, 16)])
        if character == quote.encode():
            return bytes(character)
        if character not in _ESCAPED:
            shown = (character or b"").decode(errors="replace")
            tokenizer.fail(
                f"the text that ends here holds '\\{shown}', which is no escape",
                r"a backslash itself is written \\",
                at=_end(tokenizer),
            )
        return _ESCAPED[character]

    # A byte of \xHH may be no character by itself, but a part of one, or of what is no text, as what b64() decodes.
    return Literal(_ESCAPE.sub(undo, inside).decode(errors="surrogateescape"), token.at)


def _quote_hint(tokenizer: Tokenizer) -> str:
    text, start = tokenizer.text.value, tokenizer.index
    if f"\\{text[start]}" in text[start:]:
        return r"a backslash right before the closing quote keeps it open: write '\ ' for a backslash at the end"
    return "the closing quote is missing: write it where the text ends"


def _end(tokenizer: Tokenizer) -> int:
    """Return the place behind the quoted string that was taken, where the reference finds out.

    What follows may have been written elsewhere. A quote that was put around a list's item stands where that begins.
    """
    return max(tokenizer.text.origins[tokenizer.index - 2 : tokenizer.index]) + 1
