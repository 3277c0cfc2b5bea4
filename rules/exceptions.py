"""What the exceptions of a rule mean: defined, appended to, and put into words that the parser reads.

An exception is text here, a comparison for each value or tuple of values; the rule holds where its condition does and
none of its exceptions. Whether the fields exist is the compiler's to say. Called by the reader, the collector and the
compiler. Spec section 2.8.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from rules.errors import Code
from rules.items import ExceptionItem, RuleException, ValueList
from rules.operand_parser import is_right_operand, read_right_operand
from rules.operators import EXISTS, MODIFIERS, OPERATORS
from rules.text import Text
from rules.tokenizer import TOKENS, ConditionError, Tokenizer

_LIST_COMPS: Final = frozenset(name for name, operator in OPERATORS.items() if operator.takes_list)
_TEXT_COMPS: Final = frozenset(name for name, operator in OPERATORS.items() if operator.takes_modifier)
_SCALAR_COMPS: Final = OPERATORS.keys() - _LIST_COMPS

_LIST_HINT: Final = "one of in, intersects, pmatch, or such as 'startswith anyof'"
_SHAPE_HINT: Final = "fields: f takes comps: in and values: [a, b]; fields: [f, g] takes comps: [=, in]"


class Complain(Protocol):
    """What an exception that cannot be used is told by."""

    def __call__(self, message: str, at: int, hint: str, code: Code) -> None:
        """Tell it, with its place and what to do."""


class ShapeError(ConditionError):
    """Values that do not fit the fields that they are for."""


def define(items: Iterable[ExceptionItem], complain: Complain) -> tuple[RuleException, ...]:
    """Return exceptions that stand by themselves; of those that cannot, it is told why."""
    defined = [_define(item, complain) for item in items]
    return tuple(exception for exception in defined if exception is not None)


def append(
    before: Sequence[RuleException], items: Iterable[ExceptionItem], complain: Complain, *, is_whole: bool
) -> tuple[RuleException, ...]:
    """Return exceptions with values added to those that there are, and new ones put behind them.

    Where `before` is not whole, values for an exception that is not there are for one that could not be read.
    """
    places: dict[str, int] = {}
    for place, exception in enumerate(before):
        places.setdefault(exception.name, place)
    after = list(before)
    for item in items:
        place = places.get(item.name, -1)
        values = () if item.values is None else item.values.items
        if place < 0 and item.fields is None and not is_whole:
            continue
        if place < 0 and not values:
            complain(f"the new exception '{item.name}' has no values", item.at, "add values: [...]", Code.VALIDATE)
        elif place < 0:
            for exception in define([item], complain):
                places[item.name] = len(after)
                after.append(exception)
        elif item.fields is not None or item.comps is not None:
            hint = "leave 'fields' and 'comps' out, or take another name"
            complain(f"to the exception '{item.name}' only values can be appended", item.at, hint, Code.VALIDATE)
        else:
            after[place] = replace(after[place], values=after[place].values + values)
    return tuple(after)


def _define(item: ExceptionItem, complain: Complain) -> RuleException | None:
    if item.fields is None or (isinstance(item.fields, ValueList) and not item.fields.items):
        hint = "add fields: ka.user.name, or a list of them"
        complain(f"the exception '{item.name}' names no fields", item.at, hint, Code.VALIDATE)
        return None
    is_single = isinstance(item.fields, Text)
    fields = _texts(item.fields)
    comps = _comps(item, fields, is_single=is_single)
    if fields is None or comps is None or len(fields) != len(comps):
        at = item.at if item.comps is None else _at(item.comps)
        complain(
            f"the exception '{item.name}' needs one comparison for each of its fields", at, _SHAPE_HINT, Code.VALIDATE
        )
        return None
    wrong = [comp for comp in comps if not _is_comp(comp.value, is_single=is_single)]
    for comp in wrong:
        at, name = comp.origins[0], " ".join(comp.value.split())
        hint = _LIST_HINT if is_single else "an operator, or one of text with oneof, anyof or allof behind it"
        # The reference takes `exists`, and then cannot compile what it makes of it.
        code = Code.COMPILE_CONDITION if name == EXISTS else Code.VALIDATE
        complain(f"an exception cannot compare by '{name}'", at, hint, code)
    if wrong:
        return None
    values = () if item.values is None else item.values.items
    return RuleException(item.name, item.at, is_single, fields, comps, values)


def _texts(value: Text | ValueList) -> tuple[Text, ...] | None:
    """Return the texts of a text or of a flat sequence; None of a sequence that is not flat."""
    if isinstance(value, Text):
        return (value,)
    texts = tuple(item for item in value.items if isinstance(item, Text))
    return texts if len(texts) == len(value.items) else None


def _comps(item: ExceptionItem, fields: tuple[Text, ...] | None, *, is_single: bool) -> tuple[Text, ...] | None:
    if item.comps is None:
        default = "in" if is_single else "="
        return None if fields is None else tuple(Text.at(default, one.origins[0]) for one in fields)
    return _texts(item.comps) if isinstance(item.comps, Text) == is_single else None


def _is_comp(comp: str, *, is_single: bool) -> bool:
    """Tell whether an exception can compare so; a single field only with a list. `exists` compares with nothing."""
    name, *modifiers = comp.split() or [EXISTS]
    if modifiers:
        return name in _TEXT_COMPS and len(modifiers) == 1 and modifiers[0] in MODIFIERS
    return name in _LIST_COMPS or (not is_single and name in _SCALAR_COMPS)


def _takes_list(comp: Text) -> bool:
    name, *modifiers = comp.value.split()
    return bool(modifiers) or name in _LIST_COMPS


@dataclass(slots=True)
class Composed:
    """An exception in words."""

    text: Text | None = None
    """None where it has no values, and excepts nothing."""
    quoted: list[Text] = field(default_factory=list)
    """Values that another meaning was kept from by quotes."""
    errors: list[ShapeError] = field(default_factory=list)
    """What is wrong with values that do not fit the fields: they are not in the text."""


def compose(exception: RuleException) -> Composed:
    """Return the condition under which an exception holds, as far as its values fit its fields."""
    composed = Composed()
    if exception.is_single:
        texts = tuple(value for value in exception.values if isinstance(value, Text))
        hint = "write fields: [...] to compare several fields at once"
        composed.errors += [
            ShapeError("a value of an exception of one field is text", value.at, hint)
            for value in exception.values
            if isinstance(value, ValueList)
        ]
        if texts:
            values = ValueList(exception.at, texts)
            one, comp = exception.fields[0], exception.comps[0]
            composed.text = Text.join(_comparison(one, comp, values, composed, is_single=True))
        return composed
    pieces: list[Text] = []
    for value in exception.values:
        try:
            tuple_pieces = list(_tuple(exception, value, composed))
        except ShapeError as error:
            composed.errors.append(error)
            continue
        pieces += (Text.at(" or (" if pieces else "(", _at(value)), *tuple_pieces, Text.at(")", _at(value)))
    if pieces:
        composed.text = Text.join(pieces)
    return composed


def _tuple(exception: RuleException, value: Text | ValueList, composed: Composed) -> Iterable[Text]:
    """Yield the comparisons of one value for each field. Raises ShapeError."""
    items = value.items if isinstance(value, ValueList) else ()
    if len(items) != len(exception.fields):
        count = len(exception.fields)
        message = f"expected a list of {count} value{'s' * (count > 1)}, one for each field"
        if isinstance(value, ValueList):
            message += f", found {len(items)}"
        raise ShapeError(message, _at(value), "text with a comma goes between quotes")
    for number, (one, comp, item) in enumerate(zip(exception.fields, exception.comps, items, strict=True)):
        if number:
            yield Text.at(" and ", _at(item))
        yield from _comparison(one, comp, item, composed, is_single=False)


def _comparison(
    one: Text, comp: Text, value: Text | ValueList, composed: Composed, *, is_single: bool
) -> Iterable[Text]:
    at = _at(value)
    yield from (one.strip(), Text.at(" ", at), comp.strip(), Text.at(" ", at))
    if isinstance(value, Text) and not _takes_list(comp):
        yield _scalar(value, composed, is_in_list=False, is_quoted_there=True)
    elif isinstance(value, Text) and _is_list(value):
        yield value
    else:
        items = (value,) if isinstance(value, Text) else value.items
        yield Text.at("(", at)
        for number, item in enumerate(items):
            if not isinstance(item, Text):
                raise ShapeError("a list among the values of an exception holds text only", item.at, "quote it")
            if number:
                yield Text.at(", ", item.origins[0])
            yield _scalar(item, composed, is_in_list=True, is_quoted_there=is_single)
        yield Text.at(")", at)


def _at(value: Text | ValueList) -> int:
    return value.origins[0] if isinstance(value, Text) else value.at


_WITH_BLANKS: Final = re.compile(r"[^()\"'=,\\\t\b\r\n\v\f\0]+")
_NEEDS_ESCAPE: Final = re.compile(r"[()\"'=,\\\s\0]", re.ASCII)

_WITH_SPACE: Final = re.compile(r"(?![\"'])(?=.* )[^\"\\\0]+", re.DOTALL)
"""What the reference puts between double quotes too, and has the same meaning there without an escape."""


def _scalar(value: Text, composed: Composed, *, is_in_list: bool, is_quoted_there: bool) -> Text:
    """Return a value as it stands in a condition.

    A word, text in quotes of its own and, where a list does not forbid it, a transformer's call stay as they are. Text
    with blanks gets quotes, as in the reference. Anything else would break the condition there or change its meaning:
    here it is put between quotes, with nothing left in it that a list's name could be found by. That is told, but where
    the reference quotes what holds a space.
    """
    text = value.value
    if TOKENS["bare string"].fullmatch(text) or _is_quoted(text) or (not is_in_list and _is_call(value)):
        return value
    quote = Text.at('"', value.origins[0])
    if _WITH_BLANKS.fullmatch(text):
        return Text.join((quote, value, quote))
    if not is_quoted_there or not _WITH_SPACE.fullmatch(text):
        composed.quoted.append(value)
    pieces = [quote]
    end = 0
    for match in _NEEDS_ESCAPE.finditer(text):
        at = value.origins[match.start()]
        pieces += (value.slice(end, match.start()), Text.at(f"\\x{ord(match.group()):02x}", at))
        end = match.end()
    return Text.join((*pieces, value.slice(end, len(text)), quote))


def _is_quoted(text: str) -> bool:
    match = TOKENS["quoted string"].match(text)
    return match is not None and match.end() == len(text)


def _is_call(value: Text) -> bool:
    """Tell whether a value is a transformer's call and nothing else, without blanks: with any it is text there too."""
    tokenizer = Tokenizer(value)
    if " " in value.value or not is_right_operand(tokenizer):
        return False
    try:
        read_right_operand(tokenizer, 0)
    except ConditionError:
        return False
    return tokenizer.is_at_end()


def _is_list(value: Text) -> bool:
    """Tell whether a value is a whole list of its own: `(a, "b c")`."""
    tokenizer = Tokenizer(value)
    if not tokenizer.read("("):
        return False
    tokenizer.skip_blank()
    is_first = True
    while not tokenizer.read(")"):
        if not is_first and not tokenizer.read(","):
            return False
        tokenizer.skip_blank()
        if not tokenizer.read("quoted string") and not tokenizer.read("bare string"):
            return False
        tokenizer.skip_blank()
        is_first = False
    return tokenizer.is_at_end()
