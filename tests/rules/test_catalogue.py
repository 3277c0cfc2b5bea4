"""The catalogue as a whole; that it has the reference's fields is in the conformance data."""

from rules.catalogue import FIELDS
from rules.fields import Argument


def test_every_field_says_in_a_sentence_what_it_is() -> None:
    assert [field.name for field in FIELDS if not field.description.endswith(".")] == []


def test_only_list_fields_and_keys_take_arguments() -> None:
    odd = [field.name for field in FIELDS if field.argument is Argument.INDEX and not field.is_list]
    assert odd == []


def test_only_numbers_are_padded() -> None:
    assert {field.type.name for field in FIELDS if field.digits > 1} == {"ABSTIME", "RELTIME"}


def test_names_are_given_once() -> None:
    names = [field.name for field in FIELDS]
    assert len(names) == len(set(names))
