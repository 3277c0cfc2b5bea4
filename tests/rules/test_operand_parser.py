"""The sides of a comparison by themselves; whole conditions are in `test_parser.py`."""

import pytest

from rules.nodes import FieldRef, Group, Literal, Transform
from rules.operand_parser import read_operand, read_quoted
from rules.text import Text
from rules.tokenizer import ConditionError, Tokenizer
from tests.evaluators import as_text


def test_an_operand_is_read_as_far_as_it_goes() -> None:
    tokenizer = Tokenizer(as_text("tolower( ka.uri.param['a b'] ) and more"))
    assert read_operand(tokenizer) == Transform("tolower", (FieldRef("ka.uri.param", "a b", 9),), None, 0)
    assert tokenizer.text.value[tokenizer.index :] == " and more"
    tokenizer = Tokenizer(as_text("ka.verb, b"))
    assert read_operand(tokenizer) == FieldRef("ka.verb", None, 0)
    assert tokenizer.text.value[tokenizer.index :] == ", b"


def test_nodes_know_where_they_stand() -> None:
    assert read_operand(Tokenizer(as_text("join(',', (a.b, 5, len(c.d)))"))) == Transform(
        "join",
        (
            Literal(",", 5),
            Group(
                (FieldRef("a.b", None, 11), Literal("5", 16), Transform("len", (FieldRef("c.d", None, 23),), None, 19)),
                10,
            ),
        ),
        None,
        0,
    )


def test_transformers_nest_up_to_a_limit() -> None:
    read_operand(Tokenizer(as_text("tolower(" * 99 + "a.b" + ")" * 99)))
    with pytest.raises(ConditionError, match=r"^transformers are nested too deeply$") as caught:
        read_operand(Tokenizer(as_text("tolower(" * 100 + "a.b" + ")" * 100)))
    assert caught.value.hint == "use fewer of them"


def test_quoted_text_that_was_put_in_ends_where_it_was_written() -> None:
    """The quotes that an item of a list gets when it is put in stand where the item begins."""
    quote = Text.at('"', 100)
    item = Text.from_offsets(r"a \q", 100, range(5))
    behind = Text.at(", b", 7)
    with pytest.raises(ConditionError) as caught:
        read_quoted(Tokenizer(Text.join((quote, item, quote, behind))))
    assert (caught.value.message, caught.value.at) == (r"the text that ends here holds '\q', which is no escape", 104)
