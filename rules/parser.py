r"""Condition text into nodes. A function a production; its EBNF stands in its docstring.

The grammar is the reference's to the letter, its oddities included, since rule files rely on them: after `or(...)`
the parser is back among the `or`s, operators need no blank before them, and a bare string runs up to a blank or one
of `( ) " ' = ,`. Knows no fields and no macros: whether those exist is the checker's and resolver's to say.
Called by `rules.resolver` and, for fields, by `rules.output`. Spec sections 1.2 and 1.3.
"""

import re
from difflib import get_close_matches
from typing import Final, NoReturn

from rules.nodes import And, Check, MacroRef, Node, Not, Operand, Or
from rules.operand_parser import (
    MAX_DEPTH,
    is_call,
    is_right_operand,
    modifier_hint,
    read_field,
    read_list,
    read_number,
    read_right_operand,
    read_transformer,
    read_value,
)
from rules.operators import EXISTS, MODIFIERS, OPERATORS
from rules.text import Text
from rules.tokenizer import Token, Tokenizer

# The reference counts productions; a parenthesis costs five of them, a `not(` four.
_PARENTHESIS_DEPTH: Final = 5
_NOT_DEPTH: Final = 4

_OPERATOR = re.compile("|".join(re.escape(name) for name in sorted([*OPERATORS, EXISTS], key=len, reverse=True)))
_NEGATED_OPERATOR = re.compile(rf"not[ \t\b\r\n]+({_OPERATOR.pattern})")
_OPERATOR_WORD = re.compile(r"[a-zA-Z]+|[^\s\w(\"']+")
_OTHER_JOIN = re.compile(r"(?!and|or)(?:(?P<and>(?i:and)(?![\w.])|&&)|(?i:or)(?![\w.])|\|\|)")
# A modifier counts as one only with blanks around it and a list, or a name that is no word of the grammar, after it.
_MODIFIER = re.compile(rf"({'|'.join(MODIFIERS)})[ \t\b\r\n]+(?:\(|(?!(?:and|or|not)(?![a-zA-Z0-9_]))[a-zA-Z])")


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
    return _join_hint(tokenizer) or "put text with blanks, quotes, commas or parentheses between double quotes"


def _join_hint(tokenizer: Tokenizer) -> str:
    """Return how the word or sign is written here that joins conditions in another language."""
    join = _OTHER_JOIN.match(tokenizer.text.value, tokenizer.index)
    if join is None:
        return ""
    return "write 'and'" if join["and"] else "write 'or'"


def _or(tokenizer: Tokenizer, depth: int) -> Node:
    """Read alternatives.

    Or := And { "or" ( blank And | "(" Or ")" ) }
    """
    children = [_and(tokenizer, depth)]
    tokenizer.skip_blank()
    first: Token | None = None
    while word := tokenizer.read("or"):
        first = first or word
        if tokenizer.skip_blank():
            children.append(_and(tokenizer, depth))
        else:
            children.append(_parenthesised(tokenizer, depth, "a blank or '(' after 'or'"))
        tokenizer.skip_blank()
    return children[0] if first is None else Or(tuple(children), first.at)


def _and(tokenizer: Tokenizer, depth: int) -> Node:
    """Read what must hold together.

    And := Not { "and" ( blank Not | "(" Or ")" ) }
    """
    children = [_not(tokenizer, depth)]
    tokenizer.skip_blank()
    first: Token | None = None
    while word := tokenizer.read("and"):
        first = first or word
        if tokenizer.skip_blank():
            children.append(_not(tokenizer, depth))
        else:
            children.append(_parenthesised(tokenizer, depth, "a blank or '(' after 'and'"))
        tokenizer.skip_blank()
    return children[0] if first is None else And(tuple(children), first.at)


