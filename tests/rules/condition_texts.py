"""Text made up by hypothesis for whatever reads text: anything at all, and such as comes near a condition."""

from hypothesis import strategies as st

from rules.catalogue import FIELDS
from rules.operators import EXISTS, MODIFIERS, OPERATORS
from rules.tokenizer import TOKENS
from rules.transformers import TRANSFORMERS

_WORDS = [
    *OPERATORS,
    EXISTS,
    *MODIFIERS,
    *(f"{name}(" for name in (*TRANSFORMERS, "val", "frob", "not")),
    *("and", "or", "not", "m", "ka.verb", "ka.user.groups", "evt.num", "no.such", "ka.uri.param[a]", "a", "0x1f"),
    *('"a b"', "'it\\'s'", '"\\xff"', "'open", "1", "-1.5e+3", "(", ")", "(a, b)", ",", "[0]", '[""]', "[", "é", "%"),
]
_BLANKS = ["", " ", "\n", "\t", "\v", "  "]

ANY_TEXT = (
    st.text(alphabet=st.characters(exclude_categories=()))
    | st.text(alphabet="ab.c =!<>%*()[]'\"\\,\n\t\x00é0-notrdixsglvw_", max_size=60)
    | st.lists(st.sampled_from(_WORDS) | st.sampled_from(_BLANKS), max_size=30).map("".join)
    | st.lists(st.sampled_from(_WORDS), max_size=20).map(" ".join)
)
"""Any text: of any characters, of those that conditions are made of, of their words with and without blanks."""

FORMATS = ANY_TEXT | st.lists(
    st.sampled_from(["%", "%5", "%9999", "*", "100%", ".", " ", *_WORDS, *(f"%{field.name}" for field in FIELDS)])
    | st.text(max_size=3),
    max_size=20,
).map("".join)
"""Any text, and such as comes near an output."""

TOKEN_NAMES = st.sampled_from(sorted(TOKENS))
