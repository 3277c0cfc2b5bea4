"""What a field takes as argument, and how one is found by name."""

import pytest

from rules.catalogue import FIELDS
from rules.fields import Argument, ArgumentError, Catalogue, Field, boolean, check_argument


def _field(argument: Argument) -> Field:
    return Field("a.b", "what it is", lambda _event, _argument: None, argument=argument)


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        (Argument.NONE, None),
        (Argument.KEY, "x"),
        (Argument.KEY, ""),
        (Argument.NONEMPTY_KEY, "/etc*"),
        (Argument.INDEX, None),
        (Argument.INDEX, "0"),
        (Argument.INDEX, "12"),
    ],
)
def test_a_fitting_argument_is_taken(argument: Argument, given: str | None) -> None:
    check_argument(_field(argument), given)


@pytest.mark.parametrize(
    ("argument", "given", "message"),
    [
        (Argument.NONE, "x", "a.b takes no argument"),
        (Argument.KEY, None, "a.b needs an argument: a.b[...]"),
        (Argument.NONEMPTY_KEY, None, "a.b needs an argument: a.b[...]"),
        (Argument.NONEMPTY_KEY, "", "the argument of a.b cannot be empty"),
        (Argument.NONEMPTY_KEY, "a b", "the argument of a.b cannot hold a blank"),
        (Argument.KEY, "a b", "the argument of a.b cannot hold a blank"),
        (Argument.KEY, "a]b", "the argument of a.b cannot hold ']'"),
        (Argument.NONEMPTY_KEY, "]", "the argument of a.b cannot hold ']'"),
        (Argument.INDEX, "0]", "the argument of a.b cannot hold ']'"),
        (Argument.INDEX, "01", "the argument of a.b is a position counted from 0, such as a.b[0]"),
        (Argument.INDEX, "1" * 5000, "the argument of a.b is a position counted from 0, such as a.b[0]"),
        (Argument.INDEX, "-1", "the argument of a.b is a position counted from 0, such as a.b[0]"),
        (Argument.INDEX, "x", "the argument of a.b is a position counted from 0, such as a.b[0]"),
        (Argument.INDEX, "²", "the argument of a.b is a position counted from 0, such as a.b[0]"),
        (Argument.INDEX, str(2**64), "the argument of a.b is a position counted from 0, such as a.b[0]"),
    ],
)
def test_another_argument_is_refused_in_words(argument: Argument, given: str | None, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_argument(_field(argument), given)
    assert str(caught.value) == message


def test_the_longest_name_wins() -> None:
    found = FIELDS.longest_prefix("ka.req.pod.containers.image.repositoryx")
    assert found is not None
    assert found.name == "ka.req.pod.containers.image.repository"
    assert FIELDS.longest_prefix("xyz") is None


def test_a_misspelt_name_finds_the_right_one() -> None:
    assert FIELDS.similar("ka.usr.name") == "ka.user.name"
    assert FIELDS.similar("proc.name") is None


def test_a_catalogue_goes_through_its_fields_in_order() -> None:
    fields = [_field(Argument.NONE)]
    assert list(Catalogue(fields)) == fields


def test_a_catalogue_finds_a_field_by_its_very_name() -> None:
    field = _field(Argument.NONE)
    assert Catalogue([field]).get("a.b") is field
    assert Catalogue([field]).get("a") is None


def test_a_claim_is_shown_as_a_word() -> None:
    assert (boolean(True), boolean(False)) == ("true", "false")  # noqa: FBT003 - it is the claim