def _not(tokenizer: Tokenizer, depth: int) -> Node:
    """Read one check with the negations before it.

    Not   := { "not" space+ } ( "not(" Or ")" | Check )
    Check := "(" Or ")" | Field Comparison | Transformer Comparison | Identifier
    """
    words: list[Token] = []
    while word := tokenizer.read("not"):
        words.append(word)
    node: Node
    if opening := tokenizer.read("not ("):
        tokenizer.skip_blank()
        node = Not(_or(tokenizer, _deeper(tokenizer, depth, _NOT_DEPTH)), opening.at)
        _close(tokenizer)
    elif tokenizer.check("("):
        node = _parenthesised(tokenizer, depth, "'('")
    elif is_call(tokenizer):
        node = _comparison(tokenizer, read_transformer(tokenizer, depth), depth)
    elif tokenizer.check("field"):
        node = _comparison(tokenizer, read_field(tokenizer), depth)
    else:
        name = tokenizer.expect("identifier", "a field, a macro, 'not' or '('")
        node = MacroRef(name.text, name.at)
    return Not(node, words[0].at) if len(words) % 2 else node


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
    if depth + by >= MAX_DEPTH:
        tokenizer.fail("the condition is nested too deeply", "move its inner parts into macros")
    return depth + by


def _close(tokenizer: Tokenizer) -> None:
    tokenizer.skip_blank()
    hint = "every '(' needs its ')'" if tokenizer.is_at_end() else _join_hint(tokenizer)
    tokenizer.expect(")", "'and', 'or' or ')'", hint)


def _comparison(tokenizer: Tokenizer, left: Operand, depth: int) -> Check:
    """Read what a field is compared with.

    Comparison := "exists"
                | ( "<" | "<=" | ">" | ">=" ) ( RightOperand | Number )
                | ( "in" | "intersects" | "pmatch" ) ( List | RightOperand )
                | Operator Modifier List
                | Operator ( RightOperand | Value )
    Operator   := "=" | "==" | "!=" | ( "contains" | "glob" | ... ) blank
    """
    tokenizer.skip_blank()
    token = tokenizer.read_pattern("operator", _OPERATOR)
    if token is None:
        _fail_operator(tokenizer, left)
    if token.text == EXISTS:
        return Check(left, EXISTS, (), token.at)
    operator = OPERATORS[token.text]
    has_blank = tokenizer.skip_blank()
    if not has_blank and operator.needs_blank:
        # To the reference no operator stands here then: it points at its beginning.
        tokenizer.fail(f"'{operator.name}' needs a blank after it, found {tokenizer.here()}", at=token.at)
    if operator.takes_modifier:
        modifier = _modifier(tokenizer, operator.name, has_blank=has_blank)
        if modifier:
            return Check(left, operator.name, read_list(tokenizer, modifier), token.at, modifier)
    if is_right_operand(tokenizer):
        return Check(left, operator.name, read_right_operand(tokenizer, depth), token.at)
    if operator.takes_list:
        return Check(left, operator.name, read_list(tokenizer, operator.name), token.at)
    read = read_number if operator.takes_number else read_value
    return Check(left, operator.name, (read(tokenizer, operator.name),), token.at)


def _modifier(tokenizer: Tokenizer, operator: str, *, has_blank: bool) -> str:
    ahead = _MODIFIER.match(tokenizer.text.value, tokenizer.index)
    if ahead is None:
        return ""
    modifier = ahead.group(1)
    if not has_blank:  # to the reference the word is a value then, and nothing may stand where the list does
        tokenizer.fail(f"expected a blank after '{operator}', found '{modifier}'", modifier_hint(operator, modifier))
    tokenizer.expect("identifier", "a modifier")
    tokenizer.skip_blank()
    return modifier


def _fail_operator(tokenizer: Tokenizer, left: Operand) -> NoReturn:
    tokenizer.fail(f"expected an operator after {left}, found {tokenizer.here()}", _operator_hint(tokenizer, left))


def _operator_hint(tokenizer: Tokenizer, left: Operand) -> str:
    negated = _NEGATED_OPERATOR.match(tokenizer.text.value, tokenizer.index)
    if negated is not None:
        name = negated.group(1)
        if name == EXISTS:
            return f"write not {left} {name}"
        return f"write not {left} {name} {'(...)' if OPERATORS[name].takes_list else '...'}"
    word = _OPERATOR_WORD.match(tokenizer.text.value, tokenizer.index)
    close = get_close_matches(word.group(), [*OPERATORS, EXISTS], n=1) if word else []
    return f"did you mean '{close[0]}'?" if close else f"operators are {', '.join([*OPERATORS, EXISTS])}"
